//! A small language for cases: a cluster, jobs and cycles in, what happened out.
//!
//! A line is a command and words `key=value`. Without nodes of its own a script has `n1` to `n4` with 4
//! CPUs each, and a partition `main` of them all. Times are in minutes where Slurm's are (`t`, `max`),
//! otherwise seconds.

use crate::base::BitSet;
use crate::control::slurm::fair_share::Shares;
use crate::control::slurm::model::*;
use crate::control::slurm::settings::*;
use crate::control::slurm::tres::*;
use crate::control::slurm::{Action, Slurm, array, backfill, dependency, priority, schedule};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// The words of a line.
struct Words<'t>(BTreeMap<&'t str, &'t str>);

impl<'t> Words<'t> {
    fn of(text: &'t str) -> Words<'t> {
        Words(text.split_whitespace().map(|word| word.split_once('=').unwrap_or((word, ""))).collect())
    }

    fn text(&self, key: &str) -> Option<&'t str> {
        self.0.get(key).copied()
    }

    fn number<N: std::str::FromStr>(&self, key: &str) -> Option<N> {
        self.text(key).map(|word| word.parse().ok().unwrap_or_else(|| panic!("{key}={word}")))
    }

    fn list(&self, key: &str) -> Vec<String> {
        self.text(key).map_or(Vec::new(), |list| list.split(',').map(str::to_owned).collect())
    }

    fn has(&self, key: &str) -> bool {
        self.0.contains_key(key)
    }
}

#[derive(Default)]
struct Lab {
    slurm: Slurm,
    names: BTreeMap<String, u32>,
    now: u64,
    out: String,
}

/// Runs a script; gives what happened, a line for each fact.
pub(super) fn run(script: &str) -> String {
    let slurm = Slurm::new(Settings::default(), Vec::new(), Vec::new(), Vec::new());
    let mut lab = Lab { slurm, ..Lab::default() };
    if !script.lines().any(|line| line.trim().starts_with("node ")) {
        for number in 1..=4 {
            lab.command(&format!("node n{number} cpus=4 mem=1000"));
        }
    }
    let has_parts = |line: &str| line.trim().starts_with("part ") || line.trim() == "tiers";
    if script.lines().any(has_parts) {
        for line in script.lines() {
            lab.command(line.trim());
        }
        return lab.out;
    }
    let nodes = script.lines().filter_map(|line| line.trim().strip_prefix("node "));
    let mut names: Vec<&str> = nodes.filter_map(|line| line.split_whitespace().next()).collect();
    if names.is_empty() {
        names = vec!["n1", "n2", "n3", "n4"];
    }
    let mut done = false;
    for line in script.lines().map(str::trim) {
        if !done && !line.starts_with("node") && !line.is_empty() {
            lab.command(&format!("part main nodes={}", names.join(",")));
            done = true;
        }
        lab.command(line);
    }
    lab.out
}

fn minutes(number: Option<u64>) -> Option<u64> {
    number.map(|number| number * 60)
}

fn mode(word: Option<&str>) -> Option<PreemptMode> {
    word.map(|word| match word {
        "cancel" => PreemptMode::Cancel,
        "requeue" => PreemptMode::Requeue,
        "suspend" => PreemptMode::Suspend,
        _ => PreemptMode::Off,
    })
}

impl Lab {
    fn command(&mut self, line: &str) {
        let (command, rest) = line.split_once(' ').unwrap_or((line, ""));
        let (name, words) = rest.split_once(' ').unwrap_or((rest, ""));
        let words = Words::of(words);
        match command {
            "" => {}
            "node" => self.node(name, &words),
            "part" => self.part(name, &words),
            "qos" => self.qos(name, &words),
            "acct" => self.account(name, &words),
            "set" => self.set(&Words::of(rest)),
            "submit" => self.submit(name, &words),
            "at" => self.now = name.parse().expect("a time"),
            "show" => self.show(name),
            "plan" => self.plan(),
            "tiers" => {
                self.command("part main nodes=n1,n2 tier=1");
                self.command("part fast nodes=n1,n2 tier=2");
                self.command("set preempt=tier mode=cancel");
            }
            _ => self.event(command, name),
        }
    }

