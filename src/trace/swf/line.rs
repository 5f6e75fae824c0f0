//! One job line of SWF: 18 numbers, and how to recognise what is something else.

use super::super::number::{Number, NumberError};
use crate::base::Span;

/// Fields of a job line.
pub(super) const FIELDS: usize = 18;

/// Variants of the format whose first 18 fields mean the same.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Dialect {
    /// 18 fields.
    Standard,
    /// Alea: 21 fields, with processors in braces, a queue's name and a node specification.
    Alea,
    /// Alea's workflows: 20 fields below a row of column names; the preceding jobs separated by `&`.
    AleaWorkflow,
    /// The Slurm simulator: fields separated by `;`.
    Slurm,
}

impl Dialect {
    /// How reports call it.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Dialect::Standard => "swf",
            Dialect::Alea => "swf (Alea, 21 fields)",
            Dialect::AleaWorkflow => "swf (Alea workflows, 20 fields)",
            Dialect::Slurm => "swf (Slurm simulator, fields separated by `;`)",
        }
    }

    const fn fields(self) -> usize {
        match self {
            Dialect::Standard | Dialect::Slurm => FIELDS,
            Dialect::Alea => 21,
            Dialect::AleaWorkflow => 20,
        }
    }
}

/// The values of a job line. Negative times are `None`: unknown.
#[derive(Clone, Copy, Debug)]
pub(super) struct Job {
    pub(super) line: u64,
    pub(super) number: i64,
    /// Nanoseconds; `None` if negative.
    pub(super) submit: Option<u64>,
    pub(super) wait: Option<Span>,
    pub(super) run: Option<Span>,
    pub(super) allocated: i64,
    pub(super) requested: i64,
    pub(super) estimate: Option<Span>,
    /// Requested memory of the whole job in bytes; 0 unknown.
    pub(super) memory: i64,
    pub(super) status: i64,
    pub(super) user: i32,
    pub(super) group: i32,
    pub(super) queue: i32,
    pub(super) partition: i32,
    pub(super) preceding: i64,
    pub(super) think: Option<Span>,
}

/// What is wrong with a line, and the bytes that show it.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) message: String,
    pub(super) help: String,
}

/// The names of the fields, for messages.
pub(super) const NAMES: [&str; FIELDS] = [
    "job number",
    "submit time",
    "wait time",
    "run time",
    "allocated processors",
    "average CPU time",
    "used memory",
    "requested processors",
    "requested time",
    "requested memory",
    "status",
    "user",
    "group",
    "executable",
    "queue",
    "partition",
    "preceding job",
    "think time",
];

/// The field of the preceding job, from 0.
const PRECEDING: usize = 16;

/// The numbers of the 18 fields.
type Values = [Number; FIELDS];

/// Reads a job line.
pub(super) fn parse(text: &[u8], line: u64, dialect: Dialect) -> Result<Job, Fault> {
    let mut values: Values = [Number::default(); FIELDS];
    let mut at = 0;
    for (field, value) in values.iter_mut().enumerate() {
        let word = next_word(text, at);
        if field == PRECEDING && dialect == Dialect::AleaWorkflow {
            *value = Number { negative: true, whole: 1, nano: 0 };
            at = word.1;
            continue;
        }
        match Number::parse(&text[word.0..word.1]) {
            Ok(number) => *value = number,
            Err(_) => return Err(explain(text, dialect)),
        }
        at = word.1;
    }
    if dialect == Dialect::Standard {
        let rest = next_word(text, at);
        if rest.0 < rest.1 {
            return Err(explain(text, dialect));
        }
    } else if words(text).count() != dialect.fields() {
        return Err(explain(text, dialect));
    }
    job(&values, line).map_err(|(field, error)| field_fault(text, field, error, dialect))
}

/// The jobs before a job of Alea's workflows: `1&2&3`, or -1 for none.
pub(super) fn predecessors(text: &[u8]) -> Result<Vec<i64>, Fault> {
    let (start, end) = words(text).nth(PRECEDING).unwrap_or((0, 0));
    let mut numbers = Vec::new();
    for word in text[start..end].split(|byte| *byte == b'&') {
        let number = Number::parse(word).and_then(Number::integer);
        match number.map_err(|error| field_fault(text, PRECEDING, error, Dialect::AleaWorkflow))? {
            number if number < 0 => {}
            number => numbers.push(number),
        }
    }
    Ok(numbers)
}

