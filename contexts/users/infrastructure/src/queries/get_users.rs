//! Administrators, and services with the scope `users:read`, list and search users.

use crate::http::UsersState;
use crate::queries::find_users::{Count, SubstringSearchIsOff, Wanted, count, find, has_index};
use crate::queries::get_user::{self, UserView};
use auth_access::UserReader;
use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Response};
use futures::future::try_join;
use identity::{Email, UserId};
use persistence::{Db, SqlError, fetch_optional};
use serde::Serialize;
use users_domain::{FilterFlaw, UserFilter, UserOrder, UserRole, UserStatus};
use utoipa::ToSchema;
use uuid::Uuid;
use web::{
    Json, NoQuery, NotAnId, Problem, Query, SignedCursor, TwoWayPage, form_encoded, parse_id, read_limit, set_links,
    unavailable,
};

const PATH: &str = "/users";

/// A page of a list of users.
#[derive(Debug, Serialize, ToSchema)]
#[schema(title = "UserPage")]
pub(crate) struct UserPage {
    /// The users of this page, in the order of the list.
    data: Vec<UserView>,
    /// The value of `cursor` for the next page; `null` on the last page.
    #[schema(required = true, max_length = 2000)]
    next_cursor: Option<String>,
    /// The value of `cursor` for the previous page; `null` on the first page.
    #[schema(required = true, max_length = 2000)]
    previous_cursor: Option<String>,
    /// How many users match the filters, on all pages. `count_is` says how exact the number is.
    #[schema(minimum = 0)]
    count: i64,
    /// `exact`, up to 1,000; `estimate` by the database; or `at_least`, if there are more than 1,000 and the database
    /// has no estimate.
    #[schema(pattern = "^(exact|estimate|at_least)$")]
    count_is: &'static str,
}

/// List users.
///
/// For administrators, and for services with the scope `users:read`. Filters combine: each user of the list matches all
/// of them. While users register or change, each user who stays in the list is still on exactly one page, in both
/// directions.
#[utoipa::path(
    get,
    path = "/users",
    tag = "users",
    security(("bearer" = [])),
    params(
        ("id" = Option<Uuid>, Query, description = "Return only the user with this id."),
        ("email" = Option<String>, Query, description = "Return only the user with this email address, in any spelling.", max_length = 254),
        ("email_prefix" = Option<String>, Query, description = "Return only users whose email address begins like this, without case.", max_length = 254),
        ("name_prefix" = Option<String>, Query, description = "Return only users whose name begins like this, without case.", max_length = 200),
        ("q" = Option<String>, Query, description = "Return only users whose email address or name contains this, without case: at least 3 characters. An international domain is searched as `xn--…`; `domain` takes either form. An operator turns it on by `roster migrate --substring-search`; until then it is refused (`substring_search_off`).", max_length = 200),
        ("domain" = Option<String>, Query, description = "Return only users whose email address has this domain.", max_length = 254),
        ("status" = Option<String>, Query, description = "Return only users with this status: `active` or `deactivated`.", pattern = "^(active|deactivated)$"),
        ("role" = Option<String>, Query, description = "Return only users with this role: `user` or `admin`.", pattern = "^(user|admin)$"),
        ("email_verified" = Option<String>, Query, description = "Return only users whose email address is verified, or is not.", pattern = "^(true|false)$"),
        ("created_after" = Option<String>, Query, description = "Return only users who registered later than this time (RFC 3339).", max_length = 50),
        ("created_before" = Option<String>, Query, description = "Return only users who registered earlier than this time (RFC 3339).", max_length = 50),
        ("sort" = Option<String>, Query, description = "The order: `created_at`, `email` or `name`, with `-` in front for the descending order. The default is `email` with `email_prefix`, else `name` with `name_prefix`, else `-created_at`. Users without a name come first in `name`.", pattern = "^-?(created_at|email|name)$"),
        ("limit" = Option<i64>, Query, description = "The maximum number of users to return.", minimum = 1, maximum = 100),
        ("cursor" = Option<String>, Query, description = "`next_cursor` or `previous_cursor` of a page with the same filters and the same `sort`.", max_length = 2000),
    ),
    responses(
        (status = 200, description = "The users.", body = UserPage, headers(
            ("Link" = String, description = "The next and the previous page (RFC 8288)."),
        ), example = json!({
            "data": [{
                "id": "0190b5a6-7c2f-7d1e-9a3b-4c5d6e7f8091", "name": "Ada Lovelace", "created_at": "2026-09-21T14:13:20.123456Z",
                "email": "ada@example.org", "email_verified": false, "role": "user", "status": "active",
            }],
            "next_cursor": null, "previous_cursor": null, "count": 1, "count_is": "exact",
        })),
        (status = 403, description = "Only administrators, and services with the scope `users:read`, may list users."),
    )
)]
pub(crate) async fn get_users(
    State(state): State<UsersState>,
    _: UserReader,
    mut query: Query,
) -> Result<Response, Problem> {
    let limit = read_limit(&mut query);
    let filter = read_filter(&mut query, &state.db).await?;
    let order = query.optional("sort", str::parse::<UserOrder>).unwrap_or_else(|| filter.default_order());
    let given = pairs(&filter, order);
    let given: Vec<_> = given.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let (keys, list) = (&*state.cursors, form_encoded(&given));
    let from = query.optional("cursor", |text| SignedCursor::open(text, keys, &list));
    query.finish(Some(()))?;

    let wanted = Wanted { filter: &filter, order, from: from.as_ref(), limit };
    let (rows, matching) = try_join(find(&state.db, wanted), count(&state.db, &filter)).await.map_err(unavailable)?;
    let page = TwoWayPage::new(rows, limit, from.as_ref(), |found| (found.key.clone(), found.id));
    let text = |cursor: Option<SignedCursor>| cursor.map(|cursor| cursor.seal(keys, &list)).transpose();
    let (count, count_is) = match matching {
        Count::Exact(count) => (count, "exact"),
        Count::Estimate(count) => (count, "estimate"),
        Count::AtLeast(count) => (count, "at_least"),
    };
    let page = UserPage {
        data: page.rows.into_iter().map(|found| found.user).collect(),
        next_cursor: text(page.next)?,
        previous_cursor: text(page.previous)?,
        count,
        count_is,
    };
    let links = [("next", page.next_cursor.clone()), ("prev", page.previous_cursor.clone())];
    let mut answer = Json(page).into_response();
    let limit = limit.to_string();
    let given: Vec<_> = given.into_iter().chain([("limit", limit.as_str())]).collect();
    set_links(answer.headers_mut(), PATH, &given, &links.each_ref().map(|(name, cursor)| (*name, cursor.as_deref())))?;
    Ok(answer)
}

