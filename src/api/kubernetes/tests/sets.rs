//! StatefulSets and DaemonSets, good and bad.

use super::placement::{refusals, written};
use super::*;
use crate::api::workload::{DaemonSetUpdate, PodManagement, StatefulSetUpdate};
use crate::api::{DaemonSet, StatefulSet};

const REST: &str = "selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}}, spec: {containers: [{name: c}]}}";

fn stateful(spec: &str) -> StatefulSet {
    match written("apps/v1", "StatefulSet", &format!("spec: {{{spec} {REST}}}")) {
        Object::StatefulSet(set) => *set,
        other => panic!("{}", other.kind()),
    }
}

fn daemon(spec: &str) -> DaemonSet {
    match written("apps/v1", "DaemonSet", &format!("spec: {{{spec} {REST}}}")) {
        Object::DaemonSet(set) => *set,
        other => panic!("{}", other.kind()),
    }
}

fn bad(kind: &str, specs: &[&str]) -> String {
    let all: Vec<String> =
        specs.iter().map(|spec| format!("metadata: {{name: x}}, spec: {{{spec} {REST}}}")).collect();
    refusals("apps/v1", kind, &all.iter().map(String::as_str).collect::<Vec<_>>())
}

#[test]
fn a_stateful_set_is_read_whole() {
    let set = stateful("");
    assert_eq!((set.replicas, set.min_ready_seconds, set.start_ordinal), (1, 0, 0));
    assert_eq!((set.pod_management, set.revision_history_limit), (PodManagement::OrderedReady, 10));
    assert_eq!(set.update, StatefulSetUpdate::RollingUpdate { partition: 0, max_unavailable: None });
    let set = stateful(
        "replicas: 0, minReadySeconds: 7, podManagementPolicy: Parallel, ordinals: {start: 5}, \
         revisionHistoryLimit: -1, persistentVolumeClaimRetentionPolicy: {whenDeleted: Delete}, \
         updateStrategy: {rollingUpdate: {partition: 3, maxUnavailable: 25%}},",
    );
    assert_eq!((set.replicas, set.min_ready_seconds, set.start_ordinal), (0, 7, 5));
    assert_eq!((set.pod_management, set.revision_history_limit), (PodManagement::Parallel, -1));
    let quarter = Some(IntOrPercent::Percent(25));
    assert_eq!(set.update, StatefulSetUpdate::RollingUpdate { partition: 3, max_unavailable: quarter });
    let set = stateful("updateStrategy: {type: OnDelete}, ordinals: {},");
    assert_eq!((set.update, set.start_ordinal), (StatefulSetUpdate::OnDelete, 0));
}

