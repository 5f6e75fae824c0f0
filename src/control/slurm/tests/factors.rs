//! Multifactor priority and the order of the queue (§8.3).

use super::{Case, check};

const THE_FACTORS_OF_THE_PRIORITY: &[Case<'_>] = &[
    (
        "§8.3 the age factor is the wait over PriorityMaxAge",
        "set age=1000 maxage=1000
             submit a
             at 250
             show prio:a",
        "250 a 250",
    ),
    (
        "§8.3 the age factor is at most 1",
        "set age=1000 maxage=1000
             submit a
             at 5000
             show prio:a",
        "5000 a 1000",
    ),
    (
        "§8.3 age counts from the eligible time, not from the submission",
        "set age=1000 maxage=1000
             submit a begin=400
             at 400
             show queue
             at 500
             show prio:a",
        "400 a
             500 a 100",
    ),
    (
        "§8.3 ACCRUE_ALWAYS counts age from the submission",
        "set age=1000 maxage=1000 accrue_always
             submit a begin=400
             at 500
             show prio:a",
        "500 a 500",
    ),
    (
        "§8.3 the size factor favours large jobs: (nodes/all + cpus/all)/2",
        "set size=1000
             submit a n=8 N=2
             submit b n=16 N=4
             show prio:a
             show prio:b",
        "0 a 500
             0 b 1000",
    ),
    (
        "§8.3 PriorityFavorSmall turns the size factor round",
        "set size=1000 favor_small
             submit a n=8 N=2
             submit b n=1
             show prio:a
             show prio:b",
        "0 a 500
             0 b 843",
    ),
    (
        "§8.3 SMALL_RELATIVE_TO_TIME divides the CPUs by the minutes",
        "set size=1000 relative
             submit a n=8 N=2 t=4
             submit b n=8 N=2 t=1
             show prio:a
             show prio:b",
        "0 a 125
             0 b 500",
    ),
    (
        "§8.3 SMALL_RELATIVE_TO_TIME takes the larger of the share of nodes and the CPUs",
        "set size=1000 relative
             submit a n=4 N=4 t=2
             show prio:a",
        "0 a 500",
    ),
    (
        "§8.3 SMALL_RELATIVE_TO_TIME with FavorSmall is 1 - x",
        "set size=1000 relative favor_small
             submit a n=8 N=2 t=4
             show prio:a",
        "0 a 875",
    ),
    (
        "§8.3 the partition factor is relative to the largest",
        "part main nodes=n1 factor=10
             part slow nodes=n2 factor=4
             set part=1000
             submit a
             submit b part=slow
             show prio:a
             show prio:b",
        "0 a 1000
             0 b 400",
    ),
    (
        "§8.3 NO_NORMAL_PART takes the partition factor as it is",
        "part main nodes=n1 factor=10
             set part=1000 no_normal_part
             submit a
             show prio:a",
        "0 a 10000",
    ),
    (
        "§8.3 the QOS factor is relative to the largest",
        "qos high prio=200
             qos low prio=50
             set qos=1000
             submit a qos=high
             submit b qos=low
             submit c
             show prio:a
             show prio:b
             show prio:c",
        "0 a 1000
             0 b 250
             0 c 1",
    ),
    (
        "§8.3 NO_NORMAL_QOS takes the QOS priority as it is",
        "qos high prio=200
             set qos=3 no_normal_qos
             submit a qos=high
             show prio:a",
        "0 a 600",
    ),
    (
        "§8.3 the association factor is relative to the largest, or as it is with NO_NORMAL_ASSOC",
        "acct phys prio=30
             acct chem prio=15
             set assoc=100
             submit a acct=phys
             submit b acct=chem
             show prio:a
             show prio:b
             set no_normal_assoc
             show prio:b",
        "0 a 100
             0 b 50
             0 b 1500",
    ),
    (
        "§8.3 a TRES factor is what is asked over what the partition has",
        "set trescpu=1000
             submit a n=4
             show prio:a
             set no_normal_tres
             show prio:a",
        "0 a 250
             0 a 4000",
    ),
    (
        "§8.3 the fair-share factor is weighted",
        "set fs=1000
             acct phys
             acct phys user=ann usage=100
             acct phys user=bob
             calc
             submit a acct=phys user=ann
             submit b acct=phys user=bob
             show prio:a
             show prio:b",
        "0 a 500
             0 b 1000",
    ),
    (
        "§8.3 the sum is cut to a whole number",
        "set age=1000 maxage=3000
             submit a
             at 2
             show prio:a
             at 5
             show prio:a",
        "2 a 1
             5 a 1",
    ),
    (
        "§8.3 a priority below 1 is 1; nice is taken off; the site's part is added",
        "submit a nice=50
             submit b nice=-70
             submit c site=9 nice=2
             show prio:a
             show prio:b
             show prio:c",
        "0 a 1
             0 b 70
             0 c 7",
    ),
    (
        "§8.3 the priority fits in 32 bits",
        "submit a site=99999999999
             show prio:a",
        "0 a 4294967295",
    ),
    (
        "§8.3 a held job has priority 0 and does not start",
        "submit a hold
             show prio:a
             main
             show a",
        "0 a 0
             0 a JobHeldUser",
    ),
    (
        "§8.3 priorities are calculated anew each CalcPeriod, not in between",
        "set age=1000 maxage=1000
             submit a
             at 100
             submit b
             at 400
             show queue
             calc
             show queue",
        "400 a b
             400 a b",
    ),
];

#[test]
fn the_factors_of_the_priority() {
    check(THE_FACTORS_OF_THE_PRIORITY);
}

const THE_ORDER_OF_THE_QUEUE: &[Case<'_>] = &[
    (
        "§8.3 priority desc, then submission, then job number",
        "submit a prio=5
             submit b prio=9
             submit c prio=5
             at 10
             submit d prio=9
             show queue",
        "10 b d a c",
    ),
    (
        "§8.3 the partition's tier comes before the priority",
        "part main nodes=n1 tier=1
             part fast nodes=n1 tier=2
             submit a prio=100
             submit b part=fast prio=1
             show queue",
        "0 b a",
    ),
    (
        "§8.3 jobs of a reservation come before the tier",
        "part main nodes=n1 tier=1
             part fast nodes=n1 tier=2
             submit a reserved
             submit b part=fast
             show queue",
        "0 a b",
    ),
    (
        "§8.3 who may preempt comes before the jobs of a reservation",
        "part main nodes=n1 tier=1
             part fast nodes=n1 tier=2
             set preempt=tier
             submit a reserved
             submit b part=fast
             show queue",
        "0 b a",
    ),
    (
        "§8.3 an expedited requeue comes before all",
        "part main nodes=n1 tier=1
             part fast nodes=n1 tier=2
             set preempt=tier
             submit a expedited prio=1
             submit b part=fast prio=100
             show queue",
        "0 a b",
    ),
    (
        "§8.3 a QOS that may preempt comes before the one that it preempts, whatever the priority",
        "qos low
             qos high preempt=low
             set preempt=qos
             submit a qos=low prio=100
             submit b qos=high prio=1
             show queue",
        "0 b a",
    ),
    (
        "§8.3 tasks of an array come in the order of their index",
        "submit a array=3,1,2
             show queue",
        "0 a_1 a_2 a_3",
    ),
];

#[test]
fn the_order_of_the_queue() {
    check(THE_ORDER_OF_THE_QUEUE);
}
