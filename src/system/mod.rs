//! Access to the operating system: settings, HTTP, files, logs.

pub mod files;
pub mod http;
pub mod interrupt;
pub mod lock;
pub mod log;
pub mod progress;
pub mod settings;
pub mod standard_output;
pub mod summary;
pub mod temporary;
pub mod terminal;
pub mod text_file;
