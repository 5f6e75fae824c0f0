//! Cutting a stream into documents by looking at line starts only.
//!
//! In YAML a line that starts with `---` or `...`, followed by a blank or the end of the line, is a
//! marker wherever it stands, even inside a block scalar (YAML 1.2.2, §9.1.2), so that no parsing
//! is needed. Several JSON values one after the other, which is not YAML, are cut apart too.

/// Iterates over the documents of a stream; see [`split_documents`].
#[derive(Clone, Debug)]
pub struct Documents<'a> {
    rest: &'a [u8],
    line: u32,
}

/// The documents of a YAML or JSON stream, each with the number of lines before it. Documents
/// without content (blank lines, comments, markers) are left out. A document keeps its `---` line
/// and the directives before it. A byte order mark at the start is dropped.
pub fn split_documents(bytes: &[u8]) -> Documents<'_> {
    Documents { rest: bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes), line: 0 }
}

impl<'a> Iterator for Documents<'a> {
    type Item = (u32, &'a [u8]);

    fn next(&mut self) -> Option<(u32, &'a [u8])> {
        while !self.rest.is_empty() {
            let cut = Cut::find(self.rest);
            let (document, rest) = self.rest.split_at(cut.end);
            let start = self.line;
            self.rest = rest;
            self.line = self.line.saturating_add(cut.lines);
            if cut.has_content {
                return Some((start, document));
            }
        }
        None
    }
}

/// Where the first document of a text ends.
struct Cut {
    end: usize,
    /// Line ends before `end`.
    lines: u32,
    has_content: bool,
}

impl Cut {
    fn find(text: &[u8]) -> Cut {
        let mut cut = Cut { end: 0, lines: 0, has_content: false };
        let mut started = false;
        while cut.end < text.len() {
            let rest = &text[cut.end..];
            let line = first_line(rest);
            if is_marker(line, b"---") {
                if started || cut.has_content {
                    return cut;
                }
                started = true;
                cut.has_content = !is_blank(&line[3..]);
            } else if is_marker(line, b"...") {
                cut.take(line);
                return cut;
            } else if !cut.has_content && !is_blank(line) && (started || line[0] != b'%') {
                cut.has_content = true;
                if let Some(end) = end_of_json(rest) {
                    cut.take(&rest[..end]);
                    return cut;
                }
            }
            cut.take(line);
        }
        cut
    }

    fn take(&mut self, text: &[u8]) {
        self.end += text.len();
        let lines = text.split(|byte| *byte == b'\n').count() - 1;
        self.lines = self.lines.saturating_add(lines as u32);
    }
}

/// The first line of `text` with its line end.
fn first_line(text: &[u8]) -> &[u8] {
    let end = text.iter().position(|byte| *byte == b'\n').map_or(text.len(), |at| at + 1);
    &text[..end]
}

/// Whether `line` starts with `marker` and a blank.
fn is_marker(line: &[u8], marker: &[u8]) -> bool {
    line.strip_prefix(marker).is_some_and(|rest| rest.first().is_none_or(u8::is_ascii_whitespace))
}

/// Whether there is nothing in the line but a comment.
fn is_blank(line: &[u8]) -> bool {
    matches!(line.iter().find(|byte| !byte.is_ascii_whitespace()), None | Some(b'#'))
}

/// If `text` starts with a JSON object that another one follows: where the first one ends.
fn end_of_json(text: &[u8]) -> Option<usize> {
    let start = text.iter().position(|byte| !byte.is_ascii_whitespace())?;
    if text[start] != b'{' {
        return None;
    }
    let (mut depth, mut quoted, mut escaped) = (0u32, false, false);
    for (at, byte) in text.iter().enumerate().skip(start) {
        match byte {
            _ if escaped => escaped = false,
            // No JSON value goes on behind a marker.
            b'\n' if matches!(text.get(at + 1..at + 4), Some(b"---" | b"...")) => return None,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            _ if quoted => {}
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 {
            let next = text[at + 1..].iter().find(|byte| !byte.is_ascii_whitespace());
            return (next == Some(&b'{')).then_some(at + 1);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(text: &str) -> Vec<(u32, &str)> {
        split_documents(text.as_bytes())
            .map(|(line, bytes)| (line, std::str::from_utf8(bytes).unwrap()))
            .collect()
    }

    #[test]
    fn documents_and_their_lines() {
        for (text, expected) in [
            ("", vec![]),
            ("# nothing\n---\n---\n# still nothing\n...\n", vec![]),
            ("a: 1", vec![(0, "a: 1")]),
            ("a: 1\n---\nb: 2\n", vec![(0, "a: 1\n"), (1, "---\nb: 2\n")]),
            ("---\na: 1\n---\n\n--- \nb: 2", vec![(0, "---\na: 1\n"), (4, "--- \nb: 2")]),
            ("a: 1\r\n---\r\nb: 2\r\n", vec![(0, "a: 1\r\n"), (1, "---\r\nb: 2\r\n")]),
            (
                "\u{feff}a: 1\n...\n%YAML 1.2\n---\nb: 2\n",
                vec![(0, "a: 1\n...\n"), (2, "%YAML 1.2\n---\nb: 2\n")],
            ),
            ("--- {a: 1}\n--- # two\nb: 2\n", vec![(0, "--- {a: 1}\n"), (1, "--- # two\nb: 2\n")]),
            ("a: |\n  ---\n ---\n----\nb: 2", vec![(0, "a: |\n  ---\n ---\n----\nb: 2")]),
        ] {
            assert_eq!(split(text), expected, "{text:?}");
        }
    }

    #[test]
    fn json_documents_in_a_row() {
        assert_eq!(
            split("{\"a\": \"}{\\\"\"}\n{\"b\": [{}]} {}"),
            [(0, "{\"a\": \"}{\\\"\"}"), (0, "\n{\"b\": [{}]}"), (1, " {}"),]
        );
        // A brace in single quotes is no JSON; the text stays whole.
        assert_eq!(split("{a: '}'}\n"), [(0, "{a: '}'}\n")]);
        assert_eq!(split("{\"a\": 1"), [(0, "{\"a\": 1")]);
    }
}
