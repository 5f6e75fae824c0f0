//! What a Job's policies say of its pods: which failures count, and which successes are enough.
//!
//! Kubernetes 1.36, pkg/controller/job/{pod_failure_policy,success_policy}.go (reference
//! control-plane §3.6). When the rules are asked is not known here.

use super::intervals::Intervals;
use super::pods::{Container, JobPod};
use crate::api::batch::{FailureAction, FailureCondition, FailureRule, SuccessRule};
use crate::api::{Job, RestartPolicy};

/// What the failure policy says of a failed pod.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Matched {
    /// The first rule that is about the pod: its place and its action; `None` if none is.
    pub rule: Option<(usize, FailureAction)>,
}

impl Matched {
    /// What is to be done, if a rule says so.
    pub fn action(self) -> Option<FailureAction> {
        self.rule.map(|(_, action)| action)
    }

    /// Whether the failure counts towards the limits.
    pub fn counts(self) -> bool {
        self.action() != Some(FailureAction::Ignore)
    }
}

/// What makes a rule be about a pod.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Match<'p> {
    /// A container has ended so.
    Container(&'p str, i32),
    /// The pod has a condition of this type.
    Condition(&'p str),
}

/// The first rule that is about a pod.
pub fn match_failure(policy: Option<&[FailureRule]>, pod: &JobPod) -> Matched {
    let mut rules = policy.unwrap_or_default().iter().enumerate();
    Matched {
        rule: rules.find(|(_, rule)| is_about(&rule.when, pod).is_some()).map(|(at, rule)| (at, rule.action)),
    }
}

/// Kubernetes' message for a pod whose failure fails the Job.
pub fn fail_job_message(policy: Option<&[FailureRule]>, pod: &JobPod) -> Option<String> {
    let (at, action) = match_failure(policy, pod).rule?;
    let rule = policy.unwrap_or_default().get(at).filter(|_| action == FailureAction::FailJob)?;
    let (name, namespace) = (&pod.name, &pod.namespace);
    Some(match is_about(&rule.when, pod)? {
        Match::Container(container, code) => format!(
            "Container {container} for pod {namespace}/{name} failed with exit code {code} matching FailJob rule at index {at}"
        ),
        Match::Condition(kind) => {
            format!("Pod {namespace}/{name} has condition {kind} matching FailJob rule at index {at}")
        }
    })
}

fn is_about<'p>(when: &FailureCondition, pod: &'p JobPod) -> Option<Match<'p>> {
    match when {
        FailureCondition::ExitCodes { container, listed, values } => {
            let mut containers = pod.containers.iter().chain(&pod.init_containers);
            containers.find_map(|state| failed_with(state, container.as_deref(), *listed, values))
        }
        FailureCondition::PodConditions(patterns) => pod.conditions.iter().find_map(|condition| {
            let is_wanted =
                |(kind, status): &(String, String)| *kind == condition.kind && *status == condition.status;
            patterns.iter().any(is_wanted).then_some(Match::Condition(condition.kind.as_str()))
        }),
    }
}

/// Whether a container has failed with one (or none) of some codes. The exit code 0 is no failure.
fn failed_with<'p>(
    state: &'p Container,
    wanted: Option<&str>,
    listed: bool,
    values: &[i32],
) -> Option<Match<'p>> {
    let code = state.exit_code.filter(|&code| code != 0)?;
    let named = wanted.is_none_or(|name| name == state.name);
    (named && values.contains(&code) == listed).then_some(Match::Container(&state.name, code))
}

/// The place of the first rule of a success policy that is met.
pub fn match_success(policy: &[SuccessRule], completions: u32, succeeded: &Intervals) -> Option<usize> {
    if succeeded.is_empty() {
        return None;
    }
    policy.iter().position(|rule| {
        let enough = |count: u64| rule.count.is_some_and(|wanted| count >= wanted.max(0) as u64);
        match &rule.indexes {
            None => enough(succeeded.total()),
            Some(indexes) => {
                let listed = Intervals::parse(indexes, completions);
                let of_these = listed.common(succeeded);
                !listed.is_empty() && (of_these == listed.total() || enough(of_these))
            }
        }
    })
}

