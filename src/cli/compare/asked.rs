//! From the arguments of `compare`, or a study, to what is run.

use super::{CompareArguments, targets};
use crate::base::diagnostic::suggest;
use crate::base::{Diagnostic, Location, Span};
use crate::scenario::schema::study::Study;
use crate::scenario::schema::workload::Waiting;
use crate::scenario::{At, Named, load, name_of, parse_study};
use crate::study::variants::check_names;
use crate::study::{Cell, Options, Variant, axis, product, single};
use std::path::Path;

/// The level of intervals where none is given.
const CONFIDENCE: f64 = 0.95;
/// The seed where neither a scenario nor the user gives one.
const DEFAULT_SEED: u64 = 1;
/// A study is as long as a scenario at most.
const MAX_BYTES: u64 = 16 << 20;

/// What is run.
pub(super) struct Asked {
    /// The name of the comparison, fit for a folder.
    pub(super) title: String,
    /// The variants.
    pub(super) variants: Vec<Variant>,
    /// What sets each apart, in words.
    pub(super) settings: Vec<String>,
    /// How often each is run.
    pub(super) replications: u64,
    /// The seed of the first replication.
    pub(super) first_seed: u64,
    /// By how much submit times are shaken.
    pub(super) shake: Option<Span>,
    /// By whose multiples drawn users are moved.
    pub(super) resample: Option<Span>,
    /// How runs are compared.
    pub(super) options: Options,
}

impl Asked {
    /// What a cell runs.
    pub(super) fn named(&self, cell: Cell) -> Named {
        let mut named = self.variants[cell.variant].named.clone();
        named.sets.extend(self.shake.map(|shake| format!("workload.shake={shake}")));
        named.sets.extend(self.resample.map(|period| format!("workload.resample={period}")));
        named.sets.push(format!("run.seed={}", cell.seed));
        named
    }
}

/// What the arguments, or the study that they name, ask for.
pub(super) fn read(arguments: &CompareArguments) -> Result<Asked, Vec<Diagnostic>> {
    let input = crate::cli::args::InputArguments { seed: None, ..arguments.input.clone() };
    let named = input.named();
    let study = match named.files.as_slice() {
        [file] => read_study(file).transpose()?,
        _ => None,
    };
    let (title, variants) = match &study {
        Some(study) => of_study(arguments, study, &named)?,
        None => of_arguments(arguments, named)?,
    };
    check_names(&variants).map_err(|finding| vec![finding])?;
    let one = |finding| vec![finding];
    let given = |at: fn(&Study) -> Option<u64>| study.as_ref().and_then(at);
    let replications = arguments.replications.or(given(|study| study.replications.map(|n| n.0 as u64)));
    let replications = replications.unwrap_or(1);
    let confidence = confidence(arguments, replications).map_err(one)?;
    let baseline = baseline(arguments, study.as_ref(), &variants).map_err(one)?;
    let shake = arguments.shake.or(study.as_ref().and_then(|study| study.shake.map(|shake| shake.0)));
    let periods = study.as_ref().and_then(|study| study.resample.map(|period| period.0));
    let resample = arguments.resample.or(periods);
    let metrics = arguments.metrics.clone().or_else(|| {
        let metrics = study.as_ref()?.metrics.as_ref()?;
        Some(metrics.iter().map(|name| name.value.clone()).collect())
    });
    let seed = arguments.input.seed.or(given(|study| study.seed.map(|seed| seed.0 as u64)));
    let (first, fixed_submissions) = survey(&variants)?;
    let options =
        Options { baseline, confidence, metrics, top: usize::from(arguments.top), fixed_submissions };
    let settings = variants.iter().map(|variant| settings(variant, &variants)).collect();
    Ok(Asked {
        title,
        variants,
        settings,
        replications,
        first_seed: seed.unwrap_or(first),
        shake,
        resample,
        options,
    })
}

/// The study in a file; `None` if it holds something else, or cannot be read, which is said later.
fn read_study(file: &str) -> Option<Result<Study, Vec<Diagnostic>>> {
    let size = std::fs::metadata(file).ok().filter(std::fs::Metadata::is_file)?.len();
    let bytes = (size <= MAX_BYTES).then(|| std::fs::read(file).ok())??;
    parse_study(&file.into(), &bytes)
}

