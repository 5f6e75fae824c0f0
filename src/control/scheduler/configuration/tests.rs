//! Configurations and what they come to; files that are refused, each with what is said.

use super::*;
use crate::control::config::ExtensionPoint;
use expect_test::{Expect, expect};
use std::fmt::Write;

const HEAD: &str = "apiVersion: kubescheduler.config.k8s.io/v1\nkind: KubeSchedulerConfiguration\n";

fn read_text(text: &str, version: Version) -> Result<Configured, Vec<Diagnostic>> {
    read(&"c.yaml".into(), text.as_bytes(), version)
}

/// What stands behind the first two lines is read without a finding.
fn good(rest: &str) -> Scheduler {
    let configured = read_text(&format!("{HEAD}{rest}"), Version::V1_36);
    let Configured { scheduler, warnings } = configured.unwrap_or_else(|errors| panic!("{errors:?}"));
    assert_eq!(warnings, []);
    scheduler
}

/// The plugins of one profile that are called at a point, with weights where they have some.
fn at(plugins: &str, point: ExtensionPoint) -> String {
    let scheduler = good(&format!("profiles: [{{plugins: {plugins}}}]"));
    let enabled = &scheduler.profiles[0].plugins;
    if point == ExtensionPoint::Score {
        let score = enabled.score.iter().map(|(name, weight)| format!("{name} {weight}"));
        return score.collect::<Vec<_>>().join(", ");
    }
    enabled.at(point).join(" ")
}

fn bad_text(text: &str, expected: &Expect) {
    let errors = read_text(text, Version::V1_36).expect_err("it is refused");
    let mut said = String::new();
    for error in errors {
        writeln!(said, "{error}").unwrap();
    }
    expected.assert_eq(said.trim_end());
}

/// What is said of what stands behind the first two lines.
fn bad(rest: &str, expected: &Expect) {
    bad_text(&format!("{HEAD}{rest}"), expected);
}

#[test]
fn an_empty_configuration_is_the_default_one_with_adaptive_sampling() {
    for version in [Version::V1_34, Version::V1_36] {
        let Configured { scheduler, .. } = read_text(HEAD, version).unwrap();
        let expected = Scheduler { percentage_of_nodes_to_score: 0, ..Scheduler::default_for(version) };
        assert_eq!(scheduler, expected);
    }
    let json = r#"{"kind": "KubeSchedulerConfiguration", "apiVersion": "kubescheduler.config.k8s.io/v1"}"#;
    assert!(read_text(json, Version::V1_36).is_ok());
}

#[test]
fn what_has_no_effect_in_virtual_time_is_accepted() {
    let scheduler = good(
        "parallelism: 4\nleaderElection: {leaderElect: false}\nclientConnection: {qps: 100, burst: 200}\n\
         enableProfiling: true\nenableContentionProfiling: false\nhealthzBindAddress: 0.0.0.0:10251\n\
         metricsBindAddress: 0.0.0.0:10251\ndelayCacheUntilActive: true\nextenders: []\n",
    );
    assert_eq!(scheduler.profiles, Scheduler::default().profiles);
}

#[test]
fn numbers_are_taken_over() {
    let scheduler = good(
        "percentageOfNodesToScore: 40\npodInitialBackoffSeconds: 2\npodMaxBackoffSeconds: 60\n\
         profiles: [{schedulerName: a, percentageOfNodesToScore: 0}, {schedulerName: b}]\n",
    );
    assert_eq!((scheduler.initial_backoff, scheduler.max_backoff), (Span::from_secs(2), Span::from_secs(60)));
    assert_eq!(scheduler.percentage_of_nodes_to_score, 40);
    let own = scheduler.profiles.iter().map(|profile| profile.percentage_of_nodes_to_score);
    assert_eq!(own.collect::<Vec<_>>(), [Some(0), None], "zero is a value of its own");
    let names: Vec<&str> = scheduler.profiles.iter().map(|profile| profile.name.as_str()).collect();
    assert_eq!(names, ["a", "b"]);
}

