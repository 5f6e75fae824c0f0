//! The rows of `jobs.csv` or `pods.csv` of a run, as a comparison reads them.
//!
//! Which columns there are beyond those that are read does not matter: any control plane that writes
//! one of the two tables can be compared.

use crate::base::{Map, Span, Time};
use crate::observe::stats;

/// A job of a batch machine, or a pod.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Job {
    /// Number of the job; or name of the pod, with its namespace before it unless that is `default`.
    pub name: String,
    /// The number, if the name is one: jobs of one instant are submitted in its order.
    pub number: Option<u64>,
    /// Whether a controller made it, such as that of a Deployment.
    pub owned: bool,
    /// Whether it existed before the run.
    pub initial: bool,
    /// When it was submitted (created).
    pub submit: Time,
    /// When its wait ended: its start.
    pub start: Option<Time>,
    /// When it got its processors or its node: the start of a job, the binding of a pod.
    pub placed: Option<Time>,
    /// When it ended or was removed.
    pub end: Option<Time>,
    /// How long it waited, where it started; for a job that was stopped and went on, all of its waits.
    pub waited: Option<Span>,
    /// Whether it was stopped and went on: what it held between start and end is not known.
    pub stopped: bool,
    /// Processors of a job, millicores of a pod.
    pub cores: u64,
    /// Requested bytes of a pod.
    pub memory: u64,
    /// Where it ran; empty for the processors of a batch machine.
    pub node: String,
    /// Why it found no node, where a run says it.
    pub message: String,
}

impl Job {
    /// Whether it was submitted before another one of the same run.
    pub fn is_before(&self, other: &Job) -> bool {
        self.submit < other.submit
            || self.submit == other.submit
                && self.number.zip(other.number).is_some_and(|(own, other)| own < other)
    }

    /// Whether it held its processors, or its place on a node, at a moment, as far as that is known.
    pub fn holds_at(&self, at: Time) -> bool {
        !self.stopped && self.placed.is_some_and(|placed| placed <= at) && self.end.is_none_or(|end| end > at)
    }

    /// How long it waited, in seconds.
    pub fn wait(&self) -> Option<f64> {
        self.waited.map(Span::as_secs_f64)
    }
}

/// What was run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// Jobs of a machine of processors.
    Jobs,
    /// Pods.
    Pods,
}

impl Kind {
    /// The word for one.
    pub const fn one(self) -> &'static str {
        match self {
            Kind::Jobs => "job",
            Kind::Pods => "pod",
        }
    }
}

/// All jobs of a run in order of submission.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Jobs {
    /// What they are.
    pub kind: Kind,
    /// The jobs.
    pub list: Vec<Job>,
    /// For the n-th job how many before it have its name.
    repeats: Vec<u32>,
}

impl Jobs {
    /// Puts jobs in order.
    pub fn new(kind: Kind, mut list: Vec<Job>) -> Jobs {
        list.sort_by(|a, b| (a.submit, a.number, &a.name).cmp(&(b.submit, b.number, &b.name)));
        let mut seen: Map<&str, u32> = Map::default();
        let repeats = list
            .iter()
            .map(|job| {
                let count = seen.entry(&job.name).or_default();
                *count += 1;
                *count - 1
            })
            .collect();
        Jobs { kind, list, repeats }
    }

    /// Reads a table. `None` if it is neither `jobs.csv` nor `pods.csv`.
    pub fn read(table: &[u8]) -> Option<Jobs> {
        let mut reader = csv::Reader::from_reader(table);
        let headers = reader.headers().ok()?.clone();
        let column = |name: &str| headers.iter().position(|header| header == name);
        let kind = if column("job").is_some() { Kind::Jobs } else { Kind::Pods };
        let columns = Columns::find(kind, &column)?;
        let list = reader.records().filter_map(|row| Some(columns.job(kind, &row.ok()?))).collect();
        Some(Jobs::new(kind, list))
    }

    /// The jobs that two runs have in common, as places in their lists, in the order of this one.
    pub fn pairs(&self, other: &Jobs) -> Vec<(usize, usize)> {
        let key = |jobs: &Jobs, index: usize| (jobs.list[index].name.clone(), jobs.repeats[index]);
        let places: Map<(String, u32), usize> =
            (0..other.list.len()).map(|index| (key(other, index), index)).collect();
        (0..self.list.len()).filter_map(|index| Some((index, *places.get(&key(self, index))?))).collect()
    }

    /// The waits of those that started and did not exist before the run, in seconds, in order of
    /// submission.
    pub fn waits(&self) -> Vec<f64> {
        self.list.iter().filter(|job| !job.initial).filter_map(Job::wait).collect()
    }

    /// The 0.95 quantile of the waits, in seconds.
    pub fn wait_p95(&self) -> Option<f64> {
        stats::percentile(&mut self.waits(), 0.95)
    }

    /// How many have no end.
    pub fn not_done(&self) -> usize {
        self.list.iter().filter(|job| job.end.is_none()).count()
    }
}

/// Where the columns are.
struct Columns {
    name: usize,
    namespace: Option<usize>,
    owner: Option<usize>,
    initial: Option<usize>,
    submit: usize,
    start: usize,
    placed: usize,
    end: usize,
    wait: usize,
    run: usize,
    cores: usize,
    memory: Option<usize>,
    node: Option<usize>,
    message: Option<usize>,
}

