//! seatrial: a discrete-event cluster simulator that decides as a real control plane does.

pub mod api;
pub mod base;
pub mod cli;
pub mod cluster;
pub mod control;
pub mod observe;
pub mod scenario;
pub mod sim;
pub mod trace;