#[test]
fn plugins_are_merged_with_the_default_profile() {
    let score = |plugins: &str| at(plugins, ExtensionPoint::Score);
    // One that is named again comes first, with the weight that is written: none is 1.
    assert!(
        score("{score: {enabled: [{name: NodeAffinity}]}}").starts_with("NodeAffinity 1, TaintToleration 3")
    );
    // At multiPoint it keeps its place.
    assert!(
        score("{multiPoint: {enabled: [{name: NodeAffinity, weight: 9}]}}")
            .starts_with("TaintToleration 3, NodeAffinity 9, NodeResourcesFit 1")
    );
    assert_eq!(
        score("{score: {disabled: [{name: '*'}], enabled: [{name: ImageLocality, weight: 4}]}}"),
        "ImageLocality 4"
    );
    assert_eq!(
        score(
            "{multiPoint: {disabled: [{name: '*'}], enabled: [{name: PrioritySort}, {name: DefaultBinder}, \
               {name: ImageLocality}]}}"
        ),
        "ImageLocality 1"
    );
    // What is disabled at multiPoint can be enabled at a point, and comes last there.
    assert!(
        score(
            "{multiPoint: {disabled: [{name: ImageLocality}]}, score: {enabled: [{name: ImageLocality, \
               weight: 7}, {name: TaintToleration, weight: 2}]}}"
        )
        .starts_with("TaintToleration 2, NodeAffinity 2")
    );
    assert!(
        score(
            "{multiPoint: {disabled: [{name: ImageLocality}]}, score: {enabled: [{name: ImageLocality, \
               weight: 7}]}}"
        )
        .ends_with("NodeResourcesBalancedAllocation 1, ImageLocality 7")
    );
    assert_eq!(
        at(
            "{filter: {disabled: [{name: NodePorts}]}, multiPoint: {enabled: [{name: NodeName}]}}",
            ExtensionPoint::Filter
        ),
        "NodeUnschedulable NodeName TaintToleration NodeAffinity NodeResourcesFit VolumeRestrictions \
         NodeVolumeLimits VolumeBinding VolumeZone PodTopologySpread InterPodAffinity DynamicResources \
         NodeDeclaredFeatures"
    );
}

#[test]
fn what_is_enabled_stays_enabled_though_it_is_disabled_too() {
    let both = "{score: {disabled: [{name: ImageLocality}], enabled: [{name: ImageLocality, weight: 3}]}}";
    assert!(at(both, ExtensionPoint::Score).ends_with("ImageLocality 3"));
}

