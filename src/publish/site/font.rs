//! The typeface of the pages, which every page embeds.

use super::page::base64;

/// A subset of Inter under the SIL Open Font License: `templates/html/font/README.md`.
const INTER: &[u8] = include_bytes!("../../../templates/html/font/inter.woff2");

/// Fonts that most machines have, at the width and height of Inter, so that the page does not move when Inter is ready.
/// A face whose fonts are absent counts as absent, so each has a family of its own; `style.css` names them after Inter.
/// The ratio of the width of Inter to theirs is measured on sentences of the pages.
const FALLBACKS: [Fallback; 3] = [
    Fallback {
        family: "Inter by Arial",
        weight: "400 700",
        fonts: &["Arial", "Liberation Sans", "Roboto"],
        ratio: 1.07,
    },
    Fallback { family: "Inter by DejaVu", weight: "400", fonts: &["DejaVu Sans"], ratio: 0.946 },
    Fallback { family: "Inter by DejaVu", weight: "700", fonts: &["DejaVu Sans Bold"], ratio: 0.864 },
];
/// Above and below the baseline, as shares of the size of the font: table `hhea` of Inter.
const ASCENT: f64 = 0.96875;
const DESCENT: f64 = 0.2412;

struct Fallback {
    family: &'static str,
    weight: &'static str,
    fonts: &'static [&'static str],
    ratio: f64,
}

impl Fallback {
    fn face(&self) -> String {
        let fonts: Vec<_> = self.fonts.iter().map(|font| format!("local(\"{font}\")")).collect();
        format!(
            "@font-face{{font-family:\"{}\";font-weight:{};src:{};size-adjust:{:.1}%;ascent-override:{:.1}%;descent-override:{:.1}%;line-gap-override:0%}}\n",
            self.family,
            self.weight,
            fonts.join(","),
            100.0 * self.ratio,
            100.0 * ASCENT / self.ratio,
            100.0 * DESCENT / self.ratio
        )
    }
}

/// The rules that define the font family `Inter` and its fallbacks.
pub(super) fn faces() -> String {
    // A page that is printed or captured at once must not show the fallback.
    format!(
        "@font-face{{font-family:\"Inter\";font-weight:400 700;font-display:block;src:url(data:font/woff2;base64,{}) format(\"woff2\")}}\n{}",
        base64(INTER),
        FALLBACKS.iter().map(Fallback::face).collect::<String>()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_font_is_embedded_and_small() {
        assert!(INTER.starts_with(b"wOF2"), "a WOFF2 file");
        assert!(INTER.len() < 32_000, "{} bytes", INTER.len());
        let faces = faces();
        assert!(!faces.contains("://") && !faces.contains('<'));
    }
}
