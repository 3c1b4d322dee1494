//! The commands: one file each. This is the one place where reading, computing and writing meet.

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
pub mod people;
mod pipes;
pub mod run;
pub mod sql;
