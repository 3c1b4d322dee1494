//! Cleans text from other systems for display. Templates do the escaping.

/// The number of characters shown of a dimension (a language, a project path).
pub const MAX_LABEL_LEN: usize = 120;

/// The text without control and direction-changing characters, with white space collapsed,
/// truncated to `max_len` characters.
///
/// A right-to-left override in a project path could make a page show something other than it
/// contains.
pub fn plain(text: &str, max_len: usize) -> String {
    let mut plain = String::new();
    let mut length = 0;
    let mut gap = false;
    for character in text.chars() {
        if character.is_whitespace() {
            gap = length > 0;
            continue;
        }
        if character.is_control() || is_invisible(character) {
            continue;
        }
        if length >= max_len {
            plain.push('…');
            break;
        }
        if std::mem::take(&mut gap) {
            plain.push(' ');
            length += 1;
        }
        plain.push(character);
        length += 1;
    }
    plain
}

/// Direction marks, zero-width characters and the like.
fn is_invisible(character: char) -> bool {
    matches!(character,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strips_invisible_characters() {
        assert_eq!(plain("a\u{202e}b\u{0}c\n\t d\u{200b}", 20), "abc d");
        assert_eq!(plain("  rust  ", 20), "rust");
        assert_eq!(plain("日本語テキスト", 3), "日本語…");
        assert_eq!(plain("", 3), "");
    }
}
