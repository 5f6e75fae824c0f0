//! Resource quotas.

use super::*;
use crate::api::ResourceQuota;
use crate::api::quota::QuotaScope;

fn text(spec: &str) -> String {
    format!("apiVersion: v1\nkind: ResourceQuota\nmetadata: {{name: q}}\nspec: {{{spec}}}\n")
}

fn quota(spec: &str) -> ResourceQuota {
    match one(&text(spec)) {
        Object::ResourceQuota(quota) => *quota,
        other => panic!("{}", other.kind()),
    }
}

#[test]
fn limits_and_scopes() {
    let plain = quota(
        "hard: {pods: 5, requests.cpu: 500m, count/jobs.batch: '2', requests.example.com/gpu: 1, requests.hugepages-2Mi: 1Gi}",
    );
    assert_eq!((plain.hard.len(), plain.hard["requests.cpu"]), (5, Quantity::from_milli(500)));
    let scoped = quota(
        "hard: {pods: 1, cpu: 1}, scopes: [NotBestEffort, PriorityClass], scopeSelector: {matchExpressions: [{scopeName: PriorityClass, operator: In, values: [a, b]}, {scopeName: Terminating, operator: Exists}]}",
    );
    let class = |operator, values: &[&str]| QuotaScope::PriorityClass {
        operator,
        values: values.iter().map(|&value| value.to_owned()).collect(),
    };
    let expected = [
        QuotaScope::NotBestEffort,
        class(Operator::Exists, &[]),
        class(Operator::In, &["a", "b"]),
        QuotaScope::Terminating,
    ];
    assert_eq!(scoped.scopes, expected);
    assert_eq!(quota("").hard.len(), 0);
}

#[test]
fn quotas_that_are_refused() {
    let cases = [
        "hard: {pod: 5}",
        "hard: {gpu: 5}",
        "hard: {pods: 1.5}",
        "hard: {count/jobs.batch: 500m}",
        "hard: {cpu: -1}",
        "hard: {cpu: many}",
        "hard: {example.com/gpu: 1}",
        "hard: {pods: 1}, scopes: [BestEfort]",
        "hard: {pods: 1}, scopes: [BestEffort, NotBestEffort]",
        "hard: {pods: 1, cpu: 1}, scopes: [BestEffort]",
        "hard: {services: 1}, scopes: [Terminating]",
        "hard: {pods: 1}, scopeSelector: {matchExpressions: [{scopeName: Terminating, operator: DoesNotExist}]}",
        "hard: {pods: 1}, scopeSelector: {matchExpressions: [{scopeName: PriorityClass, operator: In}]}",
        "hard: {pods: 1}, scopeSelector: {matchExpressions: [{scopeName: PriorityClass, operator: Exists, values: [a]}]}",
        "hard: {pods: 1}, scopeSelector: {matchExpressions: [{scopeName: PriorityClass}]}",
    ];
    let answers = cases.map(|spec| summary(&text(spec))).join("\n");
    expect![[r#"
        x.yaml:4:15: error: a quota knows no such resource: `pod` (did you mean `pods`?)
        x.yaml:4:15: error: a quota knows no such resource: `gpu` (did you mean `cpu`?)
        x.yaml:4:21: error: `pods` is counted in whole units: `1.5`
        x.yaml:4:33: error: `count/jobs.batch` is counted in whole units: `500m`
        x.yaml:4:20: error: the amount of `cpu` must not be negative: `-1`
        x.yaml:4:20: error: the amount of `cpu` is not a quantity: `many` (write a number with an optional suffix, such as `500m`, `2`, `64Gi`, `1.5`)
        x.yaml:1:1 ResourceQuota q
        x.yaml:4:15: warning: quotas limit extended resources by their requests only: `example.com/gpu` (write `requests.example.com/gpu`)
        x.yaml:4:34: error: `scopes` has an unknown value: `BestEfort` (did you mean `BestEffort`?)
        x.yaml:4:46: error: this scope contradicts another one: `NotBestEffort`
        x.yaml:4:42: error: a quota with this scope cannot limit `cpu`: `BestEffort` (a quota with this scope limits pods)
        x.yaml:4:38: error: a quota with this scope cannot limit `services`: `Terminating` (a quota with this scope limits cpu, limits.cpu, limits.memory, memory, pods, requests.cpu, requests.memory)
        x.yaml:4:95: error: this scope has only the operator `Exists`: `DoesNotExist`
        x.yaml:4:97: error: the operator `In` needs at least one value: `In`
        x.yaml:4:113: error: the operator `Exists` takes no values: `[a]`
        x.yaml:4:60: error: `operator` is missing: `{scopeName: PriorityClass}`"#]].assert_eq(&answers);
}
