//! Panics of one case among many: caught, with what they said. A panic is a bug; the other cases go on.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind};

/// The hook that was there before.
type Hook = Box<dyn Fn(&PanicHookInfo<'_>) + Send + Sync>;

thread_local! {
    /// Where and how the last panic of this thread happened.
    static LAST_PANIC: RefCell<String> = const { RefCell::new(String::new()) };
}

/// While this lives, panics are noted and not printed.
pub(super) struct Noted {
    former: Option<Hook>,
}

impl Noted {
    /// From now on.
    pub(super) fn begin() -> Noted {
        let former = std::panic::take_hook();
        std::panic::set_hook(Box::new(note_panic));
        Noted { former: Some(former) }
    }

    /// Does something; the error is what a panic in it has said. What the closure shares with the rest
    /// must not be looked at after a panic.
    #[expect(clippy::unused_self, reason = "the hook is set while this lives")]
    pub(super) fn catch<T>(&self, work: impl FnOnce() -> T) -> Result<T, String> {
        catch_unwind(AssertUnwindSafe(work)).map_err(|_| LAST_PANIC.with_borrow_mut(std::mem::take))
    }
}

impl Drop for Noted {
    fn drop(&mut self) {
        if let Some(former) = self.former.take() {
            std::panic::set_hook(former);
        }
    }
}

/// What the panic says.
fn message<'a>(info: &'a PanicHookInfo<'_>) -> &'a str {
    let payload = info.payload();
    let owned = payload.downcast_ref::<String>().map(String::as_str);
    owned.or(payload.downcast_ref::<&str>().copied()).unwrap_or("without a message")
}

fn note_panic(info: &PanicHookInfo<'_>) {
    let text = message(info).replace('\n', " ");
    let place = info.location().map(|place| format!(" ({}:{})", place.file(), place.line()));
    LAST_PANIC.set(text + &place.unwrap_or_default());
}
