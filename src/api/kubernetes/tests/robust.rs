//! Input that nobody would write.

use super::*;
use proptest::prelude::*;

#[test]
fn absurd_input_is_no_panic() {
    let deep = format!("{}{}", "[".repeat(5000), "]".repeat(5000));
    assert!(read_text(&deep).is_err());
    let blocks: Vec<String> = (0..600).map(|depth| format!("{}a:", " ".repeat(depth))).collect();
    assert!(read_text(&blocks.join("\n")).is_err());
    let long = format!("apiVersion: v1\nkind: Pod\nmetadata: {{name: {}}}\n", "a".repeat(2_000_000));
    let error = read_text(&long).unwrap_err();
    assert!(error.to_string().len() < 1000);
}

const SEED: &str = "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: d\n  labels: {a: b}\nspec:\n  replicas: 3\n  selector:\n    matchLabels: &l {a: b}\n  template:\n    metadata:\n      labels: *l\n      annotations: {seatrial.dev/run-time: 'exponential(mean=5s)'}\n    spec:\n      containers:\n      - name: c\n        ports: [{containerPort: 80}]\n        resources: {requests: {cpu: 100m, memory: 1Gi}}\n      tolerations: [{key: a, operator: Exists}]\n---\n{\"kind\": \"List\", \"apiVersion\": \"v1\", \"items\": [{\"kind\": \"Node\", \"apiVersion\": \"v1\", \"metadata\": {\"name\": \"n\"}, \"status\": {\"capacity\": {\"cpu\": 4}}}]}\n";

#[test]
fn what_would_grow_without_bound_is_refused() {
    let keys: Vec<String> = (0..3000).map(|key| format!("k{key}: 1")).collect();
    let merges = "- {<<: *a}\n".repeat(3000);
    let merged = format!("a: &a {{{}}}\nb:\n{merges}", keys.join(", "));
    assert!(summary(&merged).contains("too large"), "{}", summary(&merged));
    let items = format!("a: &a {{kind: X, {}}}\nitems:\n{}", keys.join(", "), "- *a\n".repeat(3000));
    assert!(summary(&items).contains("too large"), "{}", summary(&items));
    // Each of these lines could be the start of a JSON value that never ends.
    assert!(read_text(&"{\n---\n".repeat(200_000)).is_err());
    assert_eq!(split_documents("{\n---\n".repeat(200_000).as_bytes()).count(), 200_000);
}

fn lines(bytes: &[u8]) -> u32 {
    bytes.split(|byte| *byte == b'\n').count() as u32 - 1
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let _ = read(&"x".into(), &bytes, &mut Manifest::default());
    }

    #[test]
    fn mutated_manifests_never_panic(
        edits in proptest::collection::vec((0..SEED.len(), 0usize..40, "[-a-z0-9:{}\\[\\]&*<\"' #\n|>%!]{0,12}"), 1..5),
    ) {
        let mut text = SEED.as_bytes().to_vec();
        for (at, length, new) in edits {
            let at = at.min(text.len());
            let end = (at + length).min(text.len());
            text.splice(at..end, new.bytes());
        }
        let _ = read(&"x".into(), &text, &mut Manifest::default());
    }

    #[test]
    fn documents_cover_all_content(text in "[-.a: {}\"\r\n#]{0,200}") {
        let bytes = text.as_bytes();
        let mut last = 0;
        for (line, document) in split_documents(bytes) {
            prop_assert!(line >= last);
            last = line + lines(document);
        }
        prop_assert!(last <= lines(bytes));
    }
}
