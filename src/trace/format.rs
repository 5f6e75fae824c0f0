//! Which format an input has, and the reader for it.

use super::input::Input;
use super::listed::{Choices, ListReader};
use super::openb::{PodReader, Sharing};
use super::{
    Largest, Reader, SwfOptions, SwfReader, TableReader, alibaba, azure, batsim, google2011, kubernetes,
    philly, sacct, wfcommons,
};
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
    /// Batsim's workloads.
    Batsim,
    /// The accounting of Slurm.
    Sacct,
    /// Google's cluster trace of 2011: events of tasks or jobs.
    Google2011,
    /// Alibaba's cluster trace of 2017: batch tasks.
    Alibaba2017,
    /// Alibaba's cluster trace of 2018: batch tasks.
    Alibaba2018,
    /// Azure's virtual machines.
    Azure,
    /// Microsoft's deep-learning jobs of 2017.
    Philly,
    /// Workflows of WfCommons.
    WfCommons,
    /// Dumps of pods.
    Kubernetes,
}

/// What is chosen where a format leaves a choice.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ReaderOptions {
    /// Choices of the Standard Workload Format, some of which hold for other batch formats too.
    pub swf: SwfOptions,
    /// What pods that share a GPU request.
    pub sharing: Sharing,
    /// What the largest machine is, where sizes are parts of it.
    pub largest: Largest,
}

impl From<SwfOptions> for ReaderOptions {
    fn from(swf: SwfOptions) -> ReaderOptions {
        ReaderOptions { swf, ..ReaderOptions::default() }
    }
}

impl Format {
    /// All formats with the names that users write.
    pub const NAMES: [(&str, Format); 12] = [
        ("swf", Format::Swf),
        ("openb", Format::Openb),
        ("csv", Format::Table),
        ("batsim", Format::Batsim),
        ("sacct", Format::Sacct),
        ("google2011", Format::Google2011),
        ("alibaba2017", Format::Alibaba2017),
        ("alibaba2018", Format::Alibaba2018),
        ("azure", Format::Azure),
        ("philly", Format::Philly),
        ("wfcommons", Format::WfCommons),
        ("kubernetes", Format::Kubernetes),
    ];

    /// The format of that name.
    pub fn parse(name: &str) -> Option<Format> {
        Format::NAMES.iter().find(|(known, _)| *known == name).map(|(_, format)| *format)
    }

    /// Guesses from the name (`.swf`, `.swf.gz`), else from what the input begins with: keys of JSON, names
    /// of columns, the shape of the first line, or else SWF. Errors: the text is one of Kubernetes objects.
    pub fn detect(input: &mut Input) -> Result<Format, Diagnostic> {
        let name = input.name().to_ascii_lowercase();
        let name = Path::new(name.strip_suffix(".gz").unwrap_or(&name));
        let ends_with = |ending: &str| name.extension().is_some_and(|extension| extension == ending);
        if ends_with("swf") {
            return Ok(Format::Swf);
        }
        let no_trace = Diagnostic::error(
            Location::file(input.name().clone()),
            "this looks like Kubernetes objects or a scenario, not like a trace",
        )
        .help("objects are named under `workload.manifests`; a dump of pods is read with the format `kubernetes`");
        let text = input.peek()?;
        let start = text.iter().position(|byte| !byte.is_ascii_whitespace()).unwrap_or(0);
        if matches!(text.get(start), Some(b'{' | b'[')) {
            return by_keys(&text[start..]).ok_or(no_trace);
        }
        let first =
            text.split(|byte| *byte == b'\n').find(|line| !line.starts_with(b"#") && !line.is_empty());
        let first = first.unwrap_or_default().trim_ascii();
        if [&b"apiVersion:"[..], b"kind:", b"---"].iter().any(|start| first.starts_with(start)) {
            return if contains(text, b"creationTimestamp: \"") {
                Ok(Format::Kubernetes)
            } else {
                Err(no_trace)
            };
        }
        if let Some(format) = by_columns(first) {
            return Ok(format);
        }
        let columns: Vec<&[u8]> = first.split(|byte| *byte == b',').collect();
        let letters = |column: &&[u8]| column.iter().any(u8::is_ascii_alphabetic);
        let table = columns.len() > 1 && columns.iter().all(letters) && !columns[0].starts_with(b";");
        Ok(if table || ends_with("csv") { Format::Table } else { Format::Swf })
    }

    /// A reader of this format.
    pub fn reader(
        self,
        input: Input,
        options: impl Into<ReaderOptions>,
    ) -> Result<Box<dyn Reader + Send>, Diagnostic> {
        let ReaderOptions { swf, sharing, largest } = options.into();
        let choices = Choices { max_processors: swf.max_processors, keep_zero_run: swf.keep_zero_run };
        Ok(match self {
            Format::Swf => Box::new(SwfReader::new(input, swf)),
            Format::Openb => Box::new(PodReader::new(input, sharing)?),
            Format::Table => Box::new(TableReader::new(input)?),
            Format::Batsim => Box::new(ListReader::new(input, "Batsim", batsim::read, choices)),
            Format::Sacct => Box::new(sacct::reader(input, swf)?),
            Format::Google2011 => google2011::reader(input, largest)?,
            Format::Alibaba2017 => alibaba::reader_2017(input, largest)?,
            Format::Alibaba2018 => alibaba::reader_2018(input, largest)?,
            Format::Azure => Box::new(azure::reader(input)?),
            Format::Philly => philly::reader(input)?,
            Format::WfCommons => Box::new(ListReader::new(input, "WfCommons", wfcommons::read, choices)),
            Format::Kubernetes => {
                Box::new(ListReader::new(input, "Kubernetes, pods", kubernetes::read, choices))
            }
        })
    }
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}

