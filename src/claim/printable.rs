//! Text that says something and does nothing.
//!
//! A terminal obeys control characters, and readers of text obey those that turn its direction around.
//! Claims files may not have them; where text of another origin is shown (an argument, an answer of
//! another program, stored verdicts), they are shown by their numbers.

use std::borrow::Cow;

/// Whether a character stands for itself: it is no control character, does not turn its neighbours
/// around, and is a character at all.
#[must_use]
pub fn is_printable(c: char) -> bool {
    let turns = matches!(
        c,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
    );
    let is_none = (c as u32) & 0xfffe == 0xfffe || ('\u{fdd0}'..='\u{fdef}').contains(&c);
    !c.is_control() && !turns && !is_none
}

/// The text with what is not printable by its number, as JSON writes it (`\u001b`), so that JSON stays the
/// same JSON. Line feeds stay, and of other characters those that `keeps` names.
#[must_use]
pub fn printable<'a>(text: &'a str, keeps: &[char]) -> Cow<'a, str> {
    let stays = |c: char| is_printable(c) || c == '\n' || keeps.contains(&c);
    if text.chars().all(stays) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if stays(c) {
            shown.push(c);
        } else {
            let mut units = [0; 2];
            shown.extend(c.encode_utf16(&mut units).iter().map(|unit| format!("\\u{unit:04x}")));
        }
    }
    Cow::Owned(shown)
}

/// The text in one line, and printable.
#[must_use]
pub fn in_one_line(text: &str) -> Cow<'_, str> {
    let breaks = |c: char| c.is_whitespace() && c != ' ';
    if text.contains(breaks) {
        let words: Vec<&str> = text.split_whitespace().collect();
        return Cow::Owned(printable(&words.join(" "), &[]).into_owned());
    }
    printable(text, &[])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_text_is_shown_by_its_number() {
        assert_eq!(printable("λ ≤ é\n‘’ 日本", &[]), "λ ≤ é\n‘’ 日本");
        assert_eq!(
            printable("\u{1b}[31m\0\u{9b}\u{202e}\u{1ffff}", &[]),
            "\\u001b[31m\\u0000\\u009b\\u202e\\ud83f\\udfff"
        );
        assert_eq!(printable("a\tb\rc", &['\t']), "a\tb\\u000dc");
        assert_eq!(in_one_line(" a\n\n b\u{2028}c\u{7f} "), "a b c\\u007f");
        assert_eq!(in_one_line("two  spaces"), "two  spaces");
    }

    #[test]
    fn json_stays_the_same_json() {
        let value = serde_json::json!({ "a\u{202e}": "\u{9b}\u{1fffe}" });
        let shown = printable(&value.to_string(), &[]).into_owned();
        assert!(shown.chars().all(is_printable));
        assert_eq!(serde_json::from_str::<serde_json::Value>(&shown).unwrap(), value);
    }
}