    fn event(&mut self, command: &str, name: &str) {
        let now = self.now;
        let node = |lab: &Lab| lab.slurm.nodes.iter().position(|node| node.name == name).expect("a node");
        let actions = match command {
            "main" => schedule::run(&mut self.slurm, now, false),
            "full" => schedule::run(&mut self.slurm, now, true),
            "backfill" => backfill::run(&mut self.slurm, now).0,
            "limits" => self.slurm.enforce_limits(now),
            "resume" => self.slurm.resume(now),
            "down" => self.slurm.node_down(node(self), true),
            "break" => self.slurm.node_down(node(self), false),
            "calc" => {
                self.slurm.calculate(now);
                Vec::new()
            }
            "return" => {
                let up = self.slurm.node_returns(node(self));
                self.say(&format!("{name} {}", if up { "up" } else { "down" }));
                Vec::new()
            }
            "cancel" => {
                self.slurm.withdraw(self.names[name]);
                Vec::new()
            }
            "end" | "fail" => {
                let state = self.slurm.ended(now, self.names[name], command == "end");
                self.say(&format!("{name} {}", state.word()));
                Vec::new()
            }
            _ => panic!("no such command: {command}"),
        };
        for action in actions {
            self.tell(action);
        }
    }

    fn say(&mut self, text: &str) {
        writeln!(self.out, "{} {text}", self.now).expect("a string takes text");
    }

    fn name_of(&self, id: u32) -> String {
        let known = self.names.iter().rev().find(|(_, known)| **known == id);
        known.map_or_else(|| id.to_string(), |(name, _)| name.clone())
    }

    fn tell(&mut self, action: Action) {
        let text = match action {
            Action::Start(id) => {
                let job = &self.slurm.jobs[&id];
                let place = |share: &Share| format!("{}:{}", self.slurm.nodes[share.node].name, share.tasks);
                let places: Vec<String> = job.allocation.iter().map(place).collect();
                format!("start {} {}", self.name_of(id), places.join(","))
            }
            Action::Stop { job, grace } => format!("stop {} {grace}", self.name_of(job)),
            Action::Suspend(id) => format!("suspend {}", self.name_of(id)),
            Action::Resume(id) => format!("resume {}", self.name_of(id)),
        };
        self.say(&text);
    }

    fn node(&mut self, name: &str, words: &Words) {
        let mut total = Tres::default();
        total.set(CPU, words.number("cpus").unwrap_or(4));
        total.set(MEMORY, words.number("mem").unwrap_or(1000));
        total.set(GRES, words.number("gpu").unwrap_or(0));
        self.slurm.add_node(Node {
            name: name.to_owned(),
            total,
            features: words.list("features"),
            weight: words.number("weight").unwrap_or(1),
            state: if words.has("drained") { NodeState::Drained } else { NodeState::Up },
        });
    }

    fn nodes(&self, names: &[String]) -> BitSet {
        let mut nodes = BitSet::new(self.slurm.nodes.len());
        for (row, _) in self.slurm.nodes.iter().enumerate().filter(|(_, node)| names.contains(&node.name)) {
            nodes.insert(row);
        }
        nodes
    }

    fn part(&mut self, name: &str, words: &Words) {
        let state = match words.text("state") {
            Some("down") => PartitionState::Down,
            Some("drain") => PartitionState::Drain,
            Some("inactive") => PartitionState::Inactive,
            _ => PartitionState::Up,
        };
        let nodes = self.nodes(&words.list("nodes"));
        self.slurm.partitions.push(Partition {
            name: name.to_owned(),
            nodes,
            max_time: minutes(words.number("max")),
            default_time: minutes(words.number("default")),
            max_nodes: words.number("maxnodes"),
            min_nodes: words.number("minnodes").unwrap_or(0),
            tier: words.number("tier").unwrap_or(1),
            job_factor: words.number("factor").unwrap_or(1),
            allow_accounts: words.list("accounts"),
            deny_accounts: words.list("deny"),
            allow_qos: words.list("allowqos"),
            state,
            exclusive: words.has("exclusive"),
            preempt_mode: mode(words.text("preempt")),
            grace_time: words.number("grace").unwrap_or(0),
            billing: TresWeights(words.number("billgpu").map(|weight| (GRES, weight)).into_iter().collect()),
            default_memory_per_cpu: 0,
        });
    }

