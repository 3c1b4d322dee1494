//! Talking to a GitLab server.

mod client;
mod gate;
mod informed;
mod preflight;
mod refusal;
pub mod schema;

pub use client::{Client, Patience};
pub use informed::Informed;
pub use preflight::preflight;
