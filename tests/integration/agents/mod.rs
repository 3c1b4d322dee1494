//! Event streams of the Agent Platform, in every form an operator can have, through the real binary.

pub(crate) mod metrics;
pub(crate) mod sources;
pub(crate) mod writers;