/// Find a user by email address.
///
/// For administrators, and for services with the scope `users:read`. The address may have any spelling that means the
/// same mailbox.
#[utoipa::path(
    get,
    path = "/users/by-email/{email}",
    tag = "users",
    security(("bearer" = [])),
    params(("email" = String, Path, description = "The email address, percent-encoded.", max_length = 254)),
    responses(
        (status = 200, description = "The user, with all fields.", body = UserView, headers(
            ("ETag" = String, description = "The tag of this representation."),
        )),
        (status = 403, description = "Only administrators, and services with the scope `users:read`, may find users."),
        (status = 404, description = "No user has this address."),
    )
)]
pub(crate) async fn get_user_by_email(
    State(state): State<UsersState>,
    _: UserReader,
    Path(email): Path<String>,
    _: NoQuery,
) -> Result<Response, Problem> {
    let email = Email::parse(&email).map_err(|_| Problem::not_found())?;
    let id = state.id_of(&email).await.map_err(unavailable)?.ok_or_else(Problem::not_found)?;
    Ok(get_user::whole(&state, id).await?.answer())
}

impl UsersState {
    async fn id_of(&self, email: &Email) -> Result<Option<Uuid>, SqlError> {
        let sql = "select id from users_users where email_canonical = $1";
        let mut db = self.db.read().await?;
        Ok(fetch_optional!(&mut db, (Uuid,), sql, email.canonical())?.map(|(id,)| id))
    }
}

pub(crate) async fn read_filter(query: &mut Query, db: &Db) -> Result<UserFilter, Problem> {
    let filter = UserFilter {
        id: query.optional("id", |text| parse_id(text).map(UserId::new).map_err(|_: NotAnId| NotAnId)),
        email: query.optional("email", Email::parse),
        email_prefix: query.optional("email_prefix", str::parse),
        name_prefix: query.optional("name_prefix", str::parse),
        substring: query.optional("q", str::parse),
        domain: query.optional("domain", str::parse),
        status: query.optional("status", str::parse),
        role: query.optional("role", str::parse),
        email_verified: query.optional("email_verified", UserFilter::parse_boolean),
        created_after: query.optional("created_after", UserFilter::parse_time),
        created_before: query.optional("created_before", UserFilter::parse_time),
    };
    let contradictions: Vec<(_, FilterFlaw)> = filter.contradictions();
    contradictions.iter().for_each(|(name, why)| query.refuse(name, why));
    if !has_index(db, &filter).await.map_err(unavailable)? {
        query.refuse("q", &SubstringSearchIsOff);
    }
    Ok(filter)
}

/// The parameters that stand for this list, in one spelling. A cursor is bound to them.
fn pairs(filter: &UserFilter, order: UserOrder) -> Vec<(&'static str, String)> {
    let UserFilter {
        id,
        email,
        email_prefix,
        name_prefix,
        substring,
        domain,
        status,
        role,
        email_verified,
        created_after,
        created_before,
    } = filter;
    let pairs = [
        ("id", id.map(|id| id.as_uuid().to_string())),
        ("email", email.as_ref().map(|it| it.canonical().to_owned())),
        ("email_prefix", email_prefix.as_ref().map(|it| it.as_str().to_owned())),
        ("name_prefix", name_prefix.as_ref().map(|it| it.as_str().to_owned())),
        ("q", substring.as_ref().map(|it| it.as_str().to_owned())),
        ("domain", domain.as_ref().map(|it| it.as_str().to_owned())),
        ("status", status.map(|it| UserStatus::as_str(it).to_owned())),
        ("role", role.map(|it| UserRole::as_str(it).to_owned())),
        ("email_verified", email_verified.map(|it| it.to_string())),
        ("created_after", created_after.map(|it| it.to_string())),
        ("created_before", created_before.map(|it| it.to_string())),
        ("sort", Some(order.text())),
    ];
    pairs.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
}
