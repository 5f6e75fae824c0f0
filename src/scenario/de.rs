//! A tree of values as a serde deserializer whose errors know where they happened.
//!
//! A YAML library's own deserializer reads text; here overrides have been put into the tree before,
//! and the error must say whether the file or the override is wrong.

use super::tree::{Data, Value};
use crate::api::yaml::{Scalar, resolve};
use crate::base::diagnostic::suggest;
use crate::base::{Diagnostic, Location};
use serde::de::value::StrDeserializer;
use serde::de::{self, Deserializer, Expected, IntoDeserializer, Unexpected, Visitor};
use serde::forward_to_deserialize_any;
use std::fmt;

/// The name of the newtype that asks for a value's place as well.
pub(super) const AT: &str = "seatrial::At";
/// The name of the newtype that asks for a scalar's text, whatever its type.
pub(super) const RAW: &str = "seatrial::Raw";

/// A step from a value to one inside it: the position among its entries or items.
pub(super) type Step = usize;

/// Why a tree does not fit a type.
#[derive(Debug, Default)]
pub(super) struct Fault {
    message: String,
    found: String,
    help: String,
    location: Option<Location>,
    /// The way from the root to the value, innermost step first.
    pub(super) path: Vec<Step>,
    /// Whether a key is missing, rather than a value wrong.
    pub(super) is_missing: bool,
}

/// A [`Fault`], boxed: results are passed through every level of the tree.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.message)]
pub(super) struct Error(pub(super) Box<Fault>);

impl Error {
    fn new(message: impl Into<String>) -> Error {
        Error(Box::new(Fault { message: message.into(), ..Fault::default() }))
    }

    fn help(mut self, help: impl Into<String>) -> Error {
        self.0.help = help.into();
        self
    }

    fn found(mut self, text: &str) -> Error {
        text.clone_into(&mut self.0.found);
        self
    }

    /// Fills in the place and the text, unless the error has them.
    fn at(mut self, location: &Location, found: &str) -> Error {
        if self.0.location.is_none() {
            self.0.location = Some(location.clone());
            if self.0.found.is_empty() && !self.0.is_missing {
                found.clone_into(&mut self.0.found);
            }
        }
        self
    }

    fn within(mut self, step: Step) -> Error {
        self.0.path.push(step);
        self
    }

    /// The error as a finding; `root` stands in where no place is known.
    pub(super) fn diagnostic(&self, root: &Location) -> Diagnostic {
        let Fault { message, found, help, location, .. } = &*self.0;
        Diagnostic::error(location.clone().unwrap_or_else(|| root.clone()), message).found(found).help(help)
    }
}

impl de::Error for Error {
    fn custom<T: fmt::Display>(message: T) -> Error {
        Error::new(message.to_string())
    }

    fn invalid_type(_: Unexpected<'_>, expected: &dyn Expected) -> Error {
        Error::new(format!("expected {expected}"))
    }

    fn invalid_value(_: Unexpected<'_>, expected: &dyn Expected) -> Error {
        Error::new(format!("expected {expected}"))
    }

    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Error {
        Error::new("unknown value").found(variant).help(meant(variant, expected))
    }

    fn unknown_field(field: &str, expected: &'static [&'static str]) -> Error {
        Error::new("unknown key").found(field).help(meant(field, expected))
    }

    fn missing_field(field: &'static str) -> Error {
        let mut error = Error::new(format!("`{field}` is missing"));
        error.0.is_missing = true;
        error
    }

    fn duplicate_field(field: &'static str) -> Error {
        Error::new("the key is given twice").found(field)
    }
}

/// `did you mean …?` if a candidate is near, else the candidates.
fn meant(word: &str, candidates: &[&str]) -> String {
    match suggest(word, candidates.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("expected one of {}", candidates.join(", ")),
    }
}

/// A value of the tree, ready to be given a type.
#[derive(Clone, Copy)]
pub(super) struct Input<'t>(pub(super) &'t Value);

impl<'t> Input<'t> {
    fn place<T>(self, result: Result<T, Error>) -> Result<T, Error> {
        result.map_err(|error| error.at(&self.0.location, self.0.excerpt()))
    }

    fn wrong(self, expected: &str) -> Error {
        let message = format!("expected {expected}, but this is {}", self.0.describe());
        Error::new(message).at(&self.0.location, self.0.excerpt())
    }

    fn raw(self) -> Result<&'t str, Error> {
        match &self.0.data {
            Data::Scalar { text, .. } => Ok(text),
            _ => Err(self.wrong("a single value")),
        }
    }
}

