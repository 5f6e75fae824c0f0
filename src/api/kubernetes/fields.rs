//! Reading the keys of a mapping with their types, and every error with its place.

use super::Context;
use crate::api::yaml::{Content, Scalar, TEMPLATE_HELP, Value};
use crate::base::diagnostic::suggest;
use crate::base::{Diagnostic, Set};
use std::collections::BTreeMap;

/// What reading a part gives.
pub(super) type Read<T> = Result<T, Diagnostic>;

/// A kind of mapping: what it is called and which keys Kubernetes knows in it.
pub(super) struct Shape {
    pub(super) name: &'static str,
    pub(super) known: &'static [&'static str],
}

/// The known keys that unknown ones are near to. Fields that are newer than this program come in
/// every object of a dump, so each key is compared only once.
#[derive(Clone, Debug, Default)]
pub(super) struct NearMisses {
    found: BTreeMap<&'static str, BTreeMap<String, Option<&'static str>>>,
    count: usize,
}

impl NearMisses {
    /// The most unknown keys that are compared; more of them are no slips of the pen.
    const MAX: usize = 4096;

    fn find(&mut self, key: &str, shape: &Shape) -> Option<&'static str> {
        if let Some(near) = self.found.get(shape.name).and_then(|keys| keys.get(key)) {
            return *near;
        }
        if self.count == NearMisses::MAX || key.len() > 64 {
            return None;
        }
        self.count += 1;
        let near = suggest(key, shape.known.iter().copied());
        self.found.entry(shape.name).or_default().insert(key.to_owned(), near);
        near
    }
}

/// A mapping of a certain shape.
#[derive(Clone, Copy)]
pub(super) struct Fields<'t> {
    pub(super) value: Value<'t>,
}

impl<'t> Fields<'t> {
    /// Checks that `value` is a mapping without doubled keys, and warns of keys that look like
    /// misspelt ones; a strict context refuses every unknown key.
    pub(super) fn open(value: Value<'t>, shape: &Shape, context: &mut Context<'_>) -> Read<Fields<'t>> {
        expect_mapping(value, shape.name)?;
        refuse_doubles(value)?;
        for (key, _) in value.entries() {
            if shape.known.contains(&key.raw()) {
                continue;
            }
            let near = context.into.near_misses.find(key.raw(), shape);
            if context.strict {
                let finding = key.error(format!("unknown key in {}", shape.name));
                return Err(match near {
                    Some(near) => finding.help(format!("did you mean `{near}`?")),
                    None => finding.help(format!("known: {}", shape.known.join(", "))),
                });
            }
            if let Some(near) = near {
                let message = format!("unknown key in {}; it has no effect", shape.name);
                context.warn(key.warning(message).help(format!("did you mean `{near}`?")));
            }
        }
        Ok(Fields { value })
    }

    /// The value of `key`; `None` where it is absent or null.
    pub(super) fn get(&self, key: &str) -> Option<Value<'t>> {
        self.value.get(key)
    }

    /// The value of `key`, which must be there.
    pub(super) fn require(&self, key: &str) -> Read<Value<'t>> {
        self.get(key).ok_or_else(|| self.value.error(format!("`{key}` is missing")))
    }

    /// The mapping at `key`.
    pub(super) fn child(
        &self,
        key: &str,
        shape: &Shape,
        context: &mut Context<'_>,
    ) -> Read<Option<Fields<'t>>> {
        self.get(key).map(|value| Fields::open(value, shape, context)).transpose()
    }

    /// The members of the list at `key`; none where it is absent.
    pub(super) fn list(&self, key: &str) -> Read<impl Iterator<Item = Value<'t>> + use<'t>> {
        let list = self.get(key);
        if let Some(value) = list
            && value.content() != Content::Sequence
        {
            return Err(value.error(format!("`{key}` must be a list, not {}", value.describe())));
        }
        Ok(list.into_iter().flat_map(Value::items))
    }

    /// The text at `key`; empty where it is absent.
    pub(super) fn text(&self, key: &str) -> Read<&'t str> {
        self.get(key).map_or(Ok(""), |value| text(value, key))
    }

    /// The texts in the list at `key`.
    pub(super) fn texts(&self, key: &str) -> Read<Vec<String>> {
        self.list(key)?.map(|value| text(value, key).map(str::to_owned)).collect()
    }

    /// The truth value at `key`; `false` where it is absent.
    pub(super) fn flag(&self, key: &str) -> Read<bool> {
        match self.get(key).map(|value| (value, value.content())) {
            None => Ok(false),
            Some((_, Content::Scalar(Scalar::Bool(flag)))) => Ok(flag),
            Some((value, _)) => {
                let message = format!("`{key}` must be `true` or `false`, not {}", value.describe());
                Err(value.error(message).help("write it without quotes"))
            }
        }
    }

    /// The whole number at `key`, which must be from `min` to `max`.
    pub(super) fn integer(&self, key: &str, min: i64, max: i64) -> Read<Option<i64>> {
        self.get(key).map(|value| integer(value, key, min, max)).transpose()
    }

    /// The number of things at `key`: a whole number from 0 on.
    pub(super) fn count(&self, key: &str) -> Read<Option<i32>> {
        Ok(self.integer(key, 0, i64::from(i32::MAX))?.map(|count| count as i32))
    }

    /// The one of `choices` at `key`.
    pub(super) fn choice<T: Copy>(&self, key: &str, choices: &[(&'static str, T)]) -> Read<Option<T>> {
        self.get(key).map(|value| choice(value, key, choices)).transpose()
    }
}

/// The text of a scalar.
pub(super) fn text<'t>(value: Value<'t>, what: &str) -> Read<&'t str> {
    match value.content() {
        Content::Scalar(Scalar::Text(text)) => Ok(text),
        Content::Scalar(Scalar::Null) => Ok(""),
        Content::Scalar(_) => Err(value
            .error(format!("`{what}` must be text, but this is {}", value.describe()))
            .help(format!("write it in quotes: \"{}\"", value.raw()))),
        _ => {
            let finding = value.error(format!("`{what}` must be text, not {}", value.describe()));
            Err(if finding.found.starts_with("{{") { finding.help(TEMPLATE_HELP) } else { finding })
        }
    }
}

