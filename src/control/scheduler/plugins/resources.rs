//! Arithmetic over resource columns: what NodeResourcesFit and NodeResourcesBalancedAllocation share.
//!
//! Scores are defined in integers. Dividing 64-bit integers is slow and does not vectorise, so
//! blocks of nodes whose amounts are small enough are computed in floats, which give the same
//! numbers there; the others take the integer form. See [`BOUND`].

use crate::base::ids::ResourceId;
use crate::cluster::NodeTable;
use crate::control::scheduler::framework::Targets;

/// How many places are computed together.
pub(crate) const LANES: usize = 16;

/// Amounts below this are computed in floats. With 0 <= a <= b < 2^46 the product 100·a is below
/// 2^53, so it and b are exact as floats, and the float quotient is 100·a/b rounded once. The
/// quotient is at most 100, where neighbouring floats are at most 2^-46 apart, so rounding moves it
/// by at most 2^-47. A quotient that is no integer lies at least 1/b > 2^-46 below the next one,
/// so rounding never reaches it: the floor of the float is the floor of the fraction.
const BOUND: u64 = 1 << 46;

/// 2^52: adding it to a float in 0…2^51 rounds that to an integer, which then stands in the lowest
/// bits of the sum.
const MAGIC: f64 = 4_503_599_627_370_496.0;

/// An integer in 0…2^52 as a float, in a form that vectorises without special instructions.
#[inline]
pub(crate) fn float(integer: i64) -> f64 {
    f64::from_bits(integer as u64 | MAGIC.to_bits()) - MAGIC
}

/// The largest integer not above a float in 0…2^51, as a float; likewise.
#[inline]
pub(crate) fn floor(value: f64) -> f64 {
    let rounded = (value + MAGIC) - MAGIC;
    rounded - if rounded > value { 1.0 } else { 0.0 }
}

/// A float in 0…2^51 that is an integer, as an integer; likewise.
#[inline]
pub(crate) fn integer(value: f64) -> i64 {
    ((value + MAGIC).to_bits() & (MAGIC.to_bits() ^ u64::MAX)) as i64
}

/// A resource that is scored by.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Scored {
    /// The resource.
    pub(crate) resource: ResourceId,
    /// What the pod asks for.
    pub(crate) pod: i64,
    /// Its weight.
    pub(crate) weight: i64,
    /// Whether the node's load is counted with the defaults for containers without requests.
    pub(crate) non_zero: bool,
}

/// The columns of one scored resource, in the order of the targets.
#[derive(Debug, Default)]
struct Gathered {
    allocatable: Vec<i64>,
    used: Vec<i64>,
}

/// Columns for targets that are listed; kept to be used again.
#[derive(Debug, Default)]
pub(crate) struct Scratch(Vec<Gathered>);

/// One scored resource with its columns.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Input<'a> {
    /// What is scored.
    pub(crate) scored: Scored,
    /// What pods can have.
    pub(crate) allocatable: &'a [i64],
    /// What pods have been given.
    pub(crate) used: &'a [i64],
}

impl Input<'_> {
    /// Whether the amounts at a place allow for float arithmetic, as [`block`] asks of many.
    #[inline]
    pub(crate) fn is_narrow(&self, place: usize) -> bool {
        let bits = self.allocatable[place].wrapping_sub(1) | self.used[place] | self.scored.pod;
        (bits as u64) < BOUND
    }
}

/// So many scored resources stand in place.
const FEW: usize = 8;

/// The scored resources with their columns. Nothing is allocated for a few of them.
#[derive(Debug)]
pub(crate) struct Inputs<'a> {
    few: [Input<'a>; FEW],
    count: usize,
    /// All of them, if they are more.
    many: Vec<Input<'a>>,
}

