//! GitLab Duo adoption metrics: collect, aggregate and publish.
//!
//! The modules are listed from top to bottom: a module imports only from modules below it.
//! `tests/integration/layout.rs` enforces this.

pub mod commands;

pub mod cli;

pub mod check;

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
