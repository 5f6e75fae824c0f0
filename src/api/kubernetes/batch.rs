//! Jobs, with their policies.
//!
//! The checks are those of the API server (Kubernetes 1.36, pkg/apis/batch/validation). What a policy
//! does is not known here.

use super::fields::{Fields, Read, Shape, integer, text};
use super::meta::{self, Scope};
use super::pod::template;
use super::workload::restart_policy;
use super::{Context, Part, defaults, known};
use crate::api::batch::{FailureAction, FailureCondition, FailureRule, PodReplacement, SuccessRule};
use crate::api::selector::{is_dns_subdomain, is_qualified_name};
use crate::api::yaml::Value;
use crate::api::{Job, Object, ObjectMeta, PodTemplate, RestartPolicy};
use crate::base::Set;

/// Most pods of an Indexed Job at a time, and most of its indexes that may fail.
const MAX_INDEXED: i32 = 100_000;
/// With more completions than this, limits for each index need [`MAX_OF_MANY`].
const MANY_COMPLETIONS: i32 = 100_000;
/// Most pods at a time, and most failed indexes, with many completions and limits for each index.
const MAX_OF_MANY: i32 = 10_000;
/// Most rules of a policy, and most patterns of a rule.
const MAX_RULES: usize = 20;
/// Most exit codes of a rule.
const MAX_EXIT_CODES: usize = 255;
/// The longest list of indexes, in bytes.
const MAX_INDEXES_TEXT: usize = 64 * 1024;
/// The longest name in `managedBy`, and of a pod's host, in bytes.
const MAX_NAME: usize = 63;

const FAILURE_POLICY: Shape = Shape { name: "podFailurePolicy", known: &["rules"] };
const FAILURE_RULE: Shape = Shape { name: "the rule", known: &["action", "onExitCodes", "onPodConditions"] };
const EXIT_CODES: Shape = Shape { name: "onExitCodes", known: &["containerName", "operator", "values"] };
const POD_CONDITION: Shape = Shape { name: "the pattern", known: &["status", "type"] };
const SUCCESS_POLICY: Shape = Shape { name: "successPolicy", known: &["rules"] };
const SUCCESS_RULE: Shape = Shape { name: "the rule", known: &["succeededCount", "succeededIndexes"] };

/// A Job.
pub(super) fn job(fields: &Fields<'_>, context: &mut Context<'_>) -> Read<Object> {
    let meta = meta::read(fields, Scope::Namespaced, context)?;
    meta::warn_of_behavior(fields, context);
    let spec = Fields::open(fields.require("spec")?, &known::JOB_SPEC, context)?;
    context.places.note(Part::Replicas, spec.get("parallelism").or(spec.get("completions")));
    let job = job_spec(&spec, meta, context)?;
    if context.checks() && job.indexed {
        check_host_names(fields, &job)?;
    }
    Ok(Object::Job(Box::new(job)))
}

/// The specification of a Job, whose metadata has been read: of a Job, or of a CronJob's template.
pub(super) fn job_spec(spec: &Fields<'_>, meta: ObjectMeta, context: &mut Context<'_>) -> Read<Job> {
    const MODES: &[(&str, bool)] = &[("Indexed", true), ("NonIndexed", false)];
    const REPLACEMENTS: &[(&str, PodReplacement)] =
        &[("Failed", PodReplacement::Failed), ("TerminatingOrFailed", PodReplacement::TerminatingOrFailed)];
    let (parallelism, completions) =
        defaults::job_counts(spec.count("parallelism")?, spec.count("completions")?, context.defaulting);
    let backoff_limit_per_index = spec.count("backoffLimitPerIndex")?;
    let backoff_limit = spec.count("backoffLimit")?;
    let mut job = Job {
        meta,
        parallelism,
        completions,
        backoff_limit: backoff_limit.unwrap_or(defaults::backoff_limit(backoff_limit_per_index.is_some())),
        backoff_limit_per_index,
        max_failed_indexes: spec.count("maxFailedIndexes")?,
        active_deadline_seconds: spec.integer("activeDeadlineSeconds", 0, i64::MAX)?,
        ttl_seconds_after_finished: spec.count("ttlSecondsAfterFinished")?.map(i64::from),
        suspend: spec.flag("suspend")?,
        indexed: spec.choice("completionMode", MODES)?.unwrap_or(false),
        pod_failure_policy: None,
        success_policy: Vec::new(),
        pod_replacement: spec.choice("podReplacementPolicy", REPLACEMENTS)?,
        managed_by: spec.text("managedBy")?.to_owned(),
        template: template(spec, context)?,
    };
    if context.checks() {
        check_restart_policy(spec, &job)?;
        check_counts(spec, &job)?;
        check_managed_by(spec)?;
    }
    job.pod_failure_policy = failure_policy(spec, &job, context)?;
    job.success_policy = success_policy(spec, &job, context)?;
    if context.checks()
        && job.pod_failure_policy.is_some()
        && job.pod_replacement == Some(PodReplacement::TerminatingOrFailed)
    {
        let finding = spec.require("podReplacementPolicy")?.error("not possible with `podFailurePolicy`");
        return Err(finding.help("write `podReplacementPolicy: Failed`"));
    }
    Ok(job)
}

