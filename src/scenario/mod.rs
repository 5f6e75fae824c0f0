//! The file a person writes, and the setup that a run needs.
//!
//! [`parse`](parse()) reads a scenario into [`schema`]'s types (what was written, with its places);
//! [`compile`](compile()) reads everything that it names and makes the setup of a run. Every finding
//! says where, what was found and what would be right. The terminal is not known here.

mod at;
pub mod changed;
pub mod compile;
mod de;
pub mod load;
mod overrides;
pub mod parse;
pub mod schema;
#[cfg(test)]
mod tests;
mod tree;

pub use at::At;
pub use compile::{
    Asked, Compiled, Environment, Plan, Question, Wanted, compile, generated, name_of, question,
};
pub use load::{Named, adhoc, load};
pub use parse::{FileKind, kind_of, parse, parse_study};
pub use schema::{Scenario, json_schema};