/// A whole number from `min` to `max`.
pub(super) fn integer(value: Value<'_>, what: &str, min: i64, max: i64) -> Read<i64> {
    let number = match value.content() {
        Content::Scalar(Scalar::Int(number)) => number,
        // Go reads `2.0` and `1e3` as whole numbers too; above 2^53 floats are no longer exact.
        Content::Scalar(Scalar::Float(number)) if number.abs() < 9e15 && libm::trunc(number).eq(&number) => {
            number as i64
        }
        Content::Scalar(Scalar::Float(number)) if number.abs() >= 9e15 => {
            return Err(value.error(format!("`{what}` must be from {min} to {max}")));
        }
        Content::Scalar(Scalar::Text(text)) if text.parse::<i64>().is_ok() => {
            let message = format!("`{what}` must be a whole number, but this is text");
            return Err(value.error(message).help("remove the quotes"));
        }
        _ => {
            let message = format!("`{what}` must be a whole number, not {}", value.describe());
            return Err(value.error(message));
        }
    };
    if (min..=max).contains(&number) {
        Ok(number)
    } else if number < 0 && min == 0 {
        Err(value.error(format!("`{what}` must not be negative")))
    } else {
        Err(value.error(format!("`{what}` must be from {min} to {max}")))
    }
}

/// One of the words that Kubernetes knows at this place.
pub(super) fn choice<T: Copy>(value: Value<'_>, what: &str, choices: &[(&'static str, T)]) -> Read<T> {
    let word = text(value, what)?;
    if let Some((_, choice)) = choices.iter().find(|(name, _)| *name == word) {
        return Ok(*choice);
    }
    let names = choices.iter().map(|(name, _)| *name);
    let help = match suggest(word, names.clone()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("one of {}", names.collect::<Vec<_>>().join(", ")),
    };
    Err(value.error(format!("`{what}` has an unknown value")).help(help))
}

/// Refuses what is not a mapping.
pub(super) fn expect_mapping(value: Value<'_>, what: &str) -> Read<()> {
    match value.content() {
        Content::Mapping => Ok(()),
        _ => Err(value.error(format!("{what} must be a mapping, not {}", value.describe()))),
    }
}

/// Refuses a key that stands twice in a mapping, as the API server does.
pub(super) fn refuse_doubles(mapping: Value<'_>) -> Read<()> {
    /// Up to this many keys comparing all pairs is the fastest.
    const FEW: usize = 12;
    let entries = mapping.entries();
    let double = if entries.len() <= FEW {
        entries
            .clone()
            .enumerate()
            .find(|(at, (key, _))| entries.clone().take(*at).any(|(earlier, _)| earlier.raw() == key.raw()))
    } else {
        let mut seen = Set::default();
        entries.enumerate().find(|(_, (key, _))| !seen.insert(key.raw()))
    };
    match double {
        None => Ok(()),
        Some((_, (key, _))) => Err(key.error("the key is given twice").help("remove one of the two")),
    }
}
