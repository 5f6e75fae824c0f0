//! The command `fuzz`: random cases with every check on.

use super::args::Format;
use super::fuzz_args::{FuzzArguments, FuzzKind};
use super::panics::Noted;
use super::progress::Interrupt;
use super::{Exit, complain, print};
use crate::sim::fuzz::{Cases, Injected, Passed, check_of};
use clap::ValueEnum;
use rayon::prelude::*;
use serde_json::{Map, Value, json};

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
    let cases = arguments.kind.cases();
    let ended: Vec<Ended> = pool.install(|| {
        let seeds = (0..arguments.count).into_par_iter();
        let seeds = seeds.map(|number| arguments.seed.wrapping_add(number));
        seeds
            .map(|seed| if interrupt.is_raised() { Ended::Skipped } else { case(&noted, cases, seed) })
            .collect()
    });
    drop(noted);
    report(arguments, &ended)
}

fn case(noted: &Noted, cases: Cases, seed: u64) -> Ended {
    // Everything that a case touches is dropped with it.
    match noted.catch(|| check_of(cases, seed)) {
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
        complain(&format!("seatrial fuzz{} --seed {seed} --count 1\n  {what}\n", option(arguments.kind)));
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
    let mut injected = Injected::default();
    for one in &passed {
        injected.add(&one.injected);
    }
    let text = match arguments.format {
        Format::Text => in_words(arguments, passed.len(), events, pods, &injected),
        Format::Json => {
            let counts: Map<String, Value> = injected
                .named(arguments.kind.cases())
                .map(|(name, count)| (name.to_owned(), json!(count)))
                .collect();
            let failed: Vec<Value> = ended.iter().filter_map(failure).collect();
            let value = json!({
                "seed": arguments.seed, "count": arguments.count, "passed": passed.len(), "events": events,
                "pods": pods, "injected": counts, "failed": failed,
            });
            serde_json::to_string_pretty(&value).unwrap_or_default() + "\n"
        }
    };
    let failed = ended.iter().any(|one| matches!(one, Ended::Failed(..)));
    match print(text.as_bytes()) {
        Exit::Done if failed => Exit::NotMet,
        Exit::Done if skipped > 0 => Exit::Interrupted,
        exit => exit,
    }
}

/// How a kind is asked for, if it has to be.
fn option(kind: FuzzKind) -> String {
    let name = kind.to_possible_value().filter(|_| kind != FuzzKind::default());
    name.map_or(String::new(), |name| format!(" --kind {}", name.get_name()))
}

fn failure(ended: &Ended) -> Option<Value> {
    if let Ended::Failed(seed, what) = ended { Some(json!({ "seed": seed, "what": what })) } else { None }
}

fn in_words(arguments: &FuzzArguments, passed: usize, events: u64, pods: u64, injected: &Injected) -> String {
    let mut text = format!(
        "{passed} of {} cases from seed {} passed, with {events} events and {pods} pods and jobs; each was run twice\n",
        arguments.count, arguments.seed
    );
    for (name, count) in injected.named(arguments.kind.cases()) {
        text.extend([format!("{count:>12} "), name.to_owned(), "\n".to_owned()]);
    }
    text
}
