//! Ends, failures, dependencies and arrays (§8.7).

use super::{Case, check};
use crate::control::slurm::array::parse as parse_array;
use crate::control::slurm::dependency::parse as parse_dependency;

const ENDS_AND_FAILURES: &[Case<'_>] = &[
    (
        "§8.7 at the time limit SIGTERM, SIGKILL after KillWait 30 s",
        "submit a t=1
             main
             at 59
             limits
             at 60
             limits
             show a
             at 62
             end a",
        "0 start a n1:1
             60 stop a 30
             60 a COMPLETING limit 1
             62 a TIMEOUT",
    ),
    (
        "§8.7 OverTimeLimit adds to it",
        "set over=120 killwait=5
             submit a t=1
             main
             at 179
             limits
             at 180
             limits",
        "0 start a n1:1
             180 stop a 5",
    ),
    (
        "§8.7 a job without limit is never stopped",
        "submit a t=none
             main
             at 99999999
             limits",
        "0 start a n1:1",
    ),
    (
        "§8.7 a completing job keeps its nodes until its processes are gone",
        "node n1
             submit a n=4 t=1 prio=9
             submit b n=4 prio=1
             main
             at 60
             limits
             main
             at 70
             end a
             main",
        "0 start a n1:4
             60 stop a 30
             70 a TIMEOUT
             70 start b n1:4",
    ),
    (
        "§8.7 exit codes: COMPLETED or FAILED; a failed job does not go back by itself",
        "submit a
             submit b
             main
             end a
             fail b
             show b",
        "0 start a n1:1
             0 start b n1:1
             0 a COMPLETED
             0 b FAILED
             0 b FAILED",
    ),
    (
        "§8.7 a node that goes down: its jobs are requeued, and wait about two minutes",
        "submit a n=8 prio=9
             submit b n=4 prio=1
             main
             at 300
             down n1
             fail a
             show a
             main
             show a
             at 420
             main",
        "0 start a n1:4,n2:4
             0 start b n3:4
             300 stop a 0
             300 a PENDING
             300 a BeginTime
             300 a BeginTime
             420 start a n2:4,n4:4",
    ),
    (
        "§8.7 with JobRequeue=0, or --no-requeue, they end with NODE_FAIL",
        "set norequeue
             submit a w=n1
             main
             down n1
             fail a",
        "0 start a n1:1
             0 stop a 0
             0 a NODE_FAIL",
    ),
    (
        "§8.7 --no-requeue",
        "submit a w=n1 norequeue
             main
             down n1
             fail a",
        "0 start a n1:1
             0 stop a 0
             0 a NODE_FAIL",
    ),
    (
        "§8.7 ReturnToService=0: a node stays DOWN until somebody resumes it",
        "down n1
             return n1",
        "0 n1 down",
    ),
    (
        "§8.7 ReturnToService=1: it returns if it was only silent",
        "set return=1
             down n1
             break n2
             return n1
             return n2",
        "0 n1 up
             0 n2 down",
    ),
    (
        "§8.7 ReturnToService=2: it returns when it registers",
        "set return=2
             break n2
             return n2",
        "0 n2 up",
    ),
    (
        "§8.7 a begin time holds back until it has come",
        "submit a begin=50
             main
             show a
             at 50
             main",
        "0 a BeginTime
             50 start a n1:1",
    ),
    (
        "§8.2 a job that waits can be cancelled; who waits for its success never starts",
        "submit a n=16
             submit b dep=afterok:a
             cancel a
             main
             show a
             show b",
        "0 a CANCELLED
             0 b DependencyNeverSatisfied",
    ),
];

#[test]
fn ends_and_failures() {
    check(ENDS_AND_FAILURES);
}

