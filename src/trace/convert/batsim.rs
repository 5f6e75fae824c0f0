//! Writing Batsim's JSON workloads: `nb_res`, jobs, and a delay profile for each run time that occurs.
//!
//! Source: Batsim, docs/input-workload.rst. A job's profile is a `delay`: it takes its run time,
//! whatever it is placed on.

use super::super::Row;
use super::super::swf::seconds;
use super::census::left_out;
use super::{Census, Preamble, Target};
use crate::base::{Map, Span};
use std::collections::BTreeSet;
use std::io::{self, Write};

/// A workload being written. Memory: the distinct run times, and the jobs' names if some occur twice.
pub(super) struct Workload<'a> {
    out: &'a mut dyn Write,
    run_times: BTreeSet<Span>,
    /// How often each name has occurred; empty if none occurs twice.
    names: Option<Map<String, u64>>,
    any: bool,
}

impl<'a> Workload<'a> {
    /// Writes what stands before the jobs.
    pub(super) fn begin(
        out: &'a mut dyn Write,
        census: &Census,
        preamble: &Preamble,
    ) -> io::Result<Workload<'a>> {
        out.write_all(b"{\n")?;
        if !preamble.note.is_empty() {
            writeln!(out, "  \"description\": {},", text(&preamble.note))?;
        }
        let processors = preamble.capacity.unwrap_or(0).max(census.max_processors());
        writeln!(out, "  \"nb_res\": {processors},\n  \"jobs\": [")?;
        let names = census.has_repeated_ids().then(Map::default);
        Ok(Workload { out, run_times: BTreeSet::new(), names, any: false })
    }

    /// Writes a job. Rows that the census has left out are passed over.
    pub(super) fn job(&mut self, row: &Row) -> io::Result<()> {
        let Some(run_time) = row.run_time.filter(|_| left_out(Target::Batsim, row).is_none()) else {
            return Ok(());
        };
        self.run_times.insert(run_time);
        let id = self.id(row);
        let comma = if std::mem::replace(&mut self.any, true) { ",\n" } else { "" };
        let limit = row.estimate.map(|span| format!(", \"walltime\": {}", seconds(span))).unwrap_or_default();
        let submit = seconds(Span(row.submit.0));
        write!(
            self.out,
            "{comma}    {{\"id\": {}, \"subtime\": {submit}, \"res\": {}{limit}, \"profile\": {}}}",
            text(&id),
            row.processors,
            text(&profile(run_time)),
        )
    }

    /// The name, or the number; jobs of the same name are told apart by a count.
    fn id(&mut self, row: &Row) -> String {
        let label = row.label();
        let Some(names) = &mut self.names else { return label };
        let mut candidate = label.clone();
        while names.contains_key(&candidate) {
            let count = names.entry(label.clone()).or_insert(1);
            *count += 1;
            candidate = format!("{label}#{count}");
        }
        names.insert(candidate.clone(), 1);
        candidate
    }

    /// Writes the profiles.
    pub(super) fn end(self) -> io::Result<()> {
        self.out.write_all(b"\n  ],\n  \"profiles\": {\n")?;
        for (index, run_time) in self.run_times.iter().enumerate() {
            let comma = if index > 0 { ",\n" } else { "" };
            let (name, delay) = (profile(*run_time), seconds(*run_time));
            write!(self.out, "{comma}    {}: {{\"type\": \"delay\", \"delay\": {delay}}}", text(&name))?;
        }
        self.out.write_all(b"\n  }\n}\n")
    }
}

fn profile(run_time: Span) -> String {
    format!("delay_{}", seconds(run_time))
}

/// Text as JSON.
fn text(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
