//! The backfill cycle (§8.6, trap 17).

use super::{Case, check};

const THE_BACKFILL_CYCLE: &[Case<'_>] = &[
    (
        "§8.6 a job that ends before the reservation begins starts, one that does not waits",
        "submit z n=12 t=10 prio=10
             submit a n=16 t=10 prio=9
             submit b n=4 t=9 prio=2
             submit c n=4 t=11 prio=3
             main
             backfill
             show a
             show c",
        "0 start z n1:4,n2:4,n3:4
             0 start b n4:4
             0 a Resources at 600
             0 c Priority at 1200",
    ),
    (
        "§8.6 spans count that overlap (start, end]: one that ends just when it begins waits, too",
        "submit z n=12 t=10 prio=10
             submit a n=16 t=10 prio=9
             submit b n=4 t=10 prio=2
             main
             backfill
             show b",
        "0 start z n1:4,n2:4,n3:4
             0 b Priority at 1200",
    ),
    (
        "§8.6 reservations are whole nodes, though the job takes a part of them",
        "submit z n=15 t=10 prio=10
             submit a n=2 t=10 prio=9
             main
             plan",
        // n4 has one CPU left; a has it when z is gone: at 600 it gets n1, all of it.
        "0 start z n1:4,n2:4,n3:4,n4:3
             0 [0,600) n1,n2,n3,n4
             0 [600,1200) n2,n3,n4
             0 [1200,86400) n1,n2,n3,n4",
    ),
    (
        "§8.6 a partial-node job reserves a node that others could have shared",
        "node n1 cpus=4
             node n2 cpus=4
             submit z n=8 t=10 prio=10
             submit a n=1 t=60 prio=9
             submit b n=1 t=60 prio=8
             submit c n=1 t=60 prio=7
             main
             backfill
             show a
             show b
             show c",
        "0 start z n1:4,n2:4
             0 a Resources at 600
             0 b Priority at 600
             0 c Priority at 4200",
    ),
    (
        "§8.6 a reservation begins at floor60(t) and ends at floor60(t + limit + 59)",
        "at 30
             submit z n=16 t=2 prio=10
             submit a n=16 t=2 prio=9
             main
             plan",
        "30 start z n1:4,n2:4,n3:4,n4:4
             30 [0,120) n1,n2,n3,n4
             30 [120,300)
             30 [300,86400) n1,n2,n3,n4",
    ),
    (
        "§8.6 no guarantee outlives a cycle: a job of higher priority takes the place",
        "submit z n=16 t=10 prio=10
             submit a n=16 t=10 prio=5
             main
             backfill
             show a
             at 30
             submit b n=16 t=10 prio=9
             backfill
             show a
             show b",
        "0 start z n1:4,n2:4,n3:4,n4:4
             0 a Resources at 600
             30 a Resources at 1200
             30 b None at 600",
    ),
    (
        "§8.6 bf_max_job_test bounds the jobs that are tested",
        "set bf_test=1
             submit z n=13 t=10 prio=10
             submit a n=16 t=10 prio=9
             submit b n=1 t=1 prio=1
             main
             backfill
             show b",
        "0 start z n1:4,n2:4,n3:4,n4:1
             0 b Priority",
    ),
    (
        "§8.6 bf_max_job_start bounds the jobs that start",
        "set bf_start=1
             submit a
             submit b
             backfill",
        "0 start a n1:1",
    ),
    (
        "§8.6 bf_max_job_user bounds the jobs of a user that are tested",
        "set bf_user=1
             submit a user=ann prio=9
             submit b user=ann prio=8
             submit c user=bob prio=7
             backfill",
        "0 start a n1:1
             0 start c n1:1",
    ),
    (
        "§8.6 bf_max_job_part and bf_max_job_user_part",
        "part main nodes=n1
             part other nodes=n2
             set bf_part=2 bf_user_part=1
             submit a prio=9
             submit b prio=8
             submit c prio=7 part=other
             submit d prio=6 user=bob
             backfill",
        "0 start a n1:1
             0 start c n2:1",
    ),
    (
        "§8.6 bf_max_job_assoc bounds the jobs of an association",
        "set bf_assoc=1
             acct phys
             acct chem
             submit a acct=phys prio=9
             submit b acct=phys prio=8
             submit c acct=chem prio=7
             backfill",
        "0 start a n1:1
             0 start c n1:1",
    ),
    (
        "§8.6 bf_max_job_array_resv bounds the reservations of an array",
        "node n1
             set bf_array=1
             submit z n=4 t=10 prio=10
             submit a n=4 t=10 prio=9 array=1-3
             submit b n=4 t=10 prio=1
             main
             backfill
             show a_1
             show b",
        "0 start z n1:4
             0 a_1 Resources at 600
             0 b Priority at 1200",
    ),
    (
        "§8.6 bf_job_part_count_reserve bounds the reservations of a partition",
        "node n1
             set bf_part_reserve=1
             submit z n=4 t=10 prio=10
             submit a n=4 t=10 prio=9
             submit b n=4 t=10 prio=8
             submit c n=4 t=10 prio=7
             main
             backfill
             show b
             show c",
        "0 start z n1:4
             0 b Priority at 1200
             0 c Priority at 1200",
    ),
    (
        "§8.6 a job below bf_min_prio_reserve reserves nothing",
        "set bf_prio=5
             submit z n=12 t=10 prio=10
             submit a n=16 t=10 prio=4
             submit b n=4 t=60 prio=1
             backfill",
        "0 start z n1:4,n2:4,n3:4
             0 start b n4:4",
    ),
    (
        "§8.6 a job of a NoReserve QOS reserves nothing",
        "qos low noreserve
             submit z n=12 t=10 prio=10
             submit a n=16 t=10 prio=9 qos=low
             submit b n=4 t=60 prio=1
             backfill",
        "0 start z n1:4,n2:4,n3:4
             0 start b n4:4",
    ),
    (
        "§8.6 a start after the window reserves nothing",
        "set bf_window=9
             submit z n=12 t=10 prio=10
             submit a n=16 t=10 prio=9
             submit b n=4 t=60 prio=1
             backfill
             show a",
        "0 start z n1:4,n2:4,n3:4
             0 start b n4:4
             0 a None at 600",
    ),
    (
        "§8.6 time_min: tried with the shortest limit, extended up to the next reservation",
        "submit z n=12 t=10 prio=10
             submit a n=16 t=10 prio=9
             submit b n=4 t=60 min=5 prio=1
             backfill
             show b",
        "0 start z n1:4,n2:4,n3:4
             0 start b n4:4
             0 b RUNNING limit 10",
    ),
    (
        "§8.6 time_min: with nothing in the way the whole limit",
        "submit b n=4 t=60 min=5
             backfill
             show b",
        "0 start b n1:4
             0 b RUNNING limit 60",
    ),
    (
        "§8.6 a job without limit is planned with the partition's maximum",
        "part main nodes=n1,n2,n3,n4 max=20
             submit z n=12 t=10 prio=10
             submit a n=16 t=10 prio=9
             submit b n=4 t=none prio=1
             backfill
             show b",
        "0 start z n1:4,n2:4,n3:4
             0 b None at 1200",
    ),
    (
        "§8.6 without any limit it is planned with a year",
        "submit z n=12 t=none prio=10
             submit a n=16 t=10 prio=9
             backfill
             show a",
        "0 start z n1:4,n2:4,n3:4
             0 a None at 31536000",
    ),
    (
        "§8.6 a later try finds the nodes between two reservations",
        "node n1
             node n2
             submit y n=4 t=10 prio=20 w=n1
             submit z n=4 t=20 prio=19 w=n2
             submit a n=8 t=10 prio=9
             submit b n=4 t=10 prio=8
             submit c n=4 t=5 prio=7
             main
             backfill
             show a
             show b
             show c",
        "0 start y n1:4
             0 start z n2:4
             0 a Resources at 1200
             0 b Priority at 600
             0 c Priority at 1800",
    ),
    (
        "§8.6 ends of running jobs are looked at in groups: 30 s wide, then 60 s",
        "node n1 cpus=2
             submit y n=1 t=1 prio=10
             at 20
             submit z n=1 t=1 prio=10
             main
             submit a n=1 t=1 prio=9
             backfill
             show a",
        // y ends at 60 and makes room, but z ends within 30 s of it: the start is z's end.
        "20 start y n1:1
             20 start z n1:1
             20 a None at 80",
    ),
    (
        "§8.6 limits hold back in backfill too",
        "acct phys maxjobs=1
             submit a acct=phys
             submit b acct=phys
             backfill
             show b",
        "0 start a n1:1
             0 b AssocMaxJobsLimit",
    ),
    (
        "§8.6 features and required nodes are kept to",
        "node n1 features=old
             node n2 features=new
             submit a features=new prio=9
             submit b w=n2 prio=8
             backfill",
        "0 start a n2:1
             0 start b n2:1",
    ),
    (
        "§8.6 nodes that are not up are in no span",
        "node n1
             node n2 drained
             plan",
        "0 [0,86400) n1",
    ),
    (
        "§8.6 floor60 goes by the clock: slots begin at its minutes",
        "set bf_offset=10
             submit z n=16 t=2 prio=10
             submit a n=16 t=2 prio=9
             main
             plan",
        "0 start z n1:4,n2:4,n3:4,n4:4
             0 [0,110) n1,n2,n3,n4
             0 [110,290)
             0 [290,86390) n1,n2,n3,n4",
    ),
    (
        "§8.6 bf_resolution sets the width of a slot",
        "set bf_resolution=600
             at 30
             submit z n=16 t=2 prio=10
             submit a n=16 t=2 prio=9
             main
             plan",
        "30 start z n1:4,n2:4,n3:4,n4:4
             30 [0,600)
             30 [600,86400) n1,n2,n3,n4",
    ),
];

#[test]
fn the_backfill_cycle() {
    check(THE_BACKFILL_CYCLE);
}
