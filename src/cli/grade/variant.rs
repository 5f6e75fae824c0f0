//! A student's own exercise: the tables of jobs with some cells drawn from lists.

use super::exercise::Variant;
use crate::base::rng::{Purpose, Streams, key_of};
use crate::base::{Diagnostic, Location};
use crate::scenario::At;
use std::path::Path;

/// The column of run times, and the one of estimates that follows it where both were equal.
const RUN_TIME: &str = "run_time_s";
const ESTIMATE: &str = "estimate_s";

/// The seed of a student's name, however it is capitalised.
pub(super) fn seed_of(student: &str) -> u64 {
    key_of(&student.trim().to_lowercase())
}

/// A table of jobs.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Jobs {
    pub(super) head: Vec<String>,
    pub(super) rows: Vec<Vec<String>>,
}

impl Jobs {
    /// Reads a table in seatrial's own format, without its comments.
    pub(super) fn read(file: &Path) -> Result<Jobs, Diagnostic> {
        let wrong = |error: csv::Error| {
            let line = error.position().map_or(0, |at| at.line() as u32);
            let at = Location { line, ..Location::file(file.display().to_string()) };
            Diagnostic::error(at, format!("the table of jobs cannot be read: {error}"))
        };
        let mut reader =
            csv::ReaderBuilder::new().comment(Some(b'#')).flexible(true).from_path(file).map_err(wrong)?;
        let head = reader.headers().map_err(wrong)?.iter().map(str::to_owned).collect();
        let rows = reader
            .records()
            .map(|row| Ok(row.map_err(wrong)?.iter().map(str::to_owned).collect()))
            .collect::<Result<_, Diagnostic>>()?;
        Ok(Jobs { head, rows })
    }

    fn column(&self, name: &str) -> Option<usize> {
        self.head.iter().position(|column| column == name)
    }

    /// Which row a job has: that with the name, or the number, or at that place.
    fn row(&self, job: &str) -> Option<usize> {
        let by = |column: &str| {
            let column = self.column(column)?;
            self.rows.iter().position(|row| row.get(column).is_some_and(|cell| cell == job))
        };
        let by_place = || {
            let place: usize = job.parse().ok()?;
            (self.column("number").is_none() && (1..=self.rows.len()).contains(&place)).then(|| place - 1)
        };
        by("name").or_else(|| by("number")).or_else(by_place)
    }

    /// Draws what differs for a seed.
    pub(super) fn draw(&mut self, seed: u64, variants: &[At<Variant>]) -> Result<(), Diagnostic> {
        for variant in variants {
            let column = self
                .column(&variant.column)
                .ok_or_else(|| variant.column.error("the table of jobs has no such column"))?;
            let row = self
                .row(&variant.job.value.0)
                .ok_or_else(|| variant.job.error("the table has no job of this number or name"))?;
            let key = key_of(&format!("{} {}", variant.job.value.0, variant.column.value));
            let mut stream = Streams::new(seed).stream(Purpose::Exercise, key);
            let value = variant.values[stream.below(variant.values.len() as u64) as usize].value.0.clone();
            let estimate = self.column(ESTIMATE).filter(|_| variant.column.value == RUN_TIME);
            let cells = &mut self.rows[row];
            if let Some(estimate) = estimate
                && cells.get(estimate) == cells.get(column)
                && let Some(cell) = cells.get_mut(estimate)
            {
                cell.clone_from(&value);
            }
            if let Some(cell) = cells.get_mut(column) {
                *cell = value;
            }
        }
        Ok(())
    }

    /// The table as it is read.
    pub(super) fn csv(&self) -> Vec<u8> {
        let mut writer = csv::WriterBuilder::new().flexible(true).from_writer(Vec::new());
        let written =
            std::iter::once(&self.head).chain(&self.rows).try_for_each(|row| writer.write_record(row));
        debug_assert!(written.is_ok(), "memory takes everything");
        writer.into_inner().unwrap_or_default()
    }

    /// The table for a person: columns under each other.
    pub(super) fn lines(&self) -> Vec<String> {
        let all = || std::iter::once(&self.head).chain(&self.rows);
        let width = |column: usize| {
            all().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..self.head.len()).map(width).collect();
        let line = |row: &Vec<String>| {
            let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:>width$}"));
            cells.collect::<Vec<String>>().join("  ")
        };
        all().map(line).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::changed::read_bytes;

    #[derive(serde::Deserialize)]
    struct List {
        variants: Vec<At<Variant>>,
    }

    fn variants(text: &str) -> Vec<At<Variant>> {
        read_bytes::<List>(&"g.yaml".into(), text.as_bytes(), "").unwrap().0.variants
    }

    fn jobs() -> Jobs {
        let cells = |row: [&str; 3]| row.map(str::to_owned).to_vec();
        Jobs {
            head: cells(["number", RUN_TIME, ESTIMATE]),
            rows: vec![cells(["1", "10", "10"]), cells(["2", "20", "30"])],
        }
    }

    #[test]
    fn a_seed_always_draws_the_same_and_estimates_follow_where_they_were_true() {
        let variants = variants(
            "variants:\n- {job: 1, column: run_time_s, values: [40, 50, 60]}\n- {job: 2, column: run_time_s, values: [70]}\n",
        );
        let drawn = |seed| {
            let mut jobs = jobs();
            jobs.draw(seed, &variants).unwrap();
            jobs.rows
        };
        assert_eq!(drawn(7), drawn(7));
        assert_eq!(drawn(7)[0][1], drawn(7)[0][2]);
        assert_eq!(drawn(7)[1], ["2", "70", "30"]);
        let first: std::collections::BTreeSet<String> =
            (0..40).map(|seed| drawn(seed)[0][1].clone()).collect();
        assert_eq!(first.len(), 3, "every value is drawn by some seed");
        assert_eq!(seed_of(" Ann"), seed_of("ann"));
        assert_ne!(seed_of("ann"), seed_of("bob"));
    }

    #[test]
    fn what_is_not_in_the_table_is_said() {
        for (text, message) in [
            ("{job: 9, column: run_time_s, values: [1]}", "the table has no job of this number or name"),
            ("{job: 1, column: cpu, values: [1]}", "the table of jobs has no such column"),
        ] {
            let finding = jobs().draw(1, &variants(&format!("variants: [{text}]\n"))).unwrap_err();
            assert_eq!((finding.message.as_str(), finding.location.line), (message, 1));
        }
    }

    #[test]
    fn tables_are_lined_up() {
        assert_eq!(jobs().lines()[0], "number  run_time_s  estimate_s");
        assert_eq!(jobs().lines()[2], "     2          20          30");
        assert_eq!(jobs().csv(), b"number,run_time_s,estimate_s\n1,10,10\n2,20,30\n");
    }
}