impl Columns {
    fn find(kind: Kind, column: &dyn Fn(&str) -> Option<usize>) -> Option<Columns> {
        Some(match kind {
            Kind::Jobs => Columns {
                name: column("job")?,
                namespace: None,
                owner: None,
                initial: None,
                submit: column("submit_s")?,
                start: column("start_s")?,
                placed: column("start_s")?,
                end: column("end_s")?,
                wait: column("wait_s")?,
                run: column("run_s")?,
                cores: column("processors")?,
                memory: None,
                node: column("node"),
                message: None,
            },
            Kind::Pods => Columns {
                name: column("pod")?,
                namespace: column("namespace"),
                owner: column("workload"),
                initial: column("initial"),
                submit: column("created_s")?,
                start: column("started_s")?,
                placed: column("bound_s")?,
                end: column("ended_s")?,
                wait: column("wait_s")?,
                run: column("run_s")?,
                cores: column("request_cpu_cores")?,
                memory: column("request_memory_bytes"),
                node: column("node"),
                message: column("message"),
            },
        })
    }

    fn job(&self, kind: Kind, row: &csv::StringRecord) -> Job {
        let cell = |column: usize| row.get(column).unwrap_or_default();
        let text = |column: Option<usize>| column.map_or("", cell);
        let time = |column: usize| decimal(cell(column), 9).map(Time);
        let plain = cell(self.name);
        let name = match text(self.namespace) {
            "" | "default" => plain.to_owned(),
            namespace => format!("{namespace}/{plain}"),
        };
        let decimals = if kind == Kind::Pods { 3 } else { 0 };
        let (start, end) = (time(self.start), time(self.end));
        let held = start.zip(end).map(|(start, end)| end.since(start).0);
        let ran = time(self.run).map(|run| run.0);
        Job {
            number: if kind == Kind::Jobs { plain.parse().ok() } else { None },
            name,
            owned: !text(self.owner).is_empty(),
            initial: text(self.initial) == "1",
            submit: time(self.submit).unwrap_or_default(),
            start,
            placed: time(self.placed),
            end,
            waited: time(self.wait).map(|wait| Span(wait.0)),
            stopped: kind == Kind::Jobs && ran.is_some() && ran != held,
            cores: decimal(cell(self.cores), decimals).unwrap_or(0),
            memory: text(self.memory).parse().unwrap_or(0),
            node: text(self.node).to_owned(),
            message: text(self.message).to_owned(),
        }
    }
}

/// A decimal number as an integer of 10^-`places`; `None` for what is none, or too large.
fn decimal(text: &str, places: usize) -> Option<u64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if fraction.len() > places {
        return None;
    }
    let scale = 10u64.checked_pow(places as u32)?;
    let padded = format!("{fraction:0<places$}");
    let fraction = if places == 0 { 0 } else { padded.parse::<u64>().ok()? };
    whole.parse::<u64>().ok()?.checked_mul(scale)?.checked_add(fraction)
}

/// Whether two runs have the same workload: for jobs the same numbers with the same times of
/// submission and the same processors; for pods the same names and requests of those that no
/// controller made. `fixed` says whether submissions are those of the trace: where jobs wait for others,
/// they move. The error says in words what differs first.
pub fn same_workload(base: (&str, &Jobs), other: (&str, &Jobs), fixed: bool) -> Result<(), String> {
    let ((base_name, base), (name, jobs)) = (base, other);
    if base.kind != jobs.kind {
        return Err(format!("`{base_name}` runs {}s, `{name}` runs {}s", base.kind.one(), jobs.kind.one()));
    }
    let one = base.kind.one();
    let counts = |job: &&Job| !job.owned && !job.initial;
    let pairs = base.pairs(jobs);
    let missing = |from: &Jobs, paired: &dyn Fn(&(usize, usize)) -> usize| -> Option<String> {
        let mut found = vec![false; from.list.len()];
        for pair in &pairs {
            found[paired(pair)] = true;
        }
        let rest = from.list.iter().zip(found).filter(|(job, found)| counts(job) && !found);
        rest.map(|(job, _)| job.name.clone()).next()
    };
    if let Some(first) = missing(base, &|pair| pair.0) {
        return Err(format!("{one} {first} is in `{base_name}`, not in `{name}`"));
    }
    if let Some(first) = missing(jobs, &|pair| pair.1) {
        return Err(format!("{one} {first} is in `{name}`, not in `{base_name}`"));
    }
    for (a, b) in pairs.iter().map(|&(a, b)| (&base.list[a], &jobs.list[b])).filter(|(a, _)| counts(a)) {
        if a.cores != b.cores || a.memory != b.memory {
            return Err(format!("{one} {} asks for other amounts in `{name}` than in `{base_name}`", a.name));
        }
        if fixed && base.kind == Kind::Jobs && a.submit != b.submit {
            return Err(format!(
                "{one} {} is submitted at {} in `{base_name}` and at {} in `{name}`",
                a.name,
                Span(a.submit.0),
                Span(b.submit.0)
            ));
        }
    }
    Ok(())
}
