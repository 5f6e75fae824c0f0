//! How the outcome of `conformance batch` looks.

use super::Found;
use crate::conformance::batch::{FILES, Line, SOURCES, Section};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::io::{self, Write};

/// Jobs with another answer that are listed of a run unless all are asked for.
const LISTED: usize = 5;

/// How many answers agree, of how many.
pub(super) fn score(found: &[Found]) -> (usize, usize) {
    let scores = found.iter().flat_map(|found| &found.sections).map(Section::score);
    scores.fold((0, 0), |(agree, total), (here, all)| (agree + here, total + all))
}

/// The files that are needed.
pub(super) fn files() -> String {
    let mut text =
        String::from("Published results are computed again from these files, laid out in one folder:\n");
    for (folder, source) in SOURCES {
        let _ = writeln!(text, "\n{folder}/\n  from {source}");
        for (file, sha256) in FILES.iter().filter(|(file, _)| file.split('/').next() == Some(folder)) {
            let _ = writeln!(text, "  {}\n    sha256 {sha256}", &file[folder.len() + 1..]);
        }
    }
    text.push_str("\nThen: seatrial conformance batch --data FOLDER\n");
    text
}

/// The outcome in 80 columns.
pub(super) fn text(found: &[Found], verbose: bool) -> String {
    let mut text = String::new();
    let mut table = "";
    for found in found {
        if found.table != table {
            table = found.table;
            let _ = writeln!(text, "{}{table}", if text.is_empty() { "" } else { "\n" });
            let _ = writeln!(text, "{:<42}{:>13}{:>13}{:>12}", "", "published", "ours", "difference");
        }
        for note in &found.notes {
            let _ = writeln!(text, "  left out: {note}");
        }
        for section in &found.sections {
            of_section(&mut text, section, verbose);
        }
    }
    let (agree, total) = score(found);
    let _ = writeln!(text, "\nconformance: {agree} of {total} agree");
    text
}

fn of_section(text: &mut String, section: &Section, verbose: bool) {
    let _ = writeln!(text, "  {}, {}", section.workload, section.variant);
    for line in &section.lines {
        let Line { what, published, ours, difference, agrees } = line;
        let mark = match agrees {
            Some(true) => "",
            Some(false) => "  !",
            None => "  (told)",
        };
        let row = format!("    {what:<38}{published:>13}{ours:>13}{difference:>12}{mark}");
        let _ = writeln!(text, "{}", row.trim_end());
    }
    for jobs in &section.jobs {
        let same = jobs.total - jobs.deviations.len().min(jobs.total);
        let _ = writeln!(text, "    {}: {same} of {} jobs agree", jobs.what, jobs.total);
        let shown = if verbose { usize::MAX } else { LISTED };
        for deviation in jobs.deviations.iter().take(shown) {
            let what = format!("job {}", deviation.job);
            let _ = writeln!(text, "      {what:<36}{:>13}{:>13}", deviation.published, deviation.ours);
        }
        if jobs.deviations.len() > shown {
            let _ = writeln!(text, "      and {} more (--verbose)", jobs.deviations.len() - shown);
        }
    }
}

/// The outcome for machines.
pub(super) fn json(found: &[Found]) -> String {
    let section = |section: &Section| {
        let lines: Vec<Value> = section
            .lines
            .iter()
            .map(|line| {
                json!({"what": line.what, "published": line.published, "ours": line.ours, "agrees": line.agrees})
            })
            .collect();
        let jobs: Vec<Value> = section
            .jobs
            .iter()
            .map(|jobs| {
                let deviations: Vec<Value> = jobs
                    .deviations
                    .iter()
                    .map(|one| json!({"job": one.job, "published": one.published, "ours": one.ours}))
                    .collect();
                json!({"what": jobs.what, "total": jobs.total, "deviations": deviations})
            })
            .collect();
        json!({"workload": section.workload, "variant": section.variant, "numbers": lines, "jobs": jobs})
    };
    let tables: Vec<Value> = found
        .iter()
        .map(|found| {
            let sections: Vec<Value> = found.sections.iter().map(section).collect();
            json!({"table": found.table, "runs": sections, "leftOut": found.notes})
        })
        .collect();
    let (agree, total) = score(found);
    format!("{:#}\n", json!({"results": tables, "agree": agree, "total": total}))
}

/// Our start of every job.
pub(super) fn answers(found: &[Found], out: &mut dyn Write) -> io::Result<()> {
    let mut writer = csv::Writer::from_writer(out);
    writer.write_record(["table", "workload", "variant", "job", "start_s", "machines"])?;
    for found in found {
        for section in &found.sections {
            for answer in &section.answers {
                let start = answer.start.to_string();
                let (workload, variant) = (section.workload.as_str(), section.variant.as_str());
                writer.write_record([
                    found.table,
                    workload,
                    variant,
                    &answer.job,
                    &start,
                    &answer.machines,
                ])?;
            }
        }
    }
    writer.flush()
}