#[test]
fn arguments_are_read() {
    let scheduler = good(
        "
profiles:
- pluginConfig:
  - name: NodeResourcesFit
    args:
      apiVersion: kubescheduler.config.k8s.io/v1
      kind: NodeResourcesFitArgs
      ignoredResources: [example.com/foo]
      ignoredResourceGroups: [example.org]
      scoringStrategy:
        type: RequestedToCapacityRatio
        resources: [{name: cpu, weight: 3}, {name: nvidia.com/gpu}]
        requestedToCapacityRatio: {shape: [{utilization: 0, score: 0}, {utilization: 100, score: 10}]}
  - name: NodeResourcesBalancedAllocation
    args: {resources: [{name: cpu, weight: 1}, {name: nvidia.com/gpu}]}
  - name: NodeAffinity
    args:
      addedAffinity:
        requiredDuringSchedulingIgnoredDuringExecution:
          nodeSelectorTerms: [{matchExpressions: [{key: disk, operator: In, values: [ssd]}]}]
        preferredDuringSchedulingIgnoredDuringExecution:
        - {weight: 5, preference: {matchExpressions: [{key: zone, operator: Exists}]}}
  - name: PodTopologySpread
    args:
      defaultingType: List
      defaultConstraints: [{maxSkew: 2, topologyKey: rack, whenUnsatisfiable: ScheduleAnyway}]
  - name: InterPodAffinity
    args: {hardPodAffinityWeight: 50, ignorePreferredTermsOfExistingPods: true}
  - name: DefaultPreemption
    args: {minCandidateNodesPercentage: 0, minCandidateNodesAbsolute: 7}
  - name: VolumeBinding
    args: {bindTimeoutSeconds: 30}
  - name: DynamicResources
    args: {filterTimeout: 20s}
",
    );
    let args = &scheduler.profiles[0].args;
    assert_eq!(
        args.fit,
        FitArgs {
            ignored_resources: vec!["example.com/foo".into()],
            ignored_resource_groups: vec!["example.org".into()],
            strategy: ScoringStrategy::RequestedToCapacityRatio(vec![(0, 0), (100, 10)]),
            resources: vec![("cpu".into(), 3), ("nvidia.com/gpu".into(), 1)],
        }
    );
    assert_eq!(args.balanced_resources, ["cpu", "nvidia.com/gpu"]);
    let added = args.added_affinity.as_ref().unwrap();
    assert_eq!((added.required.as_ref().unwrap().terms.len(), added.preferred.len()), (1, 1));
    assert_eq!(args.spread.defaulting, SpreadDefaulting::List);
    assert_eq!(args.spread.default_constraints[0].topology_key, "rack");
    assert_eq!(args.inter_pod.hard_pod_affinity_weight, 50);
    assert!(args.inter_pod.ignore_preferred_terms_of_existing_pods);
    assert_eq!(args.preemption.min_candidate_nodes_absolute, 7);
    assert_eq!(args.volume_binding.bind_timeout, Span::from_secs(30));
}

