//! Colors of messages. Whether a stream shows colors is decided in
//! [`system::terminal`](crate::system::terminal).

use std::borrow::Cow;

use anstyle::{AnsiColor, Style};

/// What a color expresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// It failed.
    Bad,
    /// It works, with a limitation.
    Warning,
    /// It works.
    Good,
    /// It matters less than the rest of the line.
    Faint,
}

/// Colors text, or leaves it as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Painter {
    has_colors: bool,
}

impl Painter {
    /// A painter with or without colors.
    pub fn new(has_colors: bool) -> Painter {
        Painter { has_colors }
    }

    /// The text in a tone.
    pub fn paint(self, tone: Tone, text: &str) -> Cow<'_, str> {
        if !self.has_colors {
            return Cow::from(text);
        }
        let style = match tone {
            Tone::Bad => AnsiColor::Red.on_default().bold(),
            Tone::Warning => AnsiColor::Yellow.on_default().bold(),
            Tone::Good => AnsiColor::Green.on_default(),
            Tone::Faint => Style::new().dimmed(),
        };
        Cow::from(format!("{style}{text}{style:#}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_has_escape_sequences_only_with_colors() {
        for tone in [Tone::Bad, Tone::Warning, Tone::Good, Tone::Faint] {
            assert_eq!(Painter::new(false).paint(tone, "fail"), "fail");
            let painted = Painter::new(true).paint(tone, "fail");
            assert!(painted.starts_with("\u{1b}[") && painted.ends_with("fail\u{1b}[0m"), "{painted:?}");
        }
    }
}
