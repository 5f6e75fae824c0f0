//! Machines and containers: the truth that kubelets learn of.
//!
//! A container runs for a time of work at full speed; a machine whose CPU is over-used, or a limit,
//! makes it slower. It ends with an exit code, is killed for using too much memory, is stopped, or
//! is lost with its machine. Images and their transfers are in `images`, what a machine does when its
//! memory is used up in `memory`, what probes would find in `health`.

mod health;
mod images;
mod memory;
#[cfg(test)]
mod tests;

use self::images::Transfers;
use super::cpu::{self, Demand};
use super::queue::{Class, EventQueue, Key};
use super::record::Record;
use super::{Happening, Timing};
use crate::api::{Behavior, RestartPolicy};
use crate::base::ids::{ClassId, NodeId, PodId, ResourceId};
use crate::base::rng::Purpose;
use crate::base::{Distribution, Few, Interner, Span, Streams, Time};
use crate::cluster::{Cluster, PodClass, PodRef, Reason};
use crate::control::{ContainerIndex, Event, RuntimeCommand, RuntimeEvent, config};
use std::collections::{BTreeMap, VecDeque};

/// Exit code of a container that is killed (128 + SIGKILL).
const KILLED: u8 = 137;
/// Exit code of a container that ends on SIGTERM (128 + SIGTERM).
const TERMINATED: u8 = 143;
/// Exit code of a run that [`Behavior::fail_runs`] makes fail.
const FAILED: u8 = 1;
/// Work that never ends.
const ENDLESS: u64 = u64::MAX;
/// The smallest CPU weight, as the kernel has it.
const MIN_WEIGHT: i64 = 2;

/// What the world needs of the rest while something happens.
pub(super) struct Context<'a> {
    pub(super) now: Time,
    pub(super) queue: &'a mut EventQueue<Happening>,
    pub(super) inbox: &'a mut VecDeque<Event>,
    pub(super) cluster: &'a Cluster,
    pub(super) timing: &'a Timing,
    pub(super) streams: Streams,
    pub(super) default_behavior: &'a Behavior,
    pub(super) tell: &'a mut dyn FnMut(&Record<'_>, &Cluster),
}

impl Context<'_> {
    fn tell(&mut self, record: &Record<'_>) {
        (self.tell)(record, self.cluster);
    }

    fn class(&self, class: ClassId) -> &PodClass {
        &self.cluster.classes[class]
    }

    /// A behaviour of a pod class: its own, or the scenario's default.
    fn behavior(
        &self,
        class: ClassId,
        which: impl Fn(&Behavior) -> &Option<Distribution>,
    ) -> Option<&Distribution> {
        which(&self.class(class).template.behavior).as_ref().or(which(self.default_behavior).as_ref())
    }

    fn latency(&self, distribution: &Distribution, entity: u64) -> Span {
        match distribution {
            Distribution::Constant(seconds) => Span::from_secs_f64(*seconds),
            drawn => drawn.sample_span(&mut self.streams.stream(Purpose::Latency, entity)),
        }
    }
}

/// One machine.
#[derive(Clone, Debug, Default)]
struct Machine {
    /// Millicores.
    cpu: i64,
    transfers: Transfers,
    /// Pods with a running main container.
    running: Vec<PodId>,
    /// Millicores that the running pods would use, each cut to its limit.
    wanted_cpu: i64,
    used_cpu: i64,
    used_memory: i64,
    /// Bytes that pods may have; `None` if the node does not say.
    memory: Option<i64>,
    /// Whether the kubelet has been told that its memory is short.
    is_short: bool,
    /// Whether the kubelet hears and speaks.
    cut_off: bool,
    /// What happened to containers while the kubelet was cut off.
    backlog: Vec<(PodRef, RuntimeEvent)>,
}