/// The format of a JSON text, by keys at its beginning.
fn by_keys(text: &[u8]) -> Option<Format> {
    let has = |key: &str| contains(text, format!("\"{key}\"").as_bytes());
    if has("subtime") || has("nb_res") || (has("profiles") && has("jobs")) {
        return Some(Format::Batsim);
    }
    if has("schemaVersion") || (has("workflow") && !has("apiVersion")) {
        return Some(Format::WfCommons);
    }
    if text.starts_with(b"[") && has("jobid") {
        return Some(Format::Philly);
    }
    (has("kind") && has("creationTimestamp") && !contains(text, b"\"creationTimestamp\": null"))
        .then_some(Format::Kubernetes)
}

/// The format of a table, by the names of its columns or the shape of its first line.
fn by_columns(first: &[u8]) -> Option<Format> {
    if first.split(|byte| *byte == b'|').any(|column| column == b"JobID") {
        return Some(Format::Sacct);
    }
    let columns: Vec<&[u8]> = first.split(|byte| *byte == b',').map(<[u8]>::trim_ascii).collect();
    let named = |names: &[&str]| names.iter().all(|name| columns.contains(&name.as_bytes()));
    let at = |place: usize| columns.get(place).copied().unwrap_or_default();
    let is_number = |place: usize| !at(place).is_empty() && at(place).iter().all(u8::is_ascii_digit);
    let is_event = |place: usize| matches!(at(place), [b'0'..=b'8']);
    if named(&["cpu_milli", "num_gpu"]) {
        return Some(Format::Openb);
    }
    if named(&["timestamp", "duration", "num_gpus", "cluster"]) {
        return Some(Format::Philly);
    }
    let is_2018 = named(&["job", "start_time", "end_time", "cpu_requested"]);
    if is_2018 || named(&["job_name", "task_name", "plan_cpu"]) {
        return Some(Format::Alibaba2018);
    }
    match columns.len() {
        13 if is_number(0) && is_number(2) && is_number(3) && is_event(5) => Some(Format::Google2011),
        8 if is_number(0) && is_number(2) && is_event(3) && is_number(5) => Some(Format::Google2011),
        6 if is_number(0) && is_number(1) && matches!(at(2), b"0" | b"1" | b"2") => Some(Format::Google2011),
        9 if alibaba::is_status(at(4)) => Some(Format::Alibaba2018),
        8 if alibaba::is_status(at(5)) || named(&["task_create_time"]) => Some(Format::Alibaba2017),
        11 if azure::is_category(at(8)) => Some(Format::Azure),
        _ => None,
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
            ("a.json", "\n {\"nb_res\": 4, \"jobs\": [", Format::Batsim),
            ("a.json", "{\"name\": \"x\", \"schemaVersion\": \"1.5\"", Format::WfCommons),
            ("a.json", "[{\"status\": \"Pass\", \"jobid\": \"application_1\"", Format::Philly),
            ("a.csv", "timestamp,duration,num_gpus,gpu_time,cluster\n", Format::Philly),
            ("-", "{\"kind\": \"List\", \"items\": [{\"creationTimestamp\": \"20", Format::Kubernetes),
            ("a.yaml", "apiVersion: v1\nitems:\n- metadata:\n    creationTimestamp: \"2", Format::Kubernetes),
            ("a.txt", "JobID|State|Submit\n", Format::Sacct),
            ("a.csv", "# names\n0,,7,0,,0,u,3,9,0.1,0.1,0,0\n", Format::Google2011),
            ("a.csv", "0,,7,0,u,3,n,l\n", Format::Google2011),
            ("a.csv", "6459,6524,3,4,15740,Terminated,50,0.0079\n", Format::Alibaba2017),
            ("a.csv", "task_create_time, a, b, c,d, e, f,g\n", Format::Alibaba2017),
            ("a.csv", "M1,29,j_1,,Terminated,1,2,50.0,0.39\n", Format::Alibaba2018),
            ("a.csv", "a,b,c,0,300,1,1,1,Interactive,1,0.75\n", Format::Azure),
        ] {
            let mut input = Input::from_bytes(name, text).unwrap();
            assert_eq!(Format::detect(&mut input), Ok(format), "{name} {text}");
        }
    }

    #[test]
    fn manifests_are_no_traces() {
        for text in ["apiVersion: v1\nkind: Pod\n", "{\"kind\": \"Pod\"}", "{}", "---\n", "[]"] {
            let mut input = Input::from_bytes("a", text).unwrap();
            let found = Format::detect(&mut input).unwrap_err().to_string();
            assert!(found.contains("looks like Kubernetes objects"), "{found}");
        }
    }

    #[test]
    fn every_format_has_a_name() {
        for (name, format) in Format::NAMES {
            assert_eq!(Format::parse(name), Some(format));
        }
        assert_eq!(Format::parse("xml"), None);
    }
}
