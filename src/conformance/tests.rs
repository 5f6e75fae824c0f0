//! Small cases of our own.
