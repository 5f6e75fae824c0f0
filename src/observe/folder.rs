//! A results folder that is there whole or not at all.
//!
//! What is in the files is not known here, but for the mark by which a folder is recognised.

use super::outputs::{COMPARISON, SCHEMA};
use crate::base::{Diagnostic, Location};
use std::fs::{self, File};
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};

/// The files by which a folder is recognised, and the schema that each names.
const MARKS: [(&str, &str); 2] = [("summary.json", SCHEMA), ("compare.json", COMPARISON)];
/// How much of such a file is read to find the mark; it is in the first lines.
const MARK_WITHIN: usize = 200;

/// A folder that is being written beside its final place. Dropped without [`OutputFolder::commit`]
/// it is removed again.
#[derive(Debug)]
pub struct OutputFolder {
    temporary: PathBuf,
    target: PathBuf,
    is_committed: bool,
}

/// Why a folder cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// It must not be: it has no name, or something else stands there.
    #[error("{0}")]
    Refused(Diagnostic),
    /// The system fails to.
    #[error("{0}")]
    Failed(Diagnostic),
}

impl OutputFolder {
    /// Begins the folder `target`. Something that stands there already must be a results folder of
    /// seatrial (or an empty one); it is replaced at the end.
    pub fn create(target: &Path) -> Result<OutputFolder, FolderError> {
        check_replaceable(target)?;
        let name = target.file_name().ok_or_else(|| {
            let finding = error(target, "the results folder needs a name");
            FolderError::Refused(finding.help("name a folder, such as `results/run-1`"))
        })?;
        let failed = |what: &str, cause: &io::Error| {
            FolderError::Failed(error(target, format!("failed to {what}: {cause}")))
        };
        let parent = target.parent().unwrap_or(Path::new(""));
        if !parent.as_os_str().is_empty() {
            fs::create_dir_all(parent).map_err(|error| failed("create the folder above it", &error))?;
        }
        for number in 0..1_000 {
            let mut hidden = std::ffi::OsString::from(".");
            hidden.push(name);
            hidden.push(format!(".partial-{number}"));
            let temporary = parent.join(hidden);
            match fs::create_dir(&temporary) {
                Ok(()) => {
                    return Ok(OutputFolder { temporary, target: target.to_owned(), is_committed: false });
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(failed("create a temporary folder beside it", &error)),
            }
        }
        let finding = error(target, "too many unfinished folders beside it");
        Err(FolderError::Refused(finding.help("remove the `.partial-` folders")))
    }

    /// Where the files are until the end.
    pub fn path(&self) -> &Path {
        &self.temporary
    }

    /// A new file of the folder.
    pub fn file(&self, name: &str) -> io::Result<BufWriter<File>> {
        let path = self.temporary.join(name);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        Ok(BufWriter::new(File::create(path)?))
    }

    /// A new file of the folder with all its content.
    pub fn write(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let path = self.temporary.join(name);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::write(path, bytes)
    }

    /// Puts the folder in its place; an older one of seatrial there is removed.
    pub fn commit(mut self) -> Result<PathBuf, FolderError> {
        let failed = |cause: &io::Error| {
            let message = format!("failed to put the results in their place: {cause}");
            FolderError::Failed(error(&self.target, message))
        };
        check_replaceable(&self.target)?;
        if self.target.exists() {
            // The old folder is moved away first, so that there is never half of each.
            let old = self.temporary.with_extension("old");
            if old.exists() && check_replaceable(&old).is_ok() {
                // Left behind by a run that was killed at this very place.
                fs::remove_dir_all(&old).map_err(|error| failed(&error))?;
            }
            fs::rename(&self.target, &old).map_err(|error| failed(&error))?;
            if let Err(error) = fs::rename(&self.temporary, &self.target) {
                let _ = fs::rename(&old, &self.target);
                return Err(failed(&error));
            }
            self.is_committed = true;
            fs::remove_dir_all(&old).map_err(|error| failed(&error))?;
        } else {
            fs::rename(&self.temporary, &self.target).map_err(|error| failed(&error))?;
            self.is_committed = true;
        }
        Ok(self.target.clone())
    }
}

impl Drop for OutputFolder {
    fn drop(&mut self) {
        if !self.is_committed {
            // Nothing can be done about a failure here, and it hides no result.
            let _ = fs::remove_dir_all(&self.temporary);
        }
    }
}

fn error(target: &Path, message: impl Into<String>) -> Diagnostic {
    Diagnostic::error(Location::file(target.to_string_lossy().as_ref()), message)
}

/// Whether `target` may be replaced: it does not exist, is empty, or carries the mark.
fn check_replaceable(target: &Path) -> Result<(), FolderError> {
    let refuse = |message: &str| {
        let finding = error(target, message);
        Err(FolderError::Refused(finding.help("choose another folder, or remove this one yourself")))
    };
    match fs::symlink_metadata(target) {
        Err(_) => return Ok(()),
        Ok(metadata) if !metadata.is_dir() => return refuse("is there already and is no folder"),
        Ok(_) => {}
    }
    let is_empty = fs::read_dir(target).is_ok_and(|mut entries| entries.next().is_none());
    let is_marked = |(name, schema): &(&str, &str)| {
        let file = fs::read(target.join(name)).unwrap_or_default();
        let head = String::from_utf8_lossy(&file[..file.len().min(MARK_WITHIN)]).into_owned();
        head.contains(&format!("\"schema\": \"{schema}\""))
    };
    if is_empty || MARKS.iter().any(is_marked) {
        return Ok(());
    }
    refuse("is there already and holds no results of seatrial")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder of this test's own, removed at the end.
    struct Scratch(PathBuf);

    impl Scratch {
        fn new(name: &str) -> Scratch {
            let path = std::env::temp_dir().join(format!("seatrial-{name}-{}", std::process::id()));
            let _ = fs::remove_dir_all(&path);
            fs::create_dir_all(&path).unwrap();
            Scratch(path)
        }

        fn entries(&self) -> Vec<String> {
            let mut names: Vec<String> = fs::read_dir(&self.0)
                .unwrap()
                .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
                .collect();
            names.sort();
            names
        }
    }

    impl Drop for Scratch {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn mark(folder: &OutputFolder, text: &str) {
        folder.write("summary.json", format!("{{\n  \"schema\": \"{SCHEMA}\"\n}}\n").as_bytes()).unwrap();
        folder.write("x.csv", text.as_bytes()).unwrap();
    }

    #[test]
    fn a_folder_is_there_whole_or_not_at_all() {
        let scratch = Scratch::new("whole");
        let target = scratch.0.join("run");
        let folder = OutputFolder::create(&target).unwrap();
        mark(&folder, "1");
        drop(folder);
        assert_eq!(scratch.entries(), [""; 0]);
        for text in ["1", "2"] {
            let folder = OutputFolder::create(&target).unwrap();
            mark(&folder, text);
            folder.commit().unwrap();
            assert_eq!(scratch.entries(), ["run"]);
            assert_eq!(fs::read_to_string(target.join("x.csv")).unwrap(), text);
        }
    }

    #[test]
    fn what_is_not_ours_is_not_replaced() {
        let scratch = Scratch::new("foreign");
        let target = scratch.0.join("photos");
        fs::create_dir(&target).unwrap();
        fs::write(target.join("summary.json"), "{}").unwrap();
        let refused = OutputFolder::create(&target).unwrap_err();
        assert!(refused.to_string().contains("no results of seatrial"), "{refused}");
        fs::write(scratch.0.join("file"), "").unwrap();
        assert!(OutputFolder::create(&scratch.0.join("file")).is_err());
        assert_eq!(scratch.entries(), ["file", "photos"]);
    }
}
