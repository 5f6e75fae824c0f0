//! Cases of the other control planes pass, and records that are not as they should be are caught.

use super::generate::Facts;
use super::*;
use crate::base::Time;
use crate::base::ids::NodeId;
use crate::sim::{Observer, Record, View};

const ALL: [Which; 3] = [Which::Slurm, Which::Swarm, Which::Mesos];

/// Tells something else in the place of the first record that fits.
struct Liar {
    watch: Watch,
    lie: fn(&mut Watch, Time, &Record<'_>, View<'_>) -> bool,
    told: bool,
}

impl Observer for Liar {
    fn record(&mut self, now: Time, record: &Record<'_>, view: View<'_>) {
        if !self.told && (self.lie)(&mut self.watch, now, record, view) {
            self.told = true;
        } else {
            self.watch.record(now, record, view);
        }
    }

    fn finish(&mut self, now: Time, view: View<'_>) {
        self.watch.finish(now, view);
    }
}

/// What is found of a lie in the first case of a control plane in which it can be told.
fn caught(
    which: Which,
    fits: fn(&Facts) -> bool,
    lie: fn(&mut Watch, Time, &Record<'_>, View<'_>) -> bool,
) -> Option<String> {
    for seed in 1..400 {
        let Case { setup, facts } = case(which, seed);
        if !fits(&facts) {
            continue;
        }
        let tolerations = setup.control.nodes.default_toleration.is_some();
        let inner = Checker::new(nodes(&setup), facts.ideal, tolerations);
        let mut liar = Liar { watch: Watch::new(inner, facts), lie, told: false };
        run(setup, &mut liar, &mut Bound).unwrap();
        if liar.told {
            liar.watch.check_end();
            return liar.watch.broken.or(liar.watch.inner.broken);
        }
    }
    panic!("there is nothing to lie about");
}

#[test]
fn lies_are_caught() {
    for which in ALL {
        let restarted = caught(
            which,
            |facts| facts.calm,
            |watch, now, record, view| {
                let Record::ContainerStarted { pod, container, main, .. } = *record else { return false };
                watch.record(now, &Record::ContainerStarted { pod, container, main, restarts: 1 }, view);
                true
            },
        );
        assert!(restarted.is_some_and(|what| what.contains("safety_restart")), "{which:?}");
        // Nobody is told of the end of a container.
        let endless = caught(
            which,
            |facts| facts.calm && facts.things.is_empty(),
            |_, _, record, _| matches!(record, Record::ContainerEnded { .. }),
        );
        assert!(endless.is_some(), "{which:?}");
        let crowded = caught(
            which,
            |facts| facts.calm && facts.rows.len() > 3,
            |watch, now, record, view| {
                let Record::PodBound { pod, .. } = *record else { return false };
                watch.record(now, &Record::PodBound { pod, node: NodeId(99) }, view);
                true
            },
        );
        assert!(crowded.is_some(), "{which:?}");
    }
}

/// A job that starts outside of its partition.
#[test]
fn lies_about_slurm_are_caught() {
    let outside = caught(
        Which::Slurm,
        |facts| facts.calm && facts.things.is_empty(),
        |watch, now, record, view| {
            let Record::PodBound { pod, node: NodeId(0) } = *record else { return false };
            let origin = watch.pods[&(pod.id, pod.generation)].origin;
            let is_fast = watch.label(origin, "partition").is_some();
            if is_fast {
                watch.record(now, &Record::PodBound { pod, node: NodeId(1) }, view);
            }
            is_fast
        },
    );
    assert!(outside.is_some_and(|what| what.contains("safety_partition")));
}

#[test]
fn cases_pass_and_are_their_seeds() {
    for which in ALL {
        for seed in 1..=12 {
            if let Err(what) = check(which, seed) {
                panic!("{which:?}, seed {seed}: {what}");
            }
        }
        assert_eq!(check(which, 3), check(which, 3));
    }
}

/// Seeds that have failed once: an array that another Job waited for and of which only the last task was
/// looked at; a drained node that took jobs again when it came back; tasks of jobs that a swarm with a short
/// history forgot before they had a node; a limit of a Mesos role that roles below it did not know.
#[test]
fn seeds_that_have_failed_once_pass() {
    let seeds: [(Which, &[u64]); 3] = [
        (Which::Slurm, &[6, 85, 117]),
        (Which::Swarm, &[40, 45, 105]),
        (Which::Mesos, &[7, 14, 16, 29, 59, 77, 78, 81]),
    ];
    for (which, seeds) in seeds {
        for seed in seeds {
            assert_eq!(check(which, *seed).err(), None, "{which:?}, seed {seed}");
        }
    }
}
