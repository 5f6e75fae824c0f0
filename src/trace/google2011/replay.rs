//! Following recorded placements: what was allocated over time, of what there was.
//!
//! Nothing is decided here: tasks run from the moment at which the trace says that they were scheduled to
//! the moment at which it says that they ended. The sums are exact, in billionths of the largest machine.

use super::super::input::Input;
use super::super::number::Number;
use super::events::{Kind, MachineEvent, MachineKind, Table, TaskEvent, machine_event, machine_records};
use crate::base::{Diagnostic, Map, Span, Time};

/// CPU and memory, in billionths of the largest machine.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Sum {
    /// CPU.
    pub cpu: i64,
    /// Memory.
    pub memory: i64,
}

impl Sum {
    fn of(cpu: Option<Number>, memory: Option<Number>) -> Sum {
        let part = |number: Option<Number>| {
            number.map_or(0, |number| (number.whole * 1_000_000_000) as i64 + i64::from(number.nano))
        };
        Sum { cpu: part(cpu), memory: part(memory) }
    }

    fn add(&mut self, other: Sum) {
        self.cpu = self.cpu.saturating_add(other.cpu);
        self.memory = self.memory.saturating_add(other.memory);
    }

    fn take(&mut self, other: Sum) {
        self.cpu = self.cpu.saturating_sub(other.cpu);
        self.memory = self.memory.saturating_sub(other.memory);
    }
}

/// The state at one moment, after everything that happened at it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Sample {
    /// The moment, from the trace's time 0.
    pub at: Time,
    /// Machines that are there.
    pub machines: u64,
    /// Tasks that run.
    pub running: u64,
    /// Tasks that wait.
    pub pending: u64,
    /// What the running tasks request.
    pub requested: Sum,
    /// What the machines have.
    pub capacity: Sum,
}

/// What following a trace has shown.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Replay {
    /// What the machines had at time 0.
    pub initial: Sum,
    /// States: at time 0, then in equal steps, then at the last event of a task.
    pub samples: Vec<Sample>,
    /// Events of tasks.
    pub task_events: u64,
    /// Events of machines up to the last event of a task.
    pub machine_events: u64,
    /// Events of tasks that cannot follow what was before them, such as the end of a task that is none.
    pub out_of_turn: u64,
}

/// What a task does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Doing {
    Pending,
    Running,
}

/// The state that the events lead through.
#[derive(Default)]
struct Placement {
    machines: Map<i64, Sum>,
    capacity: Sum,
    tasks: Map<(i64, i64), (Doing, Sum)>,
    requested: Sum,
    running: u64,
    out_of_turn: u64,
}

impl Placement {
    fn machine(&mut self, event: &MachineEvent) {
        let sum = Sum::of(event.cpu, event.memory);
        let before = self.machines.remove(&event.machine);
        if let Some(before) = before {
            self.capacity.take(before);
        }
        if event.kind != MachineKind::Remove {
            self.capacity.add(sum);
            self.machines.insert(event.machine, sum);
        }
    }

    fn task(&mut self, event: &TaskEvent) {
        let key = (event.job, event.index);
        let sum = Sum::of(event.cpu, event.memory);
        let known = self.tasks.get(&key).copied();
        let follows = match (event.kind, known) {
            (Kind::Submit, None) | (Kind::UpdatePending, Some((Doing::Pending, _))) => {
                self.tasks.insert(key, (Doing::Pending, sum));
                true
            }
            (Kind::Schedule, Some((Doing::Pending, _))) => {
                self.tasks.insert(key, (Doing::Running, sum));
                self.requested.add(sum);
                self.running += 1;
                true
            }
            (Kind::UpdateRunning, Some((Doing::Running, before))) => {
                self.tasks.insert(key, (Doing::Running, sum));
                self.requested.take(before);
                self.requested.add(sum);
                true
            }
            (Kind::Submit | Kind::Schedule | Kind::UpdatePending | Kind::UpdateRunning, _) | (_, None) => {
                false
            }
            (_, Some((doing, before))) => {
                self.tasks.remove(&key);
                if doing == Doing::Running {
                    self.requested.take(before);
                    self.running -= 1;
                }
                true
            }
        };
        self.out_of_turn += u64::from(!follows);
    }

    fn sample(&self, at: Time) -> Sample {
        Sample {
            at,
            machines: self.machines.len() as u64,
            running: self.running,
            pending: self.tasks.len() as u64 - self.running,
            requested: self.requested,
            capacity: self.capacity,
        }
    }
}

/// More states than this are not kept.
const MAX_SAMPLES: usize = 1_000_000;

