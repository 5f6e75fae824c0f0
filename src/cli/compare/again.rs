//! A comparison that is there, run again.

use super::super::args::{Arguments, Command};
use super::asked::{self, Asked};
use super::{CompareArguments, FACTS, run_variants};
use crate::base::{Diagnostic, Location, Span};
use crate::cli::Exit;
use crate::cli::execute::Failure;
use crate::cli::progress::Interrupt;
use crate::study::{compare, tables};
use clap::Parser;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// What was recorded, and what was found.
pub(in crate::cli) struct Again {
    /// The digest that the folder has.
    pub(in crate::cli) recorded: String,
    /// The digest of the new runs.
    pub(in crate::cli) found: String,
    /// The inputs that are others.
    pub(in crate::cli) changed: Vec<String>,
}

/// Runs again what a folder came from.
pub(in crate::cli) fn again(folder: &Path, interrupt: &Interrupt) -> Result<Again, Failure> {
    let facts = Facts::read(&folder.join(FACTS))?;
    let asked = asked::read(&facts.arguments).map_err(Failure::Input)?;
    let refused = |(findings, exit): (Vec<Diagnostic>, Exit)| match exit {
        Exit::Interrupted => Failure::Interrupted(Span::ZERO),
        _ => Failure::Input(findings),
    };
    let (runs, inputs, _) = run_variants(&facts.arguments, &asked, interrupt).map_err(refused)?;
    let Asked { variants, options, .. } = asked;
    let names: Vec<String> = variants.into_iter().map(|variant| variant.name).collect();
    let comparison = compare(&names, &runs, &options).map_err(Failure::Input)?;
    let inputs: BTreeMap<String, String> = inputs.into_iter().collect();
    let files: BTreeSet<&String> = inputs.keys().chain(facts.inputs.keys()).collect();
    let changed = files.into_iter().filter(|file| inputs.get(*file) != facts.inputs.get(*file)).cloned();
    Ok(Again {
        recorded: facts.digest,
        found: tables::digest(&comparison, &runs),
        changed: changed.collect(),
    })
}

/// What a folder says of itself.
struct Facts {
    digest: String,
    arguments: CompareArguments,
    inputs: BTreeMap<String, String>,
}

impl Facts {
    fn read(path: &Path) -> Result<Facts, Diagnostic> {
        let wrong =
            |message: String| Diagnostic::error(Location::file(path.to_string_lossy().as_ref()), message);
        let bytes = std::fs::read(path).map_err(|error| wrong(format!("cannot be read: {error}")))?;
        let value: Value =
            serde_json::from_slice(&bytes).map_err(|error| wrong(format!("this is no JSON: {error}")))?;
        if value["schema"] != tables::SCHEMA {
            return Err(wrong("this is no comparison of seatrial".to_owned()));
        }
        let missing = || wrong("the comparison does not say what it came from".to_owned());
        let words = value["request"].as_array().ok_or_else(missing)?;
        let words =
            words.iter().map(|word| word.as_str()).collect::<Option<Vec<&str>>>().ok_or_else(missing)?;
        let line = ["seatrial", "compare", "--no-progress"].into_iter().chain(words);
        let Ok(Arguments { command: Command::Compare(arguments) }) = Arguments::try_parse_from(line) else {
            return Err(missing());
        };
        let members = value["inputs"].as_object().into_iter().flatten();
        let inputs = members.filter_map(|(file, sha256)| Some((file.clone(), sha256.as_str()?.to_owned())));
        Ok(Facts {
            digest: value["digest"].as_str().ok_or_else(missing)?.to_owned(),
            arguments: *arguments,
            inputs: inputs.collect(),
        })
    }
}