#[test]
fn bad_stateful_sets() {
    let found = bad(
        "StatefulSet",
        &[
            "podManagementPolicy: parallel,",
            "updateStrategy: {type: Recreate},",
            "updateStrategy: {type: OnDelete, rollingUpdate: {partition: 1}},",
            "updateStrategy: {rollingUpdate: {partition: -1}},",
            "updateStrategy: {rollingUpdate: {maxUnavailable: 0%}},",
            "updateStrategy: {rollingUpdate: {maxUnavailable: 101%}},",
            "updateStrategy: {rollingUpdate: {maxSurge: 1}},",
            "ordinals: {start: 1e30},",
            "minReadySeconds: -2,",
            "persistentVolumeClaimRetentionPolicy: {whenScaled: Keep},",
            "revisionHistoryLimit: .nan,",
        ],
    );
    expect![[r#"
        x.yaml:1:91: error: `podManagementPolicy` has an unknown value: `parallel` (did you mean `Parallel`?)
        x.yaml:1:93: error: `type` has an unknown value: `Recreate` (one of RollingUpdate, OnDelete)
        x.yaml:1:118: error: `rollingUpdate` has no place in the strategy `OnDelete`: `{partition: 1}`
        x.yaml:1:114: error: `partition` must not be negative: `-1`
        x.yaml:1:119: error: `maxUnavailable` must not be 0: `0%`
        x.yaml:1:119: error: `maxUnavailable` must be at most 100%: `101%`
        x.yaml:1:1 StatefulSet x
        x.yaml:1:88: error: `start` must be from 0 to 2147483647: `1e30`
        x.yaml:1:87: error: `minReadySeconds` must not be negative: `-2`
        x.yaml:1:121: error: `whenScaled` has an unknown value: `Keep` (one of Retain, Delete)
        x.yaml:1:92: error: `revisionHistoryLimit` must be a whole number, not a number: `.nan`"#]]
    .assert_eq(&found);
}

#[test]
fn a_daemon_set_is_read_whole() {
    let set = daemon("");
    assert_eq!((set.min_ready_seconds, set.update), (0, DaemonSetUpdate::default()));
    assert_eq!((set.meta.namespace.as_str(), set.template.spec.containers.len()), ("default", 1));
    let set = daemon(
        "minReadySeconds: 9, updateStrategy: {rollingUpdate: {maxSurge: 10%, maxUnavailable: 0}}, revisionHistoryLimit: 2,",
    );
    let (max_surge, max_unavailable) = (IntOrPercent::Percent(10), IntOrPercent::Int(0));
    assert_eq!(set.min_ready_seconds, 9);
    assert_eq!(set.update, DaemonSetUpdate::RollingUpdate { max_surge, max_unavailable });
    assert_eq!(daemon("updateStrategy: {type: OnDelete},").update, DaemonSetUpdate::OnDelete);
    let half = daemon("updateStrategy: {type: RollingUpdate, rollingUpdate: {maxUnavailable: 50%}},").update;
    let (max_surge, max_unavailable) = (IntOrPercent::Int(0), IntOrPercent::Percent(50));
    assert_eq!(half, DaemonSetUpdate::RollingUpdate { max_surge, max_unavailable });
}

#[test]
fn bad_daemon_sets() {
    let found = bad(
        "DaemonSet",
        &[
            "replicas: 3,",
            "updateStrategy: {type: OnDelet},",
            "updateStrategy: {rollingUpdate: {maxSurge: 1}},",
            "updateStrategy: {rollingUpdate: {maxSurge: 1, maxUnavailable: 1}},",
            "updateStrategy: {rollingUpdate: {maxUnavailable: 0}},",
            "updateStrategy: {rollingUpdate: {maxUnavailable: 101%}},",
            "updateStrategy: {rollingUpdate: {maxUnavailable: one}},",
            "minReadySeconds: 1e30,",
            "revisionHistoryLimit: -1,",
        ],
    );
    expect![[r#"
        x.yaml:1:1 DaemonSet x
        x.yaml:1:91: error: `type` has an unknown value: `OnDelet` (did you mean `OnDelete`?)
        x.yaml:1:111: error: `maxSurge` needs a `maxUnavailable` of 0 beside it: `1` (the default of `maxUnavailable` is 1; write `maxUnavailable: 0`)
        x.yaml:1:111: error: `maxSurge` needs a `maxUnavailable` of 0 beside it: `1`
        x.yaml:1:100: error: `maxSurge` and `maxUnavailable` must not both be 0: `{maxUnavailable: 0}`
        x.yaml:1:117: error: `maxUnavailable` must be at most 100%: `101%`
        x.yaml:1:117: error: `maxUnavailable` must be a whole number or a percentage: `one` (such as `1` (without quotes) or `25%`)
        x.yaml:1:85: error: `minReadySeconds` must be from 0 to 2147483647: `1e30`
        x.yaml:1:90: error: `revisionHistoryLimit` must not be negative: `-1`"#]].assert_eq(&found);
    let other = "template: {metadata: {labels: {a: c}}, spec: {containers: [{name: c}]}}";
    let once =
        "template: {metadata: {labels: {a: b}}, spec: {restartPolicy: Never, containers: [{name: c}]}}";
    let selector = "metadata: {name: x}, spec: {selector: {matchLabels: {a: b}},";
    let found = refusals(
        "apps/v1",
        "DaemonSet",
        &[
            "metadata: {name: x}",
            "metadata: {name: x}, spec: {}",
            &format!("{selector} {other}}}"),
            &format!("{selector} {once}}}"),
            &format!("metadata: {{name: x}}, spec: {{selector: {{}}, {once}}}"),
        ],
    );
    expect![[r#"
        x.yaml:1:1: error: `spec` is missing: `{apiVersion: apps/v1, kind: DaemonSet, metadata: {name: x}}`
        x.yaml:1:67: error: `template` is missing: `{}`
        x.yaml:1:78: error: `selector` does not match the labels of the pod template: `{matchLabels: {a: b}}` (every label of the selector must be in `template.metadata.labels`)
        x.yaml:1:162: error: `restartPolicy` must be `Always` here: `Never`
        x.yaml:1:78: error: `selector` must not be empty: `{}`"#]].assert_eq(&found);
}
