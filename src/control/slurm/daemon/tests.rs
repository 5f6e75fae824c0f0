//! Tests of the daemon on the harness.
