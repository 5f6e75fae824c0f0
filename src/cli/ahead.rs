//! Large traces are read on a thread of their own while the run goes on.
//!
//! What is submitted, and in which order, does not depend on it: it only comes sooner. Small traces are
//! held in memory already and stay as they are.

use crate::base::{Diagnostic, Location};
use crate::sim::{Dependencies, Source, Submission};
use std::sync::mpsc::{Receiver, sync_channel};

/// Submissions that are handed over at once.
const BATCH: usize = 4_096;
/// Batches that are read ahead.
const AHEAD: usize = 4;

/// What the thread hands over.
struct Batch {
    submissions: Vec<Submission>,
    /// How the source ends behind them; `None` if it goes on.
    end: Option<Result<(), Diagnostic>>,
}

/// A source that is read on a thread of its own.
struct Ahead {
    dependencies: Dependencies,
    batches: Receiver<Batch>,
    present: std::vec::IntoIter<Submission>,
    end: Option<Result<(), Diagnostic>>,
}

/// The same sources; those that read files while a run goes on do so on threads of their own. Where no
/// thread can be had, they stay as they are.
pub(super) fn read_ahead(sources: Vec<Box<dyn Source>>) -> Vec<Box<dyn Source>> {
    let ahead = |source: Box<dyn Source>| if source.is_streamed() { start(source) } else { source };
    sources.into_iter().map(ahead).collect()
}

fn start(mut source: Box<dyn Source>) -> Box<dyn Source> {
    let (give, taken) = sync_channel::<Box<dyn Source>>(1);
    let (sender, batches) = sync_channel(AHEAD);
    let thread = std::thread::Builder::new().spawn(move || {
        let Ok(mut source) = taken.recv() else { return };
        loop {
            let batch = read(source.as_mut());
            let is_last = batch.end.is_some();
            // Nobody listens any more when the run was broken off.
            if sender.send(batch).is_err() || is_last {
                return;
            }
        }
    });
    if thread.is_err() {
        return source;
    }
    let dependencies = source.dependencies();
    // The thread waits for it.
    let _ = give.send(source);
    Box::new(Ahead { dependencies, batches, present: Vec::new().into_iter(), end: None })
}

fn read(source: &mut dyn Source) -> Batch {
    let mut submissions = Vec::with_capacity(BATCH);
    while submissions.len() < BATCH {
        match source.next() {
            Ok(Some(submission)) => submissions.push(submission),
            Ok(None) => return Batch { submissions, end: Some(Ok(())) },
            Err(fault) => return Batch { submissions, end: Some(Err(fault)) },
        }
    }
    Batch { submissions, end: None }
}

impl Source for Ahead {
    fn next(&mut self) -> Result<Option<Submission>, Diagnostic> {
        loop {
            if let Some(submission) = self.present.next() {
                return Ok(Some(submission));
            }
            if let Some(end) = &mut self.end {
                return std::mem::replace(end, Ok(())).map(|()| None);
            }
            match self.batches.recv() {
                Ok(batch) => (self.present, self.end) = (batch.submissions.into_iter(), batch.end),
                // The end of the thread is not the end of the trace.
                Err(_) => {
                    return Err(Diagnostic::error(Location::file("trace"), "its reader has broken off"));
                }
            }
        }
    }

    fn dependencies(&mut self) -> Dependencies {
        std::mem::take(&mut self.dependencies)
    }

    fn is_streamed(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::PodTemplate;
    use crate::base::Time;
    use crate::cluster::JobOrigin;
    use crate::sim::SubmissionName;
    use std::sync::Arc;

    /// So many submissions, then an end or a fault.
    struct Numbers {
        next: u32,
        end: u32,
        fails: bool,
        template: Arc<PodTemplate>,
    }

    impl Source for Numbers {
        fn next(&mut self) -> Result<Option<Submission>, Diagnostic> {
            if self.next == self.end {
                let fault = || Diagnostic::error(Location::file("numbers"), "cut off");
                return if self.fails { Err(fault()) } else { Ok(None) };
            }
            self.next += 1;
            Ok(Some(Submission {
                at: Time(u64::from(self.next)),
                template: Arc::clone(&self.template),
                namespace: "default".into(),
                name: SubmissionName::Numbered("n".into(), self.next),
                tasks: 1,
                priority: 0,
                run_time: None,
                exit_code: None,
                estimate: None,
                user: -1,
                link: None,
                origin: JobOrigin::default(),
            }))
        }

        fn is_streamed(&self) -> bool {
            true
        }
    }

    fn numbers(end: u32, fails: bool) -> Box<dyn Source> {
        let sources: Vec<Box<dyn Source>> =
            vec![Box::new(Numbers { next: 0, end, fails, template: Arc::default() })];
        read_ahead(sources).pop().unwrap()
    }

    #[test]
    fn everything_comes_in_order_and_ends_as_the_source_does() {
        let batch = BATCH as u32;
        for end in [0, 1, batch - 1, batch, batch + 1, 9 * batch] {
            for fails in [false, true] {
                let mut source = numbers(end, fails);
                for number in 1..=end {
                    assert_eq!(source.next().unwrap().unwrap().at, Time(u64::from(number)));
                }
                assert_eq!(source.next().is_err(), fails, "{end}");
                assert!(source.next().unwrap().is_none());
            }
        }
    }

    /// A reader that fails is no trace that ends.
    #[test]
    fn what_is_broken_off_is_told() {
        let (sender, batches) = sync_channel(1);
        let mut source = Ahead {
            dependencies: Dependencies::default(),
            batches,
            present: Vec::new().into_iter(),
            end: None,
        };
        sender.send(Batch { submissions: Vec::new(), end: None }).unwrap();
        drop(sender);
        assert!(source.next().is_err());
    }

    #[test]
    fn a_source_can_be_given_up() {
        let mut source = numbers(100 * BATCH as u32, false);
        assert!(source.next().unwrap().is_some());
    }
}
