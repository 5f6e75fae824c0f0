//! Inputs as streams of lines: files, standard input, gzip by its first bytes, a sha256 on the way.
//!
//! Opens files, because a trace may be larger than memory. Knows nothing of what the lines mean.

use crate::base::{Diagnostic, Location};
use flate2::bufread::MultiGzDecoder;
use sha2::{Digest, Sha256};
use std::fmt::Write as _;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;
use std::sync::Arc;

/// The longest line that is read, in bytes. The longest of the public traces has some hundred
/// kilobytes; without a bound, a binary file would be read into memory whole.
pub const MAX_LINE: usize = 16 << 20;

/// The largest whole input that [`read_all`] returns, in bytes after decompression: a guard against
/// small files that unpack to more than memory.
pub const MAX_WHOLE: u64 = 2 << 30;

/// The name of standard input in diagnostics.
pub const STDIN: &str = "<stdin>";

/// The buffer at the start; it grows only for longer lines.
const BUFFER: usize = 256 << 10;

/// Bytes looked at to recognise a compression.
const MAGIC: usize = 6;

/// A source of bytes, counted and hashed as they are taken.
struct Raw {
    /// Bytes read to recognise the compression, not yet handed on.
    head: Vec<u8>,
    reader: Box<dyn Read + Send>,
    hash: Sha256,
}

impl Read for Raw {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = if self.head.is_empty() {
            self.reader.read(buffer)?
        } else {
            let length = self.head.len().min(buffer.len());
            buffer[..length].copy_from_slice(&self.head[..length]);
            self.head.drain(..length);
            length
        };
        self.hash.update(&buffer[..length]);
        Ok(length)
    }
}

/// The bytes as stored or unpacked on the way.
enum Source {
    Plain(Raw),
    Gzip(Box<MultiGzDecoder<BufReader<Raw>>>),
}

impl Source {
    fn raw(&mut self) -> &mut Raw {
        match self {
            Source::Plain(raw) => raw,
            Source::Gzip(decoder) => decoder.get_mut().get_mut(),
        }
    }
}

impl Read for Source {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Source::Plain(raw) => raw.read(buffer),
            Source::Gzip(decoder) => decoder.read(buffer),
        }
    }
}

/// An input being read line by line. Memory: one buffer, at most [`MAX_LINE`].
pub struct Input {
    name: Arc<str>,
    source: Source,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    ended: bool,
    line: u64,
    bytes: u64,
    /// Where the line read last stands in the buffer.
    text: std::ops::Range<usize>,
}

impl Input {
    /// Opens the file at `path`, or takes `stdin` if the path is `-`. Directories, missing files and
    /// compressions other than gzip are diagnostics.
    pub fn open(path: &Path, stdin: Option<Box<dyn Read + Send>>) -> Result<Input, Diagnostic> {
        if path.as_os_str() == "-" {
            let missing = || failure(STDIN, "standard input cannot be read here").help("name a file");
            return Input::new(STDIN, stdin.ok_or_else(missing)?);
        }
        let name = path.display().to_string();
        let metadata = std::fs::metadata(path).map_err(|error| cannot_open(&name, &error))?;
        if metadata.is_dir() {
            return Err(failure(&name, "a folder where a file is needed"));
        }
        let file = std::fs::File::open(path).map_err(|error| cannot_open(&name, &error))?;
        Input::new(&name, Box::new(file))
    }

    /// An input over any reader; `name` is what diagnostics call it.
    pub fn new(name: &str, mut reader: Box<dyn Read + Send>) -> Result<Input, Diagnostic> {
        let mut head = Vec::with_capacity(MAGIC);
        reader
            .by_ref()
            .take(MAGIC as u64)
            .read_to_end(&mut head)
            .map_err(|error| failure(name, format!("cannot be read: {error}")))?;
        let gzip = head.starts_with(&[0x1f, 0x8b]);
        if let Some(kind) = unsupported(&head) {
            return Err(failure(name, format!("the file is {kind}, which is not read here"))
                .help("unpack it first; plain text and gzip are read"));
        }
        let raw = Raw { head, reader, hash: Sha256::new() };
        let source = if gzip {
            Source::Gzip(Box::new(MultiGzDecoder::new(BufReader::with_capacity(BUFFER, raw))))
        } else {
            Source::Plain(raw)
        };
        let buffer = vec![0; BUFFER];
        Ok(Input {
            name: name.into(),
            source,
            buffer,
            start: 0,
            end: 0,
            ended: false,
            line: 0,
            bytes: 0,
            text: 0..0,
        })
    }

