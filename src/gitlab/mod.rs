//! Talking to a GitLab server.

mod client;
mod gate;
mod preflight;
mod refusal;

pub use client::{Client, Patience};
pub use preflight::preflight;