/// What the world knows of a pod on a machine.
#[derive(Clone, Debug, Default)]
struct PodRun {
    pod: PodRef,
    node: NodeId,
    class: ClassId,
    /// The key of the pod's random streams.
    entity: u64,
    run_time: Option<Span>,
    exit_code: Option<u8>,
    /// Whether it ran before the run began: it starts at once.
    initial: bool,
    /// Raised when the machine loses the pod, so that answers under way are dropped.
    epoch: u32,
    /// Millicores it would use; 0 if it takes no part in the sharing.
    usage: i64,
    demand: Option<Demand>,
    memory: i64,
    /// Millicores it gets.
    got: i64,
    /// When `remaining` of its runs was last brought up to date.
    since: Time,
    runs: Few<Run>,
    /// How often each container was started.
    starts: Few<u32>,
}

/// A container that is about to start or runs.
#[derive(Clone, Debug)]
struct Run {
    container: ContainerIndex,
    main: bool,
    running: bool,
    /// Whether it was told to stop: it ends at a set time, whatever its speed.
    stopping: bool,
    started: Time,
    /// Work left, in nanoseconds at full speed.
    remaining: u64,
    worked: u64,
    code: u8,
    reason: Reason,
    /// The event of its start or its end.
    key: Option<Key>,
}

/// Every machine and every container.
#[derive(Debug, Default)]
pub(super) struct World {
    machines: Vec<Machine>,
    pods: Vec<PodRun>,
    demands: Vec<Demand>,
    shares: Vec<i64>,
    /// Names of images.
    images: Interner,
    /// How often an image was fetched for a container, for pods whose first pulls fail.
    fetches: BTreeMap<(PodRef, ContainerIndex), u32>,
    /// Bytes that a kubelet keeps free of what pods may have before it evicts any: the machine has
    /// these on top of what pods may have.
    reserve: i64,
    /// Bytes left below which the kubelet is told.
    watermark: i64,
    /// Runs that will end by themselves.
    pub(super) finite: u64,
}

/// What a pod brings into the world when it is created.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Arrival {
    pub(super) entity: u64,
    pub(super) run_time: Option<Span>,
    pub(super) exit_code: Option<u8>,
    pub(super) initial: bool,
}

impl World {
    /// No machines yet.
    pub(super) fn new(kubelet: &config::Kubelet) -> World {
        let reserve = kubelet.eviction_memory.max(0);
        World { reserve, watermark: reserve.max(kubelet.eviction_soft_memory), ..World::default() }
    }

    /// Adds the machine of a node, or brings its capacity up to date.
    pub(super) fn add_machine(&mut self, node: NodeId, image_capacity: Option<i64>, cluster: &Cluster) {
        if self.machines.len() <= node.index() {
            self.machines.resize_with(node.index() + 1, Machine::default);
        }
        let machine = &mut self.machines[node.index()];
        machine.cpu = cluster.nodes.capacity[ResourceId::CPU.index()][node.index()];
        let memory = cluster.nodes.allocatable[ResourceId::MEMORY.index()][node.index()];
        machine.memory = (memory > 0).then_some(memory);
        let held = cluster.nodes.images[node.index()].iter();
        let held = held.map(|(name, bytes)| (self.images.intern(cluster.names.text(*name)), *bytes));
        machine.transfers.hold(image_capacity, held);
    }

    /// Enters a pod at its creation.
    pub(super) fn add_pod(&mut self, pod: PodRef, class: ClassId, arrival: Arrival) {
        let index = pod.id.index();
        if self.pods.len() <= index {
            self.pods.resize_with(index + 1, PodRun::default);
        }
        let run = &mut self.pods[index];
        debug_assert!(run.runs.is_empty(), "the row's former pod is torn down");
        let epoch = run.epoch.wrapping_add(1);
        let Arrival { entity, run_time, exit_code, initial } = arrival;
        *run = PodRun { pod, class, entity, run_time, exit_code, initial, epoch, ..PodRun::default() };
    }

    /// What a pod whose row is not used again brought along.
    pub(super) fn arrival_of(&self, pod: PodRef) -> Arrival {
        let known = self.pods.get(pod.id.index()).filter(|run| run.pod == pod);
        known.map_or(Arrival::default(), |run| Arrival {
            entity: run.entity,
            run_time: run.run_time,
            exit_code: run.exit_code,
            initial: false,
        })
    }

