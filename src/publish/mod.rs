//! What is published, and in which format: suppression, numbers and days as text, external text
//! made safe. The site and the exports are built from this alone.

pub mod answer;
pub mod code_quality;
pub mod completeness;
pub mod days;
pub mod export;
pub mod gaps;
pub mod headline;
pub mod number;
pub mod place;
pub mod privacy;
pub mod robust;
pub mod site;
pub mod spreadsheet;
pub mod text;
pub mod trust;
