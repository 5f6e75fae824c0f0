//! Large traces are read on a thread of their own while the run goes on.
//!
//! What is submitted, and in which order, does not depend on it: it only comes sooner. Small traces are
//! held in memory already and stay as they are.

use crate::base::Diagnostic;
use crate::sim::{Dependencies, Source, Submission};
use std::sync::mpsc::{Receiver, sync_channel};

/// Submissions that are handed over at once.
const BATCH: usize = 4_096;
/// Batches that are read ahead.
const AHEAD: usize = 4;

/// What the thread hands over; the last one may be short, or end with what is wrong.
type Batch = (Vec<Submission>, Option<Diagnostic>);

/// A source that is read on a thread of its own.
struct Ahead {
    dependencies: Dependencies,
    batches: Receiver<Batch>,
    present: std::vec::IntoIter<Submission>,
    fault: Option<Diagnostic>,
}

/// The same sources; those that read files while a run goes on do so on threads of their own. Where no
/// thread can be had, they stay as they are.
pub(super) fn read_ahead(sources: Vec<Box<dyn Source>>) -> Vec<Box<dyn Source>> {
    let ahead = |source: Box<dyn Source>| if source.is_streamed() { start(source) } else { source };
    sources.into_iter().map(ahead).collect()
}

fn start(mut source: Box<dyn Source>) -> Box<dyn Source> {
    let dependencies = source.dependencies();
    let (sender, batches) = sync_channel(AHEAD);
    // The pool's threads would do, but they are as many as there are processors, and this one waits.
    #[expect(clippy::disallowed_methods, reason = "reading ahead changes no order")]
    std::thread::spawn(move || {
        loop {
            let batch = read(source.as_mut());
            let is_last = batch.0.len() < BATCH;
            // Nobody listens any more when the run was broken off.
            if sender.send(batch).is_err() || is_last {
                break;
            }
        }
    });
    Box::new(Ahead { dependencies, batches, present: Vec::new().into_iter(), fault: None })
}

fn read(source: &mut dyn Source) -> Batch {
    let mut batch = Vec::with_capacity(BATCH);
    while batch.len() < BATCH {
        match source.next() {
            Ok(Some(submission)) => batch.push(submission),
            Ok(None) => break,
            Err(fault) => return (batch, Some(fault)),
        }
    }
    (batch, None)
}

impl Source for Ahead {
    fn next(&mut self) -> Result<Option<Submission>, Diagnostic> {
        loop {
            if let Some(submission) = self.present.next() {
                return Ok(Some(submission));
            }
            if let Some(fault) = self.fault.take() {
                return Err(fault);
            }
            let Ok((batch, fault)) = self.batches.recv() else { return Ok(None) };
            (self.present, self.fault) = (batch.into_iter(), fault);
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
    use crate::base::{Location, Time};
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

    #[test]
    fn a_source_can_be_given_up() {
        let mut source = numbers(100 * BATCH as u32, false);
        assert!(source.next().unwrap().is_some());
    }
}
