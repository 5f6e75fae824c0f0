//! Images: which a machine holds, and how they come to it.
//!
//! The transfers to a machine share its bandwidth evenly. An image that is on its way is
//! transferred once, however many containers wait for it. What is asked for, and when, is the
//! kubelet's business.

use super::{Context, Happening, World};
use crate::base::ids::NodeId;
use crate::base::rng::{Purpose, key_of};
use crate::base::{Span, Symbol, Time};
use crate::cluster::PodRef;
use crate::control::kubelet::image_gc::{self, HeldImage};
use crate::control::node_lifecycle::grid;
use crate::control::{ContainerIndex, RuntimeEvent};
use crate::sim::queue::{Class, Key};
use std::collections::{BTreeMap, BTreeSet};

/// Larger images are cut to this.
const MAX_BYTES: f64 = 1e18;

/// What waits for a transfer: a container of a pod, and the pod's epoch.
type Waiting = (PodRef, u32, ContainerIndex);

/// The images of a machine, and those on their way.
#[derive(Clone, Debug, Default)]
pub(super) struct Transfers {
    /// What it holds, and since when; what was there from the beginning counts as old.
    held: BTreeMap<Symbol, Held>,
    /// Bytes of disk for images; `None` for no end of it.
    capacity: Option<i64>,
    /// Whether a look for images to delete is due.
    is_collecting: bool,
    active: Vec<Transfer>,
    /// When `left` of the active ones was last brought up to date.
    since: Time,
    /// The end of the next one.
    key: Option<Key>,
}

/// An image that a machine holds.
#[derive(Clone, Copy, Debug)]
struct Held {
    bytes: i64,
    since: Time,
    /// When a container last ended that had it.
    used: Option<Time>,
}

#[derive(Clone, Debug)]
struct Transfer {
    image: Symbol,
    bytes: i64,
    /// Nanoseconds that are left of it if it has the whole bandwidth.
    left: u64,
    waiting: Vec<Waiting>,
}

impl Transfers {
    /// The machine holds these images with their sizes, and no others.
    pub(super) fn hold(&mut self, capacity: Option<i64>, images: impl Iterator<Item = (Symbol, i64)>) {
        self.capacity = capacity;
        self.held =
            images.map(|(image, bytes)| (image, Held { bytes, since: Time::ZERO, used: None })).collect();
    }

    fn is_full(&self) -> bool {
        let used = || self.held.values().map(|held| held.bytes).fold(0, i64::saturating_add);
        self.capacity.is_some_and(|capacity| image_gc::is_full(used(), capacity))
    }

    /// The machine goes down: what was on its way is lost. Gives the event of the next end.
    pub(super) fn lose(&mut self) -> Option<Key> {
        self.active.clear();
        self.key.take()
    }

    /// Enters what was transferred until now.
    fn bring_up_to_date(&mut self, now: Time) {
        let elapsed = now.since(std::mem::replace(&mut self.since, now)).0;
        let share = elapsed / (self.active.len() as u64).max(1);
        self.active.iter_mut().for_each(|transfer| transfer.left = transfer.left.saturating_sub(share));
    }

    /// When the next transfer ends.
    fn next(&self) -> Option<Time> {
        let least = self.active.iter().map(|transfer| transfer.left).min()?;
        Some(self.since + Span(least.saturating_mul(self.active.len() as u64)))
    }
}

impl World {
    /// Whether the image of a container is there. Images of unknown size are.
    pub(super) fn look_for_image(
        &mut self,
        pod: PodRef,
        container: ContainerIndex,
        context: &mut Context<'_>,
    ) {
        let run = &self.pods[pod.id.index()];
        let is_known = context.behavior(run.class, |behavior| &behavior.image_size).is_some();
        let event = if run.initial || !(is_known || pull_failures(run.class, context) > 0) {
            RuntimeEvent::ImagePulled(container)
        } else {
            let node = run.node;
            let image = self.images.intern(image_name(run.class, container, context));
            if self.machines[node.index()].transfers.held.contains_key(&image) {
                RuntimeEvent::ImageFound(container)
            } else {
                RuntimeEvent::ImageAbsent(container)
            }
        };
        self.answer(pod, event, Span::ZERO, context);
    }

