//! The files that a scenario names: where they are, and what was read.

use super::{Environment, Held};
use crate::base::{Diagnostic, Location};
use crate::trace;
use std::io::Read;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

/// The deepest nesting of folders of manifests.
const MAX_DEPTH: usize = 32;
/// The most files of a folder of manifests.
const MAX_FILES: usize = 100_000;
/// Endings of files that a folder of manifests is searched for.
const ENDINGS: [&str; 6] = [".yaml", ".yml", ".json", ".yaml.gz", ".yml.gz", ".json.gz"];

/// The files of a scenario.
pub(super) struct Files {
    /// The scenario's own file.
    pub(super) scenario: Arc<str>,
    folder: PathBuf,
    stdin: Option<Box<dyn Read + Send>>,
    held: Option<Held>,
    /// What was read, with sha256.
    pub(super) inputs: Vec<(String, String)>,
}

impl Files {
    pub(super) fn new(environment: Environment) -> Files {
        Files {
            scenario: environment.file,
            folder: environment.folder,
            stdin: environment.stdin,
            held: environment.held,
            inputs: environment.inputs,
        }
    }

    /// The path of `name`, which is relative to the scenario's folder; `-` stays.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        if name == "-" { PathBuf::from("-") } else { shorten(self.folder.join(name)) }
    }

    /// Reads a whole file, unpacked.
    pub(super) fn read(&mut self, path: &Path) -> Result<(Arc<str>, Vec<u8>), Diagnostic> {
        let held = self.held.take_if(|held| shorten(PathBuf::from(&held.name)) == path);
        let (bytes, sha256) = if let Some(Held { bytes, sha256, .. }) = held {
            (bytes, sha256)
        } else {
            let stdin = if path.as_os_str() == "-" { self.stdin.take() } else { None };
            trace::read_all(path, stdin)?
        };
        let name: Arc<str> = shown(path).into();
        self.note(&name, sha256);
        Ok((name, bytes))
    }

    /// Enters a file among those that were read.
    pub(super) fn note(&mut self, name: &str, sha256: String) {
        if !self.inputs.iter().any(|(known, digest)| known == name && *digest == sha256) {
            self.inputs.push((name.to_owned(), sha256));
        }
    }
}

/// The path without `folder/..`, if that is the same file: with symbolic links it need not be.
fn shorten(path: PathBuf) -> PathBuf {
    let mut short = PathBuf::new();
    for part in path.components() {
        let folder = matches!(short.components().next_back(), Some(Component::Normal(_)));
        match part {
            Component::ParentDir if folder => {
                short.pop();
            }
            Component::CurDir => {}
            other => short.push(other),
        }
    }
    let same = matches!((path.canonicalize(), short.canonicalize()), (Ok(a), Ok(b)) if a == b);
    if same { short } else { path }
}

/// How diagnostics name a path.
fn shown(path: &Path) -> String {
    if path.as_os_str() == "-" { trace::input::STDIN.to_owned() } else { path.display().to_string() }
}

/// The file itself, or every manifest in and below a folder, sorted by path.
pub(super) fn expand(path: &Path) -> Result<Vec<PathBuf>, Diagnostic> {
    if path.as_os_str() == "-" || !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut found = Vec::new();
    walk(path, 0, &mut found)?;
    if found.is_empty() {
        return Err(failure(path, "the folder has no manifests".into())
            .help("files that end with .yaml, .yml or .json are read, also with .gz behind"));
    }
    Ok(found)
}

fn failure(path: &Path, message: String) -> Diagnostic {
    Diagnostic::error(Location::file(path.display().to_string()), message)
}

fn walk(folder: &Path, depth: usize, found: &mut Vec<PathBuf>) -> Result<(), Diagnostic> {
    if depth > MAX_DEPTH {
        return Err(failure(folder, format!("folders are nested more than {MAX_DEPTH} deep")));
    }
    let unreadable = |error: std::io::Error| failure(folder, format!("cannot be read: {error}"));
    let entries = std::fs::read_dir(folder).map_err(unreadable)?;
    let mut paths: Vec<PathBuf> =
        entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<_, _>>().map_err(unreadable)?;
    paths.sort();
    for path in paths {
        if path.is_dir() {
            walk(&path, depth + 1, found)?;
        } else if ENDINGS.iter().any(|ending| path.to_string_lossy().ends_with(ending)) {
            found.push(path);
        }
        if found.len() > MAX_FILES {
            return Err(failure(folder, format!("more than {MAX_FILES} manifests")));
        }
    }
    Ok(())
}
