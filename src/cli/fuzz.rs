//! The command `fuzz`: random cases with every check on.

use super::args::FuzzArguments;
use super::panics::Noted;
use super::progress::Interrupt;
use super::{Exit, complain, print};
use crate::sim::fuzz::{Passed, check};
use rayon::prelude::*;

/// Failures that are printed; one is enough to start with.
const MAX_SHOWN: usize = 10;

/// How a case has ended.
enum Ended {
    Passed(Passed),
    Failed(u64, String),
    /// The user interrupted before it.
    Skipped,
}

/// Runs the cases, several at a time.
pub(super) fn run(arguments: &FuzzArguments) -> Exit {
    let interrupt = Interrupt::on_signal();
    let threads = arguments.threads.map_or(0, usize::from);
    let Ok(pool) = rayon::ThreadPoolBuilder::new().num_threads(threads).build() else {
        complain("error: no threads can be started\n");
        return Exit::Internal;
    };
    let noted = Noted::begin();
    let ended: Vec<Ended> = pool.install(|| {
        let seeds = (0..arguments.count).into_par_iter();
        let seeds = seeds.map(|number| arguments.seed.wrapping_add(number));
        seeds.map(|seed| if interrupt.is_raised() { Ended::Skipped } else { case(&noted, seed) }).collect()
    });
    drop(noted);
    report(arguments, &ended)
}

fn case(noted: &Noted, seed: u64) -> Ended {
    // Everything that a case touches is dropped with it.
    match noted.catch(|| check(seed)) {
        Ok(Ok(passed)) => Ended::Passed(passed),
        Ok(Err(what)) => Ended::Failed(seed, what),
        Err(panic) => Ended::Failed(seed, format!("a panic: {panic}")),
    }
}

fn report(arguments: &FuzzArguments, ended: &[Ended]) -> Exit {
    let mut failures = ended.iter().filter_map(|one| match one {
        Ended::Failed(seed, what) => Some((seed, what)),
        _ => None,
    });
    for (seed, what) in failures.by_ref().take(MAX_SHOWN) {
        complain(&format!("seatrial fuzz --seed {seed} --count 1\n  {what}\n"));
    }
    let more = failures.count();
    if more > 0 {
        complain(&format!("{more} more cases failed\n"));
    }
    let passed: Vec<&Passed> = ended
        .iter()
        .filter_map(|one| if let Ended::Passed(passed) = one { Some(passed) } else { None })
        .collect();
    let skipped = ended.iter().filter(|one| matches!(one, Ended::Skipped)).count();
    let events: u64 = passed.iter().map(|one| one.events).sum();
    let pods: u64 = passed.iter().map(|one| one.pods).sum();
    let text = format!(
        "{} of {} cases from seed {} passed, with {events} events and {pods} pods and jobs; each was run twice\n",
        passed.len(),
        arguments.count,
        arguments.seed
    );
    let failed = ended.iter().any(|one| matches!(one, Ended::Failed(..)));
    match print(text.as_bytes()) {
        Exit::Done if failed => Exit::NotMet,
        Exit::Done if skipped > 0 => Exit::Interrupted,
        exit => exit,
    }
}
