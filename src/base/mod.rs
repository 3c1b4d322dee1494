//! Basic types that every stage uses: days, errors, numbers, text.

pub mod address;
pub mod calendar;
pub mod decimal;
pub mod digits;
pub mod dimensions;
pub mod error;
pub mod lenient;
pub mod paint;
pub mod severity;
pub mod suggestion;
pub mod text;
pub mod yaml;
