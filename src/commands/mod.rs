//! The commands, one file each: flags become options, and options run a stage. This is the only
//! place where the stages meet. `run` calls other commands; all other shared code is in the private
//! modules.

mod connection;
mod metric_lines;
mod people;
mod pipes;
mod pseudonyms;
mod site_files;

pub mod aggregate;
pub mod artifact;
pub mod dashboard;
pub mod doctor;
pub mod export;
pub mod fetch;
pub mod history;
pub mod landing;
pub mod lint;
pub mod metrics;
pub mod normalize;
pub mod run;
pub mod sql;
