//! Integration tests: the real binary, a real server, real files. They are one binary, because
//! linking takes longer than testing. Contents:

mod agents;
mod aggregates;
mod attack;
mod bench;
mod check;
mod collectors;
mod command_line;
mod component;
mod connections;
mod consumers;
mod credits;
mod doctor;
mod documents;
mod exit_codes;
mod exports;
mod faults;
mod fetching;
mod first_run;
mod fuzzing;
mod hardening;
mod history;
mod image;
mod inputs;
mod layout;
mod lint;
#[cfg(target_os = "linux")]
mod messages;
mod metrics;
mod people;
mod pipelines;
mod pitfalls;
#[cfg(target_os = "linux")]
mod power_loss;
mod privacy;
mod properties;
mod recipes;
mod reconciliation;
mod reference;
mod resuming;
mod rollups;
mod schema;
mod servers;
mod session_sources;
mod site;
mod states;
mod stream;
mod teams;
mod tools;
mod totals;
mod unions;
mod words;