/// Follows the events of machines and those of tasks, whose files stand in order of time. A state is kept
/// every `step`, which is more than 0.
pub fn replay(machines: Input, tasks: Vec<Input>, step: Span) -> Result<Replay, Diagnostic> {
    let mut machine_records = machine_records(machines);
    let mut next_machine = next_machine(&mut machine_records)?;
    let mut placement = Placement::default();
    let mut result = Replay::default();
    let (mut now, mut due) = (0, 0);
    for input in tasks {
        let mut input = input;
        let table = Table::of(&mut input)?;
        let mut records = table.records(input);
        while records.next()? {
            let event = table.event(&records)?;
            let Some(at) = event.at else { continue };
            if at < now {
                return Err(records.fault(0, "the events are not in order of time"));
            }
            now = at;
            loop {
                let machine = next_machine.as_ref().and_then(|event| event.at).filter(|time| *time <= at);
                let until = machine.unwrap_or(at);
                while due < until {
                    result.keep(placement.sample(Time(due)), &records)?;
                    due = due.saturating_add(step.0.max(1));
                }
                if machine.is_none() {
                    break;
                }
                if let Some(event) = next_machine.take() {
                    placement.machine(&event);
                    result.machine_events += 1;
                }
                next_machine = self::next_machine(&mut machine_records)?;
                if next_machine.as_ref().is_none_or(|event| event.at != Some(0)) && until == 0 {
                    result.initial = placement.capacity;
                }
            }
            placement.task(&event);
            result.task_events += 1;
        }
    }
    result.samples.push(placement.sample(Time(now)));
    result.out_of_turn = placement.out_of_turn;
    Ok(result)
}

impl Replay {
    fn keep(&mut self, sample: Sample, records: &super::super::record::Records) -> Result<(), Diagnostic> {
        if self.samples.len() >= MAX_SAMPLES {
            let finding = records.fault(0, format!("more than {MAX_SAMPLES} moments"));
            return Err(finding.help("take a longer step"));
        }
        self.samples.push(sample);
        Ok(())
    }
}

fn next_machine(records: &mut super::super::record::Records) -> Result<Option<MachineEvent>, Diagnostic> {
    if records.next()? { machine_event(records).map(Some) } else { Ok(None) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn follow(machines: &str, tasks: &[&str], step: u64) -> Result<Replay, Diagnostic> {
        let input = |text: &&str| Input::from_bytes("tasks.csv", *text).unwrap();
        let machines = Input::from_bytes("machines.csv", machines).unwrap();
        replay(machines, tasks.iter().map(input).collect(), Span::from_secs(step))
    }

    const MACHINES: &str = "0,1,0,p,0.5,0.25\n0,2,0,p,1,1\n15000000,2,1,p,1,1\n16000000,1,2,p,0.5,0.5\n";

    #[test]
    fn allocation_follows_the_record() {
        let first =
            "0,,7,0,,0,u,3,9,0.25,0.1,0,0\n0,,7,0,1,1,u,3,9,0.25,0.1,0,0\n0,,7,1,,0,u,3,9,0.5,0.1,0,0\n";
        let second = "10000000,,7,1,2,1,u,3,9,0.5,0.1,0,0\n12000000,,7,0,1,8,u,3,9,0.75,0.1,0,0\n\
                      20000000,,7,1,2,4,u,3,9,0.5,0.1,0,0\n20000000,,8,0,2,4,u,3,9,0.5,0.1,0,0\n";
        let result = follow(MACHINES, &[first, second], 10).unwrap();
        let lines: Vec<(u64, u64, u64, u64, i64, i64)> = result
            .samples
            .iter()
            .map(|sample| {
                let Sample { at, machines, running, pending, requested, capacity } = sample;
                (at.0 / 1_000_000_000, *machines, *running, *pending, requested.cpu, capacity.memory)
            })
            .collect();
        assert_eq!(
            lines,
            [
                (0, 2, 1, 1, 250_000_000, 1_250_000_000),
                (10, 2, 2, 0, 750_000_000, 1_250_000_000),
                (20, 1, 1, 0, 750_000_000, 500_000_000),
            ]
        );
        assert_eq!(result.initial, Sum { cpu: 1_500_000_000, memory: 1_250_000_000 });
        assert_eq!((result.task_events, result.machine_events, result.out_of_turn), (7, 4, 1));
    }

    #[test]
    fn what_is_wrong_is_said() {
        let row = |time: &str| format!("{time},,7,0,,0,u,3,9,0.25,0.1,0,0\n");
        for (machines, tasks, message) in [
            (
                MACHINES,
                row("5") + &row("4"),
                "tasks.csv:2:1: error: time: the events are not in order of time",
            ),
            (
                "0,1,7,p,1,1\n",
                row("0"),
                "machines.csv:1:5: error: event type: event types of machines are 0 to 2",
            ),
            ("0,1,0,p,-3,1\n", row("0"), "machines.csv:1:9: error: CPUs: the number is negative: `-3`"),
            (MACHINES, MACHINES.to_owned(), "tasks.csv: error: these are events of machines"),
            (MACHINES, "1,2,3\n".to_owned(), "tasks.csv: error: expected 13 or 8 columns, found 3"),
            (MACHINES, row("99999999999999999999"), "time: the number is too large"),
            (MACHINES, row("5").replace("0.25", "1e9"), "more than 1000 times the largest machine"),
        ] {
            let found = follow(machines, &[&tasks], 10).unwrap_err().to_string();
            assert!(found.contains(message), "{found}");
        }
    }
}
