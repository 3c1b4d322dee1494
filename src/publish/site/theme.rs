//! A custom theme: logo, colors and texts.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Deserialize;

use super::Dashboard;
use super::page::base64;
use super::text::plain;

/// The file of names, colors and texts in the folder of a theme.
pub const THEME_FILE: &str = "theme.json";
/// The files of a logo with their media types; the first one that exists is used.
pub const LOGO_FILES: [(&str, &str); 2] = [("logo.svg", "image/svg+xml"), ("logo.png", "image/png")];

/// The size of a logo in bytes: every page embeds it.
const MAX_LOGO_BYTES: usize = 48 * 1024;
/// The minimum contrast between text and background (WCAG 2.2, success criterion 1.4.3, level AA).
const MIN_CONTRAST: f64 = 4.5;
/// Shares of one color in another, as the style sheet mixes them: a hovered row, the darkest cell
/// of a heat map.
const ROW_INK: f64 = 0.05;
const HEAT_ACCENT: f64 = 0.40;
/// Text colors that a theme cannot set, in light and in dark.
const FIXED: [(&str, &str, &str); 2] = [("warn", "#8f4a00", "#eda956"), ("good", "#256b3c", "#7cc494")];

/// Colors that a theme can set, with their defaults in light and in dark.
const COLORS: [(&str, &str, &str); 5] = [
    ("paper", "#ffffff", "#131619"),
    ("ink", "#1a1d21", "#e8eaed"),
    ("soft", "#565e69", "#a3acb6"),
    ("accent", "#0b6470", "#55bdc7"),
    ("quiet", "#87919d", "#707b88"),
];

