//! The command `schema`: the JSON Schema of scenarios.

use super::args::SchemaArguments;
use super::{Exit, complain, print};
use crate::scenario::json_schema;

/// Prints the schema, or writes it to a file.
pub(super) fn run(arguments: &SchemaArguments) -> Exit {
    let schema = json_schema();
    let Some(path) = &arguments.out else { return print(schema.as_bytes()) };
    match std::fs::write(path, schema) {
        Ok(()) => Exit::Done,
        Err(error) => {
            complain(&format!("error: cannot write {}: {error}\n", path.display()));
            Exit::Internal
        }
    }
}