/// Reads every variant as far as its own text goes, so that what is wrong with the last one is known
/// before the first one runs; gives the seed of the first, and whether every job is submitted at a time
/// of its own.
fn survey(variants: &[Variant]) -> Result<(u64, bool), Vec<Diagnostic>> {
    let (mut seed, mut fixed) = (None, true);
    let mut findings = Vec::new();
    for variant in variants {
        match load(&variant.named, None) {
            Ok((scenario, _)) => {
                seed.get_or_insert(scenario.run.seed.map_or(DEFAULT_SEED, |seed| seed.0 as u64));
                let waits =
                    |waiting: Option<Waiting>| waiting.is_some_and(|waiting| waiting != Waiting::Ignore);
                fixed &= !scenario.workload.traces.iter().any(|trace| waits(trace.dependencies));
            }
            Err(wrong) => findings.extend(named(wrong, &variant.name)),
        }
    }
    findings.dedup();
    if findings.is_empty() { Ok((seed.unwrap_or(DEFAULT_SEED), fixed)) } else { Err(findings) }
}

/// Findings about settings, with the name of the variant that has them.
pub(super) fn named(findings: Vec<Diagnostic>, variant: &str) -> Vec<Diagnostic> {
    let name = |mut finding: Diagnostic| {
        if &*finding.location.file == "--set" {
            finding.message = format!("variant `{variant}`: {}", finding.message);
        }
        finding
    };
    findings.into_iter().map(name).collect()
}

fn confidence(arguments: &CompareArguments, replications: u64) -> Result<f64, Diagnostic> {
    let Some(level) = arguments.confidence else { return Ok(CONFIDENCE) };
    let wrong =
        |message: &str| Diagnostic::error(Location::file("--confidence"), message).found(level.to_string());
    if !(level > 0.0 && level < 1.0) {
        return Err(wrong("a level of confidence is above 0 and below 1").help("write `--confidence 0.95`"));
    }
    if replications < 2 {
        let finding = wrong("an interval needs at least two replications");
        return Err(finding.help("add `--replications 10`; a single replay has differences and no interval"));
    }
    Ok(level)
}

fn baseline(
    arguments: &CompareArguments,
    study: Option<&Study>,
    variants: &[Variant],
) -> Result<usize, Diagnostic> {
    let written = study.and_then(|study| study.baseline.as_ref());
    let (name, at) = match (&arguments.baseline, written) {
        (Some(name), _) => (name, Location::file("--baseline")),
        (None, Some(At { value, location, .. })) => (value, location.clone()),
        (None, None) => return Ok(0),
    };
    let names = || variants.iter().map(|variant| variant.name.as_str());
    names().position(|other| other == name).ok_or_else(|| {
        let finding = Diagnostic::error(at, "no variant has this name").found(name);
        match suggest(name, names()) {
            Some(near) => finding.help(format!("did you mean `{near}`?")),
            None => finding.help(format!("the variants are `{}`", names().collect::<Vec<_>>().join("`, `"))),
        }
    })
}

/// Variants as options say them.
fn of_arguments(
    arguments: &CompareArguments,
    named: Named,
) -> Result<(String, Vec<Variant>), Vec<Diagnostic>> {
    let targets = targets(named)?;
    let varied = !arguments.vary.is_empty() || !arguments.variant.is_empty();
    let [target] = targets.as_slice() else {
        if varied {
            let place = Location::file(if arguments.vary.is_empty() { "--variant" } else { "--vary" });
            let finding =
                Diagnostic::error(place, "several scenarios are named, and each is a variant by itself");
            return Err(vec![finding.help("name one scenario to vary it")]);
        }
        return of_files(targets);
    };
    let mut findings = Vec::new();
    let mut axes = Vec::new();
    for text in &arguments.vary {
        axis(text).map_or_else(|finding| findings.push(finding), |axis| axes.push(axis));
    }
    let mut listed = Vec::new();
    if !axes.is_empty() {
        product(&axes).map_or_else(|finding| findings.push(finding), |all| listed = all);
    }
    for text in &arguments.variant {
        single(text).map_or_else(|finding| findings.push(finding), |one| listed.push(one));
    }
    if !findings.is_empty() {
        return Err(findings);
    }
    let variant = |(name, sets): (String, Vec<String>)| {
        let mut named = target.clone();
        named.sets.extend(sets);
        Variant { name, named }
    };
    let variants: Vec<Variant> = listed.into_iter().map(variant).collect();
    Ok((title(&target.files[0]), variants))
}

