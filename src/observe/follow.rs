//! The way of single pods through the scheduler: what moved them, what they waited for, every attempt,
//! and one of the attempts node by node.
//!
//! The control plane must be told to follow the pods ([`crate::control::config::Scheduler::followed`]).
//! How a story is shown is not known here.

use super::decision::{Decision, table};
use crate::base::ids::NodeId;
use crate::base::{Span, Time};
use crate::cluster::{Cluster, PodRef};
use crate::control::Note;
use crate::control::scheduler::explain::Explanation;
use crate::control::scheduler::{Cause, Place, Step};
use crate::sim::{Observer, Record, View};
use serde::Serialize;
use std::collections::BTreeSet;

/// Steps of one pod that are kept; more are counted.
const MAX_STEPS: usize = 20_000;
/// Names that are kept to suggest one.
const MAX_NAMES: usize = 100_000;

/// Which attempt of a pod is told node by node.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Chosen {
    /// The last one.
    #[default]
    Last,
    /// The one with this number, from 1.
    Number(u32),
    /// The last one up to this moment.
    Until(Time),
}

/// What happened to a pod.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum Happened {
    /// Its object was created.
    Created,
    /// It has come to another place of the queue.
    Moved {
        /// The place: `active queue`, `back-off`, `back-off after an error`, `waits for an event`,
        /// `held back`.
        place: &'static str,
        /// When its back-off ends, in seconds.
        #[serde(skip_serializing_if = "Option::is_none")]
        until_s: Option<f64>,
        /// What has moved it, such as `node added: worker-3`.
        cause: String,
        /// The plugin that holds it back.
        #[serde(skip_serializing_if = "str::is_empty")]
        gate: &'static str,
    },
    /// An attempt.
    Attempt {
        /// Its number, from 1.
        number: u32,
        /// Whether its back-off was not over yet: nobody else was ready.
        early: bool,
        /// The node, if one was found.
        node: Option<String>,
        /// Why not; empty if one was.
        message: String,
    },
    /// It is promised a node.
    Promised {
        /// The node.
        node: String,
        /// How many pods are evicted for it.
        victims: u32,
    },
    /// It was bound.
    Bound {
        /// The node.
        node: String,
    },
    /// It has ended, was deleted or is gone, in words.
    Over {
        /// How.
        how: String,
    },
}

/// A line of a story.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct StoryLine {
    /// When, in seconds since the start.
    pub at_s: f64,
    /// What happened.
    #[serde(flatten)]
    pub happened: Happened,
}

/// The story of one pod.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Story {
    /// The pod, as `namespace/name`.
    pub pod: String,
    /// How many attempts it has had.
    pub attempts: u32,
    /// What happened, in order.
    pub lines: Vec<StoryLine>,
    /// How many lines are left out.
    pub left_out: u64,
    /// The number and the moment of the attempt that is told node by node.
    pub chosen: Option<(u32, f64)>,
    /// That attempt.
    pub decision: Option<Decision>,
    #[serde(skip)]
    pod_ref: PodRef,
    /// The attempt under way: its number, and what it finds if it is the chosen one.
    #[serde(skip)]
    open: Option<(u32, Option<Box<Explanation>>)>,
    #[serde(skip)]
    is_over: bool,
}

/// Follows pods through a run.
#[derive(Debug, Default)]
pub struct Follower {
    wanted: Vec<String>,
    chosen: Chosen,
    stories: Vec<Story>,
    /// Every name, for suggestions.
    names: BTreeSet<String>,
}

impl Follower {
    /// Follows the pods of these names, `name` or `namespace/name`.
    pub fn new(wanted: &[String], chosen: Chosen) -> Follower {
        Follower { wanted: wanted.to_vec(), chosen, ..Follower::default() }
    }

    /// The stories in the order in which the pods were created.
    pub fn stories(&self) -> &[Story] {
        &self.stories
    }

    /// The stories in the order in which the pods were created.
    pub fn into_stories(self) -> Vec<Story> {
        self.stories
    }

    /// The names of all pods that there were, up to a limit.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(String::as_str)
    }

    fn created(&mut self, now: Time, pod: PodRef, full: String) {
        if self.wanted.iter().any(|name| is_named(&full, name)) {
            let mut story = Story {
                pod: full.clone(),
                attempts: 0,
                lines: Vec::new(),
                left_out: 0,
                chosen: None,
                decision: None,
                pod_ref: pod,
                open: None,
                is_over: false,
            };
            story.push(now, Happened::Created);
            self.stories.push(story);
        }
        if self.names.len() < MAX_NAMES {
            self.names.insert(full);
        }
    }

    fn story(&mut self, pod: PodRef) -> Option<&mut Story> {
        self.stories.iter_mut().rev().find(|story| story.pod_ref == pod && !story.is_over)
    }

    fn note(&mut self, now: Time, note: &Note, cluster: &Cluster) {
        let chosen = self.chosen;
        match note {
            Note::Followed { pod, step } => {
                if let Some(story) = self.story(*pod) {
                    story.step(now, step, chosen);
                }
            }
            Note::Assigned { pod, node, .. } => {
                if let Some(story) = self.story(*pod) {
                    story.attempted(now, Some(*node), String::new(), cluster);
                }
            }
            Note::Unschedulable { pod, diagnosis, .. } => {
                if let Some(story) = self.story(*pod) {
                    story.attempted(now, None, diagnosis.to_string(), cluster);
                }
            }
            Note::Preempting { pod, node, victims } => {
                if let Some(story) = self.story(*pod) {
                    let node = node_name(cluster, *node);
                    story.push(now, Happened::Promised { node, victims: *victims });
                }
            }
            _ => {}
        }
    }
}

