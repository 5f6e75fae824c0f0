//! Rows of a trace as what the engine runs: pods, or jobs of a batch machine.

use crate::api::{
    Container, Labels, NodeAffinity, NodeSelector, NodeSelectorTerm, Operator, PodTemplate, Requirement,
    ResourceList, RestartPolicy,
};
use crate::base::{Diagnostic, Map, Quantity, Span, Time};
use crate::cluster::JobOrigin;
use crate::sim::setup::SubmissionName;
use crate::sim::{BatchJob, Dependencies, JobSource, Source, Submission};
use crate::trace::transform::Shaker;
use crate::trace::{Reader, Row};
use std::sync::Arc;

/// The status of a job that failed (SWF field 11).
const FAILED: i8 = 0;
/// The status of a job that was cancelled (SWF field 11).
const CANCELLED: i8 = 5;

/// Turns rows into what is submitted.
pub(super) trait Convert: Send {
    /// What a row becomes.
    type Out: Send;
    /// Turns one row; `Err` with the reason if it is left out.
    fn convert(&mut self, row: &mut Row, at: Time) -> Result<Self::Out, &'static str>;
    /// By what rows of one time are put in order where a trace has to be sorted; those with equal
    /// numbers stay in the order of the trace.
    fn number(_out: &Self::Out) -> u64 {
        0
    }
    /// Sets the place among the dependencies of the trace.
    fn link(out: &mut Self::Out, place: u32);
    /// Sets when it arrives.
    fn arrive(out: &mut Self::Out, at: Time);
}

/// Which rows are used, and when.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    /// The moment of the run at which the window begins.
    pub(super) at: Time,
    /// Rows before this moment of the trace are left out.
    pub(super) from: Time,
    /// Rows from this moment on are left out.
    pub(super) until: Time,
    /// The most rows.
    pub(super) rows: u64,
    /// A factor on the times between submissions.
    pub(super) scale: f64,
}

impl Window {
    /// Whether a row of this submit time is used.
    pub(super) fn holds(&self, submit: Time) -> bool {
        submit >= self.from && submit < self.until
    }

    /// The same times for rows that have been chosen already.
    pub(super) fn unbounded(self) -> Window {
        Window { until: Time::MAX, rows: u64::MAX, ..self }
    }

    /// The moment of the run for a moment of the trace; `None` if it is outside.
    pub(super) fn map(&self, submit: Time) -> Option<Time> {
        if !self.holds(submit) {
            return None;
        }
        let since = submit.since(self.from);
        let unscaled = (self.scale - 1.0).abs() < f64::EPSILON;
        let span = if unscaled { since } else { Span::from_secs_f64(since.as_secs_f64() * self.scale) };
        Some(self.at + span)
    }
}

/// A reader's rows, converted as they are read.
pub(super) struct Stream<C: Convert> {
    pub(super) reader: Box<dyn Reader + Send>,
    pub(super) window: Window,
    pub(super) convert: C,
    pub(super) row: Row,
    /// Shifts what it submits.
    shaker: Option<Shaker>,
    used: u64,
}

/// What became of a row.
pub(super) enum Taken<T> {
    /// It is submitted.
    Used(Time, T),
    /// It is outside the window.
    Outside,
    /// It is left out, for this reason.
    Dropped(&'static str),
}

impl<C: Convert> Stream<C> {
    pub(super) fn new(reader: Box<dyn Reader + Send>, window: Window, convert: C) -> Stream<C> {
        Stream { reader, window, convert, row: Row::default(), shaker: None, used: 0 }
    }

    /// The same rows, shifted in the time of the run.
    pub(super) fn shaken(self, shaker: Option<Shaker>) -> Stream<C> {
        Stream { shaker, ..self }
    }

    /// The next row; `None` at the end of the reader or of the window.
    pub(super) fn take(&mut self) -> Result<Option<Taken<C::Out>>, Diagnostic> {
        if self.used >= self.window.rows || !self.reader.read(&mut self.row)? {
            return Ok(None);
        }
        // Rows outside of the window draw, too: a row's draw depends on its place in the trace.
        let shift = self.shaker.as_mut().map(|shaker| shaker.draw(&self.row));
        let Some(at) = self.window.map(self.row.submit) else { return Ok(Some(Taken::Outside)) };
        let at = shift.map_or(at, |shift| shift.of(at).0);
        Ok(Some(match self.convert.convert(&mut self.row, at) {
            Ok(out) => {
                self.used += 1;
                Taken::Used(at, out)
            }
            Err(reason) => Taken::Dropped(reason),
        }))
    }