/// The name of an Indexed Job and an index become the name of the pod's host.
fn check_host_names(fields: &Fields<'_>, job: &Job) -> Read<()> {
    let last = job.completions.unwrap_or(0).saturating_sub(1);
    let host = format!("{}-{last}", job.meta.name);
    if last < 0 || meta::is_dns_label(&host) {
        return Ok(());
    }
    let metadata = fields.require("metadata")?;
    let at = metadata.get("name").or(metadata.get("generateName")).unwrap_or(metadata);
    let help = format!(
        "`name` and the last index must make a host name of at most {MAX_NAME} characters without `.`"
    );
    Err(at.error("the name is not fit for an Indexed Job").help(help))
}

fn check_restart_policy(spec: &Fields<'_>, job: &Job) -> Read<()> {
    let policy = job.template.spec.restart_policy;
    if policy == RestartPolicy::Always {
        let help = "write `restartPolicy: Never` or `restartPolicy: OnFailure`; the default is `Always`";
        return Err(restart_policy(spec)?.error("a Job's pods cannot be restarted always").help(help));
    }
    if policy != RestartPolicy::Never && spec.get("podFailurePolicy").is_some() {
        let finding = restart_policy(spec)?.error("not possible with `podFailurePolicy`");
        return Err(finding.help("write `restartPolicy: Never`"));
    }
    Ok(())
}

/// What the API server demands of the numbers, taken together.
fn check_counts(spec: &Fields<'_>, job: &Job) -> Read<()> {
    if job.indexed && job.completions.is_none() {
        return Err(spec.value.error("`completionMode: Indexed` needs `completions`"));
    }
    for key in ["backoffLimitPerIndex", "maxFailedIndexes", "successPolicy"] {
        if let Some(value) = spec.get(key)
            && !job.indexed
        {
            return Err(value.error(format!("`{key}` needs `completionMode: Indexed`")));
        }
    }
    if let Some(value) = spec.get("maxFailedIndexes")
        && job.backoff_limit_per_index.is_none()
    {
        return Err(value.error("`maxFailedIndexes` needs `backoffLimitPerIndex`"));
    }
    if !job.indexed {
        return Ok(());
    }
    let completions = job.completions.unwrap_or(0);
    let many = completions > MANY_COMPLETIONS && job.backoff_limit_per_index.is_some();
    if many && job.max_failed_indexes.is_none() {
        let message =
            format!("`maxFailedIndexes` is missing: more than {MANY_COMPLETIONS} completions need it");
        return Err(spec.value.error(message));
    }
    let most = if many { MAX_OF_MANY } else { MAX_INDEXED };
    at_most(spec, "parallelism", job.parallelism, most)?;
    at_most(spec, "maxFailedIndexes", job.max_failed_indexes.unwrap_or(0), most.min(completions))
}

fn at_most(spec: &Fields<'_>, key: &str, count: i32, most: i32) -> Read<()> {
    match spec.get(key).filter(|_| count > most) {
        Some(value) => Err(value.error(format!("`{key}` must be at most {most} here"))),
        None => Ok(()),
    }
}

