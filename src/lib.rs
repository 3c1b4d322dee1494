//! GitLab Duo adoption metrics: collect, aggregate and publish.
//!
//! The modules stand in the order in which imports run: a module imports from those below it, never from those above.
//! `tests/integration/layout.rs` holds them to it.

pub mod commands;

pub mod cli;

pub mod lint;

pub mod publish;

pub mod aggregate;

pub mod normalize;

pub mod collect;

pub mod stream;

pub mod system;

pub mod model;

pub mod events;

pub mod json;

pub mod base;
