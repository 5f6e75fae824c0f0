//! The walls of the house: which layer may use which, what the control plane may not know, and how
//! long files and functions may be.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// The layers that each layer may use (design: dependencies point one way).
const ALLOWED: &[(&str, &[&str])] = &[
    ("base", &[]),
    ("api", &["base"]),
    ("cluster", &["api", "base"]),
    ("control", &["cluster", "api", "base"]),
    ("conformance", &["sim", "trace", "control", "cluster", "api", "base"]),
    ("sim", &["control", "cluster", "api", "base"]),
    ("trace", &["api", "base"]),
    ("observe", &["sim", "control", "cluster", "api", "base"]),
    ("scenario", &["sim", "trace", "observe", "control", "cluster", "api", "base"]),
    ("study", &["scenario", "observe", "sim", "base"]),
    ("report", &["study", "observe", "base"]),
];

/// The longest file, in lines.
const MAX_LINES: usize = 900;

/// Words that the control plane must not know: it cannot tell who drives it.
const FOREIGN_WORDS: &[&str] = &["simulat", "scenario", "trace"];

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
            let path = entry.expect("a folder's entry is readable").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The text before the first test module.
fn production(text: &str) -> &str {
    text.split("#[cfg(test)]").next().unwrap_or(text)
}

#[test]
fn layers_use_only_what_is_below_them() {
    let allowed: BTreeMap<&str, &[&str]> = ALLOWED.iter().copied().collect();
    let mut wrong = Vec::new();
    for (layer, below) in &allowed {
        let folder = root().join("src").join(layer);
        if !folder.is_dir() {
            continue;
        }
        for path in sources(&folder) {
            let text = fs::read_to_string(&path).expect("sources are text");
            for (number, line) in production(&text).lines().enumerate() {
                for used in line.split("crate::").skip(1) {
                    let name: String =
                        used.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
                    let is_layer = allowed.contains_key(name.as_str()) || name == "cli";
                    if is_layer && name != *layer && !below.contains(&name.as_str()) {
                        wrong.push(format!("{}:{}: {layer} uses {name}", path.display(), number + 1));
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_control_plane_cannot_tell_who_drives_it() {
    let mut found = Vec::new();
    for path in sources(&root().join("src/control")) {
        let text = fs::read_to_string(&path).expect("sources are text").to_lowercase();
        for (number, line) in production(&text).lines().enumerate() {
            for word in FOREIGN_WORDS.iter().filter(|word| line.contains(**word)) {
                found.push(format!("{}:{}: `{word}`", path.display(), number + 1));
            }
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn files_are_not_too_long() {
    let mut long = Vec::new();
    for folder in ["src", "tests", "benches"] {
        for path in sources(&root().join(folder)) {
            let lines = fs::read_to_string(&path).expect("sources are text").lines().count();
            if lines > MAX_LINES {
                long.push(format!("{}: {lines} lines", path.display()));
            }
        }
    }
    assert!(long.is_empty(), "{}", long.join("\n"));
}

#[test]
fn every_module_says_what_it_is_for() {
    let mute: Vec<String> = sources(&root().join("src"))
        .into_iter()
        .filter(|path| !fs::read_to_string(path).expect("sources are text").starts_with("//!"))
        .map(|path| path.display().to_string())
        .collect();
    assert!(mute.is_empty(), "no module paragraph in:\n{}", mute.join("\n"));
}
