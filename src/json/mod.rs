//! Fast paths for JSON in canonical form, in which our commands and GitLab write most of it: no
//! escapes, no white space between tokens, no signs before numbers. It can be read and written many
//! times faster than JSON in general. These readers never reject a text: they return `None` for
//! everything else, and the caller falls back to the JSON parser.

mod array_splitter;
mod compact;
mod fields;
pub(crate) mod special_byte;
mod value;

pub use array_splitter::ArraySplitter;
pub use compact::compact;
pub use fields::{Fields, Keys, Next, Value};
pub use value::from_str;
