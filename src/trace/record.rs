//! Tables separated by commas, one record a line, with a row of column names: what `openb` and
//! `table` have in common.
//!
//! A line without quotes is split by hand; one with quotes goes through the `csv` crate.

use super::input::Input;
use super::number::{Number, NumberError};
use crate::base::diagnostic::suggest;
use crate::base::{Diagnostic, Location};

/// The most columns of a table: a bound on what a file that is no table can cost.
const MAX_COLUMNS: usize = 1_000;

/// Whether a text is one of the usual spellings of "missing".
pub(super) fn is_missing(text: &[u8]) -> bool {
    matches!(text, b"" | b"nan" | b"NaN" | b"None" | b"NULL" | b"null" | b"NA" | b"-1")
}

/// A table being read record by record.
pub(super) struct Records {
    pub(super) input: Input,
    separator: u8,
    names: Vec<String>,
    /// The ends of the fields in the line, or in `unquoted` where that is not empty.
    ends: Vec<u32>,
    /// The fields of a line with quotes, after each other, each followed by a comma.
    unquoted: Vec<u8>,
}

impl Records {
    /// Reads the row of column names. Lines that are blank or begin with `#` are skipped, here and
    /// later.
    pub(super) fn new(input: Input) -> Result<Records, Diagnostic> {
        Records::separated_by(b',', input)
    }

    /// A table without a row of names, whose columns are called so here.
    pub(super) fn without_names(input: Input, names: &[&str]) -> Records {
        let names = names.iter().map(|name| (*name).to_owned()).collect();
        Records { input, separator: b',', names, ends: Vec::new(), unquoted: Vec::new() }
    }

    /// The same as [`Records::new`], with another separator than the comma; then quotes mean nothing.
    pub(super) fn separated_by(separator: u8, input: Input) -> Result<Records, Diagnostic> {
        let (names, ends) = (Vec::new(), Vec::new());
        let mut records = Records { input, separator, names, ends, unquoted: Vec::new() };
        if !records.next_line()? {
            let place = Location::file(records.input.name().clone());
            return Err(
                Diagnostic::error(place, "the table is empty").help("the first line names the columns")
            );
        }
        if records.ends.len() > MAX_COLUMNS {
            let message = format!("more than {MAX_COLUMNS} columns");
            return Err(Diagnostic::error(records.input.location(0), message).help("is this a table?"));
        }
        for field in 0..records.ends.len() {
            let name = records.text(field)?.trim().to_owned();
            if records.names.contains(&name) {
                return Err(records.fault(field, "the column is named twice"));
            }
            records.names.push(name);
        }
        Ok(records)
    }

    /// The names of the columns.
    pub(super) fn names(&self) -> &[String] {
        &self.names
    }

    /// The column of that name.
    pub(super) fn column(&self, name: &str) -> Option<usize> {
        self.names.iter().position(|column| column == name)
    }

    /// The column that one of the names has; an error names the first of them.
    pub(super) fn needed(&self, names: &[&str]) -> Result<usize, Diagnostic> {
        names.iter().find_map(|name| self.column(name)).ok_or_else(|| {
            let message = format!("the table lacks the column `{}`", names[0]);
            Diagnostic::error(self.input.location(0), message)
        })
    }

    /// The field, unless it is one of the spellings of "missing".
    pub(super) fn present(&self, field: usize) -> Option<usize> {
        (!is_missing(self.field(field))).then_some(field)
    }

    /// Goes to the next record; false at the end. A record must have as many fields as there are
    /// columns.
    pub(super) fn next(&mut self) -> Result<bool, Diagnostic> {
        if !self.next_line()? {
            return Ok(false);
        }
        if self.ends.len() != self.names.len() {
            let message = format!("expected {} fields, found {}", self.names.len(), self.ends.len());
            let text = String::from_utf8_lossy(self.input.text());
            return Err(Diagnostic::error(self.input.location(0), message).found(text));
        }
        Ok(true)
    }

    /// The bytes of all fields of the current record, in order.
    pub(super) fn fields(&self) -> impl Iterator<Item = &[u8]> {
        let text = if self.unquoted.is_empty() { self.input.text() } else { &self.unquoted[..] };
        let mut start = 0;
        self.ends.iter().map(move |&end| {
            let field = &text[start..end as usize];
            start = end as usize + 1;
            field
        })
    }

    /// The bytes of a field of the current record.
    pub(super) fn field(&self, field: usize) -> &[u8] {
        let start = if field == 0 { 0 } else { self.ends[field - 1] as usize + 1 };
        let end = self.ends[field] as usize;
        if self.unquoted.is_empty() { &self.input.text()[start..end] } else { &self.unquoted[start..end] }
    }

    /// A field as text, which must be UTF-8.
    pub(super) fn text(&self, field: usize) -> Result<&str, Diagnostic> {
        std::str::from_utf8(self.field(field)).map_err(|_| self.fault(field, "the text is not UTF-8"))
    }

