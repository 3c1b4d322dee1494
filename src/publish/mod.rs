//! What may leave, and how it is written: small groups hidden, numbers and days in words, text of others made
//! harmless. The site and the exports are built from this alone.

pub mod completeness;
pub mod days;
pub mod export;
pub mod gaps;
pub mod headline;
pub mod number;
pub mod place;
pub mod privacy;
pub mod site;
pub mod spreadsheet;
pub mod text;