    /// Does what a kubelet asks of its container runtime.
    pub(super) fn command(
        &mut self,
        pod: PodRef,
        node: Option<NodeId>,
        command: RuntimeCommand,
        context: &mut Context<'_>,
    ) {
        let run = &mut self.pods[pod.id.index()];
        if run.pod != pod {
            return;
        }
        // A pod whose object is gone is known by the machine it ran on.
        run.node = node.unwrap_or(run.node);
        match command {
            RuntimeCommand::SetUp => {
                let wait = self.latency(pod, &context.timing.sandbox, 1, context);
                self.answer(pod, RuntimeEvent::SandboxReady, wait, context);
                self.open_gates(pod, context);
            }
            RuntimeCommand::Pull(container) => self.look_for_image(pod, container, context),
            RuntimeCommand::Fetch(container) => self.fetch(pod, container, context),
            RuntimeCommand::Start(container) => self.start(pod, container, context),
            RuntimeCommand::Stop { grace } => self.stop(pod, None, grace, context),
            RuntimeCommand::StopContainer { container, grace } => {
                self.stop(pod, Some(container), grace, context);
            }
            RuntimeCommand::PreStop(container) => self.run_hook(pod, container, context),
            RuntimeCommand::TearDown => self.tear_down(pod, context),
        }
    }

    /// The CPU in millicores that a pod with a running main container gets.
    pub(super) fn cpu(&self, pod: PodRef) -> Option<i64> {
        self.in_machine(pod).map(|run| run.got)
    }

    /// The memory in bytes that a pod with a running main container holds.
    pub(super) fn memory(&self, pod: PodRef) -> Option<i64> {
        self.in_machine(pod).map(|run| run.memory)
    }

    /// A pod with a running main container.
    fn in_machine(&self, pod: PodRef) -> Option<&PodRun> {
        let run = self.pods.get(pod.id.index()).filter(|run| run.pod == pod)?;
        run.runs.iter().any(|run| run.main && run.running).then_some(run)
    }

    /// Whether nothing of the pod is left on its machine, so that its row may be used again.
    pub(super) fn is_clear(&self, pod: PodRef) -> bool {
        let run = &self.pods[pod.id.index()];
        run.pod != pod || run.runs.is_empty()
    }

    /// A container that was being started runs.
    pub(super) fn begin(&mut self, pod: PodRef, container: ContainerIndex, context: &mut Context<'_>) {
        let row = pod.id.index();
        if self.pods[row].pod != pod {
            return;
        }
        let Some(position) = self.pods[row].runs.iter().position(|run| run.container == container) else {
            return;
        };
        let count = self.count_start(row, container);
        let main = self.pods[row].runs[position].main;
        let (remaining, code) = self.plan(row, container, main, count, context);
        let out_of_memory = main && self.enter_machine(row, context);
        let run = &mut self.pods[row].runs[position];
        run.running = true;
        run.started = context.now;
        run.key = None;
        (run.remaining, run.code) = if out_of_memory { (0, KILLED) } else { (remaining, code) };
        run.reason = match run.code {
            0 => Reason::Completed,
            _ if out_of_memory => Reason::OomKilled,
            _ => Reason::Error,
        };
        if run.remaining != ENDLESS {
            self.finite += 1;
        }
        context.tell(&Record::ContainerStarted { pod, container, main, restarts: count });
        self.answer(pod, RuntimeEvent::Started(container), Span::ZERO, context);
        if !out_of_memory {
            self.begin_health(row, container, main, count, context);
        }
        self.pods[row].initial = false;
        self.schedule_end(row, position, context);
    }

    /// A container's work is done, or it is killed.
    pub(super) fn end(&mut self, pod: PodRef, container: ContainerIndex, context: &mut Context<'_>) {
        let row = pod.id.index();
        if self.pods[row].pod != pod {
            return;
        }
        let Some(position) = self.pods[row].runs.iter().position(|run| run.container == container) else {
            return;
        };
        self.bring_up_to_date(row, context.now);
        self.image_used(row, container, context);
        let run = self.pods[row].runs.remove(position);
        self.report_end(pod, &run, context);
        let out_of_memory = run.reason == Reason::OomKilled;
        let event = RuntimeEvent::Exited { container, code: run.code, out_of_memory, at: context.now };
        if run.main && !self.pods[row].runs.iter().any(|other| other.main && other.running) {
            self.leave_machine(row, context);
        }
        let count = u64::from(self.starts(row, container));
        let wait = self.latency(pod, &context.timing.exit_notice, 7 + count, context);
        self.answer(pod, event, wait, context);
    }

