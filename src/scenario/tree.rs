//! A scenario's text as an owned tree of located values, so that overrides can be put into it
//! before it is given its types.

use crate::api::yaml::{self, Content, Scalar, Source};
use crate::base::{Diagnostic, Location, Set};
use std::sync::Arc;

/// The longest scenario that is read, in bytes: far above what a person writes.
pub(super) const MAX_BYTES: usize = 16 << 20;

/// A value and where it stands.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Value {
    /// Where its text begins.
    pub location: Location,
    /// What it is.
    pub data: Data,
}

/// What a value is.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Data {
    /// Nothing at all, `~` or `null`.
    Null,
    /// A single value.
    Scalar {
        /// The text without quotes.
        text: String,
        /// Whether it is text whatever it looks like (it is quoted).
        is_text: bool,
    },
    /// A list.
    List(Vec<Value>),
    /// Keys with values, in order.
    Map(Vec<(Key, Value)>),
}

/// A key of a mapping and where it stands.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Key {
    /// The key.
    pub text: String,
    /// Where.
    pub location: Location,
}

impl Value {
    /// An empty mapping.
    pub(super) fn map(location: Location) -> Value {
        Value { location, data: Data::Map(Vec::new()) }
    }

    /// A scalar that is text.
    pub(super) fn text(location: Location, text: impl Into<String>) -> Value {
        Value { location, data: Data::Scalar { text: text.into(), is_text: true } }
    }

    /// The value of `key` in a mapping, null if it is new. A null value becomes a mapping first;
    /// `None` if the value is something else.
    pub(super) fn entry(&mut self, key: &str, location: &Location) -> Option<&mut Value> {
        if self.data == Data::Null {
            self.data = Data::Map(Vec::new());
        }
        let Data::Map(entries) = &mut self.data else { return None };
        let position = entries.iter().position(|(known, _)| known.text == key).unwrap_or_else(|| {
            let key = Key { text: key.to_owned(), location: location.clone() };
            entries.push((key, Value { location: location.clone(), data: Data::Null }));
            entries.len() - 1
        });
        Some(&mut entries[position].1)
    }

    /// What the value is, for messages.
    pub(super) fn describe(&self) -> &'static str {
        match &self.data {
            Data::Null => "nothing",
            Data::Scalar { text, is_text: false } => yaml::resolve(text).describe(),
            Data::Scalar { .. } => "text",
            Data::List(_) => "a list",
            Data::Map(_) => "a mapping",
        }
    }

    /// The text of a scalar; empty for others.
    pub(super) fn excerpt(&self) -> &str {
        match &self.data {
            Data::Scalar { text, .. } => text,
            _ => "",
        }
    }
}

/// Reads one document. Errors: not UTF-8, not YAML, more than one document, too long.
pub(super) fn read(file: &Arc<str>, bytes: &[u8]) -> Result<Value, Diagnostic> {
    let whole = || Location::file(Arc::clone(file));
    if bytes.len() > MAX_BYTES {
        return Err(Diagnostic::error(
            whole(),
            format!("a scenario is at most {} MiB long", MAX_BYTES >> 20),
        )
        .help("is this a trace? name it under `workload.traces` of a scenario"));
    }
    let text = std::str::from_utf8(bytes).map_err(|error| not_utf8(file, bytes, error.valid_up_to()))?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut documents: Vec<Value> = Vec::new();
    let source = Source { file, line_offset: 0, text };
    yaml::parse(
        source,
        &mut documents,
        |_, _| Ok(false),
        |documents, root| {
            if !root.is_null() {
                documents.push(own(root)?);
            }
            Ok(())
        },
    )?;
    if documents.len() > 1 {
        let second = documents.swap_remove(1);
        return Err(Diagnostic::error(
            second.location,
            "a scenario is one document, but a second one begins here",
        )
        .help("put Kubernetes objects into a file of their own and name it under `workload.manifests`"));
    }
    documents.pop().ok_or_else(|| {
        Diagnostic::error(whole(), "the file is empty")
            .help("a scenario begins with `apiVersion: seatrial/v1`")
    })
}

fn not_utf8(file: &Arc<str>, bytes: &[u8], at: usize) -> Diagnostic {
    let start = bytes[..at].iter().rposition(|byte| *byte == b'\n').map_or(0, |newline| newline + 1);
    let line = String::from_utf8_lossy(&bytes[..start]).matches('\n').count() as u32 + 1;
    let column = String::from_utf8_lossy(&bytes[start..at]).chars().count() as u32 + 1;
    Diagnostic::error(Location::at(Arc::clone(file), line, column), "the text is not UTF-8")
        .found(String::from_utf8_lossy(&bytes[start..bytes.len().min(at + 16)]).lines().next().unwrap_or(""))
        .help("save the file as UTF-8")
}

/// Reads a value as it stands behind `--set path=`.
pub(super) fn read_value(location: &Location, text: &str) -> Result<Value, Diagnostic> {
    let mut found = Vec::new();
    let file = Arc::clone(&location.file);
    yaml::parse(
        Source { file: &file, line_offset: 0, text },
        &mut found,
        |_, _| Ok(false),
        |found, root| {
            found.push(own(root)?);
            Ok(())
        },
    )
    .map_err(|finding| Diagnostic { location: location.clone(), ..finding })?;
    let null = Value { location: location.clone(), data: Data::Null };
    let mut value = found.pop().unwrap_or(null);
    relocate(&mut value, location);
    Ok(value)
}

fn relocate(value: &mut Value, location: &Location) {
    value.location = location.clone();
    match &mut value.data {
        Data::List(items) => items.iter_mut().for_each(|item| relocate(item, location)),
        Data::Map(entries) => {
            for (key, value) in entries {
                key.location = location.clone();
                relocate(value, location);
            }
        }
        Data::Null | Data::Scalar { .. } => {}
    }
}

fn own(value: yaml::Value<'_>) -> Result<Value, Diagnostic> {
    let data = match value.content() {
        Content::Scalar(Scalar::Null) => Data::Null,
        Content::Scalar(scalar) => {
            Data::Scalar { text: value.raw().to_owned(), is_text: matches!(scalar, Scalar::Text(_)) }
        }
        Content::Sequence => Data::List(value.items().map(own).collect::<Result<_, _>>()?),
        Content::Mapping => Data::Map(own_entries(value)?),
    };
    Ok(Value { location: value.location(), data })
}

fn own_entries(value: yaml::Value<'_>) -> Result<Vec<(Key, Value)>, Diagnostic> {
    let mut entries = Vec::with_capacity(value.entries().len());
    let mut known: Set<&str> = Set::default();
    for (key, value) in value.entries() {
        if !known.insert(key.raw()) {
            return Err(key.error("the key is given twice").help("remove one of the two"));
        }
        entries.push((Key { text: key.raw().to_owned(), location: key.location() }, own(value)?));
    }
    Ok(entries)
}