/// A path that begins with a domain, such as `example.com/controller`.
fn check_managed_by(spec: &Fields<'_>) -> Read<()> {
    let Some(value) = spec.get("managedBy") else {
        return Ok(());
    };
    let name = text(value, "managedBy")?;
    let is_path_byte = |byte: u8| byte.is_ascii_alphanumeric() || b"/-._~%!$&'()*+,;=:".contains(&byte);
    let legal = name.split_once('/').is_some_and(|(domain, path)| {
        is_dns_subdomain(domain) && !path.is_empty() && path.bytes().all(is_path_byte)
    });
    if legal && name.len() <= MAX_NAME {
        return Ok(());
    }
    let help = format!(
        "a domain, `/` and a path, at most {MAX_NAME} characters, such as `kueue.x-k8s.io/multikueue`"
    );
    Err(value.error("`managedBy` is not a legal name").help(help))
}

/// The rules of a policy, of which there are not too many.
fn rules<'t>(policy: &Fields<'t>, context: &Context<'_>) -> Read<Vec<Value<'t>>> {
    let rules: Vec<Value<'t>> = policy.list("rules")?.collect();
    if context.checks() && rules.len() > MAX_RULES {
        return Err(policy.require("rules")?.error(format!("`rules` must have at most {MAX_RULES} rules")));
    }
    Ok(rules)
}

fn failure_policy(spec: &Fields<'_>, job: &Job, context: &mut Context<'_>) -> Read<Option<Vec<FailureRule>>> {
    let Some(policy) = spec.child("podFailurePolicy", &FAILURE_POLICY, context)? else {
        return Ok(None);
    };
    let rules = rules(&policy, context)?;
    rules.into_iter().map(|rule| failure_rule(rule, job, context)).collect::<Read<Vec<_>>>().map(Some)
}

fn failure_rule(value: Value<'_>, job: &Job, context: &mut Context<'_>) -> Read<FailureRule> {
    const ACTIONS: &[(&str, FailureAction)] = &[
        ("FailJob", FailureAction::FailJob),
        ("FailIndex", FailureAction::FailIndex),
        ("Ignore", FailureAction::Ignore),
        ("Count", FailureAction::Count),
    ];
    let rule = Fields::open(value, &FAILURE_RULE, context)?;
    rule.require("action")?;
    let action = rule.choice("action", ACTIONS)?.unwrap_or(FailureAction::Count);
    let patterns: Vec<Value<'_>> = rule.list("onPodConditions")?.collect();
    let codes = rule.child("onExitCodes", &EXIT_CODES, context)?;
    if context.checks() {
        if action == FailureAction::FailIndex && job.backoff_limit_per_index.is_none() {
            return Err(rule.require("action")?.error("`FailIndex` needs `backoffLimitPerIndex`"));
        }
        if codes.is_some() != patterns.is_empty() {
            return Err(value.error("a rule has either `onExitCodes` or `onPodConditions`"));
        }
        if patterns.len() > MAX_RULES {
            let message = format!("`onPodConditions` must have at most {MAX_RULES} patterns");
            return Err(rule.require("onPodConditions")?.error(message));
        }
    }
    let when = if let Some(codes) = codes {
        exit_codes(&codes, &job.template, context)?
    } else {
        let patterns = patterns.into_iter().map(|pattern| pod_condition(pattern, context));
        FailureCondition::PodConditions(patterns.collect::<Read<_>>()?)
    };
    Ok(FailureRule { action, when })
}

fn exit_codes(codes: &Fields<'_>, template: &PodTemplate, context: &Context<'_>) -> Read<FailureCondition> {
    const OPERATORS: &[(&str, bool)] = &[("In", true), ("NotIn", false)];
    codes.require("operator")?;
    let listed = codes.choice("operator", OPERATORS)?.unwrap_or(true);
    let container = codes.get("containerName").map(|name| text(name, "containerName")).transpose()?;
    let written: Vec<Value<'_>> = codes.list("values")?.collect();
    let code = |value: &Value<'_>| {
        integer(*value, "values", i64::from(i32::MIN), i64::from(i32::MAX)).map(|code| code as i32)
    };
    let values: Vec<i32> = written.iter().map(code).collect::<Read<_>>()?;
    if context.checks() {
        let mut containers = template.spec.containers.iter().chain(&template.spec.init_containers);
        if let Some(name) = container
            && !containers.any(|container| container.name == name)
        {
            let at = codes.require("containerName")?;
            return Err(at.error("`containerName` names no container of the pod template"));
        }
        let at = codes.require("values")?;
        if values.is_empty() || values.len() > MAX_EXIT_CODES {
            return Err(at.error(format!("`values` must have from 1 to {MAX_EXIT_CODES} exit codes")));
        }
        if let Some(zero) = written.iter().zip(&values).find(|(_, code)| listed && **code == 0) {
            return Err(zero.0.error("the exit code 0 is no failure").help("leave it out"));
        }
        let mut seen = Set::default();
        if let Some((double, _)) = written.iter().zip(&values).find(|(_, code)| !seen.insert(**code)) {
            return Err(double.error("the exit code is given twice").help("remove one of the two"));
        }
        if !values.is_sorted() {
            return Err(at.error("`values` must be in increasing order"));
        }
    }
    Ok(FailureCondition::ExitCodes { container: container.map(str::to_owned), listed, values })
}

