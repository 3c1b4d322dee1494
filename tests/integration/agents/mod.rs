//! Events of the Agent Platform in all export formats, through the real binary.

pub(crate) mod metrics;
mod simulation;
pub(crate) mod sources;
pub(crate) mod writers;