    /// Asks a registry for an image: after what that costs, the transfer begins.
    pub(super) fn fetch(&mut self, pod: PodRef, container: ContainerIndex, context: &mut Context<'_>) {
        let class = self.pods[pod.id.index()].class;
        let overhead = self.latency(pod, &context.timing.pull_overhead, 2, context);
        let failures = pull_failures(class, context);
        if failures > 0 {
            let count = self.fetches.entry((pod, container)).or_default();
            *count += 1;
            if *count <= failures {
                return self.answer(pod, RuntimeEvent::PullFailed(container), overhead, context);
            }
        }
        let epoch = self.pods[pod.id.index()].epoch;
        if overhead == Span::ZERO {
            self.transfer(pod, epoch, container, context);
        } else {
            let happening = Happening::Transfer { pod, epoch, container };
            context.queue.schedule(context.now + overhead, Class::WORLD, happening);
        }
    }

    /// Transfers an image, unless it is there already.
    pub(in crate::sim) fn transfer(
        &mut self,
        pod: PodRef,
        epoch: u32,
        container: ContainerIndex,
        context: &mut Context<'_>,
    ) {
        let run = &self.pods[pod.id.index()];
        if run.pod != pod || run.epoch != epoch {
            return;
        }
        let (node, class) = (run.node, run.class);
        let name = image_name(class, container, context);
        let image = self.images.intern(name);
        let size = context.behavior(class, |behavior| &behavior.image_size);
        let bytes =
            size.map_or(0.0, |size| size.sample(&mut context.streams.stream(Purpose::Usage, key_of(name))));
        let whole = Span::from_secs_f64(bytes / context.timing.pull_rate).0;
        let transfers = &mut self.machines[node.index()].transfers;
        let size = bytes.min(MAX_BYTES) as i64;
        if whole == 0 {
            transfers.held.entry(image).or_insert(Held { bytes: size, since: context.now, used: None });
        }
        if transfers.held.contains_key(&image) {
            self.plan_collection(node, context);
            return self.answer(pod, RuntimeEvent::ImagePulled(container), Span::ZERO, context);
        }
        transfers.bring_up_to_date(context.now);
        let waiting = (pod, epoch, container);
        match transfers.active.iter_mut().find(|transfer| transfer.image == image) {
            Some(transfer) => transfer.waiting.push(waiting),
            None => {
                transfers.active.push(Transfer { image, bytes: size, left: whole, waiting: vec![waiting] });
            }
        }
        self.plan_transfers(node, context);
    }

    /// A transfer is over.
    pub(in crate::sim) fn transferred(&mut self, node: NodeId, context: &mut Context<'_>) {
        let transfers = &mut self.machines[node.index()].transfers;
        transfers.key = None;
        transfers.bring_up_to_date(context.now);
        let (over, active) =
            std::mem::take(&mut transfers.active).into_iter().partition(|transfer| transfer.left == 0);
        transfers.active = active;
        let over: Vec<Transfer> = over;
        let held = |transfer: &Transfer| {
            (transfer.image, Held { bytes: transfer.bytes, since: context.now, used: None })
        };
        transfers.held.extend(over.iter().map(held));
        for (pod, epoch, container) in over.into_iter().flat_map(|transfer| transfer.waiting) {
            self.deliver(pod, epoch, RuntimeEvent::ImagePulled(container), context.inbox);
        }
        self.plan_transfers(node, context);
        self.plan_collection(node, context);
    }

    /// A container that had an image has ended.
    pub(super) fn image_used(&mut self, row: usize, container: ContainerIndex, context: &mut Context<'_>) {
        let (node, class) = (self.pods[row].node, self.pods[row].class);
        if self.machines[node.index()].transfers.capacity.is_none() {
            return;
        }
        let image = self.images.intern(image_name(class, container, context));
        if let Some(held) = self.machines[node.index()].transfers.held.get_mut(&image) {
            held.used = Some(context.now);
        }
        self.plan_collection(node, context);
    }