fn pod_condition(value: Value<'_>, context: &mut Context<'_>) -> Read<(String, String)> {
    const STATES: &[(&str, &str)] = &[("True", "True"), ("False", "False"), ("Unknown", "Unknown")];
    let pattern = Fields::open(value, &POD_CONDITION, context)?;
    let kind = pattern.require("type")?;
    if context.checks() && !is_qualified_name(kind.raw()) {
        return Err(kind.error("`type` is not a legal condition type").help("such as `DisruptionTarget`"));
    }
    // The API server fills in `True`.
    let missing = if context.checks() { "True" } else { "" };
    let state = pattern.choice("status", STATES)?.unwrap_or(missing);
    Ok((text(kind, "type")?.to_owned(), state.to_owned()))
}

fn success_policy(spec: &Fields<'_>, job: &Job, context: &mut Context<'_>) -> Read<Vec<SuccessRule>> {
    let Some(policy) = spec.child("successPolicy", &SUCCESS_POLICY, context)? else {
        return Ok(Vec::new());
    };
    let rules = rules(&policy, context)?;
    if context.checks() && rules.is_empty() {
        return Err(policy.value.error("`rules` must have at least one rule"));
    }
    rules.into_iter().map(|rule| success_rule(rule, job.completions.unwrap_or(0), context)).collect()
}

fn success_rule(value: Value<'_>, completions: i32, context: &mut Context<'_>) -> Read<SuccessRule> {
    let written = Fields::open(value, &SUCCESS_RULE, context)?;
    let indexes = written.get("succeededIndexes").map(|value| text(value, "succeededIndexes")).transpose()?;
    let rule = SuccessRule { indexes: indexes.map(str::to_owned), count: written.count("succeededCount")? };
    if !context.checks() {
        return Ok(rule);
    }
    let mut most = completions;
    if let (Some(indexes), Some(at)) = (indexes, written.get("succeededIndexes")) {
        if indexes.len() > MAX_INDEXES_TEXT {
            return Err(at.error(format!("`succeededIndexes` must be at most {MAX_INDEXES_TEXT} bytes long")));
        }
        most = count_indexes(indexes, completions).ok_or_else(|| {
            let help = format!("indexes and ranges in increasing order below {completions}, such as `0,3-5`");
            at.error("`succeededIndexes` is no list of indexes").help(help)
        })?;
    }
    if rule.indexes.is_none() && rule.count.is_none() {
        return Err(value.error("a rule needs `succeededCount` or `succeededIndexes`"));
    }
    at_most(&written, "succeededCount", rule.count.unwrap_or(0), most)?;
    Ok(rule)
}

/// How many indexes a list such as `0,3-5` names; `None` if it is not in increasing order, or has
/// what is not an index below `completions`.
fn count_indexes(list: &str, completions: i32) -> Option<i32> {
    let index = |digits: &str| digits.parse::<i32>().ok().filter(|index| (0..completions).contains(index));
    let (mut total, mut last) = (0, -1);
    for range in list.split(',').filter(|_| !list.is_empty()) {
        let (first, end) = match range.split_once('-') {
            Some((first, end)) => (index(first)?, index(end)?),
            None => (index(range)?, index(range)?),
        };
        if first <= last || range.contains('-') && first >= end {
            return None;
        }
        total += end - first + 1;
        last = end;
    }
    Some(total)
}
