//! Borrows optional texts from the node: behind an `Option`, serde copies a `Cow`.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer};

/// Deserializes a text or null, without copying. A field that may be missing also needs `default`.
pub(super) fn text<'de: 'a, 'a, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Cow<'a, str>>, D::Error> {
    #[derive(Deserialize)]
    struct Text<'a>(#[serde(borrow)] Cow<'a, str>);
    let text = Option::<Text<'a>>::deserialize(deserializer)?;
    Ok(text.map(|Text(text)| text))
}