    /// Whether a machine's kubelet can hear: answers to it are kept while it cannot.
    pub(super) fn cut_off(&mut self, node: NodeId) {
        self.machines[node.index()].cut_off = true;
    }

    /// A machine goes down: every container on it is lost, and nobody is told.
    pub(super) fn lose_containers(&mut self, node: NodeId, context: &mut Context<'_>) {
        for row in 0..self.pods.len() {
            if self.pods[row].node != node {
                continue;
            }
            self.pods[row].epoch = self.pods[row].epoch.wrapping_add(1);
            self.bring_up_to_date(row, context.now);
            let pod = self.pods[row].pod;
            for mut run in std::mem::take(&mut self.pods[row].runs).into_vec() {
                if let Some(key) = run.key.take() {
                    context.queue.cancel(key);
                }
                (run.code, run.reason) = (KILLED, Reason::NodeLost);
                if run.running {
                    self.report_end(pod, &run, context);
                }
            }
            self.leave_machine(row, context);
        }
        let machine = &mut self.machines[node.index()];
        machine.backlog.clear();
        machine.transfers.lose().map(|key| context.queue.cancel(key));
    }

    /// A machine's kubelet hears again: it gets what happened meanwhile.
    pub(super) fn reconnect(&mut self, node: NodeId, inbox: &mut VecDeque<Event>) {
        let machine = &mut self.machines[node.index()];
        machine.cut_off = false;
        for (pod, event) in std::mem::take(&mut machine.backlog) {
            inbox.push_back(Event::Runtime { pod, event });
        }
    }

    /// An answer of the runtime reaches the kubelet, unless the pod was lost or the kubelet is cut
    /// off.
    pub(super) fn deliver(
        &mut self,
        pod: PodRef,
        epoch: u32,
        event: RuntimeEvent,
        inbox: &mut VecDeque<Event>,
    ) {
        let run = &self.pods[pod.id.index()];
        if run.pod != pod || run.epoch != epoch {
            return;
        }
        let machine = &mut self.machines[run.node.index()];
        if machine.cut_off {
            machine.backlog.push((pod, event));
        } else {
            inbox.push_back(Event::Runtime { pod, event });
        }
    }

    fn answer(&mut self, pod: PodRef, event: RuntimeEvent, wait: Span, context: &mut Context<'_>) {
        let epoch = self.pods[pod.id.index()].epoch;
        if wait == Span::ZERO {
            self.deliver(pod, epoch, event, context.inbox);
        } else {
            let happening = Happening::Runtime { pod, epoch, event };
            context.queue.schedule(context.now + wait, Class::WORLD, happening);
        }
    }

    /// A latency of a pod; zero for pods that ran before the run began.
    fn latency(&self, pod: PodRef, distribution: &Distribution, which: u64, context: &Context<'_>) -> Span {
        let run = &self.pods[pod.id.index()];
        if run.initial {
            Span::ZERO
        } else {
            context.latency(distribution, run.entity.wrapping_add(which << 48))
        }
    }

    fn start(&mut self, pod: PodRef, container: ContainerIndex, context: &mut Context<'_>) {
        let row = pod.id.index();
        let spec = &context.class(self.pods[row].class).template.spec;
        let main = usize::from(container.0) >= spec.init_containers.len();
        let wait = self.latency(pod, &context.timing.container_start, 3 + u64::from(container.0), context);
        let mut run = Run {
            container,
            main,
            running: false,
            stopping: false,
            started: context.now,
            remaining: ENDLESS,
            worked: 0,
            code: 0,
            reason: Reason::None,
            key: None,
        };
        if wait == Span::ZERO {
            self.pods[row].runs.push(run);
            self.begin(pod, container, context);
        } else {
            run.key = Some(context.queue.schedule(
                context.now + wait,
                Class::WORLD,
                Happening::Begin { pod, container },
            ));
            self.pods[row].runs.push(run);
        }
    }