/// A valid theme.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Theme {
    name: String,
    style: String,
    logo: String,
    texts: BTreeMap<String, Texts>,
    footer: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    name: String,
    #[serde(default)]
    colours: Colors,
    #[serde(default)]
    texts: BTreeMap<String, Texts>,
    #[serde(default)]
    footer: String,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Colors {
    #[serde(default)]
    light: BTreeMap<String, String>,
    #[serde(default)]
    dark: BTreeMap<String, String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Texts {
    #[serde(default)]
    title: String,
    #[serde(default)]
    summary: String,
}

impl Theme {
    /// Reads a theme: `theme.json`, and a logo with its media type.
    pub fn read(json: &[u8], logo: Option<(&str, &[u8])>) -> Result<Theme, String> {
        let file: File = serde_json::from_slice(json).map_err(|error| format!("{THEME_FILE}: {error}"))?;
        let pages = [Dashboard::Duo.folder(), Dashboard::Project.folder(), "landing"];
        if let Some(page) = file.texts.keys().find(|page| !pages.contains(&page.as_str())) {
            return Err(format!(
                "{THEME_FILE}: unknown page {page:?} in texts; expected one of {}",
                pages.join(", ")
            ));
        }
        let logo = match logo {
            None => String::new(),
            Some((_, content)) if content.len() > MAX_LOGO_BYTES => {
                return Err(format!(
                    "the logo has {} bytes; every page embeds it, so it must not exceed {MAX_LOGO_BYTES} bytes",
                    content.len()
                ));
            }
            Some((media_type, content)) => format!("data:{media_type};base64,{}", base64(content)),
        };
        let (light, dark) = (&file.colours.light, &file.colours.dark);
        let style = [
            declarations("light", light, |(_, light, _)| light)?,
            declarations("dark", dark, |(_, _, dark)| dark)?,
        ];
        Ok(Theme {
            name: plain(&file.name, 80),
            style: match style {
                [light, dark] if light.is_empty() && dark.is_empty() => String::new(),
                [light, dark] => format!(
                    "@media screen and (prefers-color-scheme: light) {{ :root {{ {light}}} }}\n@media screen and (prefers-color-scheme: dark) {{ :root {{ {dark}}} }}\n"
                ),
            },
            logo,
            texts: file.texts,
            footer: plain(&file.footer, 300),
        })
    }

    /// The name of the company; empty if there is none.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Rules that follow the style sheet.
    pub(super) fn style(&self) -> &str {
        &self.style
    }

    /// The logo as a data URL; empty if there is none.
    pub(super) fn logo(&self) -> &str {
        &self.logo
    }

    /// The text at the end of each page.
    pub(super) fn footer(&self) -> &str {
        &self.footer
    }

    /// The title of a page: the one of the theme, else `own`.
    pub(super) fn title(&self, page: &str, default_text: &str) -> String {
        self.text(page, default_text, |texts| &texts.title)
    }

    /// The sentence below the title.
    pub(super) fn summary(&self, page: &str, default_text: &str) -> String {
        self.text(page, default_text, |texts| &texts.summary)
    }

    fn text(&self, page: &str, default_text: &str, which: impl Fn(&Texts) -> &String) -> String {
        let text = self.texts.get(page).map(which).map(|text| plain(text, 200)).unwrap_or_default();
        if text.is_empty() { default_text.to_owned() } else { text }
    }
}

/// The colors of a scheme as declarations. Text needs enough contrast to its background.
fn declarations(
    scheme: &str,
    set: &BTreeMap<String, String>,
    default: impl Fn((&'static str, &'static str, &'static str)) -> &'static str,
) -> Result<String, String> {
    let mut declarations = String::new();
    for (name, color) in set {
        if !COLORS.iter().any(|(known, _, _)| known == name) {
            let known: Vec<&str> = COLORS.iter().map(|(known, _, _)| *known).collect();
            return Err(format!(
                "{THEME_FILE}: unknown color {name:?}; expected one of {}",
                known.join(", ")
            ));
        }
        channels(color)
            .ok_or_else(|| format!("{THEME_FILE}: {name} in {scheme} is not a color such as #0b6470"))?;
        let _ = write!(declarations, "--{name}: {color}; ");
    }
    let of = |name: &str| {
        let set = set.get(name).map(String::as_str);
        let default_color =
            COLORS.into_iter().chain(FIXED).find(|(known, _, _)| *known == name).map(&default);
        set.or(default_color).and_then(channels).unwrap_or_default()
    };
    let (paper, row) = (of("paper"), mix(of("ink"), ROW_INK, of("paper")));
    let heat = mix(of("accent"), HEAT_ACCENT, of("paper"));
    let pairs = [
        ("ink", "paper", paper),
        ("soft", "paper", paper),
        ("accent", "paper", paper),
        ("warn", "paper", paper),
        ("good", "paper", paper),
        ("ink", "a hovered row (paper with some ink)", row),
        ("soft", "a hovered row (paper with some ink)", row),
        ("ink", "a cell of a heat map (paper with accent)", heat),
    ];
    for (text, name, background) in pairs {
        let contrast = contrast(of(text), background);
        if contrast < MIN_CONTRAST {
            return Err(format!(
                "{THEME_FILE}: {text} on {name} has a contrast of {contrast:.1} in {scheme}; accessibility requires at least {MIN_CONTRAST}"
            ));
        }
    }
    Ok(declarations)
}

/// Red, green and blue of `#rrggbb`, from 0 to 1.
fn channels(color: &str) -> Option<[f64; 3]> {
    let digits = color.strip_prefix('#').filter(|digits| digits.len() == 6 && digits.is_ascii())?;
    let channel = |at: usize| Some(f64::from(u8::from_str_radix(digits.get(at..at + 2)?, 16).ok()?) / 255.0);
    Some([channel(0)?, channel(2)?, channel(4)?])
}

/// Mixes two colors as `color-mix(in srgb, …)` does.
fn mix(part: [f64; 3], share: f64, background: [f64; 3]) -> [f64; 3] {
    [0, 1, 2].map(|at| part[at] * share + background[at] * (1.0 - share))
}

/// The contrast of two colors, as WCAG defines it.
fn contrast(one: [f64; 3], other: [f64; 3]) -> f64 {
    let luminance = |color: [f64; 3]| {
        let [red, green, blue] = color
            .map(|value| if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) });
        0.2126 * red + 0.7152 * green + 0.0722 * blue
    };
    let (one, other) = (luminance(one), luminance(other));
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(json: &str) -> String {
        Theme::read(json.as_bytes(), None).expect_err("it is refused")
    }

    #[test]
    fn computes_contrast_as_wcag_defines_it() {
        let of = |color| channels(color).expect("a color");
        assert!((contrast(of("#000000"), of("#ffffff")) - 21.0).abs() < 1e-9);
        assert!((contrast(of("#777777"), of("#ffffff")) - 4.48).abs() < 0.01);
        assert_eq!(mix(of("#ff0000"), 0.4, of("#ffffff")), [1.0, 0.6, 0.6]);
        assert_eq!((channels("red"), channels("#12345"), channels("#12345é")), (None, None, None));
    }

    #[test]
    fn measured_colors_are_those_of_the_style_sheet() {
        let style = include_str!("../../../templates/html/style.css");
        for (name, light, dark) in COLORS.into_iter().chain(FIXED) {
            for color in [light, dark] {
                assert!(style.contains(&format!("--{name}: {color};")), "{name} {color}");
            }
        }
        assert!(
            style.contains(&format!("--weekend: color-mix(in srgb, var(--ink) {:.0}%,", ROW_INK * 100.0))
        );
        let heat = format!(
            ".h9 {{ background-color: color-mix(in srgb, var(--accent) {:.0}%, transparent)",
            HEAT_ACCENT * 100.0
        );
        assert!(style.contains(&heat));
    }

    #[test]
    fn rejects_text_that_is_unreadable_on_a_background() {
        let dark = |colors: &str| refused(&format!(r#"{{"colours":{{"dark":{{{colors}}}}}}}"#));
        assert!(dark(r##""accent":"#ffffff""##).contains("ink on a cell of a heat map"));
        assert!(dark(r##""soft":"#7e868d""##).contains("soft on a hovered row"));
        let light =
            refused(r##"{"colours":{"light":{"paper":"#cccccc","soft":"#3a3f45","accent":"#053a42"}}}"##);
        assert!(light.contains("warn on paper"), "{light}");
    }

    #[test]
    fn rejects_unreadable_and_unknown_values() {
        assert!(
            refused(r##"{"colours":{"light":{"accent":"#ffff00"}}}"##).contains("contrast of 1.1 in light")
        );
        assert!(refused(r##"{"colours":{"dark":{"paper":"#ffffff"}}}"##).contains("in dark"));
        assert!(refused(r#"{"colours":{"light":{"accent":"url(https://x)"}}}"#).contains("is not a color"));
        assert!(refused(r##"{"colours":{"light":{"glow":"#000000"}}}"##).contains("unknown color \"glow\""));
        assert!(refused(r#"{"texts":{"costs":{}}}"#).contains("unknown page \"costs\""));
        assert!(refused(r#"{"colors":{}}"#).contains("unknown field"));
        let logo = vec![0; MAX_LOGO_BYTES + 1];
        assert!(Theme::read(b"{}", Some(("image/png", &logo))).is_err());
    }

    #[test]
    fn an_empty_theme_is_the_default() {
        assert_eq!(Theme::read(b"{}", None), Ok(Theme::default()));
        assert_eq!(Theme::default().title("landing", "Dashboards"), "Dashboards");
    }
}
