use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
use web::{Cursor, Page, Paging};

/// Checks that every accepted cursor is one that Roster gives out, in its only spelling.
///
/// # Panics
/// When the property does not hold.
pub fn cursor(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Ok(cursor) = Cursor::parse(text) else { return };
    let paging = Paging { limit: 1, after: Some(cursor) };
    // A page with a next one gives a cursor out.
    let page = Page::new(vec![cursor; 2], paging, |row| *row);
    assert_eq!(page.next_cursor.as_deref(), Some(text));
    assert_eq!(BASE64.decode(text).map(|bytes| bytes.len()), Ok(24));
}
