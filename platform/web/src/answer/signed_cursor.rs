use super::page::PagingFlaw;
use crate::Problem;
use axum::http::{HeaderMap, HeaderValue, header::LINK};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
use hmac::{Hmac, Mac as _};
use sha2::Sha256;
use uuid::Uuid;
use zeroize::Zeroizing;

/// The bytes of a cursor's authentication code: 128 bits.
const CODE: usize = 16;
/// Separates these keys from others that are derived from the same secret.
const PURPOSE: &[u8] = b"cursors of lists, version 1";

/// A key that authenticates cursors.
#[derive(Clone)]
pub struct CursorKey(Zeroizing<[u8; 32]>);

/// The keys that authenticate cursors, the one for new cursors first. A cursor under any of them is valid.
pub trait CursorKeys: Send + Sync {
    /// The keys, at least one.
    fn cursor_keys(&self) -> Vec<CursorKey>;
}

/// The direction in which a page lies from its cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Towards {
    Next,
    Previous,
}

/// The row that a page begins after, in one direction. In text the cursor is authenticated, and bound to the list: its
/// filters and its order. Opaque to clients.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedCursor {
    pub towards: Towards,
    /// What the list is ordered by, as text.
    pub key: String,
    /// Orders rows with the same key.
    pub id: Uuid,
}

/// A page of a list that can be read in both directions.
#[derive(Debug, PartialEq, Eq)]
pub struct TwoWayPage<T> {
    /// The rows, in the order of the list.
    pub rows: Vec<T>,
    pub next: Option<SignedCursor>,
    pub previous: Option<SignedCursor>,
}

impl CursorKey {
    /// Derives a key from a secret of the installation.
    #[must_use]
    pub fn derive(secret: &[u8]) -> Self {
        let mut key = Zeroizing::new([0; 32]);
        // HMAC accepts a key of any length, so the constructor cannot fail.
        if let Ok(hmac) = Hmac::<Sha256>::new_from_slice(secret) {
            key.copy_from_slice(&hmac.chain_update(PURPOSE).finalize().into_bytes());
        }
        Self(key)
    }

    fn code(&self, list: &str, place: &[u8]) -> Option<Hmac<Sha256>> {
        let hmac = Hmac::<Sha256>::new_from_slice(&*self.0).ok()?;
        // The length keeps the end of the list's name apart from the beginning of the place.
        Some(hmac.chain_update((list.len() as u64).to_be_bytes()).chain_update(list).chain_update(place))
    }
}

impl SignedCursor {
    /// Reads a cursor of a list.
    ///
    /// # Errors
    /// [`PagingFlaw::OtherList`] if the server did not make the text for this list.
    pub fn open(text: &str, keys: &dyn CursorKeys, list: &str) -> Result<Self, PagingFlaw> {
        Self::opened(text, keys, list).ok_or(PagingFlaw::OtherList)
    }

    fn opened(text: &str, keys: &dyn CursorKeys, list: &str) -> Option<Self> {
        let bytes = BASE64.decode(text).ok()?;
        let (code, place) = bytes.split_first_chunk::<CODE>()?;
        let is_ours =
            |key: CursorKey| key.code(list, place).is_some_and(|hmac| hmac.verify_truncated_left(code).is_ok());
        if !keys.cursor_keys().into_iter().any(is_ours) {
            return None;
        }
        let (towards, rest) = place.split_first()?;
        let (id, key) = rest.split_first_chunk::<16>()?;
        let towards = if *towards == 0 { Towards::Next } else { Towards::Previous };
        Some(Self { towards, key: String::from_utf8(key.to_vec()).ok()?, id: Uuid::from_bytes(*id) })
    }

    /// The text of the cursor for this list.
    ///
    /// # Errors
    /// 500 if there is no key, which is a bug.
    pub fn seal(&self, keys: &dyn CursorKeys, list: &str) -> Result<String, Problem> {
        let mut place = vec![u8::from(self.towards == Towards::Previous)];
        place.extend_from_slice(self.id.as_bytes());
        place.extend_from_slice(self.key.as_bytes());
        let code = keys.cursor_keys().first().and_then(|key| key.code(list, &place));
        let code = code.ok_or_else(Problem::internal)?.finalize().into_bytes();
        Ok(BASE64.encode([&code[..CODE], &place].concat()))
    }
}

impl<T> TwoWayPage<T> {
    /// Builds a page from `limit + 1` rows, which were read from the cursor on, in its direction: the extra row shows
    /// that the list goes on. `position` returns the key and the id of a row.
    pub fn new(
        mut rows: Vec<T>,
        limit: i64,
        from: Option<&SignedCursor>,
        position: impl Fn(&T) -> (String, Uuid),
    ) -> Self {
        let most = usize::try_from(limit).unwrap_or_default();
        let goes_on = rows.len() > most;
        rows.truncate(most);
        let is_backward = from.is_some_and(|cursor| cursor.towards == Towards::Previous);
        if is_backward {
            rows.reverse();
        }
        let cursor = |row: &T, towards| {
            let (key, id) = position(row);
            SignedCursor { towards, key, id }
        };
        let (has_next, has_previous) = if is_backward { (true, goes_on) } else { (goes_on, from.is_some()) };
        let next = rows.last().filter(|_| has_next).map(|row| cursor(row, Towards::Next));
        let previous = rows.first().filter(|_| has_previous).map(|row| cursor(row, Towards::Previous));
        Self { rows, next, previous }
    }
}

