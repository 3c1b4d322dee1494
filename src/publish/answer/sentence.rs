//! Sentences: text with emphasis, for pages, cards and Markdown.

/// A sentence in parts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sentence {
    /// The parts, in order.
    pub parts: Vec<Part>,
}

/// A part of a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Its text.
    pub text: String,
    /// Its emphasis.
    pub tone: Tone,
}

/// The emphasis of a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// None.
    Plain,
    /// What the sentence is about.
    Strong,
    /// What is lost.
    Loss,
    /// What a server or a repository named: shown as code in Markdown.
    Name,
}

impl Sentence {
    /// A sentence without emphasis.
    pub fn plain(text: impl Into<String>) -> Sentence {
        Sentence::default().with(Tone::Plain, text)
    }

    /// A sentence that starts with emphasis.
    pub(super) fn strong(text: impl Into<String>) -> Sentence {
        Sentence::default().with(Tone::Strong, text)
    }

    /// Adds a part.
    pub fn with(mut self, tone: Tone, text: impl Into<String>) -> Sentence {
        self.parts.push(Part { text: text.into(), tone });
        self
    }

    /// Adds text without emphasis.
    pub fn then(self, text: impl Into<String>) -> Sentence {
        self.with(Tone::Plain, text)
    }

    /// The text without emphasis.
    pub fn text(&self) -> String {
        self.parts.iter().map(|part| &*part.text).collect()
    }
}