    /// A finding about a field of the current record.
    #[cold]
    pub(super) fn fault(&self, field: usize, message: impl Into<String>) -> Diagnostic {
        let name = self.names.get(field).map_or("", String::as_str);
        let message = message.into();
        let message = if name.is_empty() { message } else { format!("{name}: {message}") };
        let text = String::from_utf8_lossy(self.field(field)).into_owned();
        Diagnostic::error(self.input.location(self.place(field)), message).found(text)
    }

    /// A finding about a number in a field.
    #[cold]
    pub(super) fn number_fault(&self, field: usize, error: NumberError) -> Diagnostic {
        self.fault(field, error.message())
    }

    /// A finding about the name of a column, with the nearest of the known ones.
    #[cold]
    pub(super) fn unknown_column<'a>(
        &self,
        field: usize,
        known: impl Iterator<Item = &'a str> + Clone,
    ) -> Diagnostic {
        let name = &self.names[field];
        let place = Location { line: self.input.location(0).line, ..self.input.location(self.place(field)) };
        let help = suggest(name, known.clone()).map_or_else(
            || format!("known columns: {}", known.collect::<Vec<_>>().join(", ")),
            |near| format!("did you mean `{near}`?"),
        );
        Diagnostic::error(place, "unknown column").found(name).help(help)
    }

    /// A field as a whole number that is not negative.
    pub(super) fn count(&self, field: usize) -> Result<i64, Diagnostic> {
        match Number::parse(self.field(field)).and_then(Number::integer) {
            Ok(number) if number < 0 => Err(self.number_fault(field, NumberError::Negative)),
            Ok(number) => Ok(number),
            Err(error) => Err(self.number_fault(field, error)),
        }
    }

    /// A field as a number.
    pub(super) fn number(&self, field: usize) -> Result<Number, Diagnostic> {
        Number::parse(self.field(field)).map_err(|error| self.number_fault(field, error))
    }

    /// A field as a whole number, which may be negative.
    pub(super) fn integer(&self, field: usize) -> Result<i64, Diagnostic> {
        self.number(field)?.integer().map_err(|error| self.number_fault(field, error))
    }

    /// A field as a multiple of `unit`, rounded up: a request must not shrink.
    pub(super) fn multiple(&self, field: usize, unit: i64) -> Result<i64, Diagnostic> {
        let number = self.number(field)?;
        if number.negative {
            return Err(self.number_fault(field, NumberError::Negative));
        }
        number.multiple(unit).map_err(|error| self.number_fault(field, error))
    }

    /// A field as a time in nanoseconds; the field holds seconds.
    pub(super) fn seconds(&self, field: usize) -> Result<u64, Diagnostic> {
        let number = Number::parse(self.field(field)).map_err(|error| self.number_fault(field, error))?;
        if number.negative {
            return Err(self.number_fault(field, NumberError::Negative));
        }
        number.nanoseconds().map_err(|error| self.number_fault(field, error))
    }

    /// Goes to the next line that holds a record and splits it.
    fn next_line(&mut self) -> Result<bool, Diagnostic> {
        self.ends.clear();
        self.unquoted.clear();
        loop {
            if !self.input.advance()? {
                return Ok(false);
            }
            let text = self.input.text();
            if !text.starts_with(b"#") && !text.iter().all(u8::is_ascii_whitespace) {
                break;
            }
        }
        let text = self.input.text();
        let mut quoted = false;
        for (at, &byte) in text.iter().enumerate() {
            if byte == self.separator {
                self.ends.push(at as u32);
            }
            quoted |= byte == b'"' && self.separator == b',';
        }
        self.ends.push(text.len() as u32);
        if quoted { self.split_quoted() } else { Ok(true) }
    }

    fn split_quoted(&mut self) -> Result<bool, Diagnostic> {
        let text = self.input.text();
        let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(text);
        let mut record = csv::ByteRecord::new();
        let read = reader.read_byte_record(&mut record);
        let open = text.iter().fold(false, |open, byte| open ^ (*byte == b'"'));
        if open || read.is_err() {
            return Err(Diagnostic::error(self.input.location(0), "a quoted value does not end on its line")
                .found(String::from_utf8_lossy(text))
                .help("write a quote inside a quoted value twice"));
        }
        self.ends.clear();
        for field in &record {
            self.unquoted.extend_from_slice(field);
            self.ends.push(self.unquoted.len() as u32);
            self.unquoted.push(b',');
        }
        Ok(true)
    }

    /// The column at which a field begins, in characters from 1; the start of the line where quotes
    /// hide it.
    fn place(&self, field: usize) -> u32 {
        if field == 0 || !self.unquoted.is_empty() {
            return 1;
        }
        let before = &self.input.text()[..=self.ends[field - 1] as usize];
        u32::try_from(String::from_utf8_lossy(before).chars().count() + 1).unwrap_or(u32::MAX)
    }
}