    /// The kubelet's next look for images to delete matters if there is too little room.
    fn plan_collection(&mut self, node: NodeId, context: &mut Context<'_>) {
        let transfers = &mut self.machines[node.index()].transfers;
        if !transfers.is_collecting && transfers.is_full() {
            transfers.is_collecting = true;
            let at = look_at_or_after(node, context.now + Span(1), context);
            context.queue.schedule(at, Class::WORLD, Happening::CollectImages(node));
        }
    }

    /// The kubelet looks for images to delete. Its look is taken here because the machine knows what it
    /// holds; what goes is the kubelet's decision.
    pub(in crate::sim) fn collect_images(&mut self, node: NodeId, context: &mut Context<'_>) {
        let in_use = self.images_in_use(node, context);
        let transfers = &mut self.machines[node.index()].transfers;
        transfers.is_collecting = false;
        let Some(capacity) = transfers.capacity else { return };
        let names: Vec<Symbol> = transfers.held.keys().copied().collect();
        let images: Vec<HeldImage> = transfers
            .held
            .iter()
            .map(|(name, held)| HeldImage {
                bytes: held.bytes,
                detected: match held.since {
                    Time::ZERO => Time::ZERO,
                    since => look_at_or_after(node, since, context),
                },
                used: held.used.map_or(Time::ZERO, |used| look_before(node, used, context)),
                in_use: in_use.contains(name),
            })
            .collect();
        for place in image_gc::victims(&images, capacity, context.now) {
            transfers.held.remove(&names[place]);
        }
        // Who is too young now is looked at again; the end of a container makes others free.
        let waits = names.iter().any(|name| !in_use.contains(name) && transfers.held.contains_key(name));
        if waits {
            self.plan_collection(node, context);
        }
    }

    fn images_in_use(&mut self, node: NodeId, context: &Context<'_>) -> BTreeSet<Symbol> {
        let mut in_use = BTreeSet::new();
        for pod in self.pods.iter().filter(|pod| pod.node == node) {
            for run in pod.runs.iter() {
                in_use.insert(self.images.intern(image_name(pod.class, run.container, context)));
            }
        }
        in_use
    }

    fn plan_transfers(&mut self, node: NodeId, context: &mut Context<'_>) {
        let transfers = &mut self.machines[node.index()].transfers;
        transfers.key.take().map(|key| context.queue.cancel(key));
        let next = transfers.next();
        transfers.key = next.map(|at| context.queue.schedule(at, Class::WORLD, Happening::Transferred(node)));
    }

    /// The pod is over: nobody asks again how often its images were fetched.
    pub(super) fn forget_fetches(&mut self, pod: PodRef) {
        if !self.fetches.is_empty() {
            self.fetches.retain(|(of, _), _| *of != pod);
        }
    }
}

/// The kubelet's first look for images to delete at or after a moment; its phase is free.
fn look_at_or_after(node: NodeId, moment: Time, context: &Context<'_>) -> Time {
    let phase = context.streams.draw(Purpose::Phase, key_of("image collection") ^ u64::from(node.0));
    grid(Time(phase % image_gc::PERIOD.0), image_gc::PERIOD, moment)
}

/// Its last look before a moment.
fn look_before(node: NodeId, moment: Time, context: &Context<'_>) -> Time {
    Time(look_at_or_after(node, moment, context).0.saturating_sub(image_gc::PERIOD.0))
}

/// How many of its first pulls fail.
fn pull_failures(class: crate::base::ids::ClassId, context: &Context<'_>) -> u32 {
    context.class(class).template.behavior.pull_failures.max(context.default_behavior.pull_failures)
}

fn image_name<'c>(
    class: crate::base::ids::ClassId,
    container: ContainerIndex,
    context: &Context<'c>,
) -> &'c str {
    let spec = &context.cluster.classes[class].template.spec;
    let mut all = spec.init_containers.iter().chain(&spec.containers);
    all.nth(usize::from(container.0)).map_or("", |container| container.image.as_str())
}