    fn count_start(&mut self, row: usize, container: ContainerIndex) -> u32 {
        let starts = &mut self.pods[row].starts;
        let index = usize::from(container.0);
        while starts.len() <= index {
            starts.push(0);
        }
        starts[index] += 1;
        starts[index] - 1
    }

    fn entity(&self, row: usize, container: ContainerIndex, count: u32) -> u64 {
        self.pods[row].entity.wrapping_add(u64::from(container.0) << 32).wrapping_add(u64::from(count) << 40)
    }

    /// How much work a container has to do and how it will end.
    fn plan(
        &self,
        row: usize,
        container: ContainerIndex,
        main: bool,
        count: u32,
        context: &Context<'_>,
    ) -> (u64, u8) {
        let pod = &self.pods[row];
        let class = context.class(pod.class);
        let entity = self.entity(row, container, count);
        if !main {
            let spec = &class.template.spec.init_containers[usize::from(container.0)];
            if spec.restart_policy == Some(RestartPolicy::Always) {
                return (ENDLESS, 0);
            }
            let time = context.behavior(pod.class, |behavior| &behavior.init_time);
            let mut stream = context.streams.stream(Purpose::RunTime, entity);
            return (time.map_or(0, |time| time.sample_span(&mut stream).0), 0);
        }
        let work = pod.run_time.map(|time| time.0).or_else(|| {
            let time = context.behavior(pod.class, |behavior| &behavior.run_time)?;
            Some(time.sample_span(&mut context.streams.stream(Purpose::RunTime, entity)).0)
        });
        let fails = class.template.behavior.fail_runs.max(context.default_behavior.fail_runs);
        let code = if count < fails {
            FAILED
        } else {
            pod.exit_code.unwrap_or_else(|| {
                let code = context.behavior(pod.class, |behavior| &behavior.exit_code);
                let mut stream = context.streams.stream(Purpose::ExitCode, entity);
                code.map_or(0, |code| libm::round(code.sample(&mut stream)).min(255.0) as u8)
            })
        };
        (work.unwrap_or(ENDLESS), code)
    }

    /// The first main container of a pod takes CPU and memory; says whether it is killed for memory.
    fn enter_machine(&mut self, row: usize, context: &mut Context<'_>) -> bool {
        let pod = &self.pods[row];
        let class = context.class(pod.class);
        // A pod that uses nothing is known by the list of its machine only.
        let runs = || self.machines[pod.node.index()].running.contains(&pod.pod.id);
        if pod.memory > 0 || pod.demand.is_some() || runs() {
            return class.limits[1].is_some_and(|limit| pod.memory > limit);
        }
        let draw = |which: fn(&Behavior) -> &Option<Distribution>, salt: u64| {
            let mut stream = context.streams.stream(Purpose::Usage, pod.entity.wrapping_add(salt));
            context.behavior(pod.class, which).map(|distribution| distribution.sample(&mut stream))
        };
        let request = |resource| class.request(resource);
        let usage = draw(|behavior| &behavior.cpu_usage, 0)
            .map_or(request(ResourceId::CPU), |cores| libm::ceil(cores * 1000.0) as i64);
        let memory = draw(|behavior| &behavior.memory_usage, 1)
            .map_or(request(ResourceId::MEMORY), |bytes| libm::ceil(bytes) as i64);
        let limits = class.limits;
        let wanted = limits[0].map_or(usage, |limit| usage.min(limit.max(1)));
        let weight = request(ResourceId::CPU).max(MIN_WEIGHT);
        let (node, id) = (pod.node, pod.pod.id);
        let pod = &mut self.pods[row];
        pod.usage = usage;
        pod.memory = memory.min(limits[1].unwrap_or(i64::MAX));
        pod.demand = (wanted > 0).then_some(Demand { wanted, weight });
        pod.got = wanted;
        pod.since = context.now;
        let memory_held = pod.memory;
        let machine = &mut self.machines[node.index()];
        machine.running.push(id);
        machine.used_memory += memory_held;
        let bytes = machine.used_memory;
        if memory_held > 0 {
            context.tell(&Record::MemoryUsed { node, bytes });
        }
        self.divide_cpu(node, wanted, wanted, context);
        let killed = memory_held > 0 && self.relieve(node, row, context);
        self.tell_memory(node, context);
        killed || limits[1].is_some_and(|limit| memory > limit)
    }

