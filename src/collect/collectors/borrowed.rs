//! A text that may be absent, as it stands in the node: what is behind an `Option`, serde would copy.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer};

/// Reads the text of a field, or null. A field that may be missing needs `default` beside it.
pub(super) fn text<'de: 'a, 'a, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Cow<'a, str>>, D::Error> {
    #[derive(Deserialize)]
    struct Text<'a>(#[serde(borrow)] Cow<'a, str>);
    let text = Option::<Text<'a>>::deserialize(deserializer)?;
    Ok(text.map(|Text(text)| text))
}