    fn qos(&mut self, name: &str, words: &Words) {
        let limit = |key: &str| TresLimit(words.number(key).map(|most| (CPU, most)).into_iter().collect());
        let row = self.slurm.qos.iter().position(|qos| qos.name == name);
        let preempt = words.list("preempt");
        let preempt = self.slurm.qos.iter().enumerate().filter(|(_, qos)| preempt.contains(&qos.name));
        let qos = Qos {
            name: name.to_owned(),
            priority: words.number("prio").unwrap_or(0),
            max_jobs_per_user: words.number("maxjobs"),
            max_submit_per_user: words.number("maxsubmit"),
            max_tres_per_user: limit("maxcpu"),
            max_tres_per_job: limit("jobcpu"),
            group_tres: limit("grpcpu"),
            group_jobs: words.number("grpjobs"),
            max_wall: minutes(words.number("maxwall")),
            preempt: preempt.map(|(row, _)| row).collect(),
            preempt_mode: mode(words.text("mode")),
            grace_time: words.number("grace").unwrap_or(0),
            usage_factor: words.number("factor").unwrap_or(1.0),
            no_reserve: words.has("noreserve"),
            no_decay: words.has("nodecay"),
            usage: words.number("usage").unwrap_or(0.0),
        };
        match row {
            Some(row) => self.slurm.qos[row] = qos,
            None => self.slurm.qos.push(qos),
        }
    }

    /// `acct phys` is an account, `acct phys user=ann` a user of it.
    fn account(&mut self, name: &str, words: &Words) {
        let shares = match words.text("shares") {
            Some("parent") => Shares::Parent,
            _ => Shares::Number(words.number("shares").unwrap_or(1)),
        };
        let tree = &mut self.slurm.associations;
        let parent = match words.text("user") {
            Some(_) => tree.find(name, None),
            None => words.text("parent").and_then(|parent| tree.find(parent, None)).or(Some(0)),
        };
        let row = tree.push(name, words.text("user"), parent, shares);
        let limits = &mut tree.rows[row].limits;
        limits.max_jobs = words.number("maxjobs");
        limits.max_submit = words.number("maxsubmit");
        limits.group_jobs = words.number("grpjobs");
        limits.group_tres = TresLimit(words.number("grpcpu").map(|most| (CPU, most)).into_iter().collect());
        limits.max_tres_per_job =
            TresLimit(words.number("jobcpu").map(|most| (CPU, most)).into_iter().collect());
        limits.max_wall = minutes(words.number("maxwall"));
        tree.rows[row].priority = words.number("prio").unwrap_or(0);
        if let Some(usage) = words.number("usage") {
            tree.charge(row, usage);
        }
    }

