//! Access to the operating system: settings, HTTP, files, logs.

pub mod files;
pub mod http;
pub mod progress;
pub mod settings;
pub mod summary;
pub mod text_file;