    /// An input over bytes in memory.
    pub fn from_bytes(name: &str, bytes: impl Into<Vec<u8>>) -> Result<Input, Diagnostic> {
        Input::new(name, Box::new(io::Cursor::new(bytes.into())))
    }

    /// What diagnostics call the input.
    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// The number of the line read last, from 1; 0 before the first.
    pub fn line(&self) -> u64 {
        self.line
    }

    /// Bytes handed out so far, after decompression.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// A place in the line read last.
    pub fn location(&self, column: u32) -> Location {
        Location::at(Arc::clone(&self.name), u32::try_from(self.line).unwrap_or(u32::MAX), column)
    }

    /// Goes to the next line; false at the end. Errors: a line above [`MAX_LINE`], a read error, a
    /// cut-off or damaged gzip; after an error the input has ended.
    pub fn advance(&mut self) -> Result<bool, Diagnostic> {
        let mut searched = 0;
        let length = loop {
            let unread = &self.buffer[self.start..self.end];
            if let Some(at) = find(b'\n', &unread[searched..]) {
                break searched + at + 1;
            }
            searched = unread.len();
            if self.ended {
                break searched;
            }
            if searched > MAX_LINE {
                return Err(self.too_long());
            }
            self.refill()?;
        };
        if length > MAX_LINE {
            return Err(self.too_long());
        }
        if length == 0 {
            self.text = 0..0;
            return Ok(false);
        }
        let mut line = &self.buffer[self.start..self.start + length];
        line = line.strip_suffix(b"\n").unwrap_or(line);
        line = line.strip_suffix(b"\r").unwrap_or(line);
        let end = self.start + line.len();
        let mark = self.line == 0 && line.starts_with(&[0xef, 0xbb, 0xbf]);
        self.text = self.start + if mark { 3 } else { 0 }..end;
        self.start += length;
        self.bytes += length as u64;
        self.line += 1;
        Ok(true)
    }

    /// The line read last, without its line end (LF or CRLF) and without a byte order mark; empty
    /// before the first and after the last.
    pub fn text(&self) -> &[u8] {
        &self.buffer[self.text.clone()]
    }

    /// The next line; `None` at the end. The same as [`Input::advance`] and [`Input::text`].
    pub fn next_line(&mut self) -> Result<Option<&[u8]>, Diagnostic> {
        Ok(if self.advance()? { Some(self.text()) } else { None })
    }

    /// Some of the bytes that come next, without taking them; empty at the end.
    pub fn peek(&mut self) -> Result<&[u8], Diagnostic> {
        while self.end - self.start < BUFFER / 2 && !self.ended {
            self.refill()?;
        }
        Ok(&self.buffer[self.start..self.end])
    }

    /// Takes `length` of the bytes that [`Input::peek`] has shown. From then on [`Input::line`] is the line
    /// in which the next byte stands, and there is no line read last.
    pub fn consume(&mut self, length: usize) {
        let taken = &self.buffer[self.start..self.end.min(self.start + length)];
        let ends = taken.split(|byte| *byte == b'\n').count() as u64 - 1;
        self.line = self.line.max(1) + ends;
        self.bytes += taken.len() as u64;
        self.start += taken.len();
        self.text = 0..0;
    }

    /// Ends the input here: nothing more is read.
    pub fn end(&mut self) {
        self.stop();
    }

