//! The engine of `fetch`: what is collected from GitLab, and how.

pub mod checkpoint;
pub mod collectors;
pub mod gitlab;
pub mod unit;
