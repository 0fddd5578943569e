//! All codes of problems and violations, as `/problems/{code}` explains them.

use web::ProblemKind;

const fn problem(code: &'static str, status: u16, meaning: &'static str, remedy: &'static str) -> ProblemKind {
    ProblemKind { code, status: Some(status), meaning, remedy }
}

/// A code in `errors` of a problem, or in `error` of a command.
const fn part(code: &'static str, meaning: &'static str, remedy: &'static str) -> ProblemKind {
    ProblemKind { code, status: None, meaning, remedy }
}

/// Each code once, by name. A test holds the list against the code.
pub const PROBLEMS: &[ProblemKind] = &[
    problem("bad_request", 400, "The request cannot be understood.", "Compare it with the API's documentation."),
    problem("body_incomplete", 400, "The body ended early, or its chunks are malformed.", "Send the whole body again."),
    problem(
        "body_too_large",
        413,
        "The body is over 64 KiB.",
        "Send less. No request needs that much, so look for a field with too much in it.",
    ),
    problem("body_too_slow", 408, "The body took more than 10 seconds to arrive.", "Send it again at once."),
    part(
        "broken",
        "A part of a command failed in a way that trying again does not mend.",
        "An operator looks at it with `roster commands show ID`, and retries or discards it.",
    ),
    problem(
        "changed_meanwhile",
        409,
        "The password was changed by another request at the same time.",
        "Sign in with the password that holds now, and try again.",
    ),
    problem(
        "content_encoding_unsupported",
        415,
        "The body is compressed.",
        "Send it uncompressed, without a Content-Encoding.",
    ),
    problem(
        "content_type_unsupported",
        415,
        "The body has no Content-Type, several, or another than the operation takes.",
        "Send the type that `detail` names, in UTF-8.",
    ),
    part(
        "cursor_invalid",
        "The cursor is none that this list gave out.",
        "Use `next_cursor` of the page before as it is, or begin at the first page.",
    ),
    problem(
        "database_unavailable",
        503,
        "The database does not answer. Nothing was accepted.",
        "Send the request again after the seconds in Retry-After, with the same Idempotency-Key.",
    ),
    part(
        "days_out_of_range",
        "A service key cannot last for that many days.",
        "Choose a number from the range that the message names.",
    ),
    part(
        "discarded",
        "An operator has given up the part of the command that had failed.",
        "Send a new command if it is still wanted.",
    ),
    problem("duplicate_parameter", 400, "A parameter of the query is given twice.", "Give it once."),
    part("email_invalid", "This is no email address.", "Use an address such as name@example.org."),
    problem(
        "email_taken",
        409,
        "A user with this email address is registered already. Case and the spelling of the domain do not count.",
        "Sign in, or register another address.",
    ),
    part("email_too_long", "The email address has more than 254 characters.", "Use a shorter address."),
    part(
        "filter_invalid",
        "The value of a filter cannot be one.",
        "Use one to 50 of the characters that the message names.",
    ),
    part(
        "follow_up_failed",
        "The command itself was done, and a part that follows from it failed for good.",
        "An operator looks at it with `roster commands show ID`, and retries or discards the part.",
    ),
    problem(
        "forbidden",
        403,
        "You are signed in, and this is not yours to do.",
        "Ask an administrator, or use a key with the scope that the operation needs.",
    ),
    problem(
        "gone",
        410,
        "This command ended more than 30 days ago; commands are kept for so long.",
        "Read the thing itself that the command was about.",
    ),
    problem(
        "host_invalid",
        400,
        "The request names no host, several, or a malformed one.",
        "Send one Host header. Behind a proxy, look at how it sets Host.",
    ),
    part("id_invalid", "This is no UUID, or not one that may be chosen.", "Use a UUID of version 4 or 7."),
    problem(
        "id_taken",
        409,
        "A user with this id exists, or is being registered.",
        "Choose another id, or leave it out.",
    ),
    problem(
        "idempotency_key_invalid",
        400,
        "The header Idempotency-Key is given twice, is empty, is too long, or has characters that cannot be seen.",
        "Send one key: a UUID.",
    ),
    problem(
        "idempotency_key_reused",
        422,
        "This Idempotency-Key was used for another request.",
        "Use a new key for each new request, and the same key only to send the same request again.",
    ),
    problem(
        "internal",
        500,
        "A fault of the server's.",
        "Send the request again with the same Idempotency-Key. If it happens again, tell the operator the X-Request-Id.",
    ),
    problem(
        "invalid_client",
        401,
        "The service key is malformed, has ended, or is not the one that the id names.",
        "Send the id of the key as `client_id`, and the key as `client_secret`.",
    ),
    problem(
        "invalid_refresh_token",
        401,
        "The refresh token is unknown, used, or its session has ended.",
        "Sign in again.",
    ),
    problem(
        "invalid_request",
        422,
        "The request can be read, and at least one value in it is refused.",
        "`errors` names each of them with its place and a code of its own.",
    ),
    problem(
        "invalid_token",
        401,
        "The access token is malformed, has run out, or its session has ended.",
        "Get a new one from POST /auth/refresh, or sign in again.",
    ),
    problem("json_duplicate_field", 400, "An object in the body has a field twice.", "Send each field once."),
    problem("json_malformed", 400, "The body is no JSON, or no JSON object.", "Send a JSON object in UTF-8."),
    problem(
        "json_too_deep",
        400,
        "The body is nested more deeply than 32 levels.",
        "Send what the operation describes; it needs few levels.",
    ),
    problem(
        "last_administrator",
        409,
        "This is the last administrator who can sign in.",
        "Make another person an administrator first.",
    ),
    part(
        "limit_out_of_range",
        "The limit of a list is a whole number from 1 to 100.",
        "Choose one of these, or leave it out for 25.",
    ),
    problem(
        "method_not_allowed",
        405,
        "This resource does not offer that method.",
        "The header Allow names those that it does.",
    ),
    part("name_empty", "The name is empty.", "Send a name, or leave the field out."),
    part(
        "name_has_control",
        "The name has characters that cannot be seen or that turn others around.",
        "Leave them out.",
    ),
    part(
        "name_has_invisible",
        "The name has an invisible character, or one that turns the direction of the text.",
        "Leave it out. Joiners that a script or an emoji needs are allowed.",
    ),
    part(
        "name_invalid",
        "The name of a service key is empty, too long, or has characters that cannot be seen.",
        "Choose another one.",
    ),
    part("name_not_visible", "The name has no character that can be seen.", "Send a name, or leave the field out."),
    part("name_too_long", "The name has more than 200 characters.", "Use a shorter one."),
    problem("no_such_user", 404, "There is no user with this id.", "Look at the id."),
    problem(
        "not_found",
        404,
        "There is nothing at this path, or nothing that you may know of.",
        "Look at the path and the id. The API's documentation lists the paths.",
    ),
    part("nul_character", "A text has the character NUL in it.", "Leave it out."),
    problem(
        "overloaded",
        503,
        "More work is waiting than can be done in time. Nothing was accepted.",
        "Send the request again after the seconds in Retry-After.",
    ),
    problem("own_account", 409, "Administrators cannot deactivate themselves.", "Ask another administrator."),
    part(
        "password_contains_email",
        "The password is made of the email address.",
        "Choose one that has nothing to do with it.",
    ),
    part("password_contains_name", "The password is made of the name.", "Choose one that has nothing to do with it."),
    part(
        "password_contains_service",
        "The password is made of the name of this service.",
        "Choose one that has nothing to do with it.",
    ),
    part("password_has_nul", "The password has the character NUL in it.", "Leave it out."),
    part(
        "password_is_common",
        "The password is on a list of common ones.",
        "Choose one that other people do not: several words that do not belong together.",
    ),
    part(
        "password_is_repetitive",
        "The password repeats a few characters.",
        "Choose several words that do not belong together.",
    ),
    part(
        "password_is_sequential",
        "The password is a sequence such as abcdef or 123456.",
        "Choose several words that do not belong together.",
    ),
    part("password_too_long", "The password has more than 1,024 bytes.", "Use a shorter one."),
    part(
        "password_too_short",
        "The password has fewer than 15 characters.",
        "Use a longer one: several words make it easy to remember.",
    ),
    part(
        "poison",
        "The server died each time it tried this part of a command, and does not try any more.",
        "An operator looks at it with `roster commands show ID`.",
    ),
    problem(
        "query_malformed",
        400,
        "The query, or the form in the body, is not percent-encoded UTF-8.",
        "Encode it as HTML forms do.",
    ),
    problem(
        "rejected",
        409,
        "The command was rejected because it conflicts with what exists.",
        "`detail` says what it conflicts with.",
    ),
    part("required", "A field or parameter is missing.", "Send it."),
    part("role_unknown", "There is no such role.", "Use `user` or `admin`."),
    part("same_password", "The new password is the one that you have.", "Choose another one."),
    part(
        "scopes_invalid",
        "The scopes of a service key are empty, unknown, or given twice.",
        "Use `introspect` or `audit:read`, each once.",
    ),
    problem(
        "several_credentials",
        400,
        "The service key comes in the form, and `Authorization` has a credential as well.",
        "Send the key in one way only.",
    ),
    problem(
        "timeout",
        503,
        "The answer took more than 30 seconds. Whether the request took effect is not known.",
        "Send it again with the same Idempotency-Key.",
    ),
    problem(
        "too_many_requests",
        429,
        "This address, or this account, has asked too often, or has too many requests waiting.",
        "Wait for the seconds in Retry-After. If many clients are behind one proxy, its operator names it in ROSTER_TRUSTED_PROXIES.",
    ),
    problem(
        "transfer_encoding_unsupported",
        501,
        "The body has a transfer coding other than one `chunked`.",
        "Send the body with a Content-Length, or with `Transfer-Encoding: chunked`.",
    ),
    problem(
        "unauthenticated",
        401,
        "The request has no access token, and the operation needs one.",
        "Sign in with POST /auth/login, and send its access token as `Authorization: Bearer …`.",
    ),
    problem(
        "unavailable",
        503,
        "Something that is needed is not available now.",
        "Send the request again after the seconds in Retry-After.",
    ),
    part(
        "unknown_field",
        "The body has a field that the operation does not know.",
        "Leave it out, or look at its spelling.",
    ),
    problem(
        "unknown_parameter",
        400,
        "The query has a parameter that the operation does not know.",
        "Leave it out, or look at its spelling.",
    ),
    problem("uri_too_long", 414, "The path and query are over 8,000 bytes.", "Send less in the query."),
    problem(
        "weak_idempotency_key",
        400,
        "Another client could guess this Idempotency-Key, and clients that have not signed in share theirs.",
        "Use a UUID of version 4 or 7, made anew for each request.",
    ),
    problem(
        "wrong_credentials",
        401,
        "The email address and the password do not belong together, or this person may not sign in.",
        "Look at both. An administrator can see whether the person is deactivated.",
    ),
    part("wrong_password", "The current password is wrong.", "Type it again."),
    part(
        "wrong_type",
        "A field has another JSON type than it should have.",
        "Look at the type in the API's documentation.",
    ),
];
