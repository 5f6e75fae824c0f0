//! Overrides: `--set path=value`, put into the tree of a scenario before it is given its types.

use super::tree::{Data, Value, read_value};
use crate::base::{Diagnostic, Location};
use std::fmt::Write as _;

/// A step of a path.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Step {
    Key(String),
    Index(usize),
}

/// Puts `path=value` into the tree. Paths are keys joined by points, with `[n]` for the n-th member
/// of a list from 0; `[n]` one behind the last appends. A key with points or slashes is put into
/// quotes: `cluster.pools[0].labels."example.com/disk"=ssd`.
pub(super) fn apply(root: &mut Value, text: &str) -> Result<(), Diagnostic> {
    let location = Location::file("--set");
    let wrong = |message: &str| {
        Diagnostic::error(location.clone(), message).found(text).help(
            "write `--set path=value`, such as `--set 'cluster.pools[0].count=20'` or `--set run.seed=7`",
        )
    };
    let split = separator(text).ok_or_else(|| wrong("there is no `=`"))?;
    let (path, value) = (text[..split].trim(), &text[split + 1..]);
    let steps = parse_path(path).map_err(|message| wrong(&message))?;
    let value = read_value(&location, value.trim())?;
    let mut at = root;
    for (done, step) in steps.iter().enumerate() {
        at = descend(at, step, &location).map_err(|message| {
            let so_far = print_path(&steps[..done]);
            let what = if so_far.is_empty() { "the scenario".to_owned() } else { format!("`{so_far}`") };
            wrong(&format!("{what} {message}"))
        })?;
    }
    *at = value;
    Ok(())
}

/// The first `=` outside quotes.
fn separator(text: &str) -> Option<usize> {
    let mut quoted = false;
    text.char_indices().find_map(|(at, letter)| {
        quoted ^= letter == '"';
        (letter == '=' && !quoted).then_some(at)
    })
}

fn parse_path(path: &str) -> Result<Vec<Step>, String> {
    let mut steps = Vec::new();
    let mut rest = path;
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix('[') {
            let (number, after) = after.split_once(']').ok_or("a `[` has no `]`")?;
            let index = number.parse().map_err(|_| format!("`[{number}]` is not a position in a list"))?;
            steps.push(Step::Index(index));
            rest = after;
        } else if let Some(after) = rest.strip_prefix('"') {
            let (key, after) = after.split_once('"').ok_or("a quote is not closed")?;
            steps.push(Step::Key(key.to_owned()));
            rest = after;
        } else {
            let end = rest.find(['.', '[']).unwrap_or(rest.len());
            steps.push(Step::Key(rest[..end].to_owned()));
            rest = &rest[end..];
        }
        if let Some(after) = rest.strip_prefix('.') {
            if after.is_empty() {
                return Err("the path ends with a point".into());
            }
            rest = after;
        }
    }
    if steps.is_empty() || steps.iter().any(|step| *step == Step::Key(String::new())) {
        return Err("the path has an empty part".into());
    }
    Ok(steps)
}

fn print_path(steps: &[Step]) -> String {
    let mut text = String::new();
    for step in steps {
        match step {
            Step::Index(index) => {
                let _ = write!(text, "[{index}]");
            }
            Step::Key(key) => {
                if !text.is_empty() {
                    text.push('.');
                }
                text.push_str(key);
            }
        }
    }
    text
}

fn descend<'t>(value: &'t mut Value, step: &Step, location: &Location) -> Result<&'t mut Value, String> {
    let what = value.describe();
    match step {
        Step::Key(key) => value.entry(key, location).ok_or_else(|| format!("is {what}, it has no keys")),
        Step::Index(index) => {
            if value.data == Data::Null {
                value.data = Data::List(Vec::new());
            }
            let Data::List(items) = &mut value.data else { return Err(format!("is {what}, not a list")) };
            let length = items.len();
            if *index > length {
                return Err(format!("has {length} members, so there is no [{index}]"));
            }
            if *index == length {
                items.push(Value { location: location.clone(), data: Data::Null });
            }
            Ok(&mut items[*index])
        }
    }
}