    /// The whole rest of the input, up to `limit` bytes.
    pub fn read_rest(&mut self, limit: u64) -> Result<Vec<u8>, Diagnostic> {
        let mut whole = self.buffer[self.start..self.end].to_vec();
        self.start = self.end;
        let room = limit.saturating_sub(whole.len() as u64).saturating_add(1);
        let result = self.source.by_ref().take(room).read_to_end(&mut whole);
        self.ended = true;
        result.map_err(|error| self.read_error(&error))?;
        if whole.len() as u64 > limit {
            return Err(failure(
                &self.name,
                format!("the input is larger than {limit} bytes after unpacking"),
            ));
        }
        self.bytes += whole.len() as u64;
        Ok(whole)
    }

    /// The sha256 of the input as it is stored, as 64 hexadecimal digits. Reads what is left of it.
    pub fn sha256(&mut self) -> Result<String, Diagnostic> {
        let result = io::copy(self.source.raw(), &mut io::sink());
        self.ended = true;
        result.map_err(|error| self.read_error(&error))?;
        let digest = self.source.raw().hash.clone().finalize();
        Ok(digest.iter().fold(String::with_capacity(64), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        }))
    }

    /// Moves what is unread to the front and reads more behind it.
    fn refill(&mut self) -> Result<(), Diagnostic> {
        self.text = 0..0;
        self.buffer.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        if self.end == self.buffer.len() {
            self.buffer.resize(self.end * 2, 0);
        }
        loop {
            match self.source.read(&mut self.buffer[self.end..]) {
                Ok(length) => {
                    self.ended = length == 0;
                    self.end += length;
                    return Ok(());
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    let finding = self.read_error(&error);
                    self.stop();
                    return Err(finding);
                }
            }
        }
    }

    #[cold]
    fn too_long(&mut self) -> Diagnostic {
        self.stop();
        let message = format!("the line is longer than {} MiB", MAX_LINE >> 20);
        Diagnostic::error(self.place_of_next(), message).help("is this a text file?")
    }

    fn stop(&mut self) {
        self.ended = true;
        self.start = self.end;
        self.text = 0..0;
    }

    fn place_of_next(&self) -> Location {
        let line = u32::try_from(self.line + 1).unwrap_or(u32::MAX);
        Location::at(Arc::clone(&self.name), line, 0)
    }

    fn read_error(&self, error: &io::Error) -> Diagnostic {
        let place = self.place_of_next();
        match (&self.source, error.kind()) {
            (Source::Gzip(_), io::ErrorKind::UnexpectedEof) => {
                Diagnostic::error(place, "the compressed data ends early: the file is cut off")
            }
            (Source::Gzip(_), io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput) => {
                Diagnostic::error(place, format!("the compressed data is damaged: {error}"))
            }
            _ => Diagnostic::error(place, format!("cannot be read: {error}")),
        }
    }
}

/// The whole of a file or of standard input (path `-`), unpacked, with the sha256 of what is stored.
pub fn read_all(path: &Path, stdin: Option<Box<dyn Read + Send>>) -> Result<(Vec<u8>, String), Diagnostic> {
    let mut input = Input::open(path, stdin)?;
    let whole = input.read_rest(MAX_WHOLE)?;
    let digest = input.sha256()?;
    Ok((whole, digest))
}

/// The position of `byte`: the standard library's fast search, reached through its reader of slices.
fn find(byte: u8, text: &[u8]) -> Option<usize> {
    let mut rest = text;
    let taken = rest.skip_until(byte).ok()?;
    (taken > 0 && text[taken - 1] == byte).then(|| taken - 1)
}

/// The name of a format that is recognised but not read.
fn unsupported(head: &[u8]) -> Option<&'static str> {
    let known: [(&[u8], &str); 5] = [
        (b"BZh", "compressed with bzip2"),
        (&[0xfd, b'7', b'z', b'X', b'Z'], "compressed with xz"),
        (&[0x28, 0xb5, 0x2f, 0xfd], "compressed with zstd"),
        (b"PK\x03\x04", "a zip archive"),
        (b"PAR1", "a Parquet table"),
    ];
    known.iter().find(|(magic, _)| head.starts_with(magic)).map(|(_, kind)| *kind)
}

fn failure(name: &str, message: impl Into<String>) -> Diagnostic {
    Diagnostic::error(Location::file(name), message)
}

