//! seatrial: a discrete-event cluster simulator that decides as a real control plane does.

pub mod api;
pub mod base;
pub mod cluster;
pub mod control;
pub mod observe;
pub mod sim;
pub mod trace;
