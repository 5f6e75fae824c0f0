//! Partitions, QOS and associations: what they allow (§8.2, §8.5).

use super::{Case, check};

const LIMITS_OF_PARTITIONS: &[Case<'_>] = &[
    (
        "§8.6 DefaultTime, then MaxTime, is the limit of a job that has none",
        "part main nodes=n1 max=60 default=5
             part other nodes=n1 max=60
             submit a t=none
             submit b t=none part=other
             main
             show a
             show b",
        "0 start a n1:1
             0 start b n1:1
             0 a RUNNING limit 5
             0 b RUNNING limit 60",
    ),
    (
        "§8.5 MaxTime: the job waits with PartitionTimeLimit and blocks nobody",
        "part main nodes=n1 max=5
             submit a t=10 prio=9
             submit b t=5 prio=1
             main
             show a",
        "0 start b n1:1
             0 a PartitionTimeLimit",
    ),
    (
        "§8.5 with EnforcePartLimits it is refused",
        "part main nodes=n1 max=5
             set enforce
             submit a t=10",
        "0 refused a PartitionTimeLimit",
    ),
    (
        "§8.5 MaxNodes: PartitionNodeLimit",
        "part main nodes=n1,n2,n3 maxnodes=2
             submit a N=3 n=3
             submit b n=12
             main
             show a
             show b",
        "0 a PartitionNodeLimit
             0 b BadConstraints",
    ),
    (
        "§8.5 AllowAccounts and DenyAccounts",
        "part main nodes=n1 accounts=phys
             part other nodes=n1 deny=phys
             acct phys
             acct chem
             submit a acct=chem
             submit b acct=phys
             submit c acct=phys part=other
             submit d acct=chem part=other
             main",
        "0 refused a InvalidAccount
             0 refused c InvalidAccount
             0 start b n1:1
             0 start d n1:1",
    ),
    (
        "§8.5 AllowQos",
        "part main nodes=n1 allowqos=high
             qos high
             submit a
             submit b qos=high
             main",
        "0 refused a InvalidQOS
             0 start b n1:1",
    ),
    (
        "§8.5 State: DOWN takes jobs and starts none, DRAIN starts and takes none, INACTIVE neither",
        "part main nodes=n1 state=down
             part drain nodes=n1 state=drain
             part off nodes=n1 state=inactive
             submit a
             submit b part=drain
             submit c part=off
             main
             show a",
        "0 refused b PartitionInactive
             0 refused c PartitionInactive
             0 a PartitionDown",
    ),
];

#[test]
fn limits_of_partitions() {
    check(LIMITS_OF_PARTITIONS);
}

const LIMITS_OF_QOS_AND_ASSOCIATIONS: &[Case<'_>] = &[
    (
        "§8.2 MaxJobsPU: running jobs of a user with the QOS",
        "qos high maxjobs=1
             submit a qos=high user=ann
             submit b qos=high user=ann
             submit c qos=high user=bob
             main
             show b",
        "0 start a n1:1
             0 start c n1:1
             0 b QOSMaxJobsPerUserLimit",
    ),
    (
        "§8.2 MaxTRESPU",
        "qos high maxcpu=4
             submit a qos=high n=3 user=ann
             submit b qos=high n=2 user=ann
             submit c qos=high n=4 user=bob
             main
             show b",
        "0 start a n1:3
             0 start c n1:1,n2:3
             0 b QOSMaxCpuPerUserLimit",
    ),
    (
        "§8.2 GrpTRES and GrpJobs of a QOS",
        "qos high grpcpu=4
             qos low grpjobs=1
             submit a qos=high n=3 user=ann
             submit b qos=high n=2 user=bob
             submit c qos=low
             submit d qos=low user=bob
             main
             show b
             show d",
        "0 start a n1:3
             0 start c n1:1
             0 b QOSGrpCpuLimit
             0 d QOSGrpJobsLimit",
    ),
    (
        "§8.2 MaxTRESPerJob and MaxWall of a QOS",
        "qos high jobcpu=4 maxwall=5
             submit a qos=high n=5 t=5
             submit b qos=high n=1 t=6
             main
             show a
             show b",
        "0 a QOSMaxCpuPerJobLimit
             0 b QOSMaxWallDurationPerJobLimit",
    ),
    (
        "§8.2 MaxSubmitPU: jobs that wait or run, at the submission",
        "qos high maxsubmit=2
             submit a qos=high
             submit b qos=high
             submit c qos=high
             submit d qos=high user=bob
             main
             end a
             submit c qos=high",
        "0 refused c QOSMaxSubmitJobPerUserLimit
             0 start a n1:1
             0 start b n1:1
             0 start d n1:1
             0 a COMPLETED",
    ),
    (
        "§8.5 MaxJobs and MaxSubmit of an association",
        "acct phys
             acct phys user=ann maxjobs=1 maxsubmit=2
             submit a acct=phys
             submit b acct=phys
             submit c acct=phys
             main
             show b
             end a
             main",
        "0 refused c AssocMaxSubmitJobLimit
             0 start a n1:1
             0 b AssocMaxJobsLimit
             0 a COMPLETED
             0 start b n1:1",
    ),
    (
        "§8.5 GrpTRES and GrpJobs hold for all below an account",
        "acct science grpcpu=4
             acct phys parent=science
             acct chem parent=science
             acct life grpjobs=1
             acct phys user=ann
             acct chem user=bob
             submit a n=3 acct=phys user=ann
             submit b n=2 acct=chem user=bob
             submit c acct=life
             submit d acct=life
             main
             show b
             show d",
        "0 start a n1:3
             0 start c n1:1
             0 b AssocGrpCpuLimit
             0 d AssocGrpJobsLimit",
    ),
    (
        "§8.5 MaxTRESPerJob and MaxWall of an association",
        "acct phys jobcpu=2 maxwall=5
             submit a n=3 t=1 acct=phys
             submit b n=1 t=6 acct=phys
             main
             show a
             show b",
        "0 a AssocMaxCpuPerJobLimit
             0 b AssocMaxWallDurationPerJobLimit",
    ),
];

#[test]
fn limits_of_qos_and_associations() {
    check(LIMITS_OF_QOS_AND_ASSOCIATIONS);
}
