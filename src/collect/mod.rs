//! The engine of `fetch`: collects raw pages from GitLab.

pub mod checkpoint;
pub mod collectors;
mod error;
pub mod fetch_unit;
pub mod gitlab;
pub mod output;
pub mod parallel;
pub mod report;
pub mod request_log;
pub mod scheduler;
pub mod selection;
