//! Files about scenarios: of other types, read with the same findings, and changes that are laid over a
//! scenario before it is given its types.

use super::compile::Environment;
use super::parse::{parse_tree, typed};
use super::schema::Scenario;
use super::tree::{self, Data, Value};
use crate::base::{Diagnostic, Location};
use crate::trace;
use serde::Deserialize;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

/// A part of a scenario that replaces what a scenario has.
#[derive(Clone, PartialEq, Debug)]
pub struct Overlay(Value);

/// Reads a file of any type, and takes the part under `key` out of it, if it has one.
pub fn read_as<T>(file: &Path, key: &str) -> Result<(T, Option<Overlay>), Vec<Diagnostic>>
where
    T: for<'any> Deserialize<'any>,
{
    let (bytes, _) = trace::read_all(file, None).map_err(|finding| vec![finding])?;
    let name: Arc<str> = file.display().to_string().into();
    read_bytes(&name, &bytes, key)
}

/// The same from bytes.
pub fn read_bytes<T>(
    name: &Arc<str>,
    bytes: &[u8],
    key: &str,
) -> Result<(T, Option<Overlay>), Vec<Diagnostic>>
where
    T: for<'any> Deserialize<'any>,
{
    let mut tree = tree::read(name, bytes).map_err(|finding| vec![finding])?;
    let overlay = match &mut tree.data {
        Data::Map(entries) => entries
            .iter()
            .position(|(known, _)| known.text == key)
            .map(|place| Overlay(entries.remove(place).1)),
        _ => None,
    };
    Ok((typed(tree)?, overlay))
}

impl Overlay {
    /// Every single value of it: its path, such as `controlPlane.batch.order`, and its place.
    pub fn paths(&self) -> Vec<(String, Location)> {
        let mut paths = Vec::new();
        list(&self.0, &mut String::new(), &mut paths);
        paths
    }

    /// Where it begins.
    pub fn location(&self) -> &Location {
        &self.0.location
    }
}

fn list(value: &Value, path: &mut String, paths: &mut Vec<(String, Location)>) {
    match &value.data {
        Data::Map(entries) => {
            for (key, value) in entries {
                let length = path.len();
                if length > 0 {
                    path.push('.');
                }
                path.push_str(&key.text);
                list(value, path, paths);
                path.truncate(length);
            }
        }
        _ => paths.push((path.clone(), value.location.clone())),
    }
}

/// Mappings are laid over each other key by key; everything else is replaced.
fn lay(over: &Value, under: &mut Value) {
    if let (Data::Map(entries), Data::Map(_) | Data::Null) = (&over.data, &under.data) {
        for (key, value) in entries {
            if let Some(place) = under.entry(&key.text, &key.location) {
                lay(value, place);
            }
        }
    } else {
        *under = over.clone();
    }
}

/// Reads a scenario, lays `overlay` and then `sets` over it. `stdin` is what it reads as `-`.
pub fn load_changed(
    file: &Path,
    overlay: Option<&Overlay>,
    sets: &[String],
    stdin: Option<Box<dyn Read + Send>>,
) -> Result<(Scenario, Environment), Vec<Diagnostic>> {
    let (bytes, sha256) = trace::read_all(file, None).map_err(|finding| vec![finding])?;
    let name: Arc<str> = file.display().to_string().into();
    let mut tree = tree::read(&name, &bytes).map_err(|finding| vec![finding])?;
    if let Some(Overlay(over)) = overlay {
        lay(over, &mut tree);
    }
    let scenario = parse_tree(tree, sets)?;
    let folder = file.parent().unwrap_or(file).to_owned();
    let inputs = vec![(name.to_string(), sha256)];
    Ok((scenario, Environment { file: name, folder, stdin, inputs, held: None }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::At;

    #[derive(Deserialize, Debug)]
    #[serde(deny_unknown_fields)]
    struct Sheet {
        name: At<String>,
    }

    fn read(text: &str) -> Result<(Sheet, Option<Overlay>), Vec<Diagnostic>> {
        read_bytes(&"a.yaml".into(), text.as_bytes(), "change")
    }

    #[test]
    fn a_part_is_taken_out_with_its_places() {
        let (sheet, overlay) = read("name: x\nchange:\n  a:\n    b: 3\n    c: [1]\n").unwrap();
        assert_eq!(sheet.name.value, "x");
        let overlay = overlay.unwrap();
        let paths: Vec<(String, u32)> =
            overlay.paths().into_iter().map(|(path, location)| (path, location.line)).collect();
        assert_eq!(paths, [("a.b".to_owned(), 4), ("a.c".to_owned(), 5)]);
        let findings = read("nmae: x\n").unwrap_err();
        assert_eq!((findings[0].location.line, findings[0].help.as_str()), (1, "did you mean `name`?"));
    }

    #[test]
    fn mappings_are_merged_and_lists_replaced() {
        let overlay = read("name: x\nchange: {a: {b: 3}, l: [9]}\n").unwrap().1.unwrap();
        let mut under = tree::read(&"b.yaml".into(), b"a: {b: 1, c: 2}\nl: [1, 2]\n").unwrap();
        lay(&overlay.0, &mut under);
        let text = |value: &Value| Overlay(value.clone()).paths();
        let paths: Vec<(String, String)> =
            text(&under).into_iter().map(|(path, at)| (path, at.file.to_string())).collect();
        let expected = [("a.b", "a.yaml"), ("a.c", "b.yaml"), ("l", "a.yaml")];
        assert_eq!(paths, expected.map(|(path, file)| (path.to_owned(), file.to_owned())));
    }
}
