//! The reasons that are told are true, and telling them changes nothing.

use super::*;
use crate::control::fleet::Why;

impl Bench {
    fn told(&mut self, job: JobId) -> String {
        let name = |job: JobId| format!("job {}", job.0);
        self.control.reason(&mut self.fleet, job).named(name).to_string()
    }
}

#[test]
fn a_deadlock_says_who_holds_what() {
    let policy = Policy { gang: Gang::Piecemeal, ..shared(drf(), Vec::new()) };
    let mut bench = Bench::new(policy, &[&[("cpu", 5)]]);
    let jobs = [1, 2].map(|user| bench.of_user(user, 4, &[("cpu", 1)]));
    bench.pass();
    assert_eq!(
        jobs.map(|job| bench.told(job)),
        [
            "holds room for 3 tasks, 1 more waits: needs 1 cpu, the node with the most free has 0",
            "holds room for 2 tasks, 2 more wait: needs 1 cpu, the node with the most free has 0",
        ]
    );
}

#[test]
fn what_is_free_is_that_of_the_moment() {
    let mut bench = Bench::new(Policy::default(), &[&[("cpu", 3)], &[("cpu", 2)]]);
    let small = bench.of_user(1, 5, &[("cpu", 1)]);
    let large = bench.of_user(1, 2, &[("cpu", 3)]);
    bench.pass();
    let told = [0, 1].map(|_| {
        let told = bench.told(large);
        bench.end(small);
        told
    });
    assert_eq!(
        told,
        [
            "2 of 2 tasks wait: needs 3 cpu, the node with the most free has 0",
            "2 of 2 tasks wait: needs 3 cpu, the node with the most free has 1",
        ]
    );
}

/// Five of eight slots are taken: a gang of four does not fit, and one of two that asks for the same passes
/// it.
#[test]
fn a_small_gang_passes_a_large_one_that_asks_for_the_same() {
    let policy = Policy { gang: Gang::AllOrNothing, ..Policy::default() };
    let mut bench = Bench::new(policy, &[&[("cpu", 8)]]);
    let jobs = [5, 4, 2, 2].map(|tasks| bench.of_user(1, tasks, &[("cpu", 1)]));
    bench.pass();
    assert_eq!(jobs.map(|job| bench.fleet.jobs[job.index()].waiting), [0, 4, 0, 2]);
    assert_eq!(bench.told(jobs[1]), "needs room for 4 tasks at once, there is room for 1");
    assert_eq!(bench.told(jobs[3]), "needs room for 2 tasks at once, there is room for 1");
}

/// Five of eight slots are taken, then all but one: the room of a gang is that of the moment.
#[test]
fn gangs_need_room_at_once() {
    let policy = Policy { gang: Gang::AllOrNothing, ..Policy::default() };
    let mut bench = Bench::new(policy, &[&[("cpu", 4)], &[("cpu", 4)]]);
    let [_, four, six] = [5, 4, 6].map(|tasks| bench.of_user(1, tasks, &[("cpu", 1)]));
    bench.pass();
    assert_eq!(bench.told(four), "needs room for 4 tasks at once, there is room for 3");
    assert_eq!(bench.told(six), "needs room for 6 tasks at once, there is room for 3");
    bench.of_user(1, 1, &[("cpu", 2)]);
    bench.pass();
    assert_eq!(bench.told(four), "needs room for 4 tasks at once, there is room for 1");
    assert_eq!(bench.told(six), "needs room for 6 tasks at once, there is room for 1");
}

#[test]
fn a_full_queue_above_is_named() {
    let queues = vec![
        capacity("all", 50, 50),
        QueueSpec { parent: Some(0), ..capacity("1", 25, 100) },
        QueueSpec { parent: Some(0), ..capacity("2", 25, 30) },
    ];
    let policy = shared(Discipline::Capacity { reclaim: false }, queues);
    let mut bench = Bench::new(policy, &[&[("cpu", 10)]]);
    let own = bench.of_user(2, 4, &[("cpu", 1)]);
    bench.pass();
    let other = bench.of_user(1, 3, &[("cpu", 1)]);
    bench.pass();
    assert_eq!((bench.running(own), bench.running(other)), (3, 2));
    assert_eq!(bench.told(own), "1 of 4 tasks waits: its queue may hold at most 30% of the nodes");
    let told = "1 of 3 tasks waits: its queue is part of all, which may hold at most 50% of the nodes";
    assert_eq!(bench.told(other), told);
}

/// Whether a reason holds, found out node by node.
fn holds(bench: &Bench, nodes: u32, job: JobId, why: &Why) -> Result<(), String> {
    let row = bench.fleet.jobs[job.index()];
    let fits = || (0..nodes).filter(|&node| bench.fleet.fits(row.class, NodeId(node)));
    match why {
        // What the profile of a scheduler says is its own.
        Why::Room(words) if words.contains("nodes are available") => Ok(()),
        Why::Room(words) => match fits().next() {
            Some(node) => Err(format!("{words}, but node {node} has room")),
            None => Ok(()),
        },
        &Why::Gang { needs, room } => {
            let requests = &bench.fleet.cluster.classes[row.class].requests;
            let on = |node: u32| {
                let each = requests.iter();
                each.map(|&(resource, amount)| bench.fleet.free(resource, NodeId(node)) / amount).min()
            };
            let slots: i64 = fits().filter_map(on).sum();
            if needs == row.waiting && i64::from(room) == slots && room < needs {
                return Ok(());
            }
            Err(format!("{needs} of {} tasks, room for {room} of {slots}", row.waiting))
        }
        Why::Queue { percent, .. } if (0.0..100.0).contains(percent) => Ok(()),
        Why::Queue { percent, .. } => Err(format!("a maximum of {percent}%")),
        Why::Behind { first } if *first == job => Err("behind itself".into()),
        Why::Behind { first } if bench.fleet.jobs[first.index()].waiting == 0 => {
            Err(format!("behind {}, which does not wait", first.0))
        }
        Why::Behind { .. } => Ok(()),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn safety_reasons_are_true_and_change_nothing(
        policy in any_policy(),
        is_piecemeal in any::<bool>(),
        seed in any::<u64>(),
        deeds in prop::collection::vec(deed(), 1..60),
    ) {
        let gang = match policy.gang {
            Gang::Independent if is_piecemeal => Gang::Piecemeal,
            gang => gang,
        };
        let is_profile = matches!(policy.choice, NodeChoice::Scheduler(_));
        let policy = Policy { gang, ..policy };
        let nodes = some_nodes(seed, 6);
        let [mut asked, mut other] = [policy.clone(), policy].map(|policy| bench(policy, &nodes));
        for deed in &deeds {
            for bench in [&mut asked, &mut other] {
                do_deed(bench, deed);
                bench.pass();
            }
            prop_assert_eq!(&asked.out, &other.out);
            for job in asked.control.waiting() {
                let reason = asked.control.reason(&mut asked.fleet, job);
                let row = asked.fleet.jobs[job.index()];
                prop_assert_eq!((reason.tasks, reason.waiting), (row.tasks, row.waiting));
                // A profile may find room for fewer tasks of a gang than resources alone would.
                if !(is_profile && matches!(reason.why, Why::Gang { .. })) {
                    prop_assert_eq!(holds(&asked, 6, job, &reason.why), Ok(()), "job {}", job.0);
                }
            }
        }
    }
}
