//! The events of GitLab Duo: names, features, roles and fields.

pub mod agents;
pub mod aliases;
pub mod catalog;
pub mod features;
