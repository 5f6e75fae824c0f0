//! The file, its profiles and their plugins.

use super::args;
use super::{Plugin, PluginConfig, PluginSet, Profile, SchedulerConfiguration};
use crate::api::kubernetes::fields::{Fields, Read, Shape, expect_mapping, text};
use crate::api::kubernetes::{Context, Defaulting, Manifest, Places, not_utf8};
use crate::api::yaml::{Content, Located, Source, Value, parse, split_documents};
use crate::base::{Diagnostic, Location};
use std::sync::Arc;

/// The only version that is served.
pub(super) const API_VERSION: &str = "kubescheduler.config.k8s.io/v1";
const KIND: &str = "KubeSchedulerConfiguration";
/// Names of plugins that are no longer served (invalidPluginsByVersion in
/// pkg/scheduler/apis/config/validation/validation.go).
const LEGACY: [&str; 4] = ["AzureDiskLimits", "CinderLimits", "EBSLimits", "GCEPDLimits"];
/// The longest back-off and time-out, in seconds: a hundred years.
pub(super) const MAX_SECONDS: i64 = 100 * 365 * 86_400;

const CONFIGURATION: Shape = Shape {
    name: "the scheduler's configuration",
    known: &[
        "apiVersion",
        "kind",
        "clientConnection",
        "delayCacheUntilActive",
        "enableContentionProfiling",
        "enableProfiling",
        "extenders",
        "healthzBindAddress",
        "leaderElection",
        "metricsBindAddress",
        "parallelism",
        "percentageOfNodesToScore",
        "podInitialBackoffSeconds",
        "podMaxBackoffSeconds",
        "profiles",
    ],
};

const PROFILE: Shape = Shape {
    name: "the profile",
    known: &["percentageOfNodesToScore", "pluginConfig", "plugins", "schedulerName"],
};

const PLUGINS: Shape = Shape {
    name: "the plugins",
    known: &[
        "multiPoint",
        "preEnqueue",
        "queueSort",
        "preFilter",
        "filter",
        "postFilter",
        "preScore",
        "score",
        "reserve",
        "permit",
        "preBind",
        "bind",
        "postBind",
        "placementGenerate",
        "placementScore",
    ],
};

const PLUGIN_SET: Shape = Shape { name: "the extension point", known: &["disabled", "enabled"] };
const PLUGIN: Shape = Shape { name: "the plugin", known: &["name", "weight"] };
const PLUGIN_CONFIG: Shape = Shape { name: "the plugin's configuration", known: &["args", "name"] };

/// What is gathered over the documents of a file.
struct Reading<'c> {
    context: Context<'c>,
    found: Option<SchedulerConfiguration>,
}

/// Reads a configuration file in YAML or JSON. Stops at the first error.
pub fn read(file: &Arc<str>, bytes: &[u8]) -> Result<SchedulerConfiguration, Diagnostic> {
    let mut manifest = Manifest::default();
    let context = Context {
        defaulting: Defaulting::ApiServer,
        assumed: None,
        into: &mut manifest,
        before_items: None,
        documents: 0,
        name: None,
        places: Places::default(),
        strict: true,
    };
    let mut reading = Reading { context, found: None };
    for (line_offset, document) in split_documents(bytes) {
        let text = std::str::from_utf8(document)
            .map_err(|error| not_utf8(file, document, error.valid_up_to(), line_offset))?;
        parse(Source { file, line_offset, text }, &mut reading, |_, _| Ok(false), root)?;
    }
    reading.found.ok_or_else(|| {
        let finding = Diagnostic::error(Location::file(file.clone()), "the file has no configuration");
        finding.help(format!("it begins with `apiVersion: {API_VERSION}` and `kind: {KIND}`"))
    })
}

fn root(reading: &mut Reading<'_>, value: Value<'_>) -> Read<()> {
    if value.is_null() {
        return Ok(());
    }
    if reading.found.is_some() {
        return Err(value.error("a file has one configuration, but this is a second one"));
    }
    reading.found = Some(configuration(value, &mut reading.context)?);
    Ok(())
}

fn configuration(value: Value<'_>, context: &mut Context<'_>) -> Read<SchedulerConfiguration> {
    expect_mapping(value, "the scheduler's configuration")?;
    type_meta(value)?;
    let written = Fields::open(value, &CONFIGURATION, context)?;
    written.integer("parallelism", 1, i64::from(i32::MAX))?;
    // These have no effect in virtual time.
    for key in ["clientConnection", "leaderElection"] {
        written.get(key).map_or(Ok(()), |value| expect_mapping(value, key))?;
    }
    for key in ["delayCacheUntilActive", "enableContentionProfiling", "enableProfiling"] {
        written.flag(key)?;
    }
    if let Some(extender) = written.list("extenders")?.next() {
        let help = "take the list away, or leave the pods of this scheduler out";
        return Err(extender.error("HTTP extenders are not supported").help(help));
    }
    let seconds = |key: &str, min| -> Read<Option<Located<u64>>> {
        let Some(place) = written.get(key) else { return Ok(None) };
        let seconds = written.integer(key, min, MAX_SECONDS)?;
        Ok(seconds.map(|seconds| Located::new(seconds as u64, place)))
    };
    Ok(SchedulerConfiguration {
        location: value.location(),
        percentage_of_nodes_to_score: percentage(&written)?,
        pod_initial_backoff_seconds: seconds("podInitialBackoffSeconds", 1)?,
        pod_max_backoff_seconds: seconds("podMaxBackoffSeconds", 0)?,
        profiles: written.list("profiles")?.map(|value| profile(value, context)).collect::<Read<_>>()?,
    })
}

