//! The command `schedule`: where would these pods go, and why?

use super::args::{Format, Release, ScheduleArguments};
use super::diagnostics::{Style, render, to_json};
use super::{Exit, complain, print};
use crate::base::Diagnostic;
use crate::base::diagnostic::suggest;
use crate::control::Config;
use crate::control::config::Version;
use crate::control::snapshot::Cycles;
use crate::observe::Decision;
use crate::observe::decision::{Acting, Ending, ask};
use crate::report::{Glyphs, Shown, decision_text};
use crate::scenario::{Asked, Named, Question, Wanted, load, question};
use std::fmt::Write as _;
use std::io::Read;

/// The stand-in for standard input in place of a file.
const STDIN: &str = "-";

/// Reads the cluster and the pods, decides and explains.
pub(super) fn run(arguments: &ScheduleArguments) -> Exit {
    match read(arguments).and_then(|question| decide(arguments, question)) {
        Ok(answered) => show(arguments, &answered),
        Err(findings) => {
            if arguments.format == Format::Json {
                let json =
                    serde_json::json!({ "findings": findings.iter().map(to_json).collect::<Vec<_>>() });
                print(format!("{json:#}\n").as_bytes());
            } else {
                complain(&render(&findings, Style::of_stderr()));
            }
            Exit::BadInput
        }
    }
}

/// What was asked and answered.
struct Answered {
    version: Version,
    decisions: Vec<(Asked, Decision)>,
    inputs: Vec<(String, String)>,
    remarks: Vec<(String, u64)>,
    warnings: Vec<Diagnostic>,
}

fn read(arguments: &ScheduleArguments) -> Result<Question, Vec<Diagnostic>> {
    let is_piped = |files: &[String]| files.iter().any(|file| file == STDIN);
    if is_piped(&arguments.cluster) && is_piped(&arguments.files) {
        let finding =
            Diagnostic::error(crate::base::Location::file("--file"), "standard input is named twice");
        return Err(vec![finding.found(STDIN)]);
    }
    let files = arguments.cluster.clone();
    let config = arguments.config.as_ref().map(|file| config_path(file, &files));
    let named = Named { files, sets: sets(arguments, config), ..Named::default() };
    let stdin: Box<dyn Read + Send> = Box::new(std::io::stdin());
    let (scenario, environment) = load(&named, Some(stdin))?;
    let wanted = Wanted { files: arguments.files.clone(), names: arguments.pods.clone() };
    question(&scenario, environment, &wanted)
}

/// The path of the configuration where the cluster is read: a scenario counts paths from its own
/// folder.
fn config_path(file: &str, cluster: &[String]) -> String {
    let named = Named { files: cluster.to_vec(), ..Named::default() };
    let is_apart = !cluster.iter().any(|file| file == STDIN)
        && load(&named, None).is_ok_and(|(_, environment)| !environment.folder.as_os_str().is_empty());
    match std::path::absolute(file) {
        Ok(path) if is_apart => path.to_string_lossy().into_owned(),
        _ => file.to_owned(),
    }
}

/// What the options replace in the scenario of the cluster.
fn sets(arguments: &ScheduleArguments, config: Option<String>) -> Vec<String> {
    let release = arguments.kubernetes.map(|release| match release {
        Release::V1_34 => "controlPlane.version=\"1.34\"".to_owned(),
        Release::V1_36 => "controlPlane.version=\"1.36\"".to_owned(),
    });
    let mode = arguments.scheduler_mode.map(|mode| format!("controlPlane.scheduler.mode={}", mode.key()));
    // Quoted as text, whatever it looks like.
    let config =
        config.map(|file| format!("controlPlane.scheduler={}", serde_json::json!({ "configuration": file })));
    let seed = arguments.seed.map(|seed| format!("run.seed={seed}"));
    release.into_iter().chain(config).chain(mode).chain(seed).collect()
}

