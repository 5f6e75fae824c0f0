//! Files that are there whole or not at all.

use crate::base::{Diagnostic, Location};
use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// Writes the file `target`: beside its place, and renamed at the end.
pub(super) fn write_whole(
    target: &Path,
    content: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<(), Diagnostic> {
    let failed = |error: io::Error| {
        Diagnostic::error(
            Location::file(target.to_string_lossy().as_ref()),
            format!("cannot be written: {error}"),
        )
    };
    if target.is_dir() {
        return Err(failed(io::ErrorKind::IsADirectory.into()));
    }
    let (temporary, file) = begin(target).map_err(failed)?;
    let mut out = BufWriter::new(file);
    let written = content(&mut out).and_then(|()| out.flush());
    drop(out);
    written.and_then(|()| fs::rename(&temporary, target)).map_err(|error| {
        // Nothing can be done about a failure here, and it hides nothing.
        let _ = fs::remove_file(&temporary);
        failed(error)
    })
}

/// A new file beside `target`.
fn begin(target: &Path) -> io::Result<(PathBuf, File)> {
    let name = target.file_name().ok_or(io::ErrorKind::InvalidFilename)?;
    for number in 0..1_000 {
        let mut hidden = OsString::from(".");
        hidden.push(name);
        hidden.push(format!(".partial-{number}"));
        let temporary = target.with_file_name(hidden);
        match OpenOptions::new().write(true).create_new(true).open(&temporary) {
            Ok(file) => return Ok((temporary, file)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fails_leaves_the_old_file() {
        let folder = std::env::temp_dir().join(format!("seatrial-files-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let target = folder.join("a.txt");
        write_whole(&target, |out| out.write_all(b"1")).unwrap();
        let failure = write_whole(&target, |out| {
            out.write_all(b"2")?;
            Err(io::ErrorKind::StorageFull.into())
        });
        assert!(failure.is_err());
        assert_eq!(fs::read_to_string(&target).unwrap(), "1");
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1, "nothing unfinished is left");
        fs::remove_dir_all(&folder).unwrap();
    }
}
