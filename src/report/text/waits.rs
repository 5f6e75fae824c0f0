//! Why jobs waited, as lines.

use super::{Glyphs, NARROWEST, finish, wrap};
use crate::observe::Results;
use crate::observe::table::number;

/// A line for each stretch of waiting of a small batch run: which job, from when to when, and why. Longer
/// lines are broken at `width` characters, 40 at least.
pub fn waits_text(results: &Results, width: usize, glyphs: Glyphs) -> String {
    let mut lines = Vec::new();
    for wait in &results.waits {
        let (from, until) = (number(wait.from.as_secs_f64()), number(wait.until.as_secs_f64()));
        let line = format!("{} waited {from} s to {until} s: {}", wait.who(), wait.reason);
        lines.extend(wrap(&line, width.max(NARROWEST), "    "));
    }
    finish(&lines, glyphs)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Time;
    use crate::observe::Wait;
    use expect_test::expect;

    #[test]
    fn long_reasons_are_broken() {
        let wait = Wait {
            job: "3".into(),
            from: Time::from_secs(1),
            until: Time(2_500_000_000),
            reason: "needs 4, free 3; job 2 is first, and nothing may pass it".into(),
            hint: String::new(),
        };
        let named = Wait { job: "web-1".into(), reason: "its turn has not come".into(), ..wait.clone() };
        let results = Results { waits: vec![wait, named], ..Results::default() };
        expect![[r"
            job 3 waited 1 s to 2.5 s: needs 4, free 3; job
                2 is first, and nothing may pass it
            web-1 waited 1 s to 2.5 s: its turn has not come
        "]]
        .assert_eq(&waits_text(&results, 48, Glyphs::Ascii));
    }
}