fn decide(arguments: &ScheduleArguments, question: Question) -> Result<Answered, Vec<Diagnostic>> {
    let Question { mut snapshot, config, pods, inputs, remarks, warnings } = question;
    let strangers: Vec<Diagnostic> = pods.iter().filter_map(|asked| unserved(asked, &config)).collect();
    if !strangers.is_empty() {
        return Err(strangers);
    }
    let acting = if arguments.alone { Acting::Asking } else { Acting::Placing };
    let mut cycles = Cycles::new(&config);
    let decisions = pods
        .into_iter()
        .map(|asked| {
            let decision = ask(&mut snapshot, &mut cycles, &asked.pod, acting);
            (asked, decision)
        })
        .collect();
    Ok(Answered { version: config.version, decisions, inputs, remarks, warnings })
}

/// The finding about a pod that asks for a scheduler which is not there.
fn unserved(asked: &Asked, config: &Config) -> Option<Diagnostic> {
    let wanted = &asked.pod.template.spec.scheduler_name;
    let known = || config.scheduler.profiles.iter().map(|profile| profile.name.as_str());
    // A pod as written by hand may name none, which is the default.
    if wanted.is_empty() || known().any(|name| name == wanted) {
        return None;
    }
    let help = match suggest(wanted, known()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!(
            "known: {}; name a configuration with a profile of this name with `--config`",
            known().collect::<Vec<_>>().join(", ")
        ),
    };
    let finding =
        Diagnostic::error(asked.location.clone(), "no profile of the scheduler has this `schedulerName`");
    Some(finding.found(wanted).help(help))
}

fn show(arguments: &ScheduleArguments, answered: &Answered) -> Exit {
    let printed = match arguments.format {
        Format::Json => print(format!("{:#}\n", json(answered)).as_bytes()),
        Format::Text => {
            complain(&render(&answered.warnings, Style::of_stderr()));
            print(text(arguments, answered).as_bytes())
        }
    };
    let is_placed = |(_, decision): &(Asked, Decision)| decision.result == Ending::Scheduled;
    match printed {
        Exit::Done if answered.decisions.iter().all(is_placed) => Exit::Done,
        Exit::Done => Exit::NotMet,
        failed => failed,
    }
}

fn text(arguments: &ScheduleArguments, answered: &Answered) -> String {
    let top = if arguments.all_nodes { usize::MAX } else { arguments.top as usize };
    let shown = Shown { top, all_refused: arguments.all_nodes, ..Shown::default() };
    let mut text = String::new();
    for (number, (asked, decision)) in answered.decisions.iter().enumerate() {
        if number > 0 {
            text.push('\n');
        }
        text.push_str(&decision_text(decision, shown, Glyphs::Unicode));
        if !asked.bound_to.is_empty() {
            let _ = writeln!(text, "\nIt is bound to {}, which did not count.", asked.bound_to);
        }
    }
    if !answered.remarks.is_empty() {
        text.push_str("\nLeft out\n");
        for (what, count) in &answered.remarks {
            let _ = writeln!(text, "  {count:>5}  {what}");
        }
    }
    text
}

fn json(answered: &Answered) -> serde_json::Value {
    let kubernetes = match answered.version {
        Version::V1_34 => "1.34",
        Version::V1_36 => "1.36",
    };
    let decisions = answered.decisions.iter().map(|(asked, decision)| {
        let mut value = serde_json::to_value(decision).unwrap_or(serde_json::Value::Null);
        if !asked.bound_to.is_empty() {
            value["bound_to"] = asked.bound_to.as_str().into();
        }
        value
    });
    let remarks: serde_json::Map<String, serde_json::Value> =
        answered.remarks.iter().map(|(what, count)| (what.clone(), (*count).into())).collect();
    let inputs: Vec<serde_json::Value> = answered
        .inputs
        .iter()
        .map(|(file, sha256)| serde_json::json!({ "file": file, "sha256": sha256 }))
        .collect();
    serde_json::json!({
        "kubernetes": kubernetes,
        "decisions": decisions.collect::<Vec<_>>(),
        "remarks": remarks,
        "inputs": inputs,
        "findings": answered.warnings.iter().map(to_json).collect::<Vec<_>>(),
    })
}