/// A variant for each scenario, named as the scenario is.
fn of_files(targets: Vec<Named>) -> Result<(String, Vec<Variant>), Vec<Diagnostic>> {
    let mut variants = Vec::new();
    for named in targets {
        let (scenario, environment) = load(&named, None)?;
        variants.push(Variant { name: name_of(&scenario, &environment), named });
    }
    let names: Vec<String> = variants.iter().map(|variant| variant.name.clone()).collect();
    let repeated = |name: &String| names.iter().filter(|other| *other == name).count() > 1;
    for variant in &mut variants {
        if repeated(&variant.name) {
            variant.name.clone_from(&variant.named.files[0]);
        }
    }
    Ok((title(&variants[0].named.files[0]), variants))
}

/// Variants as a study lists them.
fn of_study(
    arguments: &CompareArguments,
    study: &Study,
    named: &Named,
) -> Result<(String, Vec<Variant>), Vec<Diagnostic>> {
    let refuse = |place: &str, help: &str| {
        let finding = Diagnostic::error(Location::file(place), "a study has variants of its own");
        Err(vec![finding.help(help)])
    };
    if !arguments.vary.is_empty() || !arguments.variant.is_empty() {
        let place = if arguments.vary.is_empty() { "--variant" } else { "--vary" };
        return refuse(place, "add them to the study's `variants`");
    }
    if !named.pools.is_empty() || !named.nodes.is_empty() {
        return refuse(
            if named.pools.is_empty() { "--nodes" } else { "--pool" },
            "the cluster is said by its scenario",
        );
    }
    let folder = Path::new(&named.files[0]).parent().unwrap_or(Path::new(""));
    let beside = |file: &str| folder.join(file).to_string_lossy().into_owned();
    let texts = |sets: &[At<String>]| sets.iter().map(|set| set.value.clone()).collect::<Vec<_>>();
    let variants = study
        .variants
        .iter()
        .map(|one| {
            let file = one.scenario.as_ref().unwrap_or(&study.scenario);
            let sets = [texts(&study.set), named.sets.clone(), texts(&one.set)].concat();
            let named = Named { files: vec![beside(file)], sets, ..Named::default() };
            Variant { name: one.name.value.clone(), named }
        })
        .collect();
    let name = study.name.as_ref().map_or(named.files[0].as_str(), |name| name.as_str());
    Ok((title(name), variants))
}

/// The name of a comparison: a file's without its ending, fit for a folder.
fn title(file: &str) -> String {
    let stem = Path::new(file).file_stem().unwrap_or_default().to_string_lossy();
    let legal =
        |letter: char| if letter.is_ascii_alphanumeric() || "-_.".contains(letter) { letter } else { '-' };
    let name: String = stem.chars().map(legal).take(80).collect();
    let name = name.trim_matches(['-', '.']);
    if name.is_empty() { "comparison".to_owned() } else { name.to_owned() }
}

/// What sets a variant apart: its file where files differ, and the settings that not all have.
fn settings(variant: &Variant, all: &[Variant]) -> String {
    let mut words = Vec::new();
    if all.iter().any(|other| other.named.files != variant.named.files) {
        words.push(variant.named.files.join(" "));
    }
    let shared = |set: &&String| all.iter().all(|other| other.named.sets.contains(set));
    words.extend(variant.named.sets.iter().filter(|set| !shared(set)).cloned());
    if words.is_empty() { "as written".to_owned() } else { words.join("; ") }
}
