//! Tables as CSV (RFC 4180, lines end with a line feed), written fast and byte for byte the same
//! everywhere, with their SHA-256.
//!
//! What the columns mean is not known here.

use sha2::{Digest, Sha256};
use std::fmt::Write as _;
use std::io::{self, Write};

/// Where a table goes.
pub type Sink = Box<dyn Write + Send>;

/// Rows are handed on in pieces of this size.
const PIECE: usize = 1 << 16;
/// Significant digits of floats in files: what two platforms could differ in is beyond them.
const DIGITS: usize = 12;

/// A table that is being written. The first error of its sink is kept and returned at the end;
/// nothing is written after it.
pub struct Table {
    buffer: Vec<u8>,
    sink: Option<Sink>,
    hash: Sha256,
    bytes: u64,
    error: Option<io::Error>,
}

/// A file that was written.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct FileDigest {
    /// Its name within the folder.
    pub name: &'static str,
    /// SHA-256 of its bytes, in hexadecimal.
    pub sha256: String,
    /// How many bytes it has.
    pub bytes: u64,
}

impl std::fmt::Debug for Table {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Table").field("bytes", &self.bytes).finish_non_exhaustive()
    }
}

impl Table {
    /// A table with its header line. Without a sink it is only hashed.
    pub fn new<'a>(sink: Option<Sink>, columns: impl IntoIterator<Item = &'a str>) -> Table {
        let buffer = Vec::with_capacity(PIECE + 1024);
        let mut table = Table { buffer, sink, hash: Sha256::new(), bytes: 0, error: None };
        columns.into_iter().for_each(|column| table.text(column));
        table.end_row();
        table
    }

    /// A cell with a text, in quotes where it needs them.
    pub fn text(&mut self, text: &str) {
        push_text(&mut self.buffer, text);
        self.buffer.push(b',');
    }

    /// A cell with what `write` makes.
    pub fn cell(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        write(&mut self.buffer);
        self.buffer.push(b',');
    }

    /// An empty cell.
    pub fn empty(&mut self) {
        self.buffer.push(b',');
    }

    /// A cell with a whole number.
    pub fn integer(&mut self, value: impl Into<i128>) {
        let value = value.into();
        if let Ok(small) = u64::try_from(value) {
            push_integer(&mut self.buffer, small);
        } else {
            let _ = write!(self.buffer, "{value}");
        }
        self.buffer.push(b',');
    }

    /// A cell with nanoseconds as seconds: exact, without trailing zeros.
    #[inline]
    pub fn seconds(&mut self, nanos: u64) {
        push_decimal(&mut self.buffer, nanos, 9);
        self.buffer.push(b',');
    }

    /// A cell with seconds, empty for `None`.
    pub fn maybe_seconds(&mut self, nanos: Option<u64>) {
        match nanos {
            Some(nanos) => self.seconds(nanos),
            None => self.empty(),
        }
    }

    /// A cell with `value / 10^decimals`, without trailing zeros.
    #[inline]
    pub fn decimal(&mut self, value: u64, decimals: u32) {
        push_decimal(&mut self.buffer, value, decimals);
        self.buffer.push(b',');
    }

    /// A cell with a float, empty for `None`; see [`number`].
    pub fn number(&mut self, value: Option<f64>) {
        if let Some(value) = value {
            self.buffer.extend_from_slice(number(value).as_bytes());
        }
        self.buffer.push(b',');
    }

    /// Ends the row.
    pub fn end_row(&mut self) {
        match self.buffer.last_mut() {
            Some(last) if *last == b',' => *last = b'\n',
            _ => self.buffer.push(b'\n'),
        }
        if self.buffer.len() >= PIECE {
            self.hand_on();
        }
    }

    fn hand_on(&mut self) {
        self.hash.update(&self.buffer);
        self.bytes += self.buffer.len() as u64;
        if self.error.is_none()
            && let Some(sink) = &mut self.sink
        {
            self.error = sink.write_all(&self.buffer).err();
        }
        self.buffer.clear();
    }

    /// Ends the table and gives its digest, or the first error of the sink.
    pub fn finish(mut self, name: &'static str) -> io::Result<FileDigest> {
        self.hand_on();
        if let Some(error) = self.error {
            return Err(error);
        }
        if let Some(sink) = &mut self.sink {
            sink.flush()?;
        }
        Ok(FileDigest { name, sha256: hex(&self.hash.finalize()), bytes: self.bytes })
    }
}

/// SHA-256 in hexadecimal.
pub fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// A float as files show it: rounded to twelve significant digits, shortest form, no exponent; the
/// same on every platform.
pub fn number(value: f64) -> String {
    let value = rounded(value);
    format!("{}", if value == 0.0 { 0.0 } else { value })
}

/// The float nearest to twelve significant digits of `value`.
pub fn rounded(value: f64) -> f64 {
    format!("{value:.*e}", DIGITS - 1).parse().unwrap_or(value)
}

