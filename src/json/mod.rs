//! JSON that is spelled plainly, as our own commands and GitLab spell most of it: no escapes, no blanks, no
//! signs. It can be read and written many times faster than JSON at large. Whatever is not plain is left to the JSON
//! parser: these readers give up rather than judge.

mod array_splitter;
mod compact;
mod fields;
pub(crate) mod special_byte;
mod value;

pub use array_splitter::Elements;
pub use compact::compact;
pub use fields::{Fields, Keys, Next, Value};
pub use value::from_str;
