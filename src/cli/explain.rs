//! The command `explain`: runs a scenario again and tells the way of one pod through the scheduler.

use super::args::{ExplainArguments, Format};
use super::diagnostics::{Style, render, to_json};
use super::execute::{Failure, findings};
use super::progress::{Display, Interrupt};
use super::{Exit, complain, print};
use crate::base::diagnostic::suggest;
use crate::base::{Diagnostic, Location, Time};
use crate::observe::follow::{Chosen, Follower, Story};
use crate::report::{Glyphs, Shown, story_text};
use crate::scenario::{Named, Plan, compile, load};
use crate::sim;
use std::io::Read;

/// Runs and tells.
pub(super) fn run(arguments: &ExplainArguments) -> Exit {
    let told = follow(arguments).and_then(|(follower, warnings)| {
        check(arguments, &follower).map_err(Failure::from)?;
        Ok((follower, warnings))
    });
    match told {
        Ok((follower, warnings)) => show(arguments, follower.stories(), &warnings),
        Err(failure) => {
            let exit = failure.exit();
            let found = findings(failure);
            if arguments.format == Format::Json {
                let json = serde_json::json!({ "findings": found.iter().map(to_json).collect::<Vec<_>>() });
                print(format!("{json:#}\n").as_bytes());
            } else {
                complain(&render(&found, Style::of_stderr()));
            }
            exit
        }
    }
}

/// Runs the scenario up to the moment that is asked about, or to its end.
fn follow(arguments: &ExplainArguments) -> Result<(Follower, Vec<Diagnostic>), Failure> {
    let interrupt = Interrupt::on_signal();
    let chosen = match (arguments.attempt, arguments.at) {
        (Some(number), _) => Chosen::Number(number),
        (None, Some(at)) => Chosen::Until(Time(at.0)),
        (None, None) => Chosen::Last,
    };
    let mut sets = arguments.sets.clone();
    sets.extend(arguments.seed.map(|seed| format!("run.seed={seed}")));
    let named = Named {
        files: vec![arguments.scenario.clone()],
        nodes: arguments.nodes.clone(),
        pools: arguments.pools.clone(),
        sets,
    };
    let stdin: Box<dyn Read + Send> = Box::new(std::io::stdin());
    let (scenario, environment) = load(&named, Some(stdin)).map_err(Failure::Input)?;
    let compiled = compile(&scenario, environment).map_err(Failure::Input)?;
    let Plan::Kubernetes(mut setup) = compiled.plan else {
        let finding =
            Diagnostic::error(Location::file(arguments.scenario.as_str()), "a batch machine has no pods");
        return Err(finding.help("its jobs are in `jobs.csv` of a run").into());
    };
    setup.control.scheduler.followed = vec![arguments.pod.clone()];
    let wanted = std::slice::from_ref(&arguments.pod);
    let mut follower = Follower::new(wanted, chosen);
    let mut display = Display::new(&compiled.name, setup.stop.at, !arguments.no_progress, interrupt);
    let outcome = sim::run(*setup, &mut follower, &mut display);
    display.clear();
    outcome?;
    Ok((follower, compiled.warnings))
}

/// Whether there is something to tell.
fn check(arguments: &ExplainArguments, follower: &Follower) -> Result<(), Diagnostic> {
    let place = || Location::file("POD");
    let stories = follower.stories();
    let Some(last) = stories.last() else {
        let wanted = arguments.pod.rsplit('/').next().unwrap_or_default();
        let names: Vec<&str> = follower.names().map(|full| full.rsplit('/').next().unwrap_or(full)).collect();
        let help = match (suggest(wanted, names.iter().copied()), names.as_slice()) {
            (Some(near), _) => format!("did you mean `{near}`?"),
            (None, []) => "the run has no pods".to_owned(),
            (None, [first, ..]) => format!("its {} pods have names such as `{first}`", names.len()),
        };
        let finding = Diagnostic::error(place(), "the run has no pod of this name");
        return Err(finding.found(&arguments.pod).help(help));
    };
    if stories.iter().any(|story| story.chosen.is_some()) {
        return Ok(());
    }
    if let Some(number) = arguments.attempt {
        let finding = Diagnostic::error(Location::file("--attempt"), "the pod has had no such attempt");
        return Err(finding.found(number.to_string()).help(format!("it has had {}", last.attempts)));
    }
    if let Some(at) = arguments.at
        && last.attempts > 0
    {
        let finding =
            Diagnostic::error(Location::file("--at"), "the pod has had no attempt up to this moment");
        return Err(finding.found(at.to_string()).help("leave `--at` out to see all of its attempts"));
    }
    Ok(())
}

fn show(arguments: &ExplainArguments, stories: &[Story], warnings: &[Diagnostic]) -> Exit {
    match arguments.format {
        Format::Json => {
            let json = serde_json::json!({
                "pods": stories,
                "findings": warnings.iter().map(to_json).collect::<Vec<_>>(),
            });
            print(format!("{json:#}\n").as_bytes())
        }
        Format::Text => {
            complain(&render(warnings, Style::of_stderr()));
            let top = if arguments.all_nodes { usize::MAX } else { arguments.top as usize };
            let shown = Shown { top, all_refused: arguments.all_nodes, ..Shown::default() };
            let texts: Vec<String> =
                stories.iter().map(|story| story_text(story, shown, Glyphs::Unicode)).collect();
            print(texts.join("\n").as_bytes())
        }
    }
}