    /// The last main container of a pod gives CPU and memory back.
    fn leave_machine(&mut self, row: usize, context: &mut Context<'_>) {
        let (node, id) = (self.pods[row].node, self.pods[row].pod.id);
        let machine = &mut self.machines[node.index()];
        let Some(position) = machine.running.iter().position(|&pod| pod == id) else { return };
        machine.running.swap_remove(position);
        let pod = &mut self.pods[row];
        machine.used_memory -= pod.memory;
        let (memory, got) = (std::mem::take(&mut pod.memory), std::mem::take(&mut pod.got));
        let wanted = pod.demand.take().map_or(0, |demand| demand.wanted);
        pod.usage = 0;
        let bytes = machine.used_memory;
        if memory > 0 {
            context.tell(&Record::MemoryUsed { node, bytes });
        }
        self.divide_cpu(node, -wanted, -got, context);
        self.tell_memory(node, context);
    }

    /// The CPU that is wanted of a machine, and what is used of it, changed: divides the CPU anew if
    /// there is, or was, not enough, and moves the ends of the runs whose speed changed.
    fn divide_cpu(&mut self, node: NodeId, wanted: i64, used: i64, context: &mut Context<'_>) {
        let machine = &mut self.machines[node.index()];
        let before = machine.used_cpu;
        let was_short = machine.wanted_cpu > machine.cpu;
        machine.wanted_cpu += wanted;
        machine.used_cpu += used;
        if was_short || machine.wanted_cpu > machine.cpu {
            self.share_cpu(node, context);
        }
        let milli = self.machines[node.index()].used_cpu;
        if milli != before {
            context.tell(&Record::CpuUsed { node, milli });
        }
    }

    fn share_cpu(&mut self, node: NodeId, context: &mut Context<'_>) {
        let running = std::mem::take(&mut self.machines[node.index()].running);
        let takers = running.iter().filter(|pod| self.pods[pod.index()].demand.is_some());
        let rows: Vec<usize> = takers.map(|pod| pod.index()).collect();
        self.demands.clear();
        self.demands.extend(rows.iter().filter_map(|&row| self.pods[row].demand));
        let mut shares = std::mem::take(&mut self.shares);
        cpu::share(self.machines[node.index()].cpu, &self.demands, &mut shares);
        for (&row, &got) in rows.iter().zip(&shares) {
            if self.pods[row].got == got {
                continue;
            }
            self.bring_up_to_date(row, context.now);
            self.pods[row].got = got;
            for position in 0..self.pods[row].runs.len() {
                self.schedule_end(row, position, context);
            }
        }
        let machine = &mut self.machines[node.index()];
        machine.used_cpu = shares.iter().sum();
        machine.running = running;
        self.shares = shares;
    }

    /// Enters the work done since the last look.
    fn bring_up_to_date(&mut self, row: usize, now: Time) {
        let pod = &mut self.pods[row];
        let elapsed = now.since(std::mem::replace(&mut pod.since, now)).0;
        let (got, usage) = (pod.got, pod.usage);
        for run in pod.runs.iter_mut().filter(|run| run.running) {
            let elapsed = elapsed.min(now.since(run.started).0);
            let done = progress(elapsed, got, usage);
            run.worked = run.worked.saturating_add(done);
            if run.remaining != ENDLESS {
                run.remaining = run.remaining.saturating_sub(done);
            }
        }
    }

    /// Schedules the end of a run at the present speed, in the place of an earlier plan.
    fn schedule_end(&mut self, row: usize, position: usize, context: &mut Context<'_>) {
        let pod = &mut self.pods[row];
        let (got, usage, reference) = (pod.got, pod.usage, pod.pod);
        let run = &mut pod.runs[position];
        if !run.running || run.stopping || run.remaining == ENDLESS {
            return;
        }
        if let Some(key) = run.key.take() {
            context.queue.cancel(key);
        }
        let Some(wait) = time_for(run.remaining, got, usage) else { return };
        let happening = Happening::End { pod: reference, container: run.container };
        run.key = Some(context.queue.schedule(context.now + Span(wait), Class::WORLD, happening));
    }