impl Story {
    /// Whether it is that of a pod which is named so, as `name` or `namespace/name`.
    pub fn is_named(&self, name: &str) -> bool {
        is_named(&self.pod, name)
    }

    fn push(&mut self, now: Time, happened: Happened) {
        if self.lines.len() < MAX_STEPS {
            self.lines.push(StoryLine { at_s: now.as_secs_f64(), happened });
        } else {
            self.left_out += 1;
        }
    }

    fn step(&mut self, now: Time, step: &Step, chosen: Chosen) {
        match step {
            Step::Moved { place, until, gate, cause } => {
                let happened = Happened::Moved {
                    place: place_words(*place),
                    until_s: until.map(Time::as_secs_f64),
                    cause: cause_words(cause),
                    gate,
                };
                self.push(now, happened);
            }
            Step::Attempt { number, from, explanation } => {
                self.attempts = *number;
                let is_chosen = match chosen {
                    Chosen::Last => true,
                    Chosen::Number(wanted) => wanted == *number,
                    Chosen::Until(until) => now <= until,
                };
                self.open = Some((*number, is_chosen.then(|| explanation.clone())));
                let early = matches!(from, Place::Backoff | Place::ErrorBackoff);
                self.push(
                    now,
                    Happened::Attempt { number: *number, early, node: None, message: String::new() },
                );
            }
        }
    }

    /// The end of the attempt under way.
    fn attempted(&mut self, now: Time, node: Option<NodeId>, text: String, cluster: &Cluster) {
        let Some((number, explanation)) = self.open.take() else { return };
        if let Some(explanation) = explanation
            && let Some(id) = cluster.pods.get(self.pod_ref)
        {
            let class = cluster.pods.class[id.index()];
            let mut decision = table(cluster, (self.pod.clone(), class), &explanation, node);
            decision.message.clone_from(&text);
            self.decision = Some(decision);
            self.chosen = Some((number, now.as_secs_f64()));
        }
        if let Some(StoryLine { happened: Happened::Attempt { node: found, message, .. }, .. }) =
            self.lines.iter_mut().rev().find(|line| matches!(line.happened, Happened::Attempt { .. }))
        {
            *found = node.map(|node| node_name(cluster, node));
            *message = text;
        }
    }

    fn over(&mut self, now: Time, how: String) {
        self.push(now, Happened::Over { how });
    }
}

/// Whether `name` means the pod `full`, which is `namespace/name`.
fn is_named(full: &str, name: &str) -> bool {
    name == full || full.split_once('/').is_some_and(|(_, plain)| plain == name)
}

fn node_name(cluster: &Cluster, node: NodeId) -> String {
    cluster.names.text(cluster.nodes.name[node.index()]).to_owned()
}

fn place_words(place: Place) -> &'static str {
    match place {
        Place::Active => "active queue",
        Place::Backoff => "back-off",
        Place::ErrorBackoff => "back-off after an error",
        Place::Unschedulable => "waits for an event",
        Place::Gated => "held back",
        Place::InFlight => "on its way to a node",
    }
}

fn cause_words(cause: &Cause) -> String {
    match cause {
        Cause::Added => "new".to_owned(),
        Cause::Failed => "the attempt failed".to_owned(),
        Cause::Event { what, object } => format!("{what}: {object}"),
        Cause::BackoffOver => "its back-off is over".to_owned(),
        Cause::WaitedLong => "it has waited for more than five minutes".to_owned(),
    }
}

impl Observer for Follower {
    fn record(&mut self, now: Time, record: &Record<'_>, view: View<'_>) {
        let cluster = view.cluster;
        match record {
            Record::PodCreated { pod, name, class, .. } => {
                let namespace = cluster.names.text(cluster.classes[*class].namespace);
                let name = name.text(&cluster.names);
                self.created(now, *pod, format!("{namespace}/{name}"));
            }
            Record::Note(note) => self.note(now, note, cluster),
            Record::PodBound { pod, node } => {
                if let Some(story) = self.story(*pod) {
                    story.push(now, Happened::Bound { node: node_name(cluster, *node) });
                }
            }
            Record::PodEnded { pod, phase, reason, .. } => {
                if let Some(story) = self.story(*pod) {
                    story.over(now, format!("it ended: {} ({})", phase.name(), reason.name()));
                }
            }
            Record::PodDeleting { pod, reason, grace } => {
                if let Some(story) = self.story(*pod) {
                    let grace = Span::rounded(*grace);
                    story.over(now, format!("its deletion began ({}, grace period {grace})", reason.name()));
                }
            }
            Record::PodRemoved { pod } => {
                if let Some(story) = self.story(*pod) {
                    story.over(now, "its object is gone".to_owned());
                    story.is_over = true;
                }
            }
            _ => {}
        }
    }

    fn finish(&mut self, _now: Time, _view: View<'_>) {}
}

/// Two observers of one run.
pub struct Both<'o>(pub &'o mut dyn Observer, pub &'o mut dyn Observer);

impl Observer for Both<'_> {
    fn record(&mut self, now: Time, record: &Record<'_>, view: View<'_>) {
        self.0.record(now, record, view);
        self.1.record(now, record, view);
    }

    fn finish(&mut self, now: Time, view: View<'_>) {
        self.0.finish(now, view);
        self.1.finish(now, view);
    }
}
