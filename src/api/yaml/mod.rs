//! YAML and JSON text as located values: splitting a stream into documents, a tree in which every
//! value knows its place in the file, and readers' errors as diagnostics.
//!
//! It knows YAML, and nothing of what the documents mean. JSON is read as the subset of YAML that
//! it is.

mod diagnose;
mod located;
mod scalar;
mod split;
mod tree;

pub use diagnose::diagnose;
pub use located::Located;
pub use scalar::{Scalar, resolve};
pub use split::{Documents, split_documents};
pub(crate) use tree::TEMPLATE_HELP;
pub use tree::{Content, Items, Source, Tree, Value, parse};