impl<'de> Deserializer<'de> for Input<'de> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let result = match &self.0.data {
            Data::Null => visitor.visit_unit(),
            Data::Scalar { text, is_text: true } => visitor.visit_borrowed_str(text),
            Data::Scalar { text, .. } => match resolve(text) {
                Scalar::Null => visitor.visit_unit(),
                Scalar::Bool(value) => visitor.visit_bool(value),
                Scalar::Int(value) => visitor.visit_i64(value),
                Scalar::Float(value) => visitor.visit_f64(value),
                Scalar::Text(text) => visitor.visit_borrowed_str(text),
            },
            Data::List(items) => visitor.visit_seq(Items { items, next: 0 }),
            Data::Map(_) => return self.deserialize_map(visitor),
        };
        self.place(result)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if self.0.data == Data::Null { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match &self.0.data {
            Data::Scalar { text, .. } if matches!(resolve(text), Scalar::Text(_)) => {
                self.place(visitor.visit_borrowed_str(text))
            }
            Data::Scalar { text, is_text: true } => self.place(visitor.visit_borrowed_str(text)),
            Data::Scalar { .. } => Err(self.wrong("text").help("put it into quotes")),
            _ => Err(self.wrong("text")),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_str(visitor)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match &self.0.data {
            Data::Null => self.place(visitor.visit_seq(Items { items: &[], next: 0 })),
            Data::List(items) => self.place(visitor.visit_seq(Items { items, next: 0 })),
            _ => Err(self.wrong("a list").help("write each member on a line of its own, after `- `")),
        }
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match &self.0.data {
            Data::Null => self.place(visitor.visit_map(Entries { entries: &[], next: 0 })),
            Data::Map(entries) => self.place(visitor.visit_map(Entries { entries, next: 0 })),
            _ => Err(self.wrong("a mapping").help("write `key: value` lines")),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.deserialize_map(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        let text: StrDeserializer<'_, Error> = self.raw()?.into_deserializer();
        self.place(visitor.visit_enum(text))
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        match name {
            AT => visitor.visit_seq(Parts { input: self, next: 0 }),
            RAW => self.raw().and_then(|text| self.place(visitor.visit_borrowed_str(text))),
            _ => visitor.visit_newtype_struct(self),
        }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char bytes byte_buf unit unit_struct
        tuple tuple_struct identifier ignored_any
    }
}

struct Items<'t> {
    items: &'t [Value],
    next: usize,
}

impl<'de> de::SeqAccess<'de> for Items<'de> {
    type Error = Error;

    fn next_element_seed<T: de::DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Error> {
        let Some(item) = self.items.get(self.next) else { return Ok(None) };
        let step = self.next;
        self.next += 1;
        let place = |error: Error| error.at(&item.location, item.excerpt()).within(step);
        seed.deserialize(Input(item)).map(Some).map_err(place)
    }
}

struct Entries<'t> {
    entries: &'t [(super::tree::Key, Value)],
    next: usize,
}

impl<'de> de::MapAccess<'de> for Entries<'de> {
    type Error = Error;

    fn next_key_seed<K: de::DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Error> {
        let Some((key, _)) = self.entries.get(self.next) else { return Ok(None) };
        let text: StrDeserializer<'_, Error> = key.text.as_str().into_deserializer();
        seed.deserialize(text).map(Some).map_err(|error| error.at(&key.location, &key.text).within(self.next))
    }

    fn next_value_seed<V: de::DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Error> {
        let step = self.next;
        self.next += 1;
        let value = &self.entries[step].1;
        let place = |error: Error| error.at(&value.location, value.excerpt()).within(step);
        seed.deserialize(Input(value)).map_err(place)
    }
}

/// A value as the parts of an [`super::At`].
struct Parts<'t> {
    input: Input<'t>,
    next: u8,
}

impl<'de> de::SeqAccess<'de> for Parts<'de> {
    type Error = Error;

    fn next_element_seed<T: de::DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Error> {
        let value = self.input.0;
        self.next += 1;
        match self.next {
            1 => seed.deserialize::<StrDeserializer<'_, Error>>((&*value.location.file).into_deserializer()),
            2 => seed.deserialize(value.location.line.into_deserializer()),
            3 => seed.deserialize(value.location.column.into_deserializer()),
            4 => seed.deserialize::<StrDeserializer<'_, Error>>(value.excerpt().into_deserializer()),
            _ => seed.deserialize(self.input),
        }
        .map(Some)
    }
}
