//! Volumes, features and states of pods.

use super::placement::{raw, refusals};
use super::*;
use crate::api::VolumeSource;

#[test]
fn volumes_of_pods() {
    let spec = pod(
        "containers: [{name: c}], volumes: [{name: a, persistentVolumeClaim: {claimName: c, readOnly: true}}, \
         {name: b, ephemeral: {volumeClaimTemplate: {spec: {}}}}, {name: d, emptyDir: {}}, {name: e}, \
         {name: f, image: {reference: \"i:1\"}}, {name: g, rbd: {monitors: [m], image: i}}, \
         {name: h, iscsi: {targetPortal: t, iqn: q, lun: 1}}, {name: i, newKind: {}}]",
    )
    .template
    .spec
    .clone();
    let found: Vec<_> =
        spec.volumes.iter().map(|volume| (volume.name.as_str(), volume.source.clone())).collect();
    let expected = [
        ("a", VolumeSource::Claim { name: "c".into(), read_only: true }),
        ("b", VolumeSource::Ephemeral),
        ("f", VolumeSource::Image { reference: "i:1".into() }),
        (
            "g",
            VolumeSource::Rbd {
                monitors: vec!["m".into()],
                pool: "rbd".into(),
                image: "i".into(),
                read_only: false,
            },
        ),
        ("h", VolumeSource::Iscsi { target_portal: "t".into(), iqn: "q".into(), lun: 1, read_only: false }),
        ("i", VolumeSource::Other),
    ];
    assert_eq!(found, expected);
    assert!(spec.has_claims());
    let bad = [
        "volumes: {a: b}",
        "volumes: [{emptyDir: {}}]",
        "volumes: [{name: a}, {name: a}]",
        "volumes: [{name: a, emptyDir: {}, hostPath: {path: /d}}]",
        "volumes: [{name: a, persistentVolumeClaim: {}}]",
        "volumes: [{name: a, persistentVolumeClaim: c}]",
        "volumes: [{name: a, persistentVolumeClaim: {claimName: C}}]",
        "volumes: [{name: a, awsElasticBlockStore: {volumeID: \"\"}}]",
        "volumes: [{name: a, iscsi: {targetPortal: t, iqn: q, lun: 1e30}}]",
        "volumes: [{name: a, ephemeral: {}}]",
        "volumes: [{name: a, emptydir: {}}]",
        "resourceClaims: [{name: gpu, resourceClaimName: g}]",
    ]
    .map(|line| summary(&pod_with(&format!("  containers: [{{name: c}}]\n  {line}\n"))));
    let claims = summary(&pod_with("  containers: [{name: c, resources: {claims: [{name: gpu}]}}]\n"));
    expect![[r#"
        x.yaml:6:12: error: `volumes` must be a list, not a mapping: `{a: b}`
        x.yaml:6:13: error: `name` is missing: `{emptyDir: {}}`
        x.yaml:6:31: error: two volumes have the same name: `a`
        x.yaml:6:37: error: a volume has one source, but this one has `emptyDir` already: `hostPath`
        x.yaml:6:46: error: `claimName` is missing: `{}`
        x.yaml:6:46: error: persistentVolumeClaim must be a mapping, not text: `c`
        x.yaml:6:58: error: `claimName` is not a legal name: `C`
        x.yaml:6:45: error: `volumeID` must not be empty: `{volumeID: ""}`
        x.yaml:6:61: error: `lun` must be from 0 to 2147483647: `1e30`
        x.yaml:6:34: error: `volumeClaimTemplate` is missing: `{}`
        x.yaml:1:1 Pod p
        x.yaml:6:23: warning: unknown key in the volume; it has no effect: `emptydir` (did you mean `emptyDir`?)
        x.yaml:6:20: error: ResourceClaims (dynamic resource allocation) are not supported: `{name: gpu, resourceClaimName: g}` (ask for devices by count, as an extended resource such as `example.com/gpu: 1` under `resources.limits`)
        x.yaml:5:47: error: ResourceClaims (dynamic resource allocation) are not supported: `{name: gpu}` (ask for devices by count, as an extended resource such as `example.com/gpu: 1` under `resources.limits`)"#]].assert_eq(&format!("{}\n{claims}", bad.join("\n")));
    let text =
        r#"{"metadata": {"name": "p"}, "spec": {"resourceClaims": [{"name": "gpu"}], "containers": []}}"#;
    let Object::Pod(pod) = raw(("v1", "Pod"), text).unwrap() else { panic!() };
    assert_eq!(pod.template.spec.resource_claims, ["gpu"]);
}

#[test]
fn features_that_pods_need_and_nodes_declare() {
    let pod = pod("hostNetwork: true, hostUsers: false, containers: [{name: c, restartPolicy: Never, \
                   restartPolicyRules: [{action: RestartAllContainers, exitCodes: {operator: In, values: [1]}}]}]");
    let spec = &pod.template.spec;
    assert!(spec.own_users && spec.containers[0].restarts_all);
    let node = node("{apiVersion: v1, kind: Node, metadata: {name: m}, status: {declaredFeatures: [A, B]}}");
    assert_eq!(node.declared_features, ["A", "B"]);
}

/// A pod with one container that asks for one core, and one at the level of the pod.
fn with_status(status: &str) -> Pod {
    let text = format!(
        "{{apiVersion: v1, kind: Pod, metadata: {{name: p}}, spec: {{containers: [{{name: c, resources: \
         {{requests: {{cpu: 1}}}}}}], resources: {{requests: {{cpu: 1}}}}}}, status: {{{status}}}}}"
    );
    match one(&text) {
        Object::Pod(pod) => *pod,
        other => panic!("{}", other.kind()),
    }
}

#[test]
fn resources_of_the_status_are_kept_where_they_matter() {
    let container = |resources: &str| {
        with_status(&format!("containerStatuses: [{{name: c, {resources}}}]")).status_resources
    };
    assert_eq!(container("allocatedResources: {cpu: 2}"), None);
    assert_eq!(container("resources: {requests: {cpu: 1}}, allocatedResources: {cpu: 1}"), None);
    assert_eq!(container("resources: {requests: {cpu: 500m}}"), None);
    let given =
        container("resources: {requests: {cpu: 1}}, allocatedResources: {cpu: 3, memory: 0}").unwrap();
    assert_eq!(given.containers["c"]["cpu"], Quantity::from_units(3));
    assert!(given.containers["c"].contains_key("memory") && !given.is_infeasible);
    let infeasible = "conditions: [{type: PodResizePending, status: \"True\", reason: Infeasible}]";
    let given = with_status(&format!(
        "{infeasible}, containerStatuses: [{{name: c, resources: {{requests: {{cpu: 500m}}}}}}]"
    ));
    assert!(given.status_resources.unwrap().is_infeasible);
    assert_eq!(with_status(infeasible).status_resources, None);
    let of_pod = with_status("resources: {requests: {cpu: 1}}, allocatedResources: {cpu: 2}");
    assert_eq!(of_pod.status_resources.unwrap().pod.as_ref().unwrap()["cpu"], Quantity::from_units(2));
}

#[test]
fn times_and_conditions_of_the_status() {
    let pod = with_status("startTime: \"1970-01-01T00:00:02.5Z\"");
    assert_eq!((pod.start_unix_nanos, pod.preempted_condition), (Some(2_500_000_000), false));
    let disrupted = |reason: &str| {
        let condition = format!("{{type: DisruptionTarget, status: \"True\", reason: {reason}}}");
        with_status(&format!("conditions: [{condition}]")).preempted_condition
    };
    assert!(disrupted("PreemptionByScheduler") && !disrupted("TerminationByKubelet"));
    let bad = refusals(
        "v1",
        "Pod",
        &["soon", "\"9999-01-01T00:00:00Z\""]
            .map(|time| {
                format!("metadata: {{name: p}}, spec: {{containers: [{{name: c}}]}}, status: {{startTime: {time}}}")
            })
            .each_ref()
            .map(String::as_str),
    );
    expect![[r#"
        x.yaml:1:103: error: `startTime` is not a time: `soon` (write it as RFC 3339 has it, such as `2026-01-31T12:00:00Z`)
        x.yaml:1:103: error: `startTime` must be from 1678 to 2261: `9999-01-01T00:00:00Z`"#]].assert_eq(&bad);
}