    /// Tells the containers of a pod to stop, or one of them.
    fn stop(&mut self, pod: PodRef, only: Option<ContainerIndex>, grace: Span, context: &mut Context<'_>) {
        let row = pod.id.index();
        let class = self.pods[row].class;
        let entity = match only {
            None => self.pods[row].entity,
            Some(container) => self.entity(row, container, self.starts(row, container)),
        };
        let own = context.behavior(class, |behavior| &behavior.stop_time).cloned();
        let needed =
            context.latency(own.as_ref().unwrap_or(&context.timing.stop), entity.wrapping_add(5 << 48));
        let (wait, code) = if needed > grace { (grace, KILLED) } else { (needed, TERMINATED) };
        let is_meant = |run: &Run| only.is_none_or(|only| run.container == only);
        let mut at_once = Vec::new();
        self.pods[row].runs.retain_mut(|run| {
            if run.running || !is_meant(run) {
                return true;
            }
            // Not started yet: it never does.
            run.key.take().map(|key| context.queue.cancel(key));
            at_once.push(run.container);
            false
        });
        for container in at_once {
            let event =
                RuntimeEvent::Exited { container, code: KILLED, out_of_memory: false, at: context.now };
            self.answer(pod, event, Span::ZERO, context);
        }
        self.bring_up_to_date(row, context.now);
        let (got, usage) = (self.pods[row].got, self.pods[row].usage);
        let mut endless_ended = 0;
        for run in self.pods[row].runs.iter_mut().filter(|run| is_meant(run)) {
            let natural = if run.remaining == ENDLESS { None } else { time_for(run.remaining, got, usage) };
            if natural.is_some_and(|natural| natural <= wait.0) {
                continue;
            }
            run.key.take().map(|key| context.queue.cancel(key));
            endless_ended += u64::from(run.remaining == ENDLESS);
            (run.remaining, run.stopping) = (wait.0, true);
            (run.code, run.reason) = (code, Reason::Deleted);
            let happening = Happening::End { pod, container: run.container };
            run.key = Some(context.queue.schedule(context.now + wait, Class::WORLD, happening));
        }
        self.finite += endless_ended;
    }

    /// How often a container was started.
    fn starts(&self, row: usize, container: ContainerIndex) -> u32 {
        self.pods[row].starts.get(usize::from(container.0)).copied().unwrap_or(0)
    }

    /// Ends whatever is left of a pod.
    fn tear_down(&mut self, pod: PodRef, context: &mut Context<'_>) {
        let row = pod.id.index();
        self.bring_up_to_date(row, context.now);
        for mut run in std::mem::take(&mut self.pods[row].runs).into_vec() {
            run.key.take().map(|key| context.queue.cancel(key));
            (run.code, run.reason) = (KILLED, Reason::Deleted);
            if run.running {
                self.report_end(pod, &run, context);
            }
        }
        self.leave_machine(row, context);
        self.forget_fetches(pod);
        let run = &mut self.pods[row];
        run.epoch = run.epoch.wrapping_add(1);
    }

    fn report_end(&mut self, pod: PodRef, run: &Run, context: &mut Context<'_>) {
        if run.remaining != ENDLESS {
            self.finite -= 1;
        }
        let record = Record::ContainerEnded {
            pod,
            container: run.container,
            main: run.main,
            code: run.code,
            reason: run.reason,
            ran: context.now.since(run.started),
            work: Span(run.worked),
        };
        context.tell(&record);
    }
}

/// Work done in `elapsed` at `got` of `usage` millicores.
fn progress(elapsed: u64, got: i64, usage: i64) -> u64 {
    if got >= usage {
        return elapsed;
    }
    (u128::from(elapsed) * got.max(0) as u128 / usage as u128) as u64
}

/// Time that `work` takes at `got` of `usage` millicores, rounded up; `None` for ever.
fn time_for(work: u64, got: i64, usage: i64) -> Option<u64> {
    if got >= usage {
        return Some(work);
    }
    if got <= 0 {
        return None;
    }
    u64::try_from((u128::from(work) * usage as u128).div_ceil(got as u128)).ok()
}
