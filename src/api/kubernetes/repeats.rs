//! The short way for pods that differ from an earlier one only in their name.
//!
//! A stream of pods made by a tool repeats the same text thousands of times. Where the text before
//! and after the name is byte for byte that of an earlier document, and both names are plain words,
//! the documents parse to the same values except for the name. So the earlier pod is copied.

use super::{Places, Sourced};
use crate::api::Object;
use crate::api::selector::is_dns_subdomain;
use crate::api::yaml::{Scalar, resolve};
use crate::base::Map;
use std::hash::BuildHasher;
use std::ops::Range;

/// The most texts that are remembered; beyond it a stream is not made of copies.
const MAX_REMEMBERED: usize = 8192;

/// The pods read so far from one stream, by the text around their names.
#[derive(Default)]
pub(super) struct Repeats<'a> {
    by_hash: Map<u64, Seen<'a>>,
}

struct Seen<'a> {
    around: (&'a str, &'a str),
    copy: Copied,
}

/// A pod copied from an earlier one.
#[derive(Clone)]
pub(super) struct Copied {
    /// The pod.
    pub(super) object: Object,
    /// Where it starts: lines below the document's start.
    pub(super) line: u32,
    /// Where it starts: the column.
    pub(super) column: u32,
    /// Where its parts stand.
    pub(super) places: Places,
}

impl<'a> Repeats<'a> {
    /// The pod of `document` if it is a copy of an earlier one.
    pub(super) fn find(&self, document: &'a str) -> Option<Copied> {
        if self.by_hash.is_empty() {
            return None;
        }
        let range = name_range(document)?;
        let around = (&document[..range.start], &document[range.end..]);
        let seen = self.by_hash.get(&self.hash(around)).filter(|seen| seen.around == around)?;
        let mut copy = seen.copy.clone();
        if let Object::Pod(pod) = &mut copy.object {
            document[range].clone_into(&mut pod.meta.name);
        }
        Some(copy)
    }

    /// Remembers the pod of `document`, in which the parser has found the name at `name`. The
    /// document begins `line_offset` lines below the start of the file.
    pub(super) fn remember(
        &mut self,
        document: &'a str,
        name: &Range<usize>,
        sourced: &Sourced,
        line_offset: u32,
    ) {
        if self.by_hash.len() < MAX_REMEMBERED && name_range(document).as_ref() == Some(name) {
            let around = (&document[..name.start], &document[name.end..]);
            let hash = self.hash(around);
            let copy = Copied {
                object: sourced.object.clone(),
                line: sourced.location.line - line_offset,
                column: sourced.location.column,
                places: sourced.places,
            };
            self.by_hash.insert(hash, Seen { around, copy });
        }
    }

    fn hash(&self, around: (&str, &str)) -> u64 {
        self.by_hash.hasher().hash_one(around)
    }
}

/// Where the name stands in a document written in the usual way: the first `name:` among the keys
/// right below a `metadata:` at the line's start, with a plain word that is text for every YAML
/// reader, and nothing else in the line.
fn name_range(document: &str) -> Option<Range<usize>> {
    let metadata = if document.starts_with("metadata:\n") { 0 } else { document.find("\nmetadata:\n")? + 1 };
    let mut start = metadata + "metadata:\n".len();
    let indent = document[start..].find(|c| c != ' ')?;
    if indent == 0 {
        return None;
    }
    loop {
        let line = document[start..].split('\n').next()?;
        let (blank, rest) = line.split_at_checked(indent)?;
        if !blank.bytes().all(|byte| byte == b' ') {
            return None;
        }
        if let Some(name) = rest.strip_prefix("name: ") {
            let at = start + indent + "name: ".len();
            let is_plain = name.starts_with(|c: char| c.is_ascii_lowercase())
                && is_dns_subdomain(name)
                && resolve(name) == Scalar::Text(name);
            return (is_plain && document.as_bytes().get(at + name.len()) == Some(&b'\n'))
                .then_some(at..at + name.len());
        }
        start += line.len() + 1;
        if start >= document.len() {
            return None;
        }
    }
}
