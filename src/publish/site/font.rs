//! The typeface of the pages, which every page embeds.

use super::page::base64;

/// A subset of Inter under the SIL Open Font License: `templates/html/font/README.md`.
const INTER: &[u8] = include_bytes!("../../../templates/html/font/inter.woff2");

/// The rule that defines the font family `Inter`.
pub(super) fn face() -> String {
    // A page that is printed or captured at once must not show the fallback.
    format!(
        "@font-face{{font-family:\"Inter\";font-weight:400 700;font-display:block;src:url(data:font/woff2;base64,{}) format(\"woff2\")}}\n",
        base64(INTER)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_font_is_embedded_and_small() {
        assert!(INTER.starts_with(b"wOF2"), "a WOFF2 file");
        assert!(INTER.len() < 32_000, "{} bytes", INTER.len());
        let face = face();
        assert!(!face.contains("://") && !face.contains('<'));
    }
}