    fn set(&mut self, words: &Words) {
        let settings = &mut self.slurm.settings;
        for (key, value) in &words.0 {
            let number = value.parse().unwrap_or(0_u64);
            let small = number as u32;
            match *key {
                "age" => settings.weights.age = small,
                "assoc" => settings.weights.association = small,
                "fs" => settings.weights.fair_share = small,
                "size" => settings.weights.job_size = small,
                "part" => settings.weights.partition = small,
                "qos" => settings.weights.qos = small,
                "trescpu" => settings.weights.tres.0.push((CPU, number as f64)),
                "maxage" => settings.max_age = number,
                "halflife" => settings.half_life = number,
                "favor_small" => settings.flags.favor_small = true,
                "relative" => settings.flags.small_relative_to_time = true,
                "no_normal_part" => settings.flags.no_normal_part = true,
                "no_normal_qos" => settings.flags.no_normal_qos = true,
                "no_normal_assoc" => settings.flags.no_normal_assoc = true,
                "no_normal_tres" => settings.flags.no_normal_tres = true,
                "accrue_always" => settings.flags.accrue_always = true,
                "classic" => settings.fair_share = FairShareAlgorithm::Classic,
                "oblivious" => settings.fair_share = FairShareAlgorithm::DepthOblivious,
                "merge" => settings.merge_tied_accounts = true,
                "dampening" => settings.dampening = small,
                "depth" => settings.main.queue_depth = small,
                "part_depth" => settings.main.partition_depth = small,
                "limit_stop" => settings.main.association_limit_stops = true,
                "max_start" => settings.main.max_start = small,
                "bf_window" => settings.backfill.window = number * 60,
                "bf_offset" => settings.backfill.offset = number,
                "bf_resolution" => settings.backfill.resolution = number,
                "bf_test" => settings.backfill.max_job_test = small,
                "bf_start" => settings.backfill.max_job_start = small,
                "bf_user" => settings.backfill.max_job_user = small,
                "bf_part" => settings.backfill.max_job_part = small,
                "bf_assoc" => settings.backfill.max_job_assoc = small,
                "bf_user_part" => settings.backfill.max_job_user_part = small,
                "bf_array" => settings.backfill.max_job_array_resv = small,
                "bf_part_reserve" => settings.backfill.part_count_reserve = small,
                "bf_age" => settings.backfill.min_age_reserve = number,
                "bf_prio" => settings.backfill.min_prio_reserve = small,
                "bf_linear" => settings.backfill.window_linear = number,
                "preempt" => {
                    settings.preemption.kind =
                        if *value == "qos" { PreemptType::Qos } else { PreemptType::PartitionPriority };
                }
                "mode" => settings.preemption.mode = mode(Some(value)).expect("a mode"),
                "exempt" => settings.preemption.exempt_time = number,
                "youngest" => settings.preemption.youngest_first = true,
                "reorder" => settings.preemption.reorder_count = small,
                "over" => settings.over_time_limit = number,
                "killwait" => settings.kill_wait = number,
                "norequeue" => settings.job_requeue = false,
                "return" => {
                    settings.return_to_service = match number {
                        0 => ReturnToService::Never,
                        1 => ReturnToService::IfUnresponsive,
                        _ => ReturnToService::Always,
                    };
                }
                "enforce" => settings.enforce_part_limits = true,
                _ => panic!("no such setting: {key}"),
            }
        }
    }

    fn request(&self, words: &Words) -> Request {
        let mut per_task = Tres::default();
        per_task.set(CPU, words.number("c").unwrap_or(1));
        let mut per_node = Tres::default();
        per_node.set(MEMORY, words.number("mem").unwrap_or(0));
        per_node.set(GRES, words.number("gpu").unwrap_or(0));
        let set = |key: &str| words.has(key).then(|| self.nodes(&words.list(key)));
        Request {
            tasks: words.number("n").unwrap_or(1),
            per_task,
            per_node,
            tasks_per_node: words.number("tpn"),
            min_nodes: words.number("N").unwrap_or(1),
            max_nodes: words.number("maxN"),
            features: words.list("features"),
            required: set("w"),
            excluded: set("x"),
            exclusive: words.has("exclusive"),
        }
    }