/// The dialect that the first line of data is written in. Errors: a format that is not read here.
pub(super) fn recognise(text: &[u8]) -> Result<Dialect, Fault> {
    let whole = |message: &str, help: &str| Fault {
        start: 0,
        end: text.len(),
        message: message.to_owned(),
        help: help.to_owned(),
    };
    let mut fields = words(text);
    let first = fields.next().map_or(&text[..0], |(start, end)| &text[start..end]);
    if first.contains(&b';') && first.first().is_some_and(u8::is_ascii_digit) {
        return Ok(Dialect::Slurm);
    }
    let lower = text.to_ascii_lowercase();
    if first.first().is_some_and(u8::is_ascii_alphabetic) && contains(&lower, b"submit") {
        return if contains(&lower, b"dag") && words(text).count() >= 19 {
            Ok(Dialect::AleaWorkflow)
        } else {
            Err(whole(
                "a row of column names, which SWF does not have",
                "remove it, or name the right format",
            ))
        };
    }
    if first.starts_with(b"{") || first.starts_with(b"[") {
        return Err(whole("this looks like JSON, not like SWF", "name the right format"));
    }
    if first.split(|byte| *byte == b',').count() > 2 {
        return Err(whole(
            "this looks like a table separated by commas, not like SWF",
            "name the right format",
        ));
    }
    let alea = words(text).nth(FIELDS).is_some_and(|(start, _)| text[start] == b'{');
    Ok(if alea { Dialect::Alea } else { Dialect::Standard })
}

/// Start and end of the next word at or after `at`; empty at the end of the line.
fn next_word(text: &[u8], at: usize) -> (usize, usize) {
    let mut start = at;
    while start < text.len() && is_blank(text[start]) {
        start += 1;
    }
    let mut end = start;
    while end < text.len() && !is_blank(text[end]) {
        end += 1;
    }
    (start, end)
}

/// Space, tab and the other control characters that ASCII counts as blank.
pub(super) const fn is_blank(byte: u8) -> bool {
    byte == b' ' || (byte >= b'\t' && byte <= b'\r')
}

fn words(text: &[u8]) -> impl Iterator<Item = (usize, usize)> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let word = next_word(text, at);
        at = word.1;
        (word.0 < word.1).then_some(word)
    })
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}

/// The values by their meaning; the error names the field, from 0.
fn job(values: &Values, line: u64) -> Result<Job, (usize, NumberError)> {
    let time = |field: usize| match values[field] {
        value if value.negative => Ok(None),
        value => value.nanoseconds().map(|nanos| Some(Span(nanos))).map_err(|error| (field, error)),
    };
    let integer = |field: usize| values[field].integer().map_err(|error| (field, error));
    let small = |field: usize| values[field].small().map_err(|error| (field, error));
    let (allocated, requested) = (i64::from(small(4)?), i64::from(small(7)?));
    let kilobytes = if values[9].negative { 0 } else { values[9].whole as i64 };
    let memory = kilobytes
        .checked_mul(1024)
        .and_then(|bytes| bytes.checked_mul(allocated.max(requested).max(1)))
        .ok_or((9, NumberError::TooLarge))?;
    Ok(Job {
        line,
        number: integer(0)?,
        submit: time(1)?.map(|span| span.0),
        wait: time(2)?,
        run: time(3)?,
        allocated,
        requested,
        estimate: time(8)?.filter(|estimate| *estimate > Span::ZERO),
        memory,
        status: integer(10)?,
        user: small(11)?,
        group: small(12)?,
        queue: small(14)?,
        partition: small(15)?,
        preceding: integer(16)?,
        think: time(17)?,
    })
}

/// Why a line that did not read is not a job line: the number of fields first, then the first field
/// that is no number.
#[cold]
fn explain(text: &[u8], dialect: Dialect) -> Fault {
    let (found, expected) = (words(text).count(), dialect.fields());
    if let (Dialect::Standard, Err(fault)) = (dialect, recognise(text)) {
        return fault;
    }
    if found != expected {
        let start = words(text).nth(expected).or_else(|| words(text).next()).map_or(0, |word| word.0);
        return Fault {
            start,
            end: text.len(),
            message: format!("expected {expected} fields, found {found}"),
            help: "a job line of SWF has 18 numbers, -1 for what is unknown".into(),
        };
    }
    let wrong = words(text)
        .take(FIELDS)
        .enumerate()
        .filter(|(field, _)| *field != PRECEDING || dialect != Dialect::AleaWorkflow)
        .find_map(|(field, (start, end))| Number::parse(&text[start..end]).err().map(|error| (field, error)));
    let (field, error) = wrong.unwrap_or((0, NumberError::NotANumber));
    field_fault(text, field, error, dialect)
}

#[cold]
fn field_fault(text: &[u8], field: usize, error: NumberError, dialect: Dialect) -> Fault {
    let (start, end) = words(text).nth(field).unwrap_or((0, 0));
    let help = if dialect == Dialect::AleaWorkflow && field == PRECEDING {
        "write the numbers of the jobs before it, separated by `&`, or -1".into()
    } else {
        "write a number, or -1 if it is unknown".into()
    };
    Fault {
        start,
        end,
        message: format!("{}: {} (field {})", NAMES[field], error.message(), field + 1),
        help,
    }
}
