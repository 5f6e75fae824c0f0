//! A batch framework's choice: which waiting tasks go into an offer.
//!
//! Tasks are taken from the head of a queue. What they are and where an offer comes from is not known here.

use crate::control::mesos::amounts::Amounts;

/// How a queue is gone through.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Order {
    /// Nothing passes the first task that does not fit.
    #[default]
    Fifo,
    /// What does not fit is passed over.
    FirstFit,
}

/// A task that waits.
#[derive(Clone, Debug)]
pub struct Waiting<'a> {
    /// What it needs.
    pub needs: &'a Amounts,
    /// Whether the agent of the offer is one that it may run on.
    pub allowed: bool,
}

/// The places in the queue of the tasks that an offer is used for, at most `most`.
pub fn choose<'a>(
    queue: impl IntoIterator<Item = Waiting<'a>>,
    offer: &Amounts,
    order: Order,
    most: usize,
) -> Vec<usize> {
    let mut left = offer.clone();
    let mut chosen = Vec::new();
    for (place, task) in queue.into_iter().enumerate() {
        if chosen.len() >= most {
            break;
        }
        if task.allowed && left.contains(task.needs) {
            left.take(task.needs);
            chosen.push(place);
        } else if order == Order::Fifo {
            break;
        }
    }
    chosen
}