#[test]
fn what_cannot_work_is_only_warned_of_where_the_original_accepts_it() {
    let text = format!(
        "{HEAD}profiles: [{{plugins: {{filter: {{disabled: [{{name: NodePort}}]}}}}, pluginConfig: [{{name: NodeName, args: {{a: 1}}}}]}}]"
    );
    let warnings = read_text(&text, Version::V1_36).unwrap().warnings;
    let said: Vec<String> = warnings.iter().map(ToString::to_string).collect();
    expect![[r"
        c.yaml:3:50: warning: there is no plugin of this name that could be disabled: `NodePort` (did you mean `NodePorts`?)
        c.yaml:3:86: warning: the plugin takes no arguments; they have no effect: `NodeName`"]].assert_eq(&said.join("\n"));
}

#[test]
fn what_is_no_configuration_is_refused() {
    bad_text(
        "",
        &expect![
            "c.yaml: error: the file has no configuration (it begins with `apiVersion: kubescheduler.config.k8s.io/v1` and `kind: KubeSchedulerConfiguration`)"
        ],
    );
    bad_text(
        "- a\n",
        &expect!["c.yaml:1:1: error: the scheduler's configuration must be a mapping, not a list: `- a`"],
    );
    bad_text(
        "kind: Pod\napiVersion: v1\n",
        &expect![
            "c.yaml:1:7: error: not a configuration of the scheduler: `Pod` (write `apiVersion: kubescheduler.config.k8s.io/v1` and `kind: KubeSchedulerConfiguration`)"
        ],
    );
    bad_text(
        "kind: ConfigMap\napiVersion: v1\ndata: {}\n",
        &expect![
            "c.yaml:1:7: error: the configuration is inside a ConfigMap: `ConfigMap` (write the text that is under its `data` to a file of its own)"
        ],
    );
    bad_text(
        "apiVersion: kubescheduler.config.k8s.io/v1beta3\nkind: KubeSchedulerConfiguration\n",
        &expect![
            "c.yaml:1:13: error: this version of the configuration is not served: `kubescheduler.config.k8s.io/v1beta3` (write `apiVersion: kubescheduler.config.k8s.io/v1`)"
        ],
    );
    bad_text(
        "kind: KubeSchedulerConfiguration\n",
        &expect![
            "c.yaml:1:1: error: `apiVersion` is missing: `kind: KubeSchedulerConfiguration` (write `apiVersion: kubescheduler.config.k8s.io/v1` and `kind: KubeSchedulerConfiguration`)"
        ],
    );
    bad_text(
        &format!("{HEAD}---\n{HEAD}"),
        &expect![
            "c.yaml:4:1: error: a file has one configuration, but this is a second one: `apiVersion: kubescheduler.config.k8s.io/v1`"
        ],
    );
    bad(
        "profile: []\n",
        &expect![
            "c.yaml:3:1: error: unknown key in the scheduler's configuration: `profile` (did you mean `profiles`?)"
        ],
    );
    bad(
        "algorithmSource: {}\n",
        &expect![
            "c.yaml:3:1: error: unknown key in the scheduler's configuration: `algorithmSource` (known: apiVersion, kind, clientConnection, delayCacheUntilActive, enableContentionProfiling, enableProfiling, extenders, healthzBindAddress, leaderElection, metricsBindAddress, parallelism, percentageOfNodesToScore, podInitialBackoffSeconds, podMaxBackoffSeconds, profiles)"
        ],
    );
}

#[test]
fn numbers_out_of_range_are_refused() {
    bad("parallelism: 0\n", &expect!["c.yaml:3:14: error: `parallelism` must be from 1 to 2147483647: `0`"]);
    bad(
        "percentageOfNodesToScore: 101\n",
        &expect!["c.yaml:3:27: error: `percentageOfNodesToScore` must be from 0 to 100: `101`"],
    );
    bad(
        "profiles: [{percentageOfNodesToScore: -1}]\n",
        &expect!["c.yaml:3:39: error: `percentageOfNodesToScore` must not be negative: `-1`"],
    );
    bad(
        "podInitialBackoffSeconds: 0\n",
        &expect!["c.yaml:3:27: error: `podInitialBackoffSeconds` must be from 1 to 3153600000: `0`"],
    );
    bad(
        "podInitialBackoffSeconds: 20\n",
        &expect![
            "c.yaml:3:27: error: `podMaxBackoffSeconds` must not be below `podInitialBackoffSeconds`: `20`"
        ],
    );
    bad(
        "podInitialBackoffSeconds: 5\npodMaxBackoffSeconds: 4\n",
        &expect![
            "c.yaml:4:23: error: `podMaxBackoffSeconds` must not be below `podInitialBackoffSeconds`: `4`"
        ],
    );
    bad(
        "podMaxBackoffSeconds: 1e30\n",
        &expect!["c.yaml:3:23: error: `podMaxBackoffSeconds` must be from 0 to 3153600000: `1e30`"],
    );
    bad(
        "profiles: [{plugins: {score: {enabled: [{name: ImageLocality, weight: 3000000000}]}}}]",
        &expect!["c.yaml:3:71: error: `weight` must be from -2147483648 to 2147483647: `3000000000`"],
    );
}

#[test]
fn extenders_are_refused() {
    bad(
        "extenders:\n- urlPrefix: http://127.0.0.1:8888/\n  filterVerb: filter\n",
        &expect![
            "c.yaml:4:3: error: HTTP extenders are not supported: `urlPrefix: http://127.0.0.1:8888/` (take the list away, or leave the pods of this scheduler out)"
        ],
    );
}

#[test]
fn profiles_that_do_not_go_together_are_refused() {
    bad(
        "profiles: [{schedulerName: a}, {schedulerName: a}]",
        &expect!["c.yaml:3:48: error: two profiles have the same `schedulerName`: `a`"],
    );
    bad(
        "profiles: [{schedulerName: a}, {}]",
        &expect!["c.yaml:3:32: error: `schedulerName` is missing (each of several profiles has its own)"],
    );
    bad("profiles: [{schedulerName: ''}]", &expect!["c.yaml:3:28: error: `schedulerName` must not be empty"]);
    bad(
        "profiles: [{schedulerName: a}, {schedulerName: b, plugins: {queueSort: {enabled: [{name: PrioritySort}]}}}]",
        &expect!["c.yaml:3:61: error: `queueSort` must be the same in all profiles: `queueSort`"],
    );
}

/// What is said of the plugins of a profile.
fn plugins(plugins: &str, expected: &Expect) {
    bad(&format!("profiles: [{{plugins: {plugins}}}]"), expected);
}

#[test]
fn plugins_that_are_not_there_are_refused() {
    plugins(
        "{filter: {enabled: [{name: EBSLimits}]}}",
        &expect![
            "c.yaml:3:49: error: this plugin was removed before kubescheduler.config.k8s.io/v1: `EBSLimits` (NodeVolumeLimits has taken its place)"
        ],
    );
    plugins(
        "{filter: {enabled: [{name: NodePort}]}}",
        &expect![
            "c.yaml:3:49: error: there is no plugin of this name: `NodePort` (did you mean `NodePorts`?)"
        ],
    );
    plugins(
        "{multiPoint: {enabled: [{name: Coscheduling}]}}",
        &expect![
            "c.yaml:3:53: error: there is no plugin of this name: `Coscheduling` (only the plugins that kube-scheduler itself has are known)"
        ],
    );
    plugins(
        "{score: {enabled: [{name: NodeName}]}}",
        &expect!["c.yaml:3:48: error: the plugin has nothing to do at `score`: `NodeName`"],
    );
    plugins(
        "{score: {enabled: [{name: ImageLocality}, {name: ImageLocality}]}}",
        &expect!["c.yaml:3:71: error: the plugin is enabled twice at this extension point: `ImageLocality`"],
    );
}

#[test]
fn plugins_that_do_not_go_together_are_refused() {
    plugins(
        "{queueSort: {disabled: [{name: PrioritySort}], enabled: [{name: Coscheduling}]}}",
        &expect![[r"
        c.yaml:3:23: error: a profile needs a plugin at `queueSort`: `queueSort` (enable `PrioritySort`)
        c.yaml:3:86: error: the queue can be sorted by `PrioritySort` only: `Coscheduling`"]],
    );
    plugins(
        "{multiPoint: {disabled: [{name: '*'}]}}",
        &expect![[r"
        c.yaml:3:23: error: a profile needs a plugin at `queueSort`: `multiPoint` (enable `PrioritySort`)
        c.yaml:3:23: error: a profile needs at least one plugin at `bind`: `multiPoint` (enable `DefaultBinder`)"]],
    );
    plugins(
        "{bind: {disabled: [{name: DefaultBinder}]}}",
        &expect![
            "c.yaml:3:23: error: a profile needs at least one plugin at `bind`: `bind` (enable `DefaultBinder`)"
        ],
    );
    plugins(
        "{preFilter: {disabled: [{name: NodeResourcesFit}]}}",
        &expect![
            "c.yaml:3:23: error: NodeResourcesFit fails at `filter` without its `preFilter`: `preFilter` (enable it at `preFilter`, or disable it at `filter`)"
        ],
    );
    plugins(
        "{preScore: {disabled: [{name: '*'}]}}",
        &expect![[r"
        c.yaml:3:23: error: TaintToleration fails at `score` without its `preScore`: `preScore` (enable it at `preScore`, or disable it at `score`)
        c.yaml:3:23: error: PodTopologySpread fails at `score` without its `preScore`: `preScore` (enable it at `preScore`, or disable it at `score`)
        c.yaml:3:23: error: InterPodAffinity fails at `score` without its `preScore`: `preScore` (enable it at `preScore`, or disable it at `score`)"]],
    );
    plugins(
        "{filters: {}}",
        &expect!["c.yaml:3:23: error: unknown key in the plugins: `filters` (did you mean `filter`?)"],
    );
    plugins(
        "{filter: {enable: []}}",
        &expect![
            "c.yaml:3:32: error: unknown key in the extension point: `enable` (did you mean `enabled`?)"
        ],
    );
    plugins(
        "{filter: {enabled: [NodeName]}}",
        &expect!["c.yaml:3:42: error: the plugin must be a mapping, not text: `NodeName`"],
    );
    plugins(
        "{placementGenerate: {enabled: [{name: TopologyPlacementGenerator}]}}",
        &expect![
            "c.yaml:3:60: error: the scheduling of pod groups is not supported: `TopologyPlacementGenerator`"
        ],
    );
}

/// What is said of the arguments of a plugin.
fn args(plugin: &str, args: &str, expected: &Expect) {
    bad(&format!("profiles: [{{pluginConfig: [{{name: {plugin}, args: {args}}}]}}]"), expected);
}

#[test]
fn arguments_of_nothing_known_are_refused() {
    args(
        "EBSLimits",
        "{}",
        &expect![
            "c.yaml:3:35: error: this plugin was removed before kubescheduler.config.k8s.io/v1: `EBSLimits` (NodeVolumeLimits has taken its place)"
        ],
    );
    args(
        "NodeResourceFit",
        "{}",
        &expect![
            "c.yaml:3:35: error: there is no plugin of this name: `NodeResourceFit` (did you mean `NodeResourcesFit`?)"
        ],
    );
    args(
        "NodeResourcesFit",
        "{kind: NodeAffinityArgs}",
        &expect![
            "c.yaml:3:66: error: these are not the arguments of NodeResourcesFit: `NodeAffinityArgs` (write `kind: NodeResourcesFitArgs`)"
        ],
    );
    args(
        "NodeResourcesFit",
        "{apiVersion: kubescheduler.config.k8s.io/v1beta2}",
        &expect![
            "c.yaml:3:72: error: this version of the arguments is not served: `kubescheduler.config.k8s.io/v1beta2` (write `apiVersion: kubescheduler.config.k8s.io/v1`)"
        ],
    );
}

#[test]
fn scoring_strategies_that_break_a_rule_are_refused() {
    args(
        "NodeResourcesFit",
        "{scoringStrategy: {type: Spread}}",
        &expect![
            "c.yaml:3:84: error: `type` has an unknown value: `Spread` (one of LeastAllocated, MostAllocated, RequestedToCapacityRatio)"
        ],
    );
    args(
        "NodeResourcesFit",
        "{scoringStrategy: {resources: [{name: cpu}]}}",
        &expect!["c.yaml:3:77: error: `type` is missing: `{resources: [{name: cpu}]}`"],
    );
    args(
        "NodeResourcesFit",
        "{scoringStrategy: {type: RequestedToCapacityRatio}}",
        &expect![
            "c.yaml:3:84: error: `requestedToCapacityRatio` is missing: `RequestedToCapacityRatio` (its `shape` is the curve)"
        ],
    );
    args(
        "NodeResourcesFit",
        "{scoringStrategy: {type: LeastAllocated, requestedToCapacityRatio: {shape: [{}]}}}",
        &expect![
            "c.yaml:3:126: error: `requestedToCapacityRatio` needs `type: RequestedToCapacityRatio`: `{shape: [{}]}`"
        ],
    );
    args(
        "NodeResourcesFit",
        "{scoringStrategy: {type: LeastAllocated, resources: [{name: cpu, weight: 101}]}}",
        &expect!["c.yaml:3:132: error: `weight` must be from 0 to 100: `101`"],
    );
}

#[test]
fn shapes_that_break_a_rule_are_refused() {
    let ratio = |shape: &str, expected: &Expect| {
        let strategy =
            format!("type: RequestedToCapacityRatio, requestedToCapacityRatio: {{shape: {shape}}}");
        args("NodeResourcesFit", &format!("{{scoringStrategy: {{{strategy}}}}}"), expected);
    };
    ratio("[]", &expect!["c.yaml:3:144: error: `shape` must have at least one point: `[]`"]);
    ratio(
        "[{utilization: 50, score: 1}, {utilization: 50, score: 2}]",
        &expect![
            "c.yaml:3:174: error: the points of `shape` must ascend in utilization: `{utilization: 50, score: 2}`"
        ],
    );
    ratio(
        "[{utilization: 101}]",
        &expect!["c.yaml:3:159: error: `utilization` must be from 0 to 100: `101`"],
    );
    ratio("[{score: 11}]", &expect!["c.yaml:3:153: error: `score` must be from 0 to 10: `11`"]);
}

#[test]
fn resources_and_affinities_that_break_a_rule_are_refused() {
    args(
        "NodeResourcesFit",
        "{ignoredResources: ['a b']}",
        &expect![
            "c.yaml:3:79: error: not a legal label key: `a b` (a name of at most 63 letters, digits, `-`, `_` and `.`, with an optional `domain/` before it)"
        ],
    );
    args(
        "NodeResourcesFit",
        "{ignoredResourceGroups: [a.com/b]}",
        &expect![
            "c.yaml:3:84: error: a group of resources is what stands before the `/`, without it: `a.com/b`"
        ],
    );
    args(
        "NodeResourcesBalancedAllocation",
        "{resources: [{name: cpu, weight: 2}]}",
        &expect!["c.yaml:3:107: error: `weight` must be 1: this plugin takes all resources alike: `2`"],
    );
    args(
        "NodeResourcesBalancedAllocation",
        "{resources: [{name: cpu}, {name: cpu}]}",
        &expect!["c.yaml:3:100: error: the resource is listed twice: `{name: cpu}`"],
    );
    args(
        "NodeAffinity",
        "{addedAffinity: {required: {}}}",
        &expect![
            "c.yaml:3:72: error: unknown key in the affinity: `required` (known: requiredDuringSchedulingIgnoredDuringExecution, preferredDuringSchedulingIgnoredDuringExecution)"
        ],
    );
    let term = "matchExpressions: [{key: a, operator: In}]";
    args(
        "NodeAffinity",
        &format!(
            "{{addedAffinity: {{requiredDuringSchedulingIgnoredDuringExecution: {{nodeSelectorTerms: [{{{term}}}]}}}}}}"
        ),
        &expect!["c.yaml:3:161: error: the operator `In` needs at least one value: `{key: a, operator: In}`"],
    );
}

#[test]
fn numbers_among_arguments_that_break_a_rule_are_refused() {
    args(
        "InterPodAffinity",
        "{hardPodAffinityWeight: 101}",
        &expect!["c.yaml:3:83: error: `hardPodAffinityWeight` must be from 0 to 100: `101`"],
    );
    args(
        "DefaultPreemption",
        "{minCandidateNodesPercentage: 0, minCandidateNodesAbsolute: 0}",
        &expect![
            "c.yaml:3:90: error: `minCandidateNodesPercentage` and `minCandidateNodesAbsolute` must not both be zero: `0`"
        ],
    );
    args(
        "DefaultPreemption",
        "{minCandidateNodesPercentage: 101}",
        &expect!["c.yaml:3:90: error: `minCandidateNodesPercentage` must be from 0 to 100: `101`"],
    );
    args(
        "VolumeBinding",
        "{bindTimeoutSeconds: -1}",
        &expect!["c.yaml:3:77: error: `bindTimeoutSeconds` must not be negative: `-1`"],
    );
    args(
        "VolumeBinding",
        "{shape: [{}]}",
        &expect![
            "c.yaml:3:64: error: `shape` needs the feature gate StorageCapacityScoring, which is off: `[{}]` (take it away)"
        ],
    );
}

#[test]
fn default_constraints_that_break_a_rule_are_refused() {
    let constraints = |kind: &str, list: &str, expected: Expect| {
        let args = format!("defaultingType: {kind}, defaultConstraints: {list}");
        bad(
            &format!("profiles: [{{pluginConfig: [{{name: PodTopologySpread, args: {{{args}}}}}]}}]"),
            &expected,
        );
    };
    let one = "{maxSkew: 1, topologyKey: zone, whenUnsatisfiable: ScheduleAnyway}";
    constraints(
        "System",
        &format!("[{one}]"),
        expect![
            "c.yaml:3:106: error: constraints are given, but the built-in ones are chosen: `{maxSkew: 1, topologyKey: zone, whenUnsatisfiable: ScheduleAnyway}` (write `defaultingType: List`)"
        ],
    );
    constraints(
        "Both",
        "[]",
        expect!["c.yaml:3:77: error: `defaultingType` has an unknown value: `Both` (one of System, List)"],
    );
    constraints(
        "List",
        &format!("[{one}, {one}]"),
        expect![
            "c.yaml:3:172: error: two constraints have the same `topologyKey` and `whenUnsatisfiable`: `{maxSkew: 1, topologyKey: zone, whenUnsatisfiable: ScheduleAnyway}`"
        ],
    );
    constraints(
        "List",
        "[{maxSkew: 0, topologyKey: a, whenUnsatisfiable: ScheduleAnyway}]",
        expect!["c.yaml:3:114: error: `maxSkew` must be from 1 to 2147483647: `0`"],
    );
    constraints(
        "List",
        "[{maxSkew: 1, topologyKey: 'a b', whenUnsatisfiable: ScheduleAnyway}]",
        expect![
            "c.yaml:3:130: error: not a legal label key: `a b` (a name of at most 63 letters, digits, `-`, `_` and `.`, with an optional `domain/` before it)"
        ],
    );
    constraints(
        "List",
        "[{maxSkew: 1, topologyKey: a, whenUnsatisfiable: Never}]",
        expect![
            "c.yaml:3:152: error: `whenUnsatisfiable` has an unknown value: `Never` (one of DoNotSchedule, ScheduleAnyway)"
        ],
    );
    constraints(
        "List",
        "[{maxSkew: 1, topologyKey: a, whenUnsatisfiable: ScheduleAnyway, labelSelector: {}}]",
        expect!["c.yaml:3:183: error: a default constraint has no selector: it follows from each pod: `{}`"],
    );
}

#[test]
fn several_findings_are_reported_together() {
    bad(
        "profiles:\n- plugins:\n    filter: {enabled: [{name: Foo}]}\n    score: {enabled: [{name: NodeName}]}\n\
         \x20 pluginConfig: [{name: Bar}, {name: Bar}]\n",
        &expect![[r"
            c.yaml:5:31: error: there is no plugin of this name: `Foo` (only the plugins that kube-scheduler itself has are known)
            c.yaml:6:30: error: the plugin has nothing to do at `score`: `NodeName`
            c.yaml:7:25: error: there is no plugin of this name: `Bar` (only the plugins that kube-scheduler itself has are known)
            c.yaml:7:38: error: the plugin is configured twice: `Bar`
            c.yaml:7:38: error: there is no plugin of this name: `Bar` (only the plugins that kube-scheduler itself has are known)"]],
    );
}

#[test]
fn any_bytes_are_read_or_refused() {
    for text in ["\u{0}", "{", "a: *b", "kind: [", "{{ .Values }}", "profiles: &a [*a]"] {
        assert!(read_text(text, Version::V1_36).is_err(), "{text:?}");
        assert!(read_text(&format!("{HEAD}profiles: {text}"), Version::V1_36).is_err(), "{text:?}");
    }
    assert!(read(&"c".into(), b"\xff\xfe", Version::V1_36).is_err());
}