    fn next_used(&mut self) -> Result<Option<C::Out>, Diagnostic> {
        loop {
            match self.take()? {
                None => return Ok(None),
                Some(Taken::Used(_, out)) => return Ok(Some(out)),
                Some(Taken::Outside | Taken::Dropped(_)) => {}
            }
        }
    }
}

impl Source for Stream<Pods> {
    fn next(&mut self) -> Result<Option<Submission>, Diagnostic> {
        self.next_used()
    }

    fn is_streamed(&self) -> bool {
        true
    }
}

impl JobSource for Stream<Jobs> {
    fn next(&mut self) -> Result<Option<BatchJob>, Diagnostic> {
        self.next_used()
    }
}

/// Rows that were converted before the run.
pub(super) struct Listed<T> {
    pub(super) rows: std::vec::IntoIter<T>,
    /// Which of them wait for which.
    pub(super) dependencies: Dependencies,
}

impl Source for Listed<Submission> {
    fn next(&mut self) -> Result<Option<Submission>, Diagnostic> {
        Ok(self.rows.next())
    }

    fn dependencies(&mut self) -> Dependencies {
        std::mem::take(&mut self.dependencies)
    }
}

impl JobSource for Listed<BatchJob> {
    fn next(&mut self) -> Result<Option<BatchJob>, Diagnostic> {
        Ok(self.rows.next())
    }

    fn dependencies(&mut self) -> Dependencies {
        std::mem::take(&mut self.dependencies)
    }
}

/// What decides the template of a row's pods.
#[derive(PartialEq, Eq, Hash, Clone, Default)]
struct Kind {
    cpu_milli: i64,
    memory_bytes: i64,
    extended: Vec<(String, i64)>,
    node_labels_in: Option<(String, Vec<String>)>,
    restart_policy: RestartPolicy,
    labels: Vec<(String, String)>,
}

/// Turns rows into pods.
#[derive(Clone)]
pub(super) struct Pods {
    pub(super) namespace: Arc<str>,
    /// The beginning of the names of rows that have none.
    pub(super) base: Arc<str>,
    /// Whether rows are named by number though they have a name of that very form.
    pub(super) numbered: bool,
    /// Labels of every pod.
    pub(super) labels: Labels,
    /// Labels that a node must have.
    pub(super) node_selector: Vec<(String, String)>,
    pub(super) restart_policy: RestartPolicy,
    pub(super) priority: i32,
    /// Whether a row of several processors is so many tasks of one each.
    pub(super) per_processor: bool,
    templates: Map<Kind, Arc<PodTemplate>>,
    /// The templates so far in order of appearance.
    pub(super) in_order: Vec<Arc<PodTemplate>>,
}

impl Pods {
    pub(super) fn new(namespace: &str, base: &str) -> Pods {
        Pods {
            namespace: namespace.into(),
            base: base.into(),
            numbered: false,
            labels: Labels::new(),
            node_selector: Vec::new(),
            restart_policy: RestartPolicy::Never,
            priority: 0,
            per_processor: false,
            templates: Map::default(),
            in_order: Vec::new(),
        }
    }

    fn template(&mut self, row: &mut Row) -> Arc<PodTemplate> {
        let processors = i64::from(row.processors).saturating_mul(1_000);
        let kind = Kind {
            cpu_milli: if row.cpu_milli == 0 { processors } else { row.cpu_milli },
            memory_bytes: row.memory_bytes,
            extended: std::mem::take(&mut row.extended),
            node_labels_in: row.node_labels_in.take(),
            restart_policy: row.restart_policy.unwrap_or(self.restart_policy),
            labels: std::mem::take(&mut row.labels),
        };
        let found = self.templates.get(&kind).map(Arc::clone);
        if let Some(template) = found {
            // The row gets its vectors back, so that the reader uses their memory again.
            row.extended = kind.extended;
            row.node_labels_in = kind.node_labels_in;
            row.labels = kind.labels;
            return template;
        }
        let template = Arc::new(self.build(&kind));
        self.templates.insert(kind, Arc::clone(&template));
        self.in_order.push(Arc::clone(&template));
        template
    }

