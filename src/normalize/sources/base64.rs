//! Base64 as trackers write it: the standard or the URL-safe alphabet, with or without padding.

/// Decodes a text; `None` if it is not base64, or truncated.
pub(super) fn decode(text: &str) -> Option<Vec<u8>> {
    let text = text.trim_end_matches('=').as_bytes();
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3 + 2);
    for group in text.chunks(4) {
        // A single digit has less than a byte.
        if group.len() == 1 {
            return None;
        }
        let mut bits = 0_u32;
        for place in 0..4 {
            bits = bits << 6 | group.get(place).map_or(Some(0), |byte| digit_value(*byte))?;
        }
        bytes.extend_from_slice(&bits.to_be_bytes()[1..group.len()]);
    }
    Some(bytes)
}

fn digit_value(byte: u8) -> Option<u32> {
    Some(u32::from(match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' | b'-' => 62,
        b'/' | b'_' => 63,
        _ => return None,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decodes_both_alphabets_with_and_without_padding() {
        let read = |text| decode(text).and_then(|bytes| String::from_utf8(bytes).ok());
        assert_eq!(read("").as_deref(), Some(""));
        assert_eq!(read("eyJhIjoi4oK_In0").as_deref(), Some(r#"{"a":"₿"}"#));
        assert_eq!(read("eyJhIjoi4oK/In0=").as_deref(), Some(r#"{"a":"₿"}"#));
        assert_eq!(read("YQ==").as_deref(), Some("a"));
        assert_eq!(read("YWI").as_deref(), Some("ab"));
        for bad in ["Y", "YWJjZ", "Y!==", "Y Q=", "YQ=a", "é"] {
            assert_eq!(decode(bad), None, "{bad}");
        }
    }
}
