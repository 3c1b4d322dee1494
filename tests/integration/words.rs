//! The phrases that docs/glossary.md bans. `typos` checks single words only.

use std::path::PathBuf;

use crate::documents::{root, sources};

const GLOSSARY: &str = "docs/glossary.md";

/// The files and folders that use the words of the glossary.
const CHECKED: [&str; 11] = [
    "src",
    "image",
    "release",
    "templates",
    "docs",
    "examples",
    "stand-in",
    "README.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "component.yml",
];

/// A line that ends with this comment keeps its words; see typos.toml.
const KEEP: &str = "typos: keep";

/// What a line of a comment, list or quotation starts with, and what a continued one ends with.
const MARKERS: [&str; 12] = ["//", "///", "//!", "#", "--", "*", "-", ">", "<!--", "-->", "\\", "|"];

/// The phrases of the table "Words we do not use". A word with a parenthesis is banned only in that
/// sense.
fn banned_phrases(glossary: &str) -> Vec<String> {
    let (_, table) = glossary.split_once("\n## Words we do not use\n").expect("the table of the glossary");
    let rows = table.lines().filter_map(|line| line.strip_prefix("| ")?.split(" | ").next());
    let entries = rows.skip(1).flat_map(|row| row.split(", "));
    entries.filter(|entry| entry.contains(' ') && !entry.contains('(')).map(str::to_owned).collect()
}

/// The banned phrases of a text with their line, also across line breaks.
fn find<'a>(phrases: &'a [String], text: &str) -> Vec<(usize, &'a str)> {
    let mut flat = String::from(" ");
    // Where the words of each line start.
    let mut starts = Vec::new();
    for line in text.lines() {
        starts.push(flat.len());
        let is_kept = line.contains(KEEP);
        let words = line.split_whitespace().filter(|word| !is_kept && !MARKERS.contains(word));
        words.for_each(|word| flat.extend([word.to_lowercase().replace('’', "'").as_str(), " "]));
        if is_kept {
            flat.push_str("| ");
        }
    }
    let is_word = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
    let mut found = Vec::new();
    for phrase in phrases {
        for (at, _) in flat.match_indices(&phrase.to_lowercase()) {
            let (before, after) = (flat[..at].chars().next_back(), flat[at + phrase.len()..].chars().next());
            if !is_word(before) && !is_word(after) {
                found.push((starts.partition_point(|start| *start <= at), phrase.as_str()));
            }
        }
    }
    found
}

#[test]
fn no_text_uses_a_phrase_that_the_glossary_bans() {
    let read = |path: &str| std::fs::read_to_string(root().join(path)).expect("a text");
    let phrases = banned_phrases(&read(GLOSSARY));
    let mut files: Vec<PathBuf> = Vec::new();
    for path in CHECKED.map(|path| root().join(path)) {
        if path.is_dir() {
            sources(&path, &mut files);
        } else if path.is_file() {
            files.push(path);
        }
    }
    files.retain(|path| *path != root().join(GLOSSARY));
    let mut used = Vec::new();
    for path in &files {
        // Pictures are no text.
        let Ok(text) = std::fs::read_to_string(path) else { continue };
        let name = path.strip_prefix(root()).expect("below the root").display();
        used.extend(
            find(&phrases, &text).into_iter().map(|(line, phrase)| format!("{name}:{line}: {phrase}")),
        );
    }
    assert!(used.is_empty(), "{GLOSSARY} has better words for these:\n{}", used.join("\n"));
}

#[test]
fn phrases_are_found_in_any_case_and_across_lines() {
    let glossary = std::fs::read_to_string(root().join(GLOSSARY)).expect("the glossary");
    let phrases = banned_phrases(&glossary);
    for phrase in ["of somebody's own", "lets go", "who wants to", "the stream is cut"] {
        assert!(phrases.iter().any(|banned| banned == phrase), "{phrase}: {phrases:?}");
    }
    assert!(!phrases.iter().any(|phrase| phrase.contains('|') || phrase.contains("instead")), "{phrases:?}");
    let text = "/// A memory\n/// lets\n/// GO. It goes pasture.\nx // Anyone who\n// typos: keep, who wants to\nWho wants\nto.\n";
    assert_eq!(find(&phrases, text), [(2, "lets go"), (6, "who wants to")]);
}
