//! Usage decay and fair share (§8.4, trap 17).

use super::{Case, check};
use crate::control::slurm::fair_share::{decay_factor, use_of};

#[test]
fn usage_decays_by_the_approximation() {
    // §8.4: 1 - 0.693/HL, not 2^(-1/HL).
    assert!((decay_factor(604_800) - (1.0 - 0.693 / 604_800.0)).abs() < 1e-15);
    assert!((decay_factor(1) - 0.307).abs() < 1e-12);
    assert!((decay_factor(0) - 1.0).abs() < 1e-12);
    // A use of r seconds counts r · d^r · billing · factor.
    assert!((use_of(2, 0.5, 4.0, 3.0) - 6.0).abs() < 1e-12);
}

const USAGE_OF_JOBS: &[Case<'_>] = &[
    (
        "§8.4 usage ·= d^Δ each period",
        "set halflife=100
             acct phys usage=1000
             at 100
             calc
             show usage:phys",
        // 0.99307^100
        "100 usage 498.8687",
    ),
    (
        "§8.4 a running job is charged r · d^r · CPUs, to its association and all above it",
        "set halflife=100
             acct phys
             acct phys user=ann
             submit a n=4 acct=phys
             main
             at 10
             calc
             show usage:phys/ann
             show usage:phys
             show usage:root",
        "0 start a n1:4
             10 usage 37.3129
             10 usage 37.3129
             10 usage 37.3129",
    ),
    (
        "§8.4 a job that has ended is charged at the next calculation, once",
        "set halflife=0
             acct phys
             submit a n=2 acct=phys
             main
             at 10
             end a
             show usage:phys
             at 300
             calc
             show usage:phys
             at 600
             calc
             show usage:phys",
        "0 start a n1:2
             10 a COMPLETED
             10 usage 0.0000
             300 usage 20.0000
             600 usage 20.0000",
    ),
    (
        "§8.4 the QOS's UsageFactor multiplies",
        "set halflife=0
             qos low factor=0.5
             acct phys
             submit a n=2 acct=phys qos=low
             main
             at 10
             calc
             show usage:phys
             show qosusage:low",
        "0 start a n1:2
             10 usage 10.0000
             10 usage 10.0000",
    ),
    (
        "§8.4 a NoDecay QOS keeps all of its usage",
        "set halflife=100
             qos low nodecay
             acct phys
             submit a acct=phys qos=low
             main
             at 100
             calc
             at 200
             calc
             show qosusage:low",
        "0 start a n1:1
             200 usage 200.0000",
    ),
    (
        "§8.4 TRESBillingWeights replace the CPUs",
        "node n1 cpus=4 gpu=4
             part main nodes=n1 billgpu=10
             set halflife=0
             acct phys
             submit a gpu=2 acct=phys
             main
             at 5
             calc
             show usage:phys",
        "0 start a n1:1
             5 usage 100.0000",
    ),
];

#[test]
fn usage_of_jobs() {
    check(USAGE_OF_JOBS);
}

