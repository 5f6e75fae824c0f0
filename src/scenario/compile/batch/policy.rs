//! The policy of a batch machine, and which of its choices go together.

use super::super::Build;
use crate::base::{Diagnostic, Expression, Span};
use crate::control::batch::{
    Backfill, EventOrder, FairShare, Head, ORDER_NAMES, Order, Passes, Policy, Predictor, Reservation, Scan,
    ZeroSlack,
};
use crate::scenario::At;
use crate::scenario::schema::batch as written;
use crate::scenario::schema::batch::{
    Backfilling, Batch, Estimates, OrderOrExpression, QueueHead, QueueOrder, SchedulingPasses,
};
use std::sync::Arc;

/// The largest factor on estimates.
const MAX_FACTOR: f64 = 1e6;

/// The policy that is written.
pub(super) fn policy(build: &mut Build<'_>, written: &Batch) -> Policy {
    let (order, own) = order_or_expression(build, written, &ORDER_NAMES);
    let reservation = match written.reservation.as_ref().map(|choice| choice.value).unwrap_or_default() {
        written::Reservation::Counts => Reservation::Counts,
        written::Reservation::Machines => Reservation::Machines,
        written::Reservation::Frozen => Reservation::Frozen,
    };
    let passes = match written.passes {
        SchedulingPasses::PerInstant => Passes::PerInstant,
        SchedulingPasses::PerEvent => Passes::PerEvent,
        SchedulingPasses::PerEventDue => Passes::PerEventDue,
    };
    let policy = Policy {
        order,
        own,
        head: match written.head {
            QueueHead::Chosen => Head::Chosen,
            QueueHead::Kept => Head::Kept,
        },
        backfill: match written.backfill.as_ref().map(|backfill| backfill.value).unwrap_or_default() {
            Backfilling::None => Backfill::None,
            Backfilling::Easy => Backfill::Easy,
            Backfilling::Conservative => Backfill::Conservative,
        },
        reservation,
        scan: scan(written, reservation),
        zero_slack: match written.zero_slack.as_ref().map(|choice| choice.value) {
            Some(true) => ZeroSlack::Allowed,
            None if reservation != Reservation::Frozen => ZeroSlack::Allowed,
            Some(false) | None => ZeroSlack::Refused,
        },
        passes,
        event_order: match written.event_order.as_ref().map(|choice| choice.value) {
            Some(written::EventOrder::SubmitFirst) => EventOrder::SubmitFirst,
            None if passes != Passes::PerInstant => EventOrder::SubmitFirst,
            Some(written::EventOrder::EndFirst) | None => EventOrder::EndFirst,
        },
        predictor: match written.estimates {
            Estimates::AverageOfTwo => Predictor::AverageOfTwo,
            Estimates::User | Estimates::Clairvoyant => Predictor::Told,
        },
        interval: written.scheduling_interval.map_or(Span::ZERO, |interval| interval.0),
        ageing: written.ageing.as_ref().map_or(0.0, |ageing| ageing.0),
        fair_share: fair_share(build, written),
        quantum: written.quantum.as_ref().map_or(Span::ZERO, |quantum| quantum.0),
    };
    let mut findings = misfits_of_backfill(written, &policy);
    findings.extend(misfits_of_order(written, &policy));
    build.errors.append(&mut findings);
    policy
}

/// What estimates are multiplied by.
pub(super) fn factor(build: &mut Build<'_>, written: &Batch) -> f64 {
    let Some(factor) = &written.estimate_factor else { return 1.0 };
    if !(factor.0 > 0.0 && factor.0 <= MAX_FACTOR) {
        build.error(factor.error("`estimateFactor` must be above 0 and at most 1e6"));
    } else if written.estimates == Estimates::AverageOfTwo {
        build.error(factor.error("`estimateFactor` has nothing to multiply with `estimates: averageOfTwo`"));
    }
    factor.0
}

fn scan(written: &Batch, reservation: Reservation) -> Scan {
    match written.scan.as_ref().map(|choice| choice.value) {
        Some(written::BackfillScan::ShortestFirst) => Scan::ShortestFirst,
        Some(written::BackfillScan::Submission) => Scan::Submission,
        None if reservation == Reservation::Frozen => Scan::Submission,
        Some(written::BackfillScan::Queue) | None => Scan::InOrder,
    }
}

/// What fair shares go by.
pub(in super::super) fn fair_share(build: &mut Build<'_>, written: &Batch) -> FairShare {
    let mut rule = FairShare::default();
    let Some(written) = &written.fair_share else { return rule };
    if let Some(half_life) = written.half_life {
        rule.half_life = half_life.0;
    }
    for (user, share) in &written.shares {
        let Ok(number) = user.parse() else {
            let finding = share.error(format!("`{user}` is not the number of a user"));
            build.error(finding.help("users have the numbers of the trace, such as `\"7\": 2`"));
            continue;
        };
        if !(share.0 > 0.0 && share.0 <= MAX_FACTOR) {
            build.error(share.error("a share must be above 0 and at most 1e6"));
        }
        rule.shares.insert(number, share.0);
    }
    rule
}