/// Refuses what is no configuration of the version that is served.
fn type_meta(value: Value<'_>) -> Read<()> {
    let begins = || format!("write `apiVersion: {API_VERSION}` and `kind: {KIND}`");
    let missing = |key: &str| value.error(format!("`{key}` is missing")).help(begins());
    let kind = value.get("kind").ok_or_else(|| missing("kind"))?;
    match kind.raw() {
        KIND => {}
        "ConfigMap" => {
            let help = "write the text that is under its `data` to a file of its own";
            return Err(kind.error("the configuration is inside a ConfigMap").help(help));
        }
        _ => return Err(kind.error("not a configuration of the scheduler").help(begins())),
    }
    let version = value.get("apiVersion").ok_or_else(|| missing("apiVersion"))?;
    if version.raw() == API_VERSION {
        return Ok(());
    }
    let help = format!("write `apiVersion: {API_VERSION}`");
    Err(version.error("this version of the configuration is not served").help(help))
}

fn percentage(fields: &Fields<'_>) -> Read<Option<u32>> {
    Ok(fields.integer("percentageOfNodesToScore", 0, 100)?.map(|percentage| percentage as u32))
}

fn profile(value: Value<'_>, context: &mut Context<'_>) -> Read<Profile> {
    let written = Fields::open(value, &PROFILE, context)?;
    let name = written.get("schedulerName");
    let scheduler_name = name.map(|value| located_text(value, "schedulerName")).transpose()?;
    if let Some(name) = &scheduler_name
        && name.is_empty()
    {
        return Err(name.error("`schedulerName` must not be empty"));
    }
    let plugins = written.child("plugins", &PLUGINS, context)?;
    let points = plugins.into_iter().flat_map(|fields| fields.value.entries());
    let points = points.filter(|(_, set)| !set.is_null());
    Ok(Profile {
        location: value.location(),
        scheduler_name,
        percentage_of_nodes_to_score: percentage(&written)?,
        plugins: points.map(|(point, set)| plugin_set(point, set, context)).collect::<Read<_>>()?,
        plugin_config: written
            .list("pluginConfig")?
            .map(|value| plugin_config(value, context))
            .collect::<Read<_>>()?,
    })
}

fn plugin_set(point: Value<'_>, value: Value<'_>, context: &mut Context<'_>) -> Read<PluginSet> {
    let written = Fields::open(value, &PLUGIN_SET, context)?;
    let mut set = PluginSet {
        point: Located::new(point.raw().to_owned(), point),
        enabled: Vec::new(),
        disabled: Vec::new(),
    };
    for value in written.list("enabled")? {
        let plugin = plugin(value, context)?;
        refuse_legacy(&plugin.name)?;
        if set.enabled.iter().any(|earlier| *earlier.name == *plugin.name) {
            return Err(plugin.name.error("the plugin is enabled twice at this extension point"));
        }
        set.enabled.push(plugin);
    }
    for value in written.list("disabled")? {
        set.disabled.push(plugin(value, context)?.name);
    }
    if let Some(first) = set.enabled.first()
        && point.raw().starts_with("placement")
    {
        return Err(first.name.error("the scheduling of pod groups is not supported"));
    }
    Ok(set)
}

fn plugin(value: Value<'_>, context: &mut Context<'_>) -> Read<Plugin> {
    let written = Fields::open(value, &PLUGIN, context)?;
    let name = located_text(written.require("name")?, "name")?;
    let weight = written.integer("weight", i64::from(i32::MIN), i64::from(i32::MAX))?;
    Ok(Plugin { name, weight: weight.unwrap_or(0) as i32 })
}

fn plugin_config(value: Value<'_>, context: &mut Context<'_>) -> Read<PluginConfig> {
    let written = Fields::open(value, &PLUGIN_CONFIG, context)?;
    let name = located_text(written.require("name")?, "name")?;
    refuse_legacy(&name)?;
    let args = args::read(&name, written.get("args"), context)?;
    Ok(PluginConfig { name, args })
}

fn located_text(value: Value<'_>, what: &str) -> Read<Located<String>> {
    let name = text(value, what)?;
    if value.content() == Content::Mapping {
        return Err(value.error(format!("`{what}` must be text")));
    }
    Ok(Located::new(name.to_owned(), value))
}

fn refuse_legacy(name: &Located<String>) -> Read<()> {
    if !LEGACY.contains(&name.as_str()) {
        return Ok(());
    }
    let help = "NodeVolumeLimits has taken its place";
    Err(name.error(format!("this plugin was removed before {API_VERSION}")).help(help))
}
