//! The documents of manifests as they are written, so that patches can be applied to them.

use super::super::Build;
use super::super::objects::Timed;
use crate::api::Object;
use crate::api::kubernetes::{Manifest, Sourced, patch, read};
use crate::base::{Diagnostic, Location};
use crate::cluster::DEFAULT_NAMESPACE;
use crate::scenario::At;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// Kind, namespace and name.
type Name<'a> = (&'a str, &'a str, &'a str);

/// The documents that were looked at so far, as they are after the patches so far.
#[derive(Debug, Default)]
pub(super) struct Documents(BTreeMap<(String, String, String), Value>);

fn key((kind, namespace, name): Name<'_>) -> (String, String, String) {
    (kind.to_owned(), namespace.to_owned(), name.to_owned())
}

impl Documents {
    /// Whether a document is known.
    pub(super) fn knows(&self, kind: &str, namespace: &str, name: &str) -> bool {
        self.0.contains_key(&key((kind, namespace, name)))
    }

    /// Reads the documents of a file; known ones are replaced.
    pub(super) fn learn(&mut self, build: &mut Build<'_>, path: &Path) -> Result<(), Diagnostic> {
        let (name, bytes) = build.files.read(path)?;
        let fail = |what: String| Diagnostic::error(Location::file(name.as_ref()), what);
        let text = std::str::from_utf8(&bytes).map_err(|error| fail(format!("is not UTF-8: {error}")))?;
        let documents: Vec<Value> =
            serde_saphyr::from_multiple(text).map_err(|error| fail(format!("cannot be patched: {error}")))?;
        for document in documents {
            self.enter(document);
        }
        Ok(())
    }

    /// Enters a document, or the members of a list.
    fn enter(&mut self, document: Value) {
        if let Some(Value::Array(items)) = document.get("items") {
            return items.clone().into_iter().for_each(|item| self.enter(item));
        }
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let meta = &document["metadata"];
        let namespace = text(&meta["namespace"]).unwrap_or_else(|| DEFAULT_NAMESPACE.to_owned());
        if let (Some(kind), Some(name)) = (text(&document["kind"]), text(&meta["name"])) {
            self.0.insert((kind, namespace, name), document);
        }
    }

    /// Makes sure that a document is known: reads the file of its object.
    pub(super) fn find(
        &mut self,
        build: &mut Build<'_>,
        objects: &Timed,
        name: Name<'_>,
        target: &At<String>,
    ) -> Result<(), Diagnostic> {
        if self.0.contains_key(&key(name)) {
            return Ok(());
        }
        let is_it = |object: &Object| {
            let meta = object.meta();
            (object.kind(), meta.namespace.as_str(), meta.name.as_str()) == name
        };
        let found = objects.iter().find(|(_, sourced)| is_it(&sourced.object));
        let Some((_, sourced)) = found else {
            return Err(target.error("no manifest makes this object, so there is nothing to change"));
        };
        let file = sourced.location.file.to_string();
        self.learn(build, Path::new(&file))?;
        if self.0.contains_key(&key(name)) {
            return Ok(());
        }
        Err(target.error("the manifest of this object cannot be read again"))
    }

    /// The names of the containers of a document.
    pub(super) fn containers(&self, name: Name<'_>) -> Vec<String> {
        let Some(document) = self.0.get(&key(name)) else { return Vec::new() };
        let spec = &document["spec"];
        let places = [&spec["template"]["spec"], &spec["jobTemplate"]["spec"]["template"]["spec"], spec];
        let containers = places.into_iter().find_map(|place| place["containers"].as_array());
        let names = containers.into_iter().flatten().filter_map(|container| container["name"].as_str());
        names.map(str::to_owned).collect()
    }

    /// Applies a patch to a document; the object that comes out is read like any other.
    pub(super) fn patch(
        &mut self,
        name: Name<'_>,
        target: &At<String>,
        with: &Value,
    ) -> Result<Sourced, Diagnostic> {
        let nothing = || target.error("after the patch there is no object");
        let document = self.0.get_mut(&key(name)).ok_or_else(nothing)?;
        let mut patched = document.clone();
        patch::merge(&mut patched, with);
        let mut manifest = Manifest::default();
        let file: Arc<str> = Arc::from(target.location.file.as_ref());
        read(&file, patched.to_string().as_bytes(), &mut manifest).map_err(|finding| {
            let message = format!("after the patch: {}", finding.message);
            Diagnostic { message, location: target.location.clone(), ..finding }
        })?;
        let sourced = manifest.objects.pop().ok_or_else(nothing)?;
        let meta = sourced.object.meta();
        if (sourced.object.kind(), meta.name.as_str()) != (name.0, name.2) {
            return Err(target.error("a patch cannot change kind or name"));
        }
        *document = patched;
        Ok(sourced)
    }
}