const FAIR_SHARE_FACTORS: &[Case<'_>] = &[
    (
        "§8.4 classic: 2^(-usage/shares), children of the root by their own usage",
        "set fs=1 classic
             acct phys shares=1
             acct chem shares=3
             acct phys user=ann usage=100
             acct chem user=bob usage=300
             calc
             show shares",
        // Each account has used just its share: 2^-1.
        "0 ann=0.5000 bob=0.5000",
    ),
    (
        "§8.4 classic: a user's usage takes up a part of the account's",
        "set fs=1 classic
             acct phys shares=1
             acct phys user=ann usage=100
             acct phys user=bob
             calc
             show shares",
        // ann: 1 + (1-1)/2 = 1 over 1/2: 2^-2. bob: 0 + (1-0)/2 = 1/2 over 1/2: 2^-1.
        "0 ann=0.2500 bob=0.5000",
    ),
    (
        "§8.4 classic: FairShareDampeningFactor divides the exponent",
        "set fs=1 classic dampening=2
             acct phys shares=1
             acct phys user=ann usage=100
             acct phys user=bob
             calc
             show shares",
        "0 ann=0.5000 bob=0.7071",
    ),
    (
        "§8.4 classic: no shares, factor 0; no usage at all, factor 1",
        "set fs=1 classic
             acct phys shares=1
             acct phys user=ann shares=0
             acct phys user=bob
             calc
             show shares",
        "0 ann=0.0000 bob=1.0000",
    ),
    (
        "§8.4 fairshare=parent uses the parent's values",
        "set fs=1 classic
             acct phys shares=1
             acct chem shares=3
             acct phys user=ann usage=100 shares=parent
             acct chem user=bob usage=300
             calc
             show shares",
        "0 ann=0.5000 bob=0.5000",
    ),
    (
        "§8.4 depth oblivious: the ratio of a level, k = 1 where both logarithms have one sign",
        "set fs=1 oblivious
             acct phys shares=1
             acct chem shares=1
             acct phys user=ann usage=300
             acct phys user=bob usage=100
             acct chem user=eve usage=400
             calc
             show shares",
        // Accounts: R = 1. ann: (3/8)/(1/4) over (4/8)/(1/2): 1.5; bob: 0.5; eve: 1.
        "0 ann=0.3536 bob=0.7071 eve=0.5000",
    ),
    (
        "§8.4 depth oblivious: a user below its share in an account above it counts by k < 1",
        "set fs=1 oblivious
             acct phys shares=1
             acct chem shares=1
             acct phys user=ann usage=500
             acct phys user=bob usage=100
             acct chem user=eve usage=200
             calc
             show shares",
        // phys: Rp = (6/8)/(1/2) = 1.5; bob: Rl = (1/8)/(1/4)/((6/8)/(1/2)) = 1/3;
        // k = 1/(1+(5 ln 1.5)^2) = 0.1957; R = 1.5·(1/3)^0.1957 = 1.2099; ann: R = 1.5·5/3.
        "0 ann=0.1768 bob=0.4323 eve=0.7071",
    ),
    (
        "§8.4 Fair Tree: accounts by LF = S/U first, then users inside; rank over users",
        "set fs=1
             acct phys shares=1
             acct chem shares=1
             acct phys user=ann usage=300
             acct phys user=bob usage=100
             acct chem user=eve usage=50
             acct chem user=dan usage=150
             calc
             show shares",
        "0 ann=0.2500 bob=0.5000 eve=1.0000 dan=0.7500",
    ),
    (
        "§8.4 Fair Tree: no usage is LF infinite, no shares LF 0",
        "set fs=1
             acct phys shares=1
             acct phys user=ann usage=300
             acct phys user=bob
             acct phys user=eve shares=0
             calc
             show shares",
        "0 ann=0.6667 bob=1.0000 eve=0.3333",
    ),
    (
        "§8.4 Fair Tree: a user with fairshare=parent has LF infinite",
        "set fs=1
             acct phys shares=1
             acct phys user=ann usage=300 shares=parent
             acct phys user=bob usage=1
             calc
             show shares",
        "0 ann=1.0000 bob=0.5000",
    ),
    (
        "§8.4 Fair Tree: tied users have equal ranks, the next has lost both",
        "set fs=1
             acct phys shares=1
             acct phys user=ann usage=10
             acct phys user=bob usage=10
             acct phys user=eve usage=80
             calc
             show shares",
        "0 ann=1.0000 bob=1.0000 eve=0.3333",
    ),
    (
        "§8.4 Fair Tree: users come before accounts on ties",
        "set fs=1
             acct phys shares=1
             acct phys user=ann usage=50
             acct opt parent=phys shares=1
             acct opt user=bob usage=50
             calc
             show shares",
        "0 ann=1.0000 bob=1.0000",
    ),
    (
        "§8.4 trap 17: tied accounts are not merged in the code; the tie carries over to the first user",
        "set fs=1
             acct phys shares=1
             acct chem shares=1
             acct phys user=ann usage=90
             acct phys user=bob usage=10
             acct chem user=eve usage=60
             acct chem user=dan usage=40
             calc
             show shares",
        // phys first: bob 4/4, ann 3/4; chem is tied: its first user dan has ann's rank.
        "0 ann=0.7500 bob=1.0000 eve=0.2500 dan=0.7500",
    ),
    (
        "§8.4 trap 17: as documented, tied accounts are merged and their users sorted together",
        "set fs=1 merge
             acct phys shares=1
             acct chem shares=1
             acct phys user=ann usage=90
             acct phys user=bob usage=10
             acct chem user=eve usage=60
             acct chem user=dan usage=40
             calc
             show shares",
        "0 ann=0.2500 bob=1.0000 eve=0.5000 dan=0.7500",
    ),
];

#[test]
fn fair_share_factors() {
    check(FAIR_SHARE_FACTORS);
}
