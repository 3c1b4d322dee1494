//! The engine of `normalize`: converts raw pages and event exports to records.

pub mod container_lines;
pub mod dead_letter;
pub mod line_adapter;
pub mod mapping;
pub mod normalizer;
pub mod page;
pub mod pseudonym;
pub mod sources;
pub mod writer;
