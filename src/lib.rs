//! seatrial: a discrete-event cluster simulator that decides as a real control plane does.
//!
//! The layers, from the bottom: [`base`], [`api`], [`cluster`], [`control`] (the control plane, which
//! does not know that it is simulated), [`conformance`] (comparing it with recorded decisions),
//! [`sim`] (the virtual world), [`trace`], [`observe`],
//! [`scenario`], [`study`] (many runs of one question), [`report`], [`cli`]. The page `ARCHITECTURE.md` says how they fit together.

pub mod api;
pub mod base;
pub mod cli;
pub mod cluster;
pub mod conformance;
pub mod control;
pub mod observe;
pub mod report;
pub mod scenario;
pub mod sim;
pub mod study;
pub mod trace;
