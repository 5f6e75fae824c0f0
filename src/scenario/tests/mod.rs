//! Tests of the layer: scenarios in text, what they compile to, and what is said of bad ones.

mod after;
mod bad_manifests;
mod bad_scenarios;
mod fleets;
mod good;
mod loads;
mod mesos;
mod overrides;
mod planes;
mod slurm;
mod studies;

use super::{Compiled, Environment, Plan, compile, parse};
use crate::base::Diagnostic;
use crate::sim::Setup;
use std::path::PathBuf;

/// Compiles a scenario that stands in the folder of fixtures.
fn try_compile(text: &str, sets: &[&str]) -> Result<Compiled, Vec<Diagnostic>> {
    let sets: Vec<String> = sets.iter().map(|set| (*set).to_owned()).collect();
    let scenario = parse(&"s.yaml".into(), text.as_bytes(), &sets)?;
    let folder = PathBuf::from("tests/fixtures");
    let inputs = Vec::new();
    compile(&scenario, Environment { file: "s.yaml".into(), folder, stdin: None, inputs, held: None })
}

/// All findings of a scenario that does not compile, one a line.
fn errors(text: &str, sets: &[&str]) -> String {
    let Err(findings) = try_compile(text, sets) else { panic!("it compiles:\n{text}") };
    findings.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// The setup of a scenario of Kubernetes.
fn setup(text: &str) -> Setup {
    match try_compile(text, &[]) {
        Ok(Compiled { plan: Plan::Kubernetes(setup), .. }) => *setup,
        Ok(_) => panic!("a batch machine"),
        Err(findings) => panic!("{findings:#?}"),
    }
}

/// A scenario with one small pool, which tests put more lines behind.
const POOL: &str = "\
apiVersion: seatrial/v1
cluster:
  pools:
    - {name: w, count: 2, capacity: {cpu: 4, memory: 8Gi}, zones: [a, b], nodesPerRack: 1}
";

#[test]
fn files_are_told_apart() {
    use super::{FileKind, kind_of};
    for (text, kind) in [
        ("apiVersion: seatrial/v1\n", FileKind::Scenario),
        ("# a comment\r\napiVersion: \"seatrial/v1\"\r\n", FileKind::Scenario),
        ("cluster: {}\n", FileKind::Scenario),
        ("{\"apiVersion\": \"seatrial/v1\"}", FileKind::Scenario),
        ("{apiVersion: seatrial/v1, cluster: {}}", FileKind::Scenario),
        ("{\"name\": \"x\", \"cluster\": {}}", FileKind::Scenario),
        ("{\"apiVersion\":\"v1\",\"kind\":\"List\"}", FileKind::Manifest),
        ("---\napiVersion: v1\nkind: Pod\n", FileKind::Manifest),
        ("", FileKind::Manifest),
    ] {
        assert_eq!(kind_of(text.as_bytes()), kind, "{text}");
    }
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(64))]

    /// Whatever is wrong with a scenario is said, without a panic.
    #[test]
    fn safety_damaged_scenarios_are_refused_or_read(at in 0usize..1_200, cut in 0usize..20, put in "\\PC{0,6}") {
        let text = include_str!("../../../scenarios/first-steps.yaml");
        let start = text.char_indices().nth(at).map_or(text.len(), |(at, _)| at);
        let end = text[start..].char_indices().nth(cut).map_or(text.len(), |(at, _)| start + at);
        let damaged = format!("{}{put}{}", &text[..start], &text[end..]);
        if let Err(findings) = parse(&"s.yaml".into(), damaged.as_bytes(), &[]) {
            proptest::prop_assert!(!findings.is_empty());
        }
    }
}