impl<'a> Inputs<'a> {
    fn collect(inputs: impl ExactSizeIterator<Item = Input<'a>>) -> Inputs<'a> {
        /// What fills the unused places.
        const EMPTY: Input<'static> = Input {
            scored: Scored { resource: ResourceId::CPU, pod: 0, weight: 0, non_zero: false },
            allocatable: &[],
            used: &[],
        };
        let mut all = Inputs { few: [EMPTY; FEW], count: inputs.len(), many: Vec::new() };
        if inputs.len() > FEW {
            all.many = inputs.collect();
        } else {
            all.few.iter_mut().zip(inputs).for_each(|(place, input)| *place = input);
        }
        all
    }

    /// The inputs in the order of the configuration.
    pub(crate) fn as_slice(&self) -> &[Input<'a>] {
        if self.many.is_empty() { &self.few[..self.count] } else { &self.many }
    }
}

impl Scratch {
    /// Puts the columns of `scored` in the order of the targets.
    pub(crate) fn inputs<'a>(
        &'a mut self,
        nodes: &'a NodeTable,
        scored: &[Scored],
        targets: Targets<'_>,
    ) -> Inputs<'a> {
        if let Some(rows) = targets.listed() {
            self.0.resize_with(scored.len(), Gathered::default);
            for (gathered, item) in self.0.iter_mut().zip(scored) {
                let (allocatable, used) = columns(nodes, *item);
                gathered.allocatable.clear();
                gathered.used.clear();
                gathered.allocatable.extend(rows.iter().map(|&row| allocatable[row as usize]));
                gathered.used.extend(rows.iter().map(|&row| used[row as usize]));
            }
        }
        let gathered = &self.0;
        Inputs::collect(scored.iter().enumerate().map(|(place, &scored)| {
            let (allocatable, used) = match targets {
                Targets::Rows(_) => columns(nodes, scored),
                Targets::Stretch { from, len } => {
                    let (allocatable, used) = columns(nodes, scored);
                    (&allocatable[from..from + len], &used[from..from + len])
                }
                Targets::Listed(_) | Targets::Groups { .. } => {
                    (&gathered[place].allocatable[..], &gathered[place].used[..])
                }
            };
            Input { scored, allocatable, used }
        }))
    }
}

fn columns(nodes: &NodeTable, item: Scored) -> (&[i64], &[i64]) {
    let kind = item.resource.index();
    let used = if item.non_zero && kind < 2 { &nodes.non_zero[kind] } else { &nodes.requested[kind] };
    (&nodes.allocatable[kind], used)
}

/// A block of columns, if its amounts allow for float arithmetic: every allocatable amount in
/// 1…2^46, every load in 0…2^46.
#[expect(clippy::inline_always, reason = "a call for each block of nodes costs as much as the block")]
#[inline(always)]
pub(crate) fn block<'a>(input: &Input<'a>, start: usize) -> Option<(&'a [i64; LANES], &'a [i64; LANES])> {
    let allocatable = input.allocatable.get(start..start + LANES)?.first_chunk::<LANES>()?;
    let used = input.used.get(start..start + LANES)?.first_chunk::<LANES>()?;
    let mut bits = 0;
    for lane in 0..LANES {
        // One less, so that zero becomes a number with all bits set.
        bits |= allocatable[lane].wrapping_sub(1) | used[lane];
    }
    ((bits as u64) < BOUND && (input.scored.pod as u64) < BOUND).then_some((allocatable, used))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn safety_float_quotients_are_the_integer_ones(b in 1i64..1 << 46, share in 0.0f64..=1.0, off in -2i64..=2) {
            let a = ((b as f64 * share) as i64 + off).clamp(0, b);
            prop_assert_eq!(integer(floor(float(a) * 100.0 / float(b))), a * 100 / b);
        }

        /// The hardest cases: fractions just below an integer.
        #[test]
        fn safety_float_quotients_just_below_an_integer(b in 1i64..1 << 46, percent in 1i64..=100) {
            let a = (b * percent / 100).max(1);
            for a in [a - 1, a] {
                prop_assert_eq!(integer(floor(float(a) * 100.0 / float(b))), a * 100 / b);
            }
        }

        #[test]
        fn safety_floor_is_floor(value in 0.0f64..1e9) {
            prop_assert_eq!(integer(floor(value)), value as i64);
        }
    }
}