/// The parameters of a query in the form of `application/x-www-form-urlencoded`.
#[must_use]
pub fn form_encoded(pairs: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}

/// Sets the header `Link` to pages of a list (RFC 8288): pairs of a relation and a cursor. `query` has the request's
/// parameters except the cursor.
///
/// # Errors
/// 500 if a link is no valid header, which is a bug.
pub fn set_links(
    headers: &mut HeaderMap,
    path: &str,
    query: &[(&str, &str)],
    links: &[(&str, Option<&str>)],
) -> Result<(), Problem> {
    let link = |(relation, cursor): &(&str, Option<&str>)| {
        let pairs: Vec<_> = query.iter().copied().chain([("cursor", (*cursor)?)]).collect();
        Some(format!("<{path}?{}>; rel=\"{relation}\"", form_encoded(&pairs)))
    };
    let links: Vec<_> = links.iter().filter_map(link).collect();
    if !links.is_empty() {
        headers.insert(LINK, HeaderValue::try_from(links.join(", ")).map_err(|_| Problem::internal())?);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{CursorKey, CursorKeys, SignedCursor, Towards, TwoWayPage};
    use crate::answer::page::PagingFlaw;
    use uuid::Uuid;

    struct Secrets(&'static [&'static str]);

    impl CursorKeys for Secrets {
        fn cursor_keys(&self) -> Vec<CursorKey> {
            self.0.iter().map(|secret| CursorKey::derive(secret.as_bytes())).collect()
        }
    }

    fn cursor(n: u8, towards: Towards) -> SignedCursor {
        SignedCursor { towards, key: format!("key {n}"), id: Uuid::from_u128(n.into()) }
    }

    #[test]
    fn a_cursor_survives_a_round_trip_also_after_the_key_was_rotated() {
        for towards in [Towards::Next, Towards::Previous] {
            let text = cursor(1, towards).seal(&Secrets(&["old"]), "list").expect("a text");
            for keys in [Secrets(&["old"]), Secrets(&["new", "old"])] {
                assert_eq!(SignedCursor::open(&text, &keys, "list"), Ok(cursor(1, towards)));
            }
        }
    }

    #[test]
    fn a_cursor_of_another_list_or_key_and_a_changed_one_are_refused() {
        let keys = Secrets(&["secret"]);
        let text = cursor(1, Towards::Next).seal(&keys, "list").expect("a text");
        let open = |text: &str, keys, list| SignedCursor::open(text, keys, list);
        assert_eq!(open(&text, &keys, "other list"), Err(PagingFlaw::OtherList));
        assert_eq!(open(&text, &Secrets(&["other"]), "list"), Err(PagingFlaw::OtherList));
        for n in 0..text.len() {
            let mut changed = text.clone().into_bytes();
            changed[n] = if changed[n] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).expect("ASCII");
            assert_eq!(open(&changed, &keys, "list"), Err(PagingFlaw::OtherList), "{changed}");
        }
        for other in ["", "%", "AAAA", &text[1..], &format!("{text}AAAA"), &format!("{text}=")] {
            assert_eq!(open(other, &keys, "list"), Err(PagingFlaw::OtherList), "{other}");
        }
    }

    #[test]
    fn a_page_has_links_to_where_the_list_goes_on() {
        let page = |rows: &[u8], from: Option<Towards>| {
            let from = from.map(|towards| cursor(9, towards));
            let page = TwoWayPage::new(rows.to_vec(), 2, from.as_ref(), |n| {
                (format!("key {n}"), Uuid::from_u128((*n).into()))
            });
            (page.rows, page.previous, page.next)
        };
        let (next, previous) = (|n| Some(cursor(n, Towards::Next)), |n| Some(cursor(n, Towards::Previous)));
        assert_eq!(page(&[1, 2], None), (vec![1, 2], None, None));
        assert_eq!(page(&[1, 2, 3], None), (vec![1, 2], None, next(2)));
        assert_eq!(page(&[3, 4, 5], Some(Towards::Next)), (vec![3, 4], previous(3), next(4)));
        assert_eq!(page(&[3], Some(Towards::Next)), (vec![3], previous(3), None));
        assert_eq!(page(&[4, 3, 2], Some(Towards::Previous)), (vec![3, 4], previous(3), next(4)));
        assert_eq!(page(&[2, 1], Some(Towards::Previous)), (vec![1, 2], None, next(2)));
        assert_eq!(page(&[], Some(Towards::Previous)), (vec![], None, None));
    }
}
