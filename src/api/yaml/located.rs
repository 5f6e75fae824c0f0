//! Values that keep their place, for checks that come after reading.

use super::Value;
use crate::base::{Diagnostic, Location};
use std::ops::Deref;

/// A value with its place and its text.
#[derive(Clone, PartialEq, Debug)]
pub struct Located<T> {
    /// The value.
    pub value: T,
    /// Where its text begins.
    pub location: Location,
    /// Its text, or the first line of it.
    pub found: String,
}

impl<T> Located<T> {
    /// A value that was read from `place`.
    pub fn new(value: T, place: Value<'_>) -> Located<T> {
        // The one who knows the text of a value of any kind is its diagnostic.
        let Diagnostic { location, found, .. } = place.error("");
        Located { value, location, found }
    }

    /// An error at the value, with its text.
    pub fn error(&self, message: impl Into<String>) -> Diagnostic {
        Diagnostic::error(self.location.clone(), message).found(&self.found)
    }

    /// A warning at the value, with its text.
    pub fn warning(&self, message: impl Into<String>) -> Diagnostic {
        Diagnostic::warning(self.location.clone(), message).found(&self.found)
    }
}

impl<T> Deref for Located<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.value
    }
}
