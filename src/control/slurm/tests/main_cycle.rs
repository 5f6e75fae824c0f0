//! The main scheduler (§8.5), and which nodes a job gets.

use super::{Case, check};

const THE_MAIN_CYCLE: &[Case<'_>] = &[
    (
        "§8.5 jobs start in the order of the queue",
        "submit a n=4 prio=1
             submit b n=4 prio=9
             main",
        "0 start b n1:4
             0 start a n2:4",
    ),
    (
        "§8.5 the first job that cannot start closes its partition, though the next would fit",
        "submit a n=16 prio=9
             submit z n=1 prio=10
             submit b n=1 prio=1
             main
             show a
             show b",
        "0 start z n1:1
             0 a Resources
             0 b Priority",
    ),
    (
        "§8.5 a closed partition does not close one that shares no node with it",
        "part main nodes=n1,n2
             part other nodes=n3,n4
             submit z n=1 prio=10
             submit a n=8 prio=9
             submit b n=1 part=other prio=1
             main",
        "0 start z n1:1
             0 start b n3:1",
    ),
    (
        "§8.5 overlapping partitions lose the closed partition's nodes",
        "part main nodes=n1,n2
             part other nodes=n2,n3
             submit z n=1 prio=10
             submit a n=8 prio=9
             submit b n=4 part=other prio=1
             submit c n=4 part=other prio=1
             main
             show c",
        "0 start z n1:1
             0 start b n3:4
             0 c Resources",
    ),
    (
        "§8.5 an event's cycle looks at default_queue_depth jobs, a full one at all",
        "set depth=2
             submit a n=1
             submit b n=1
             submit c n=1
             main
             full",
        "0 start a n1:1
             0 start b n1:1
             0 start c n1:1",
    ),
    (
        "§8.5 partition_job_depth bounds the jobs of a partition",
        "part main nodes=n1
             part other nodes=n2
             set part_depth=1
             submit a prio=9
             submit b prio=8
             submit c part=other prio=1
             full
             show b",
        "0 start a n1:1
             0 start c n2:1
             0 b Priority",
    ),
    (
        "§8.5 sched_max_job_start bounds the jobs that a cycle starts",
        "set max_start=1
             submit a
             submit b
             main",
        "0 start a n1:1",
    ),
    (
        "§8.5 a job with a dependency does not block",
        "submit a n=16 prio=9
             submit b n=1 dep=afterok:a prio=8
             submit c n=1 prio=1
             main
             show b
             show c",
        "0 start a n1:4,n2:4,n3:4,n4:4
             0 b Dependency
             0 c Resources",
    ),
    (
        "§8.5 a job at an association's limit does not block",
        "acct phys maxjobs=1
             submit a acct=phys prio=9
             submit b acct=phys prio=8
             submit c prio=1
             main
             show b",
        "0 start a n1:1
             0 start c n1:1
             0 b AssocMaxJobsLimit",
    ),
    (
        "§8.5 with assoc_limit_stop it does",
        "set limit_stop
             acct phys maxjobs=1
             submit a acct=phys prio=9
             submit b acct=phys prio=8
             submit c prio=1
             main
             show c",
        "0 start a n1:1
             0 c Priority",
    ),
    (
        "§8.5 of a job that requires nodes only those are taken",
        "submit z n=1 w=n1 prio=10
             submit a n=4 w=n1 maxN=1 prio=9
             submit b n=4 prio=1
             main
             show a",
        "0 start z n1:1
             0 start b n2:4
             0 a Resources",
    ),
    (
        "§8.5 a job below bf_min_prio_reserve does not block",
        "set bf_prio=5
             submit z n=1 prio=10
             submit a n=16 prio=4
             submit b n=1 prio=1
             main",
        "0 start z n1:1
             0 start b n1:1",
    ),
    (
        "§8.5 a job younger than bf_min_age_reserve does not block, an older one does",
        "set bf_age=100
             submit z n=1 prio=10
             submit a n=16 prio=9
             submit b n=1 prio=1
             main
             at 100
             submit c n=1 prio=1
             main
             show c",
        "0 start z n1:1
             0 start b n1:1
             100 c Priority",
    ),
    (
        "§8.5 a node that is drained or down takes nothing, and its lack blocks",
        "node n1 drained
             node n2
             submit a n=5 N=2 prio=9
             submit b prio=1
             main
             show a
             show b",
        "0 a Resources
             0 b Priority",
    ),
    (
        "§8.5 a job that no nodes can ever satisfy says so and does not block",
        "submit a c=5 prio=9
             submit b prio=1
             main
             show a",
        "0 start b n1:1
             0 a BadConstraints",
    ),
    (
        "§8.5 required nodes that are down: ReqNodeNotAvail, not blocking",
        "node n1 drained
             node n2
             submit a w=n1 prio=9
             submit b prio=1
             main
             show a",
        "0 start b n2:1
             0 a ReqNodeNotAvail",
    ),
    (
        "§8.5 strict order is kept until the blocker has started",
        "submit z n=13 prio=10
             submit a n=4 prio=9
             submit b n=3 prio=1
             main
             at 60
             end z
             main",
        "0 start z n1:4,n2:4,n3:4,n4:1
             60 z COMPLETED
             60 start a n1:4
             60 start b n2:3",
    ),
];

#[test]
fn the_main_cycle() {
    check(THE_MAIN_CYCLE);
}

const WHICH_NODES: &[Case<'_>] = &[
    (
        "nodes (select/cons_tres): lowest weight first, then by name",
        "node n1 weight=5
             node n2 weight=1
             node n3 weight=1
             submit a n=10
             main",
        "0 start a n2:4,n3:4,n1:2",
    ),
    (
        "nodes: by name, numbers by their value, not as listed",
        "node n10
             node n2
             node b1
             submit a n=12
             main",
        "0 start a b1:4,n2:4,n10:4",
    ),
    (
        "nodes: cores are shared among jobs, memory and GPUs are kept to",
        "node n1 mem=1000
             node n2 mem=1000 gpu=1
             submit a mem=600 prio=9
             submit b mem=600 prio=8
             submit c gpu=1 prio=7
             submit d gpu=1 prio=6
             main
             show d",
        "0 start a n1:1
             0 start b n2:1
             0 start c n2:1
             0 d Resources",
    ),
    (
        "nodes: features, excluded nodes, ntasks-per-node, the fewest nodes",
        "node n1 features=slow
             node n2 features=fast,ib
             node n3 features=fast
             node n4 features=fast
             submit a features=fast x=n2 n=4 tpn=2 prio=9
             submit b features=ib,fast prio=8
             submit c n=3 N=2 prio=7
             main",
        "0 start a n3:2,n4:2
             0 start b n2:1
             0 start c n1:2,n2:1",
    ),
    (
        "nodes: a bound on nodes takes the largest where the first are too small",
        "node n1 cpus=2
             node n2 cpus=8
             submit a n=6 maxN=1
             main",
        "0 start a n2:6",
    ),
    (
        "nodes: exclusive jobs and partitions have nodes for themselves",
        "part main nodes=n1,n2
             part whole nodes=n3 exclusive
             submit a prio=9
             submit b exclusive prio=8
             submit c prio=7
             submit d part=whole prio=6
             submit e part=whole prio=5
             main
             show e",
        "0 start a n1:1
             0 start b n2:1
             0 start c n1:1
             0 start d n3:1
             0 e Resources",
    ),
];

#[test]
fn which_nodes() {
    check(WHICH_NODES);
}