fn cannot_open(name: &str, error: &io::Error) -> Diagnostic {
    match error.kind() {
        io::ErrorKind::NotFound => failure(name, "no such file"),
        _ => failure(name, format!("cannot be opened: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::{Compression, write::GzEncoder};
    use std::io::Write as _;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn lines(bytes: Vec<u8>) -> Result<Vec<String>, Diagnostic> {
        let mut input = Input::from_bytes("x", bytes)?;
        let mut all = Vec::new();
        while let Some(line) = input.next_line()? {
            all.push(String::from_utf8_lossy(line).into_owned());
        }
        Ok(all)
    }

    #[test]
    fn line_ends_and_marks() {
        for (text, expected) in [
            ("", vec![]),
            ("a", vec!["a"]),
            ("a\n", vec!["a"]),
            ("a\r\n\nb", vec!["a", "", "b"]),
            ("\u{feff}a\nb\n", vec!["a", "b"]),
        ] {
            assert_eq!(lines(text.into()).unwrap(), expected, "{text:?}");
            assert_eq!(lines(gzip(text.as_bytes())).unwrap(), expected, "{text:?}");
        }
        // Two gzip members after each other are one input.
        assert_eq!(lines([gzip(b"a\nb"), gzip(b"c\n")].concat()).unwrap(), ["a", "bc"]);
    }

    #[test]
    fn long_lines_are_read_up_to_the_bound() {
        let long = "x".repeat(3 << 20);
        assert_eq!(lines(format!("{long}\ny\n").into()).unwrap(), [long.as_str(), "y"]);
        let error = lines(vec![b'x'; MAX_LINE + (1 << 20)]).unwrap_err();
        assert_eq!(error.location.line, 1);
        assert!(error.message.contains("longer than 16 MiB"), "{error}");
    }

    #[test]
    fn cut_off_and_damaged_gzip_is_located() {
        let text: String = (0..50_000).fold(String::new(), |mut text, n| {
            let _ = writeln!(text, "line {n} {}", n * 7919 % 10_007);
            text
        });
        let mut packed = gzip(text.as_bytes());
        packed.truncate(packed.len() / 2);
        let error = lines(packed.clone()).unwrap_err();
        assert!(error.message.contains("cut off") && error.location.line > 1_000, "{error}");
        packed[2_000..2_100].fill(0xff);
        assert!(lines(packed).is_err());
    }

    #[test]
    fn other_compressions_and_folders_are_named() {
        for (bytes, part) in [(&b"BZh9abc"[..], "bzip2"), (b"PAR1....", "Parquet"), (b"PK\x03\x04..", "zip")]
        {
            let error = Input::from_bytes("x", bytes).err().unwrap();
            assert!(error.message.contains(part), "{error}");
        }
        assert!(Input::open(Path::new("."), None).err().unwrap().message.contains("folder"));
        let missing = Input::open(Path::new("no-such-file.swf"), None).err().unwrap();
        assert_eq!(missing.to_string(), "no-such-file.swf: error: no such file");
        assert!(Input::open(Path::new("-"), None).is_err());
    }

    #[test]
    fn the_digest_is_of_what_is_stored() {
        const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        let mut input = Input::from_bytes("x", "abc").unwrap();
        assert_eq!(input.next_line().unwrap(), Some(&b"abc"[..]));
        assert_eq!(input.sha256().unwrap(), ABC);
        let packed = gzip(b"abc");
        let mut stored = Sha256::new();
        stored.update(&packed);
        let stdin: Box<dyn Read + Send> = Box::new(io::Cursor::new(packed));
        let (whole, digest) = read_all(Path::new("-"), Some(stdin)).unwrap();
        assert_eq!(whole, b"abc");
        assert_ne!(digest, ABC);
        assert_eq!(digest, format!("{:x}", stored.finalize()));
    }

    #[test]
    fn whole_inputs_are_bounded() {
        let mut input = Input::from_bytes("x", gzip(&vec![0; 1 << 20])).unwrap();
        assert!(input.read_rest(1 << 19).unwrap_err().message.contains("larger than"));
    }
}