/// Whether containers that are restarted in place have failed too often. `restarts` is the sum over the
/// pods that have not ended.
pub fn is_past_restarts(job: &Job, restarts: u64) -> bool {
    let limit = job.backoff_limit.max(0) as u64;
    let counts = job.template.spec.restart_policy == RestartPolicy::OnFailure;
    counts && restarts >= limit.max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::controllers::job::pods::Condition;

    fn pod(codes: &[(&str, i32)], conditions: &[(&str, &str)]) -> JobPod {
        let container = |&(name, code): &(&str, i32)| Container {
            name: name.to_owned(),
            exit_code: Some(code),
            ..Container::default()
        };
        let condition = |&(kind, status): &(&str, &str)| Condition {
            kind: kind.to_owned(),
            status: status.to_owned(),
            since: None,
        };
        JobPod {
            name: "p".to_owned(),
            namespace: "n".to_owned(),
            containers: codes.iter().map(container).collect(),
            conditions: conditions.iter().map(condition).collect(),
            ..JobPod::default()
        }
    }

    fn exit(action: FailureAction, container: Option<&str>, listed: bool, values: &[i32]) -> FailureRule {
        let container = container.map(str::to_owned);
        FailureRule {
            action,
            when: FailureCondition::ExitCodes { container, listed, values: values.to_vec() },
        }
    }

    #[test]
    fn the_first_rule_that_is_about_a_pod_holds() {
        let disrupted = FailureCondition::PodConditions(vec![("DisruptionTarget".into(), "True".into())]);
        let policy = [
            FailureRule { action: FailureAction::Ignore, when: disrupted },
            exit(FailureAction::FailJob, Some("c"), true, &[42]),
            exit(FailureAction::FailIndex, None, false, &[1, 143]),
            FailureRule { action: FailureAction::FailJob, when: FailureCondition::PodConditions(Vec::new()) },
        ];
        let rule = |codes, conditions| match_failure(Some(&policy), &pod(codes, conditions)).rule;
        assert_eq!(rule(&[("c", 42)], &[("DisruptionTarget", "True")]), Some((0, FailureAction::Ignore)));
        assert_eq!(rule(&[("c", 42)], &[("DisruptionTarget", "False")]), Some((1, FailureAction::FailJob)));
        assert_eq!(rule(&[("side", 42)], &[]), Some((2, FailureAction::FailIndex)));
        assert_eq!(rule(&[("c", 0), ("side", 143)], &[]), None, "no failure, and a code that is left out");
        assert!(match_failure(None, &pod(&[("c", 1)], &[])).counts());
        assert!(!Matched { rule: Some((0, FailureAction::Ignore)) }.counts());
        let message = |codes| fail_job_message(Some(&policy), &pod(codes, &[]));
        assert_eq!(
            message(&[("c", 42)]).as_deref(),
            Some("Container c for pod n/p failed with exit code 42 matching FailJob rule at index 1")
        );
        assert_eq!(message(&[("side", 42)]), None);
    }

    #[test]
    fn a_success_rule_counts_all_indexes_or_the_listed_ones() {
        let rule = |indexes: Option<&str>, count| SuccessRule { indexes: indexes.map(str::to_owned), count };
        for (rules, succeeded, expected) in [
            (vec![rule(None, Some(2))], "0,5", Some(0)),
            (vec![rule(None, Some(3))], "0,5", None),
            (vec![rule(None, Some(0))], "", None),
            (vec![rule(Some("0-2"), None)], "0-2,7", Some(0)),
            (vec![rule(Some("0-2"), None)], "0,1,7", None),
            (vec![rule(Some("0-2"), Some(2))], "0,1,7", Some(0)),
            (vec![rule(Some("x"), Some(0)), rule(None, Some(1))], "3", Some(1)),
            (vec![rule(Some("8,9"), None)], "8", Some(0)),
        ] {
            assert_eq!(match_success(&rules, 9, &Intervals::parse(succeeded, 9)), expected, "{rules:?}");
        }
    }
}
