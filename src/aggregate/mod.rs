//! The engine of `aggregate`: records become rollups, and rollups become metrics.

pub mod aggregator;
pub mod clickhouse;
pub mod history;
pub mod ingest;
pub mod metrics;
pub mod prices;
pub mod rollup;
pub mod teams;
pub mod view;
