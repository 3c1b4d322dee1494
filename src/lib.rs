//! GitLab Duo adoption metrics: collect, aggregate and publish.
//!
//! The modules stand in the order of docs/architecture.md, and imports run downward only: commands, then the
//! edge (what talks to servers, files and streams), then what is pure.

// The top.
pub mod cli;
pub mod commands;

// The edge.
pub mod chunks;
pub mod clickhouse;
pub mod documents;
pub mod encoding;
pub mod gitlab;
pub mod harvest;
pub mod history;
pub mod http;
pub mod intake;
pub mod output;
pub mod progress;
pub mod rejects;
pub mod settings;
pub mod state;
pub mod stream;
pub mod summary;
pub mod text_file;

// Pure: no input, no output, no clock, no environment.
pub mod address;
pub mod agents;
pub mod calendar;
pub mod collectors;
pub mod decimal;
pub mod digits;
pub mod dimensions;
pub mod error;
pub mod events;
pub mod export;
pub mod lenient;
pub mod line;
pub mod lint;
pub mod log_line;
pub mod mapping;
pub mod metrics;
pub mod page;
pub mod plain;
pub mod prices;
pub mod pseudonym;
pub mod publish;
pub mod record;
pub mod rollup;
pub mod schema;
pub mod site;
pub mod sources;
pub mod spelling;
pub mod topic;
pub mod usage_event;
pub mod view;
pub mod wording;
