//! What output may never contain, whatever text it was made of. The fuzz targets use it too.

use pulldown_cmark::{Event, Options, Parser, Tag};

/// Whether a character only stands for itself: it moves no cursor, sets no colour, and turns no
/// neighbours around.
pub fn is_printable(c: char) -> bool {
    let turns =
        matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let is_no_character =
        matches!(c as u32 & 0xffff, 0xfffe | 0xffff) || ('\u{fdd0}'..='\u{fdef}').contains(&c);
    !c.is_control() && !turns && !is_no_character
}

/// What a terminal would obey in a text: everything unprintable but line feeds.
pub fn obeyed(text: &str) -> Vec<String> {
    let obeyed = text.chars().filter(|c| *c != '\n' && !is_printable(*c));
    obeyed.map(|c| format!("U+{:04X}", c as u32)).collect()
}

/// The same for a text with our colours.
pub fn obeyed_in_colour(text: &str) -> Vec<String> {
    let mut pieces = text.split("\u{1b}[");
    let mut found = obeyed(pieces.next().unwrap_or_default());
    for piece in pieces {
        let code = piece.split('m').next().unwrap_or_default();
        if !["0", "1", "2", "32", "33", "35", "1;31"].contains(&code) {
            found.push(format!("the code `{}`", code.escape_default()));
        }
        found.extend(obeyed(&piece[code.len()..]));
    }
    found
}

/// What a page has of HTML, of links and pictures that `is_ours` does not know, and of characters that
/// are obeyed. The page is read as GitHub and mdBook read it.
pub fn injected(page: &str, is_ours: &dyn Fn(&str) -> bool) -> Vec<String> {
    let dialects = [
        Options::empty(),
        Options::ENABLE_TABLES
            | Options::ENABLE_STRIKETHROUGH
            | Options::ENABLE_TASKLISTS
            | Options::ENABLE_FOOTNOTES
            | Options::ENABLE_MATH
            | Options::ENABLE_GFM
            | Options::ENABLE_DEFINITION_LIST
            | Options::ENABLE_HEADING_ATTRIBUTES,
    ];
    let mut found = obeyed(page);
    for event in dialects.into_iter().flat_map(|dialect| Parser::new_ext(page, dialect)) {
        match event {
            Event::Html(html) | Event::InlineHtml(html) => found.push(format!("HTML: {html}")),
            Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) if !is_ours(&dest_url) => {
                found.push(format!("a link to {dest_url}"));
            }
            Event::Start(Tag::Heading { id: Some(id), .. }) => found.push(format!("the anchor {id}")),
            Event::Start(
                tag @ (Tag::FootnoteDefinition(_)
                | Tag::DefinitionList
                | Tag::Strikethrough
                | Tag::BlockQuote(Some(_))
                | Tag::HtmlBlock
                | Tag::MetadataBlock(_)),
            ) => found.push(format!("{tag:?}")),
            Event::FootnoteReference(name) => found.push(format!("a reference to {name}")),
            Event::InlineMath(text) | Event::DisplayMath(text) => found.push(format!("mathematics: {text}")),
            Event::TaskListMarker(_) => found.push("a task".into()),
            _ => {}
        }
    }
    found
}

/// The texts of an XML document: those between tags, and the values of attributes.
///
/// # Errors
/// Why it is no XML.
pub fn texts_of_xml(document: &str) -> Result<Vec<String>, String> {
    let read = roxmltree::Document::parse(document).map_err(|e| format!("no XML: {e}"))?;
    let mut texts = Vec::new();
    for node in read.descendants() {
        texts.extend(node.attributes().map(|attribute| attribute.value().to_owned()));
        texts.extend(node.text().map(ToOwned::to_owned));
        if node.is_comment() || node.is_pi() {
            return Err(format!("a comment or an instruction: {node:?}"));
        }
    }
    match obeyed(&texts.concat().replace(['\t', '\r'], " ")) {
        found if found.is_empty() => Ok(texts),
        found => Err(found.join(", ")),
    }
}
