use super::signed_cursor::set_links;
use crate::{Json, Problem, Query};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
use kernel::{DomainError, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

const MOST: i64 = 100;
const DEFAULT: i64 = 25;

/// The position of the last row of a page: the next page begins after it. Opaque to clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    /// The time that the list is ordered by.
    pub at: Timestamp,
    /// Orders rows with the same time.
    pub id: Uuid,
}

/// The page of a list that a client asks for, by the parameters `limit` and `cursor`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Paging {
    /// The most rows of the page, from 1 to 100.
    pub limit: i64,
    /// The end of the page before; `None` for the first page.
    pub after: Option<Cursor>,
}

/// A page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub struct Page<T> {
    /// The items of this page, in the order of the list.
    pub data: Vec<T>,
    /// The value of `cursor` for the next page; `null` on the last page.
    #[schema(required = true, max_length = 100)]
    pub next_cursor: Option<String>,
}

/// What is wrong with `limit` or `cursor`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PagingFlaw {
    #[error("must be a whole number from 1 to 100")]
    Limit,
    #[error("must be the next_cursor of an earlier page")]
    Cursor,
    /// A [`SignedCursor`](crate::SignedCursor) that was changed, or belongs to another list.
    #[error("must be a cursor of an earlier page with the same filters and sort: begin again without it")]
    OtherList,
}

impl DomainError for PagingFlaw {
    fn code(&self) -> &'static str {
        match self {
            Self::Limit => "limit_out_of_range",
            Self::Cursor | Self::OtherList => "cursor_invalid",
        }
    }
}

impl Cursor {
    /// Reads a cursor.
    ///
    /// # Errors
    /// When it is none that was given out.
    pub fn parse(text: &str) -> Result<Self, PagingFlaw> {
        let bytes = BASE64.decode(text).map_err(|_| PagingFlaw::Cursor)?;
        let (at, id) = bytes.split_first_chunk::<8>().ok_or(PagingFlaw::Cursor)?;
        let at = Timestamp::from_microsecond(i64::from_be_bytes(*at)).ok_or(PagingFlaw::Cursor)?;
        let id = Uuid::from_slice(id).map_err(|_| PagingFlaw::Cursor)?;
        Ok(Self { at, id })
    }

    fn text(self) -> String {
        let mut bytes = self.at.as_microsecond().to_be_bytes().to_vec();
        bytes.extend_from_slice(self.id.as_bytes());
        BASE64.encode(bytes)
    }
}

impl Paging {
    /// Reads `limit` and `cursor`. [`Query::finish`] reports their violations.
    pub fn read(query: &mut Query) -> Self {
        Self { limit: read_limit(query), after: query.optional("cursor", Cursor::parse) }
    }

    /// The place that the rows of this page come before, in a list with the latest rows first.
    #[must_use]
    pub fn before(&self) -> Cursor {
        // In the year 9999, which both databases can store.
        const LAST: i64 = 253_370_764_800_000_000;
        let last = || Timestamp::from_microsecond(LAST).unwrap_or_else(Timestamp::now);
        self.after.unwrap_or_else(|| Cursor { at: last(), id: Uuid::max() })
    }
}

/// Reads `limit`: the most rows of a page. [`Query::finish`] reports a violation.
pub fn read_limit(query: &mut Query) -> i64 {
    let limit = query.optional("limit", |text| {
        let limit: Option<i64> = text.parse().ok().filter(|limit: &i64| limit.to_string() == text);
        limit.filter(|limit| (1..=MOST).contains(limit)).ok_or(PagingFlaw::Limit)
    });
    limit.unwrap_or(DEFAULT)
}

impl<T> Page<T> {
    /// Builds a page from `paging.limit + 1` rows: the extra row shows that there is a next page. `cursor` returns the
    /// position of a row.
    pub fn new(mut rows: Vec<T>, paging: Paging, cursor: impl Fn(&T) -> Cursor) -> Self {
        let most = usize::try_from(paging.limit).unwrap_or_default();
        let has_more = rows.len() > most;
        rows.truncate(most);
        let last = rows.last().filter(|_| has_more).map(|row| cursor(row).text());
        Self { data: rows, next_cursor: last }
    }
}

impl<T: Serialize> Page<T> {
    /// The response, with a `Link` to the next page (RFC 8288). `query` has the request's parameters except the cursor.
    pub fn answer(self, path: &str, query: &[(&str, &str)]) -> Result<Response, Problem> {
        let next = self.next_cursor.clone();
        let mut answer = Json(self).into_response();
        set_links(answer.headers_mut(), path, query, &[("next", next.as_deref())])?;
        Ok(answer)
    }
}

#[cfg(test)]
mod tests {
    use super::{Cursor, Page, Paging, PagingFlaw};
    use crate::Query;
    use base64::Engine as _;
    use kernel::Timestamp;
    use uuid::Uuid;

    fn cursor(n: i64) -> Cursor {
        Cursor { at: Timestamp::from_microsecond(n).expect("in range"), id: Uuid::from_u128(7) }
    }

    #[test]
    fn a_cursor_survives_a_round_trip() {
        for n in [0, 1, -1, 1_790_000_000_123_456] {
            assert_eq!(Cursor::parse(&cursor(n).text()), Ok(cursor(n)));
        }
    }

    #[test]
    fn a_text_that_no_page_gave_is_rejected_as_a_cursor() {
        let text = cursor(5).text();
        let far = super::BASE64.encode([[0x7f; 8].as_slice(), &[0; 16]].concat());
        for other in ["", "%", "AAAA", &text[1..], &format!("{text}AAAA"), &format!("{text}="), &far] {
            assert_eq!(Cursor::parse(other), Err(PagingFlaw::Cursor), "{other}");
        }
    }

    #[test]
    fn a_limit_is_a_number_from_1_to_100_in_one_spelling() {
        let limit = |text: &str| {
            let mut query = Query::parse(&format!("limit={text}")).expect("a query");
            let paging = Paging::read(&mut query);
            query.finish(Some(paging.limit)).ok()
        };
        assert_eq!((limit("1"), limit("100")), (Some(1), Some(100)));
        for text in ["0", "-1", "101", "%2B1", "01", "1e2", "2147483648", "9223372036854775808", "", "ten"] {
            assert_eq!(limit(text), None, "{text}");
        }
        let mut query = Query::parse("").expect("a query");
        assert_eq!(Paging::read(&mut query), Paging { limit: 25, after: None });
    }

    #[test]
    fn a_page_ends_where_the_next_begins() {
        let paging = Paging { limit: 2, after: None };
        let page = Page::new(vec![1, 2, 3], paging, |n| cursor(*n));
        assert_eq!((page.data, page.next_cursor), (vec![1, 2], Some(cursor(2).text())));
        let page = Page::new(vec![1, 2], paging, |n| cursor(*n));
        assert_eq!((page.data, page.next_cursor), (vec![1, 2], None));
    }
}