fn push_text(buffer: &mut Vec<u8>, text: &str) {
    // Without a branch in the loop, so that it runs over many bytes at once.
    let special = text.bytes().fold(false, |any, byte| any | matches!(byte, b',' | b'"' | b'\n' | b'\r'));
    if !special {
        buffer.extend_from_slice(text.as_bytes());
        return;
    }
    buffer.push(b'"');
    for byte in text.bytes() {
        if byte == b'"' {
            buffer.push(b'"');
        }
        buffer.push(byte);
    }
    buffer.push(b'"');
}

/// The two digits of every number below a hundred.
const PAIRS: [[u8; 2]; 100] = {
    let mut pairs = [[b'0'; 2]; 100];
    let mut number = 0;
    while number < 100 {
        pairs[number] = [b'0' + (number / 10) as u8, b'0' + (number % 10) as u8];
        number += 1;
    }
    pairs
};

/// Appends the decimal digits of a number.
pub fn push_integer(buffer: &mut Vec<u8>, mut value: u64) {
    let mut digits = [0u8; 20];
    let mut start = digits.len();
    while value >= 100 {
        start -= 2;
        digits[start..start + 2].copy_from_slice(&PAIRS[(value % 100) as usize]);
        value /= 100;
    }
    start -= 2;
    digits[start..start + 2].copy_from_slice(&PAIRS[value as usize]);
    start += usize::from(value < 10);
    buffer.extend_from_slice(&digits[start..]);
}

/// Appends `value / 10^decimals` without trailing zeros; at most nine decimals.
#[inline]
fn push_decimal(buffer: &mut Vec<u8>, value: u64, decimals: u32) {
    debug_assert!(decimals as usize <= PLACES);
    let (scale, rest) = (10u64.pow(decimals), 10u64.pow(PLACES as u32 - decimals));
    push_parts(buffer, value / scale, (value % scale * rest) as u32);
}

/// So many decimals are written and then trimmed: a fixed number is fast.
const PLACES: usize = 9;

/// Appends a number with a fraction in 10^-9.
fn push_parts(buffer: &mut Vec<u8>, whole: u64, mut fraction: u32) {
    push_integer(buffer, whole);
    if fraction == 0 {
        return;
    }
    let mut digits = [b'.'; PLACES + 1];
    for place in [8, 6, 4, 2] {
        digits[place..place + 2].copy_from_slice(&PAIRS[(fraction % 100) as usize]);
        fraction /= 100;
    }
    digits[1] = b'0' + fraction as u8;
    let end = digits.iter().rposition(|&digit| digit != b'0').unwrap_or(0);
    buffer.extend_from_slice(&digits[..=end]);
}

/// A sink that keeps what it receives, for files that are written whole, and for tests.
#[derive(Clone, Debug, Default)]
pub struct Memory(std::sync::Arc<std::sync::Mutex<Vec<u8>>>);

impl Memory {
    /// What it has received so far.
    pub fn bytes(&self) -> Vec<u8> {
        self.0.lock().map_or_else(|poisoned| poisoned.into_inner().clone(), |bytes| bytes.clone())
    }
}

impl Write for Memory {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().map_err(|_| io::Error::other("a writer panicked"))?.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn cells_and_quotes() {
        let memory = Memory::default();
        let mut table = Table::new(Some(Box::new(memory.clone())), ["a", "b_s", "c"]);
        table.text("x, \"y\"");
        table.seconds(1_500_000_001);
        table.integer(-3);
        table.end_row();
        table.empty();
        table.decimal(250, 3);
        table.number(Some(0.1 + 0.2));
        table.end_row();
        let digest = table.finish("t.csv").unwrap();
        let text = String::from_utf8(memory.bytes()).unwrap();
        assert_eq!(text, "a,b_s,c\n\"x, \"\"y\"\"\",1.500000001,-3\n,0.25,0.3\n");
        assert_eq!(digest.sha256, sha256(text.as_bytes()));
        assert_eq!(sha256(b"abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }

    #[test]
    fn numbers_have_no_exponent() {
        for (value, text) in [
            (1e21, "1000000000000000000000"),
            (-0.0, "0"),
            (1.0 / 3.0, "0.333333333333"),
            (1e-9, "0.000000001"),
        ] {
            assert_eq!(number(value), text);
        }
    }

    #[test]
    fn a_failing_sink_is_reported() {
        struct Full;
        impl Write for Full {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::Error::from(io::ErrorKind::StorageFull))
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let error = Table::new(Some(Box::new(Full)), ["a"]).finish("t.csv").unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
    }

    proptest! {
        #[test]
        fn safety_seconds_are_exact(nanos: u64) {
            let mut buffer = Vec::new();
            push_decimal(&mut buffer, nanos, 9);
            let text = String::from_utf8(buffer).unwrap();
            let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
            let back = format!("{whole}{fraction:0<9}");
            prop_assert_eq!(back.parse::<u64>().unwrap(), nanos);
        }
    }
}