/// Choices of backfilling that do not go together.
fn misfits_of_backfill(written: &Batch, policy: &Policy) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    let mut refuse = |is_wrong: bool, finding: Option<Diagnostic>, help: &str| {
        found.extend(finding.filter(|_| is_wrong).map(|finding| finding.help(help)));
    };
    let error =
        |place: Option<&At<written::Reservation>>, message: &str| place.map(|place| place.error(message));
    let (is_easy, is_kept) = (policy.backfill == Backfill::Easy, policy.head == Head::Kept);
    refuse(
        policy.backfill == Backfill::None,
        error(written.reservation.as_ref(), "without backfilling no job holds a reservation"),
        "write `backfill: easy` or `backfill: conservative` beside it",
    );
    refuse(
        is_easy && policy.reservation == Reservation::Frozen && !is_kept,
        error(written.reservation.as_ref(), "a start that is set once needs a head that is kept"),
        "write `head: kept` beside it",
    );
    refuse(
        !is_easy,
        written.scan.as_ref().map(|scan| scan.error("only `backfill: easy` scans the queue behind its head")),
        "write `backfill: easy` beside it",
    );
    refuse(
        !is_easy,
        written.zero_slack.as_ref().map(|choice| choice.error("only `backfill: easy` has a slack")),
        "write `backfill: easy` beside it",
    );
    let backfill = |message: &str| written.backfill.as_ref().map(|backfill| backfill.error(message));
    refuse(
        policy.backfill == Backfill::Conservative && is_kept,
        backfill("with conservative backfilling every job has a place, and no head is kept"),
        "leave `head` out",
    );
    let is_due = policy.passes == Passes::PerEventDue;
    refuse(
        is_due && (policy.backfill == Backfill::Conservative || policy.reservation == Reservation::Machines),
        backfill("`passes: perEventDue` goes with reservations of a number of processors for the head"),
        "use `passes: perEvent` or `perInstant`",
    );
    refuse(
        is_due && policy.event_order == EventOrder::EndFirst,
        written
            .event_order
            .as_ref()
            .map(|order| order.error("`passes: perEventDue` tells submissions first")),
        "leave `eventOrder` out",
    );
    found
}

/// Choices of the order that do not go together.
fn misfits_of_order(written: &Batch, policy: &Policy) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    if policy.order.is_preemptive()
        && let Some(order) = &written.order
    {
        let others = [
            (policy.backfill != Backfill::None, "backfill"),
            (policy.head == Head::Kept, "head"),
            (policy.predictor != Predictor::Told, "estimates: averageOfTwo"),
            (policy.passes == Passes::PerEventDue, "passes: perEventDue"),
            (written.dispatch_delay.is_some(), "dispatchDelay"),
        ];
        found.extend(others.into_iter().filter(|(is_given, _)| *is_given).map(|(_, what)| {
            order.error("running jobs give way under this order").help(format!("leave `{what}` out"))
        }));
        if policy.order == Order::RoundRobin && written.quantum.is_none() {
            found.push(order.error("how long is a turn?").help("write `quantum: 10s` beside it"));
        }
    }
    found.extend(unused(
        policy.order != Order::RoundRobin,
        written.quantum.as_ref().map(|quantum| quantum.error("no other order has turns")),
        "roundRobin",
    ));
    found.extend(unused_rules(written, policy.order));
    found
}

/// Rules of orders that are not the one that is written.
pub(in super::super) fn unused_rules(written: &Batch, order: Order) -> Vec<Diagnostic> {
    let ageing = written.ageing.as_ref().map(|ageing| ageing.error("no other order lets priorities grow"));
    let shares = written.fair_share.as_ref().map(|rule| rule.error("no other order has shares"));
    let is_shared = matches!(order, Order::FairShare | Order::Own);
    let found =
        [unused(order != Order::Priority, ageing, "priority"), unused(!is_shared, shares, "fairShare")];
    found.into_iter().flatten().collect()
}

fn unused(is_unused: bool, finding: Option<Diagnostic>, order: &str) -> Option<Diagnostic> {
    finding.filter(|_| is_unused).map(|finding| finding.help(format!("write `order: {order}` beside it")))
}

/// The order, and the expression if it is one of the user's, which may use `names`.
pub(in super::super) fn order_or_expression(
    build: &mut Build<'_>,
    written: &Batch,
    names: &[&str],
) -> (Order, Option<Arc<Expression>>) {
    let Some(place) = &written.order else { return (Order::Fcfs, None) };
    match &place.value {
        OrderOrExpression::Named(named) => (order(*named), None),
        OrderOrExpression::Own(text) => match Expression::parse(text, names) {
            Ok(own) => (Order::Own, Some(Arc::new(own))),
            Err(error) => {
                build.error(error.diagnostic(place.location.clone(), text));
                (Order::Own, None)
            }
        },
    }
}

fn order(written: QueueOrder) -> Order {
    match written {
        QueueOrder::Fcfs => Order::Fcfs,
        QueueOrder::Sjf => Order::Sjf,
        QueueOrder::Ljf => Order::Ljf,
        QueueOrder::Smallest => Order::Smallest,
        QueueOrder::Largest => Order::Largest,
        QueueOrder::SmallestArea => Order::SmallestArea,
        QueueOrder::ExpansionFactor => Order::ExpansionFactor,
        QueueOrder::Wfp3 => Order::Wfp3,
        QueueOrder::Unicep => Order::Unicep,
        QueueOrder::F1 => Order::F1,
        QueueOrder::Wfp3Published => Order::Wfp3Published,
        QueueOrder::UnicepPublished => Order::UnicepPublished,
        QueueOrder::LeastExpectedDelay => Order::LeastExpectedDelay,
        QueueOrder::Priority => Order::Priority,
        QueueOrder::Edf => Order::EarliestDeadline,
        QueueOrder::FairShare => Order::FairShare,
        QueueOrder::Srtf => Order::ShortestRemaining,
        QueueOrder::RoundRobin => Order::RoundRobin,
    }
}
