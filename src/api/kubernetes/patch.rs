//! Strategic merge patches, as `kubectl patch` sends them.
//!
//! Source: Kubernetes 1.36, apimachinery pkg/util/strategicpatch, and the patch strategies of the API
//! types (`patchMergeKey`). Documents are JSON values; what they mean is not known here.

use serde_json::{Map, Value};

/// Lists that are merged by a key of their members, by the name of the field they stand in. Other lists
/// are replaced.
const MERGE_KEYS: &[(&str, &str)] = &[
    ("containers", "name"),
    ("initContainers", "name"),
    ("ephemeralContainers", "name"),
    ("volumes", "name"),
    ("volumeMounts", "mountPath"),
    ("env", "name"),
    ("ports", "containerPort"),
    ("imagePullSecrets", "name"),
    ("hostAliases", "ip"),
    ("schedulingGates", "name"),
    ("resourceClaims", "name"),
    ("topologySpreadConstraints", "topologyKey"),
    ("conditions", "type"),
    ("ownerReferences", "uid"),
];
/// The directive of a mapping in a patch.
const DIRECTIVE: &str = "$patch";

/// Applies a patch to a document: mappings are merged, `null` removes a field, lists are merged by the
/// key of their members where they have one, and replaced otherwise.
pub fn merge(document: &mut Value, patch: &Value) {
    let (Value::Object(fields), Value::Object(changes)) = (&mut *document, patch) else {
        *document = patch.clone();
        return;
    };
    match changes.get(DIRECTIVE).and_then(Value::as_str) {
        Some("replace") => *fields = without_directive(changes),
        Some("delete") => fields.clear(),
        _ => merge_fields(fields, changes),
    }
}

fn merge_fields(fields: &mut Map<String, Value>, changes: &Map<String, Value>) {
    for (key, change) in changes {
        // Orders of members and retained keys make no difference to what is read here.
        if key.starts_with('$') {
            continue;
        }
        match (fields.get_mut(key), change) {
            (_, Value::Null) => drop(fields.remove(key)),
            (Some(Value::Array(members)), Value::Array(changed)) => match merge_key(key) {
                Some(by) => merge_members(members, changed, by),
                None => members.clone_from(changed),
            },
            (Some(field), change) => merge(field, change),
            (None, Value::Object(change)) => {
                let mut made = Value::Object(Map::new());
                merge_fields(made.as_object_mut().unwrap_or(&mut Map::new()), change);
                fields.insert(key.clone(), made);
            }
            (None, change) => drop(fields.insert(key.clone(), change.clone())),
        }
    }
}

fn merge_key(field: &str) -> Option<&'static str> {
    MERGE_KEYS.iter().find(|(name, _)| *name == field).map(|(_, key)| *key)
}

fn merge_members(members: &mut Vec<Value>, changes: &[Value], key: &str) {
    let directive = |change: &Value| change.get(DIRECTIVE).and_then(Value::as_str).map(str::to_owned);
    if changes
        .iter()
        .any(|change| directive(change).as_deref() == Some("replace") && change.get(key).is_none())
    {
        members.clear();
    }
    for change in changes {
        let Some(name) = change.get(key) else { continue };
        let place = members.iter().position(|member| member.get(key) == Some(name));
        match (place, directive(change).as_deref()) {
            (Some(place), Some("delete")) => drop(members.remove(place)),
            (None, Some("delete")) => {}
            (Some(place), _) => merge(&mut members[place], change),
            (None, _) => members.push(change.clone()),
        }
    }
}

fn without_directive(changes: &Map<String, Value>) -> Map<String, Value> {
    let kept = changes.iter().filter(|(key, _)| *key != DIRECTIVE);
    kept.map(|(key, value)| (key.clone(), value.clone())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn merged(mut document: Value, patch: &Value) -> Value {
        merge(&mut document, patch);
        document
    }

    #[test]
    fn mappings_merge_and_null_removes() {
        let document = json!({"a": {"b": 1, "c": 2}, "d": [1, 2]});
        let patch = json!({"a": {"b": null, "e": {"f": 3, "g": null}}, "d": [3]});
        assert_eq!(merged(document, &patch), json!({"a": {"c": 2, "e": {"f": 3}}, "d": [3]}));
    }

    #[test]
    fn containers_merge_by_name() {
        let document = json!({"containers": [{"name": "a", "image": "x:1"}, {"name": "b", "image": "y"}]});
        let patch = json!({"containers": [{"name": "a", "image": "x:2"}, {"name": "c", "image": "z"}]});
        let all = json!({"containers": [
            {"name": "a", "image": "x:2"}, {"name": "b", "image": "y"}, {"name": "c", "image": "z"}]});
        assert_eq!(merged(document.clone(), &patch), all);
        let delete = json!({"containers": [{"name": "b", "$patch": "delete"}]});
        assert_eq!(merged(document.clone(), &delete), json!({"containers": [{"name": "a", "image": "x:1"}]}));
        let replace = json!({"containers": [{"$patch": "replace"}, {"name": "d"}]});
        assert_eq!(merged(document, &replace), json!({"containers": [{"name": "d"}]}));
    }

    #[test]
    fn tolerations_and_taints_are_replaced() {
        let document = json!({"taints": [{"key": "a"}], "tolerations": [{"key": "b"}]});
        let patch = json!({"taints": [], "tolerations": [{"key": "c"}]});
        assert_eq!(merged(document, &patch), patch);
    }

    #[test]
    fn a_mapping_can_be_replaced_as_a_whole() {
        let document = json!({"strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}}});
        let patch = json!({"strategy": {"$patch": "replace", "type": "Recreate"}});
        assert_eq!(merged(document, &patch), json!({"strategy": {"type": "Recreate"}}));
    }
}
