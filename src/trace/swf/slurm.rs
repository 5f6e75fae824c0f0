//! The dialect of the Slurm simulator: fields separated by `;`, users and queues by name.
//!
//! Source: the tutorials of <https://github.com/ubccr-slurm-simulator/slurm_sim_tools>. A run time of -1
//! stands for a job that runs until its limit.

use super::super::names::Names;
use super::super::number::Number;
use super::super::report::Header;
use super::line::{Fault, Job, NAMES};
use crate::base::Span;

/// Fields without the empty one behind the last separator.
const FIELDS: usize = 18;

/// The names of a file.
pub(super) struct SlurmNames {
    users: Names,
    groups: Names,
    queues: Names,
    partitions: Names,
}

impl SlurmNames {
    pub(super) fn new() -> SlurmNames {
        SlurmNames {
            users: Names::new("User"),
            groups: Names::new("Group"),
            queues: Names::new("Queue"),
            partitions: Names::new("Partition"),
        }
    }

    /// Reads a job line.
    pub(super) fn parse(&mut self, text: &[u8], line: u64, header: &mut Header) -> Result<Job, Fault> {
        let whole = text.trim_ascii();
        let whole = whole.strip_suffix(b";").unwrap_or(whole);
        let fields: Vec<&[u8]> = whole.split(|byte| *byte == b';').map(<[u8]>::trim_ascii).collect();
        if fields.len() != FIELDS {
            let message = format!("expected {FIELDS} fields, found {}", fields.len());
            let help = "a job line of the Slurm simulator has 18 fields, each followed by `;`".to_owned();
            return Err(Fault { start: 0, end: text.len(), message, help });
        }
        let fault = |field: usize, message: &str| {
            let start = fields[..field].iter().map(|field| field.len() + 1).sum::<usize>().min(text.len());
            Fault {
                start,
                end: (start + fields[field].len()).min(text.len()),
                message: format!("{}: {message} (field {})", NAMES[field], field + 1),
                help: "write a number, or -1 if it is unknown".to_owned(),
            }
        };
        let number =
            |field: usize| Number::parse(fields[field]).map_err(|error| fault(field, error.message()));
        let time = |field: usize| match number(field)? {
            value if value.negative => Ok(None),
            value => value.nanoseconds().map(Some).map_err(|error| fault(field, error.message())),
        };
        let small = |field: usize| {
            number(field)?.small().map(i64::from).map_err(|error| fault(field, error.message()))
        };
        let estimate = time(8)?.filter(|estimate| *estimate > 0).map(Span);
        Ok(Job {
            line,
            number: number(0)?.integer().map_err(|error| fault(0, error.message()))?,
            submit: time(1)?,
            wait: time(2)?.map(Span),
            run: time(3)?.map(Span).or(estimate),
            allocated: small(4)?,
            requested: small(7)?,
            estimate,
            // Field 7 holds the memory of a node in MiB, which no field of the standard is for.
            memory: i64::from(!number(6)?.negative),
            status: small(10)?,
            user: self.users.number(fields[11], header),
            group: self.groups.number(fields[12], header),
            queue: self.queues.number(fields[14], header),
            partition: self.partitions.number(fields[15], header),
            preceding: -1,
            think: None,
        })
    }
}
