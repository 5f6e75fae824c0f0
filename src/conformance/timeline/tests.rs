//! Comparing timelines, and replaying a small one.

use super::*;

fn recording(lines: &[&str]) -> Recording {
    Recording::parse(&lines.join("\n")).expect("the lines are sound")
}

const END: &str = r#"{"t":60,"kind":"Run","name":"r","change":"end"}"#;

#[test]
fn changes_are_paired_by_rank_within_the_tolerance() {
    let real = recording(&[
        r#"{"t":1.0,"kind":"Pod","name":"web#1-1","change":"ready"}"#,
        r#"{"t":2.0,"kind":"Pod","name":"web#1-2","change":"ready"}"#,
        END,
    ]);
    let ours = recording(&[
        r#"{"t":2.5,"kind":"Pod","name":"web#1-1","change":"ready"}"#,
        r#"{"t":1.1,"kind":"Pod","name":"web#1-2~2","change":"ready"}"#,
        r#"{"t":3.0,"kind":"Pod","name":"web#1-3","change":"ready"}"#,
        END,
    ]);
    let counted = agreement(&real, &ours, "a");
    assert_eq!((counted.good, counted.total), (2, 3));
    assert_eq!(counted.notes.len(), 1);
}

#[test]
fn status_fields_are_compared_where_they_rest() {
    let real = recording(&[
        r#"{"t":0.1,"kind":"ReplicaSet","name":"w#1","change":"created","ready":0}"#,
        r#"{"t":10,"kind":"ReplicaSet","name":"w#1","change":"status","ready":1}"#,
        r#"{"t":11,"kind":"ReplicaSet","name":"w#1","change":"status","ready":2}"#,
        END,
    ]);
    let ours = recording(&[
        r#"{"t":0.1,"kind":"ReplicaSet","name":"w#1","change":"created","ready":0}"#,
        r#"{"t":12,"kind":"ReplicaSet","name":"w#1","change":"status","ready":2.0}"#,
        END,
    ]);
    let counted = agreement(&real, &ours, "a");
    assert_eq!((counted.good, counted.total), (3, 3), "{:?}", counted.notes);
}

#[test]
fn what_came_before_the_start_is_not_compared() {
    let real = recording(&[r#"{"t":-5,"kind":"Node","name":"n","change":"created"}"#, END]);
    let ours = recording(&[END]);
    assert_eq!(agreement(&real, &ours, "a").total, 0);
}

#[test]
fn a_script_becomes_a_run_and_a_timeline() {
    let script = br#"{"name": "small", "area": "a", "duration": 20,
        "nodes": [{"name": "n", "zone": "a", "count": 2}],
        "actions": [{"at": 0, "op": "apply", "objects": ["*"]},
                    {"at": 10, "op": "scale", "object": "Deployment/web", "replicas": 1}]}"#;
    let manifests = b"apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}, annotations: {sim.example/start-delay-ms: '1500'}}
    spec:
      containers: [{name: main, image: i, resources: {requests: {cpu: 100m}}}]
";
    let script = Script::read("small", script, manifests).expect("the script is sound");
    let lines = replay(&script, 1).expect("the run ends well");
    let times = |change: &str| -> Vec<f64> {
        let of_pods = lines.iter().filter(|line| line.kind == "Pod" && line.change == change);
        of_pods.map(|line| line.t).collect()
    };
    assert_eq!(times("created").len(), 2);
    assert!(times("ready").iter().all(|t| *t > 1.5 && *t < 1.8), "{:?}", times("ready"));
    assert_eq!((times("terminating").len(), times("deleted").len()), (1, 1));
    assert!(lines.iter().any(|line| line.name == "web#1-2" && line.change == "bound"));
    let again = replay(&script, 1).expect("the run ends well");
    assert_eq!(lines, again);
}

#[test]
#[expect(clippy::disallowed_methods, reason = "tests find the recordings by an environment variable")]
#[expect(clippy::print_stderr, reason = "agreement is what the test is run for, and a skipped test says so")]
fn autoscalers_move_as_recorded() {
    let Some(data) = std::env::var_os("SEATRIAL_DATA") else {
        eprintln!("skipped: autoscalers_move_as_recorded (SEATRIAL_DATA is not set)");
        return;
    };
    let is_of_autoscaler = |note: &String| note.starts_with("HPA ") || note.contains(" scaled ");
    for name in ["public-hpa-up-down", "public-hpa-slow-start"] {
        let folder = std::path::Path::new(&data).join("conformance/timelines").join(name);
        let bytes = |file: &str| std::fs::read(folder.join(file)).expect("the recording is there");
        let script = Script::read(name, &bytes("script.json"), &bytes("manifests.yaml")).unwrap();
        assert_eq!(script.left_out(), [] as [&str; 0]);
        let ours = Recording::new(replay(&script, 1).unwrap());
        // Two recordings differ by a period where a sample falls on the other side of a limit.
        let mut best: Option<Vec<String>> = None;
        for file in ["timeline-1.jsonl", "timeline-2.jsonl"] {
            let real = Recording::parse(&String::from_utf8(bytes(file)).unwrap()).unwrap();
            let counted = agreement(&real, &ours, script.area());
            eprintln!("{name}/{file}: {} of {}", counted.good, counted.total);
            let notes: Vec<String> = counted.notes.into_iter().filter(is_of_autoscaler).collect();
            best = best.filter(|best| best.len() <= notes.len()).or(Some(notes));
        }
        let best = best.unwrap_or_default();
        assert!(best.is_empty(), "{name}:\n{}", best.join("\n"));
    }
}