    fn submit(&mut self, name: &str, words: &Words) {
        let now = self.now;
        let account = words.text("acct").unwrap_or("root");
        let user = words.text("user").unwrap_or("ann");
        let tree = &self.slurm.associations;
        let association =
            tree.find(account, Some(user)).or_else(|| tree.find(account, None)).expect("an account");
        let row_of = |key: &str, names: Vec<&str>| {
            words.text(key).map_or(0, |name| names.iter().position(|n| *n == name).expect("a name"))
        };
        let partition = row_of("part", self.slurm.partitions.iter().map(|p| p.name.as_str()).collect());
        let qos = row_of("qos", self.slurm.qos.iter().map(|q| q.name.as_str()).collect());
        let mut dependencies = words.text("dep").unwrap_or_default().to_owned();
        // Longer names first: that of an array begins those of its tasks.
        for (name, id) in self.names.iter().rev() {
            dependencies = dependencies.replace(&format!(":{name}"), &format!(":{id}"));
        }
        let job = Job {
            name: words.text("name").unwrap_or(name).to_owned(),
            user: user.to_owned(),
            association,
            partition,
            qos,
            nice: words.number("nice").unwrap_or(0),
            site: words.number("site").unwrap_or(0),
            held: words.has("hold"),
            request: self.request(words),
            limit: match words.text("t") {
                Some("none") => None,
                _ => minutes(words.number("t").or(Some(10))),
            },
            shortest: minutes(words.number("min")),
            begin: words.number("begin").unwrap_or(0),
            dependencies: dependency::parse(&dependencies).expect("dependencies"),
            requeue: !words.has("norequeue"),
            expedited: words.has("expedited"),
            reserved: words.has("reserved"),
            ..Job::default()
        };
        if let Some(expression) = words.text("array") {
            let (tasks, at_a_time) = array::parse(expression).expect("an array");
            let ids = self.slurm.submit_array(now, &job, &tasks, at_a_time).expect("an array is taken");
            self.names.insert(name.to_owned(), ids[0]);
            for (task, id) in tasks.iter().zip(ids) {
                self.names.insert(format!("{name}_{task}"), id);
                self.prioritize(id, words);
            }
            return;
        }
        match self.slurm.submit(now, job) {
            Ok(id) => {
                self.names.insert(name.to_owned(), id);
                self.prioritize(id, words);
            }
            Err(reason) => self.say(&format!("refused {name} {}", reason.word())),
        }
    }

    fn prioritize(&mut self, id: u32, words: &Words) {
        if let Some(priority) = words.number("prio") {
            self.slurm.job_mut(id).priority = priority;
        }
    }

    /// The profile of a backfill cycle.
    fn plan(&mut self) {
        let (actions, profile) = backfill::run(&mut self.slurm, self.now);
        for action in actions {
            self.tell(action);
        }
        for (begin, end, nodes) in profile.spans().collect::<Vec<_>>() {
            let names: Vec<&str> = nodes.iter().map(|row| self.slurm.nodes[*row].name.as_str()).collect();
            self.say(format!("[{begin},{end}) {}", names.join(",")).trim_end());
        }
    }

    fn show(&mut self, what: &str) {
        if what == "queue" {
            let queue = self.slurm.queue(self.now);
            let names: Vec<String> = queue.iter().map(|id| self.name_of(*id)).collect();
            return self.say(&names.join(" "));
        }
        if what == "shares" {
            let rows = self.slurm.associations.rows.iter().filter(|row| row.user.is_some());
            let text: Vec<String> = rows
                .map(|row| format!("{}={:.4}", row.user.as_deref().unwrap_or_default(), row.fair_share))
                .collect();
            return self.say(&text.join(" "));
        }
        if let Some(account) = what.strip_prefix("usage:") {
            let (account, user) = account.split_once('/').map_or((account, None), |(a, u)| (a, Some(u)));
            let row = self.slurm.associations.find(account, user).expect("an association");
            let usage = self.slurm.associations.rows[row].usage;
            return self.say(&format!("usage {usage:.4}"));
        }
        if let Some(name) = what.strip_prefix("qosusage:") {
            let usage = self.slurm.qos.iter().find(|qos| qos.name == name).expect("a QOS").usage;
            return self.say(&format!("usage {usage:.4}"));
        }
        if let Some(name) = what.strip_prefix("prio:") {
            let id = self.names[name];
            priority::refresh_one(&mut self.slurm, id, self.now);
            let priority = self.slurm.jobs[&id].priority;
            return self.say(&format!("{name} {priority}"));
        }
        let id = self.names[what];
        let Some(job) = self.slurm.jobs.get(&id) else {
            let state = self.slurm.state_of(id).expect("a job that was submitted is known");
            return self.say(&format!("{what} {}", state.word()));
        };
        let expected = job.expected.map_or(String::new(), |at| format!(" at {at}"));
        let limit = job.limit.map_or(String::from("none"), |limit| (limit / 60).to_string());
        let text = match job.state {
            JobState::Pending => format!("{what} {}{expected}", job.reason.word()),
            state => format!("{what} {} limit {limit}", state.word()),
        };
        self.say(&text);
    }
}
