use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
use web::{Cursor, Page, Paging};

/// What is a cursor is one that we give out: in its one spelling.
///
/// # Panics
/// When that does not hold.
pub fn cursor(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Ok(cursor) = Cursor::parse(text) else { return };
    let paging = Paging { limit: 1, after: Some(cursor) };
    // The way that cursors are given out.
    let page = Page::new(vec![cursor; 2], paging, |row| *row);
    assert_eq!(page.next_cursor.as_deref(), Some(text));
    assert_eq!(BASE64.decode(text).map(|bytes| bytes.len()), Ok(24));
}
