//! Preemption (§8.7).

use super::{Case, check};

/// `tiers` stands for nodes `n1` and `n2`, partitions `main` and, of a higher tier, `fast` of both, and
/// preemption by cancelling.
const PREEMPTION: &[Case<'_>] = &[
    (
        "§8.7 partition_prio: a job of a lower tier makes way; the other starts when it is gone",
        "tiers
             submit a n=8
         main
         submit b n=4 part=fast
         main
         show b
         end a
         main",
        "0 start a n1:4,n2:4
             0 stop a 0
             0 b Resources
             0 a PREEMPTED
             0 start b n1:4",
    ),
    (
        "§8.7 GraceTime: SIGKILL only then",
        "part main nodes=n1,n2 tier=1 grace=45
         part fast nodes=n1,n2 tier=2
         set preempt=tier mode=cancel
         submit a n=8
         main
         submit b n=4 part=fast
         main",
        "0 start a n1:4,n2:4\n0 stop a 45",
    ),
    (
        "§8.7 mode REQUEUE: it goes back to the queue",
        "tiers
             set mode=requeue
         submit a n=8
         submit c n=8 norequeue
         main
         submit b n=8 part=fast
         main
         fail a
         show a
         main",
        "0 start a n1:4,n2:4
             0 stop a 0
             0 a PENDING
             0 a BeginTime
             0 start b n1:4,n2:4",
    ),
    (
        "§8.7 mode SUSPEND: it stops at once and goes on when its CPUs are free; its time stands still",
        "tiers
             set mode=suspend
         submit a n=8
         main
         at 60
         submit b n=8 part=fast
         main
         show a
         resume
         at 90
         end b
         resume
         at 630
         limits
         show a",
        "0 start a n1:4,n2:4
             60 suspend a
             60 start b n1:4,n2:4
             60 a SUSPENDED limit 10
             90 b COMPLETED
             90 resume a
             630 stop a 30
             630 a COMPLETING limit 10",
    ),
    (
        "§8.7 PreemptExemptTime: not before it has run so long",
        "tiers
             set exempt=100
         submit a n=8
         main
         at 99
         submit b n=8 part=fast
         main
         at 100
         main",
        "0 start a n1:4,n2:4
             100 stop a 0",
    ),
    (
        "§8.7 candidates: the smaller job first",
        "tiers
             set reorder=0
         submit a n=4 N=2 tpn=2
         submit c n=2
         main
         submit b n=4 part=fast
         main",
        "0 start a n1:2,n2:2
             0 start c n1:2
             0 stop c 0",
    ),
    (
        "§8.7 preempt_youngest_first",
        "tiers
             set youngest
         submit a n=4
         main
         at 10
         submit c n=4
         main
         submit b n=4 part=fast
         main",
        "0 start a n1:4
             10 start c n2:4
             10 stop c 0",
    ),
    (
        "§8.7 a job whose end was asked for counts as gone: no second victim",
        "tiers
             submit a n=4
         main
         submit c n=4
         main
         submit b n=4 part=fast
         main
         main",
        "0 start a n1:4
             0 start c n2:4
             0 stop a 0",
    ),
    (
        "§8.7 mode OFF: nobody makes way",
        "tiers
             set mode=off
         submit a n=8
         main
         submit b n=8 part=fast
         main
         show b",
        "0 start a n1:4,n2:4\n0 b Resources",
    ),
    (
        "§8.7 nor for a job of the same tier",
        "tiers
             submit a n=8 part=fast
         main
         submit b n=8 part=fast
         main
         show b",
        "0 start a n1:4,n2:4\n0 b Resources",
    ),
    (
        "§8.7 qos: only a QOS that is listed makes way, lowest QOS priority first",
        "part main nodes=n1,n2
             qos low prio=1
             qos mid prio=5
             qos high prio=10 preempt=low,mid
             set preempt=qos mode=cancel
             submit a n=4 qos=mid
             submit c n=4 qos=low
             main
             submit b n=4 qos=high
             main
             submit d n=4
             main
             show d",
        "0 start a n1:4
             0 start c n2:4
             0 stop c 0
             0 d Priority",
    ),
    (
        "§8.7 reorder: the last that was needed goes first, so that earlier ones may stay",
        "tiers
             submit a n=1
         submit c n=7
         main
         submit b n=7 part=fast
         main",
        "0 start a n1:1
             0 start c n1:3,n2:4
             0 stop c 0",
    ),
    (
        "§8.7 without it both go",
        "tiers
             set reorder=0
         submit a n=1
         submit c n=7
         main
         submit b n=7 part=fast
         main",
        "0 start a n1:1
             0 start c n1:3,n2:4
             0 stop a 0
             0 stop c 0",
    ),
];

#[test]
fn preemption() {
    check(PREEMPTION);
}
