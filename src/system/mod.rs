//! Access to the operating system: settings, HTTP, files, logs.

pub mod files;
pub mod http;
pub mod lock;
pub mod progress;
pub mod settings;
pub mod standard_output;
pub mod summary;
pub mod temporary;
pub mod text_file;
