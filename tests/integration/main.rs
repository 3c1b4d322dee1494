//! Integration tests: the real binary, a real server, real files. They are one binary, because
//! linking takes longer than testing. Contents:

mod agents;
mod bench;
mod collectors;
mod component;
mod connections;
mod consumers;
mod doctor;
mod documents;
mod exit_codes;
mod exports;
mod faults;
mod fetching;
mod history;
mod image;
mod inputs;
mod layout;
mod lint;
mod metrics;
mod people;
mod pipelines;
mod pitfalls;
mod privacy;
mod properties;
mod reference;
mod resuming;
mod rollups;
mod servers;
mod site;
mod states;
mod stream;
mod teams;
mod tools;
mod totals;
mod unions;
mod words;
