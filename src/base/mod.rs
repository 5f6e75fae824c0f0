//! Units, identifiers and the other small things every layer needs.
//!
//! This layer knows nothing of clusters: it holds time, quantities, ids, the interner, bit sets, short lists,
//! random streams with their distributions, expressions over named numbers, and the shape of a diagnostic.

pub mod bitset;
pub mod clock;
pub mod diagnostic;
pub mod dist;
pub mod expression;
pub mod few;
pub mod ids;
pub mod interner;
pub mod quantity;
pub mod rng;
pub mod units;

pub use bitset::BitSet;
pub use clock::Clock;
pub use diagnostic::{Diagnostic, Location, Severity};
pub use dist::Distribution;
pub use expression::Expression;
pub use few::Few;
pub use interner::{Interner, Symbol};
pub use quantity::Quantity;
pub use rng::{Stream, Streams};
pub use units::{Span, Time};

/// The hash map used everywhere: fast and without random state. Its iteration order is still not
/// to be relied on (a lint refuses it); sort, or use a `BTreeMap`.
pub type Map<K, V> = rustc_hash::FxHashMap<K, V>;
/// The hash set used everywhere; see [`Map`].
pub type Set<K> = rustc_hash::FxHashSet<K>;