    fn build(&self, kind: &Kind) -> PodTemplate {
        let mut requests = ResourceList::new();
        let mut request = |name: &str, amount: Quantity| {
            if amount > Quantity::ZERO {
                requests.insert(name.to_owned(), amount);
            }
        };
        request("cpu", Quantity::from_milli(kind.cpu_milli));
        request("memory", Quantity::from_units(kind.memory_bytes));
        for (name, amount) in &kind.extended {
            request(name, Quantity::from_units(*amount));
        }
        let mut container = Container { name: "main".into(), ..Container::default() };
        // Extended resources have limits equal to their requests.
        container.resources.limits =
            requests.iter().filter(|(name, _)| name.contains('/')).map(|(a, b)| (a.clone(), *b)).collect();
        container.resources.requests = requests;
        let mut template = PodTemplate { labels: self.labels.clone(), ..PodTemplate::default() };
        template.labels.extend(kind.labels.iter().cloned());
        template.spec.restart_policy = kind.restart_policy;
        template.spec.containers.push(container);
        template.spec.node_selector.clone_from(&self.node_selector);
        template.spec.affinity.node =
            kind.node_labels_in.as_ref().map(|(key, values)| required_in(key, values));
        template
    }
}

fn required_in(key: &str, values: &[String]) -> NodeAffinity {
    let requirement = Requirement { key: key.to_owned(), operator: Operator::In, values: values.to_vec() };
    let term = NodeSelectorTerm { match_expressions: vec![requirement], match_fields: Vec::new() };
    NodeAffinity { required: Some(NodeSelector { terms: vec![term] }), preferred: Vec::new() }
}

/// The name of a row.
fn name(row: &Row, base: &Arc<str>, numbered: bool) -> SubmissionName {
    match u32::try_from(row.number) {
        Ok(number) if numbered || row.name.is_empty() => SubmissionName::Numbered(Arc::clone(base), number),
        _ if row.name.is_empty() => SubmissionName::Own(format!("{base}-{}", row.number).into()),
        _ => SubmissionName::Own(row.name.as_str().into()),
    }
}

impl Convert for Pods {
    type Out = Submission;

    fn link(out: &mut Submission, place: u32) {
        out.link = Some(place);
    }

    fn arrive(out: &mut Submission, at: Time) {
        out.at = at;
    }

    fn convert(&mut self, row: &mut Row, at: Time) -> Result<Submission, &'static str> {
        if self.per_processor && row.processors > 1 && row.cpu_milli == 0 {
            row.memory_bytes /= i64::from(row.processors);
            (row.tasks, row.processors) = (row.tasks.saturating_mul(row.processors), 1);
        }
        let template = self.template(row);
        Ok(Submission {
            at,
            template,
            namespace: Arc::clone(&self.namespace),
            name: name(row, &self.base, self.numbered),
            tasks: row.tasks.max(1),
            priority: if row.priority == 0 { self.priority } else { row.priority },
            run_time: row.run_time,
            exit_code: u8::try_from(row.exit_code.clamp(0, 255)).ok().filter(|code| *code != 0),
            estimate: row.estimate,
            user: row.user,
            link: None,
            origin: origin(row, at),
        })
    }
}

/// What a row says of its job beside what pods have.
fn origin(row: &Row, at: Time) -> JobOrigin {
    JobOrigin {
        source: 0,
        number: row.number,
        processors: row.processors,
        group: row.group,
        queue: row.queue,
        partition: row.partition,
        preceding: row.preceding,
        think_time: row.think_time,
        deadline: row.deadline.map(|deadline| at + deadline),
    }
}

/// Turns rows into jobs of a batch machine.
#[derive(Clone)]
pub(super) struct Jobs {
    /// The processors of the machine.
    pub(super) processors: u32,
}

/// Why a row is no job of a batch machine.
pub(super) mod reason {
    /// It would run for ever.
    pub(in super::super) const NO_RUN_TIME: &str = "no run time";
    /// It could never start.
    pub(in super::super) const TOO_LARGE: &str = "more processors than the machine has";
}

impl Convert for Jobs {
    type Out = BatchJob;

    fn link(out: &mut BatchJob, place: u32) {
        out.link = Some(place);
    }

    fn arrive(out: &mut BatchJob, at: Time) {
        out.at = at;
    }

    fn number(out: &BatchJob) -> u64 {
        out.number
    }

    fn convert(&mut self, row: &mut Row, at: Time) -> Result<BatchJob, &'static str> {
        let run_time = row.run_time.ok_or(reason::NO_RUN_TIME)?;
        let processors = row.processors.max(1);
        if processors > self.processors {
            return Err(reason::TOO_LARGE);
        }
        Ok(BatchJob {
            at,
            number: u64::try_from(row.number).unwrap_or(0),
            processors,
            run_time,
            estimate: row.estimate,
            fails: matches!(row.status, FAILED | CANCELLED) || row.exit_code != 0,
            user: row.user,
            priority: row.priority,
            deadline: row.deadline.map(|deadline| at + deadline),
            link: None,
        })
    }
}
