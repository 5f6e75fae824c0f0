//! From what a user writes to the variants of a study: `--vary path=a,b`, `--variant 'name: path=a'`,
//! or several scenarios.
//!
//! What a path means is not known here: it goes to the scenario as it is written.

use crate::base::{Diagnostic, Location};
use crate::scenario::Named;

/// More variants than this are not compared at once.
pub const MAX_VARIANTS: usize = 100;
/// The longest name of a variant.
const MAX_NAME: usize = 60;

/// A policy under study.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Variant {
    /// The name, unique within the study.
    pub name: String,
    /// What is run.
    pub named: Named,
}

/// A key of the scenario and the values that it takes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Axis {
    /// The path of the key.
    pub path: String,
    /// The values, at least two, as they are written.
    pub values: Vec<String>,
}

/// Reads `path=value,value`. Commas within brackets, braces and quotes belong to a value.
pub fn axis(text: &str) -> Result<Axis, Diagnostic> {
    let wrong = |message: &str| {
        let help = "write `--vary controlPlane.batch.backfill=none,easy`";
        Diagnostic::error(Location::file("--vary"), message).found(text).help(help)
    };
    let at = outside(text, '=').next().ok_or_else(|| wrong("there is no `=`"))?;
    let (path, rest) = (text[..at].trim(), &text[at + 1..]);
    if path.is_empty() {
        return Err(wrong("there is no key before the `=`"));
    }
    refuse_seed("--vary", path, text)?;
    let mut values = Vec::new();
    let mut start = 0;
    for comma in outside(rest, ',').chain([rest.len()]) {
        values.push(rest[start..comma].trim().to_owned());
        start = comma + 1;
    }
    if values.iter().any(String::is_empty) {
        return Err(wrong("a value is empty"));
    }
    if values.len() < 2 {
        return Err(wrong("there is only one value, so nothing varies"));
    }
    Ok(Axis { path: path.to_owned(), values })
}

/// Seeds are the business of replications: a variant with another one has other random numbers.
fn refuse_seed(place: &str, path: &str, text: &str) -> Result<(), Diagnostic> {
    if path != "run.seed" {
        return Ok(());
    }
    let finding = Diagnostic::error(Location::file(place), "a seed is no policy").found(text);
    Err(finding.help("`--replications 10` runs every variant with ten seeds, `--seed 7` sets the first"))
}

/// The places of `wanted` outside of brackets, braces, parentheses and quotes.
fn outside(text: &str, wanted: char) -> impl Iterator<Item = usize> + '_ {
    let (mut depth, mut quote) = (0i32, None);
    text.char_indices().filter_map(move |(at, letter)| {
        match (quote, letter) {
            (Some(open), _) => {
                if open == letter {
                    quote = None;
                }
                return None;
            }
            (None, '"' | '\'') => quote = Some(letter),
            (None, '[' | '{' | '(') => depth += 1,
            (None, ']' | '}' | ')') => depth -= 1,
            _ => {}
        }
        (depth <= 0 && letter == wanted).then_some(at)
    })
}

/// Reads `name: path=value; path=value`; a name alone is the scenario as it is.
pub fn single(text: &str) -> Result<(String, Vec<String>), Diagnostic> {
    let wrong = |message: &str| {
        let help = "write `--variant 'easy: controlPlane.batch.backfill=easy'`, more settings behind `;`";
        Diagnostic::error(Location::file("--variant"), message).found(text).help(help)
    };
    let (name, rest) = text.split_once(':').unwrap_or((text, ""));
    let name = name.trim();
    if name.is_empty() || name.contains('=') {
        return Err(wrong("there is no name before a `:`"));
    }
    let mut sets = Vec::new();
    let mut start = 0;
    for end in outside(rest, ';').chain([rest.len()]) {
        let set = rest[start..end].trim();
        start = end + 1;
        if set.is_empty() {
            continue;
        }
        let path = set.split('=').next().unwrap_or_default().trim();
        refuse_seed("--variant", path, text)?;
        sets.push(set.to_owned());
    }
    Ok((name.to_owned(), sets))
}

/// Every combination of the values of all axes, the last axis fastest, as names and settings. A name
/// says what differs: `backfill=easy`, or `order=sjf backfill=easy`.
pub fn product(axes: &[Axis]) -> Result<Vec<(String, Vec<String>)>, Diagnostic> {
    let count = axes.iter().try_fold(1usize, |count, axis| count.checked_mul(axis.values.len()));
    if count.is_none_or(|count| count > MAX_VARIANTS) {
        let finding = Diagnostic::error(Location::file("--vary"), "too many combinations");
        return Err(finding.help(format!("at most {MAX_VARIANTS} variants are compared at once")));
    }
    let mut all = vec![(Vec::<String>::new(), Vec::<String>::new())];
    for axis in axes {
        let leaf = leaf(&axis.path);
        all = all
            .iter()
            .flat_map(|(words, sets)| {
                axis.values.iter().map(move |value| {
                    let word = format!("{leaf}={}", shown(value));
                    let set = format!("{}={value}", axis.path);
                    ([&words[..], &[word]].concat(), [&sets[..], &[set]].concat())
                })
            })
            .collect();
    }
    Ok(all.into_iter().map(|(words, sets)| (words.join(" "), sets)).collect())
}

/// The last key of a path.
fn leaf(path: &str) -> &str {
    let path = path.trim_end_matches('"');
    path.rsplit(['.', '"']).find(|part| !part.is_empty()).unwrap_or(path)
}

/// A value as a name shows it.
fn shown(value: &str) -> String {
    let value = value.trim_matches(['"', '\'']);
    // Of a path the last part tells most; an expression with a `/` is no path.
    let is_path = value.chars().all(|letter| letter.is_ascii_alphanumeric() || "/._-".contains(letter));
    let last = value.rsplit('/').next().filter(|last| is_path && last.contains('.'));
    last.unwrap_or(value).to_owned()
}

/// Checks that names are legal and apart.
pub fn check_names(variants: &[Variant]) -> Result<(), Diagnostic> {
    let wrong =
        |message: String, found: &str| Diagnostic::error(Location::file("variants"), message).found(found);
    if variants.len() < 2 {
        let finding =
            wrong("there is nothing to compare: a comparison has at least two variants".to_owned(), "");
        return Err(finding.help(
            "add `--vary controlPlane.batch.backfill=none,easy`, name a second scenario, or list `variants` in a study",
        ));
    }
    if variants.len() > MAX_VARIANTS {
        let help = format!("at most {MAX_VARIANTS} are compared at once");
        return Err(wrong(format!("there are {} variants", variants.len()), "").help(help));
    }
    for (index, variant) in variants.iter().enumerate() {
        let name = &variant.name;
        if name.is_empty() || name.chars().count() > MAX_NAME || name.chars().any(char::is_control) {
            let help =
                format!("a name has 1 to {MAX_NAME} letters; `--variant 'name: path=value'` gives one");
            return Err(wrong("not the name of a variant".to_owned(), name).help(help));
        }
        if variants[..index].iter().any(|other| other.name == *name) {
            let help = "give each a name of its own with `--variant 'name: path=value'`";
            return Err(wrong("two variants have one name".to_owned(), name).help(help));
        }
    }
    Ok(())
}
