//! The engine of `normalize`: raw responses and event exports become records.

pub mod documents;
pub mod mapping;
pub mod page;
pub mod pseudonym;
pub mod sources;