const DEPENDENCIES: &[Case<'_>] = &[
    (
        "§8.5 afterok: after success only",
        "submit a
             submit b dep=afterok:a
             main
             show b
             end a
             main",
        "0 start a n1:1
             0 b Dependency
             0 a COMPLETED
             0 start b n1:1",
    ),
    (
        "§8.5 afterok of a job that failed is never satisfied",
        "submit a
             submit b dep=afterok:a
             main
             fail a
             main
             show b",
        "0 start a n1:1
             0 a FAILED
             0 b DependencyNeverSatisfied",
    ),
    (
        "§8.5 afterany: after any end",
        "submit a
             submit b dep=afterany:a
             main
             fail a
             main",
        "0 start a n1:1
             0 a FAILED
             0 start b n1:1",
    ),
    (
        "§8.5 afternotok: after failure only",
        "submit a
             submit b
             submit c dep=afternotok:a
             submit d dep=afternotok:b
             main
             fail a
             end b
             main
             show d",
        "0 start a n1:1
             0 start b n1:1
             0 a FAILED
             0 b COMPLETED
             0 start c n1:1
             0 d DependencyNeverSatisfied",
    ),
    (
        "§8.5 after: when the other has begun, or minutes later",
        "at 10
             submit a
             submit b dep=after:a
             submit c dep=after:a+1
             main
             main
             at 69
             main
             at 70
             main",
        "10 start a n1:1
             10 start b n1:1
             70 start c n1:1",
    ),
    (
        "§8.5 all of several, and any of several",
        "submit a
             submit b
             submit c dep=afterok:a:b
             submit d dep=afterok:a?afterok:b
             main
             end a
             main
             end b
             main",
        "0 start a n1:1
             0 start b n1:1
             0 a COMPLETED
             0 start d n1:1
             0 b COMPLETED
             0 start c n1:1",
    ),
    (
        "§8.5 singleton: one job of a name and a user at a time",
        "submit a name=x dep=singleton
             submit b name=x dep=singleton
             submit c name=x user=bob dep=singleton
             main
             show b
             end a
             main",
        "0 start a n1:1
             0 start c n1:1
             0 b Dependency
             0 a COMPLETED
             0 start b n1:1",
    ),
    (
        "§8.5 aftercorr: the task of the same index",
        "submit a array=1-2
             submit b array=1-2 dep=aftercorr:a_1
             main
             end a_2
             main",
        "0 start a_1 n1:1
             0 start a_2 n1:1
             0 a_2 COMPLETED
             0 start b_2 n1:1",
    ),
    (
        "§8.5 afterok on an array waits for all its tasks",
        "submit a array=1-2
             submit b dep=afterok:a_1
             main
             end a_1
             main
             end a_2
             main",
        "0 start a_1 n1:1
             0 start a_2 n1:1
             0 a_1 COMPLETED
             0 a_2 COMPLETED
             0 start b n1:1",
    ),
];

#[test]
fn dependencies() {
    check(DEPENDENCIES);
}

const ARRAYS: &[Case<'_>] = &[
    (
        "§8.3 an array's tasks are jobs of their own",
        "submit a array=1-4:2 n=16
             main
             end a_1
             main",
        "0 start a_1 n1:4,n2:4,n3:4,n4:4
             0 a_1 COMPLETED
             0 start a_3 n1:4,n2:4,n3:4,n4:4",
    ),
    (
        "§8.5 %n: so many tasks at a time, the others wait with JobArrayTaskLimit and block nobody",
        "submit a array=1-3%1 prio=9
             submit b prio=1
             main
             show a_2
             end a_1
             main",
        "0 start a_1 n1:1
             0 start b n1:1
             0 a_2 JobArrayTaskLimit
             0 a_1 COMPLETED
             0 start a_2 n1:1",
    ),
    (
        "§8.5 when a task cannot start, the others of the array are not tried",
        "part main nodes=n1
             set bf_prio=100
             submit z n=3 prio=10
             submit a n=2 array=1-2 prio=9
             main
             show a_2",
        "0 start z n1:3
             0 a_2 Priority",
    ),
];

#[test]
fn arrays() {
    check(ARRAYS);
}

#[test]
fn expressions() {
    let array = |text| parse_array(text).map(|(tasks, most)| format!("{tasks:?} {most}"));
    let arrays = [
        ("1-4", Ok("[1, 2, 3, 4] 0")),
        ("0,5,2", Ok("[0, 2, 5] 0")),
        ("1-10:4%2", Ok("[1, 5, 9] 2")),
        ("1-2,2-3", Ok("[1, 2, 3] 0")),
        ("4-1", Err("has a range that runs backwards")),
        ("1-9:0", Err("has a step of 0")),
        ("0-1001", Err("has an index above 1000 (MaxArraySize)")),
        ("0-99999999999", Err("holds something that is not a number")),
        ("", Err("holds something that is not a number")),
    ];
    for (text, expected) in arrays {
        assert_eq!(array(text), expected.map(str::to_owned), "{text}");
    }
    let wrong = [
        ("afterok", "names no job"),
        ("afterok:x", "names a job that is not a number"),
        ("afterok:1+5", "has a delay; only `after` may"),
        ("afterok:1,afterany:2?after:3", "mixes `,` and `?`"),
        ("expand:1", "is none of after, afterany, afterok, afternotok, aftercorr, singleton"),
    ];
    for (text, expected) in wrong {
        assert_eq!(parse_dependency(text), Err(expected), "{text}");
    }
}
