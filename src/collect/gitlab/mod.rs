//! The client of a GitLab server.

mod client;
mod graphql_error;
mod limiter;
mod preflight;
pub mod schema;
mod schema_aware;

pub use client::{Client, RetryPolicy};
pub use preflight::preflight;
pub use schema_aware::SchemaAwareClient;
