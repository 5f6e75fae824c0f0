//! Which format an input has, and the reader for it.

use super::input::Input;
use super::openb::{PodReader, Sharing};
use super::{Reader, SwfOptions, SwfReader, TableReader};
use crate::base::{Diagnostic, Location};
use std::path::Path;

/// A format of workload traces.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Format {
    /// The Standard Workload Format.
    Swf,
    /// Alibaba's GPU trace of 2023: a list of pods.
    Openb,
    /// seatrial's own table.
    Table,
}

impl Format {
    /// All formats with the names that users write.
    pub const NAMES: [(&str, Format); 3] =
        [("swf", Format::Swf), ("openb", Format::Openb), ("csv", Format::Table)];

    /// The format of that name.
    pub fn parse(name: &str) -> Option<Format> {
        Format::NAMES.iter().find(|(known, _)| *known == name).map(|(_, format)| *format)
    }

    /// Guesses from the name (`.swf`, `.swf.gz`), else from the first line: openb's columns, names
    /// separated by commas, or else SWF. Errors: the text is one of Kubernetes objects.
    pub fn detect(input: &mut Input) -> Result<Format, Diagnostic> {
        let name = input.name().to_ascii_lowercase();
        let name = Path::new(name.strip_suffix(".gz").unwrap_or(&name));
        let ends_with = |ending: &str| name.extension().is_some_and(|extension| extension == ending);
        if ends_with("swf") {
            return Ok(Format::Swf);
        }
        let text = input.peek()?;
        let first =
            text.split(|byte| *byte == b'\n').find(|line| !line.starts_with(b"#") && !line.is_empty());
        let first = first.unwrap_or_default();
        if [&b"apiVersion:"[..], b"kind:", b"---", b"{"].iter().any(|start| first.starts_with(start)) {
            let message = "this looks like Kubernetes objects or a scenario, not like a trace";
            let finding = Diagnostic::error(Location::file(input.name().clone()), message);
            return Err(finding.help("objects are named under `workload.manifests`"));
        }
        let columns: Vec<&[u8]> = first.trim_ascii().split(|byte| *byte == b',').collect();
        if [&b"cpu_milli"[..], b"num_gpu"].iter().all(|column| columns.contains(column)) {
            return Ok(Format::Openb);
        }
        let letters = |column: &&[u8]| column.iter().any(u8::is_ascii_alphabetic);
        let table = columns.len() > 1 && columns.iter().all(letters) && !columns[0].starts_with(b";");
        Ok(if table || ends_with("csv") { Format::Table } else { Format::Swf })
    }

    /// A reader of this format.
    pub fn reader(self, input: Input, swf: SwfOptions) -> Result<Box<dyn Reader + Send>, Diagnostic> {
        Ok(match self {
            Format::Swf => Box::new(SwfReader::new(input, swf)),
            Format::Openb => Box::new(PodReader::new(input, Sharing::default())?),
            Format::Table => Box::new(TableReader::new(input)?),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_recognised() {
        for (name, text, format) in [
            ("a.swf.gz", "", Format::Swf),
            ("a", "; Version: 2.2\n", Format::Swf),
            ("a", "  1 0 1 2, 3\n", Format::Swf),
            ("a.csv", "name,cpu_milli,memory_mib,num_gpu,gpu_milli\n", Format::Openb),
            ("a.csv", "# made by hand\nsubmit_s\n", Format::Table),
            ("-", "submit_s,run_time_s\n1,2\n", Format::Table),
        ] {
            let mut input = Input::from_bytes(name, text).unwrap();
            assert_eq!(Format::detect(&mut input), Ok(format), "{name} {text}");
        }
    }
}
