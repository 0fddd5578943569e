//! All codes of problems and violations, with the explanations that `/problems/{code}` shows.

use crate::product::setting;
use web::ProblemKind;

const fn problem(code: &'static str, status: u16, meaning: &'static str, remedy: &'static str) -> ProblemKind {
    ProblemKind { code, status: Some(status), meaning, remedy }
}

/// A code that appears in `errors` of a problem, or in `error` of a command.
const fn part(code: &'static str, meaning: &'static str, remedy: &'static str) -> ProblemKind {
    ProblemKind { code, status: None, meaning, remedy }
}

/// Every code once, sorted by name. A test compares the list with the source code.
pub const PROBLEMS: &[ProblemKind] = &[
    problem("bad_request", 400, "The request is malformed.", "Compare it with the API's documentation."),
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
        "A part of a command failed with an error that a retry does not fix.",
        "An operator inspects it with `roster commands show ID`, and retries or discards it.",
    ),
    problem(
        "challenge_invalid",
        401,
        "The sign-in that waited for a second factor is unknown, completed, over five minutes old, or ended by a change of the account.",
        "Begin the sign-in again with the password.",
    ),
    problem(
        "changed_meanwhile",
        409,
        "The password was changed by another request at the same time.",
        "Sign in with the current password, and try again.",
    ),
    part(
        "code_malformed",
        "This is neither a code of an authenticator app nor a recovery code.",
        "Type the six digits that the app shows, or a recovery code of ten characters.",
    ),
    part(
        "columns_invalid",
        "The columns of a table cannot be read.",
        "Write FIELD=COLUMN pairs, with one column for email.",
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
        "The body has no Content-Type, more than one, or one that the operation does not accept.",
        "Send the type that `detail` names, in UTF-8.",
    ),
    part(
        "created_at_invalid",
        "A time of registration is not valid.",
        "Write a time that has passed in the form of RFC 3339.",
    ),
    part(
        "cursor_invalid",
        "This list did not return this cursor.",
        "Use `next_cursor` of the previous page unchanged, or start at the first page.",
    ),
    problem(
        "database_unavailable",
        503,
        "The database does not answer. Nothing was accepted.",
        "Send the request again after the number of seconds in Retry-After, with the same Idempotency-Key.",
    ),
    part(
        "days_out_of_range",
        "A service key or an invitation cannot last for that many days.",
        "Choose a number from the range that the message names.",
    ),
    part(
        "discarded",
        "An operator has discarded the failed part of the command.",
        "Send a new command if it is still wanted.",
    ),
    problem("duplicate_parameter", 400, "The query has a parameter more than once.", "Give it once."),
    part("email_invalid", "This is not an email address.", "Use an address such as name@example.org."),
    problem(
        "email_taken",
        409,
        "A user with this email address is registered already. Upper and lower case and the spelling of the domain \
         make no difference.",
        "Sign in, or register another address.",
    ),
    part("email_too_long", "The email address has more than 254 characters.", "Use a shorter address."),
    part(
        "file_malformed",
        "The file is not what its source makes.",
        "Check the file at the line that the message names, and its source.",
    ),
    part(
        "filter_invalid",
        "The value of a filter, or of the order of a list, is malformed.",
        "Use a value that the message names.",
    ),
    part("filter_required", "A job for users has no filter.", "Say which users it is about."),
    part(
        "filters_contradict",
        "A filter contradicts another one, so that no user could match, or repeats it.",
        "Leave the named filter out, or change it as the message says.",
    ),
    part(
        "follow_up_failed",
        "The command itself was executed, but a follow-up failed permanently.",
        "An operator inspects it with `roster commands show ID`, and retries or discards the follow-up.",
    ),
    problem(
        "forbidden",
        403,
        "You are signed in, but you may not do this.",
        "Ask an administrator, or use a key with the scope that the operation needs.",
    ),
    problem(
        "gone",
        410,
        "This command ended more than 30 days ago. Roster keeps commands for 30 days.",
        "Read the resource that the command changed.",
    ),
    problem(
        "host_invalid",
        400,
        "The request has no Host header, more than one, or a malformed one.",
        "Send one Host header. Behind a proxy, check how the proxy sets Host.",
    ),
    part("id_invalid", "This is not a UUID, or not one of an allowed version.", "Use a UUID of version 4 or 7."),
    problem(
        "id_taken",
        409,
        "A user with this id exists, or is being registered.",
        "Choose another id, or leave it out.",
    ),
    problem(
        "idempotency_key_invalid",
        400,
        "The Idempotency-Key header is sent twice, is empty, is too long, or has characters that are not visible.",
        "Send one key, such as a UUID.",
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
        "An internal error of the server.",
        "Send the request again with the same Idempotency-Key. If it happens again, tell the operator the X-Request-Id.",
    ),
    problem(
        "invalid_client",
        401,
        "The service key is malformed, expired or revoked, or does not belong to the id.",
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
        "The request is well formed, but at least one of its values is invalid.",
        "`errors` lists each of them with its place and its own code.",
    ),
    problem(
        "invalid_token",
        401,
        "The access token is malformed or expired, or its session has ended.",
        "Get a new one from POST /auth/refresh, or sign in again.",
    ),
    problem(
        "invitation_accepted",
        409,
        "The invitation has been accepted: its user exists.",
        "Deactivate or erase the user instead, if the person should not have access.",
    ),
    problem("invitation_revoked", 409, "The invitation has been revoked.", "Invite the person again."),
    part("job_type_unknown", "There is no such type of job.", "Use import, deactivate or erase."),
    problem("json_duplicate_field", 400, "An object in the body has a field twice.", "Send each field once."),
    problem("json_malformed", 400, "The body is not JSON, or not a JSON object.", "Send a JSON object in UTF-8."),
    problem(
        "json_too_deep",
        400,
        "The body is nested more deeply than 32 levels.",
        "Send the body that the API's documentation describes; it needs few levels.",
    ),
    part("language_invalid", "This is not the tag of a language.", "Use a tag such as `de`."),
    problem(
        "last_administrator",
        409,
        "This is the last administrator who can sign in.",
        "Make another user an administrator first.",
    ),
    part(
        "limit_out_of_range",
        "The limit of a list must be a whole number from 1 to 100.",
        "Send such a number, or leave it out for 25.",
    ),
    problem(
        "mail_not_configured",
        503,
        "This server sends no mail, so it cannot do this.",
        concat!("The operator has to set ", setting!("MAIL"), "."),
    ),
    problem(
        "mail_not_resendable",
        409,
        "Only a failed mail whose content is kept can be sent again. Content is kept for about a week.",
        "Let the user ask for another mail.",
    ),
    problem(
        "method_not_allowed",
        405,
        "This resource does not offer that method.",
        "The Allow header lists the methods that it offers.",
    ),
    part("name_empty", "The name is empty.", "Send a name, or leave the field out."),
    part(
        "name_has_control",
        "The name has characters that are invisible or that change the direction of the text.",
        "Leave them out.",
    ),
    part(
        "name_has_invisible",
        "The name has an invisible character, or one that changes the direction of the text.",
        "Leave it out. Joiners that a script or an emoji needs are allowed.",
    ),
    part(
        "name_invalid",
        "The name of a service key is empty, too long, or has characters that are not visible.",
        "Choose another one.",
    ),
    part("name_not_visible", "The name has no visible character.", "Send a name, or leave the field out."),
    part("name_too_long", "The name has more than 200 characters.", "Use a shorter one."),
    problem(
        "no_second_factor",
        409,
        "Recovery codes stand in for a second factor, and the user has none.",
        "Add a second factor first.",
    ),
    problem("no_such_invitation", 404, "There is no invitation with this id.", "Check the id."),
    problem("no_such_user", 404, "There is no user with this id.", "Check the id."),
    part("not_allowed", "This caller must not send the field.", "Leave the field out."),
    problem(
        "not_found",
        404,
        "There is nothing at this path, or you may not see it.",
        "Check the path and the id. The API's documentation lists the paths.",
    ),
    part("nul_character", "A text contains the character NUL.", "Leave it out."),
    problem(
        "overloaded",
        503,
        "More work is waiting than can be done in time. Nothing was accepted.",
        "Send the request again after the number of seconds in Retry-After.",
    ),
    problem("own_account", 409, "Administrators cannot deactivate themselves.", "Ask another administrator."),
    problem(
        "passkey_refused",
        401,
        "The passkey is not accepted: its challenge was used or has expired, it belongs to another domain or user, or its \
         signature counter did not grow, as that of a copy.",
        "Try again. If it is refused again, remove the passkey and add it anew.",
    ),
    problem(
        "passkey_registered",
        409,
        "This passkey is registered already.",
        "Use another authenticator, or sign in with this one.",
    ),
    problem(
        "passkey_unknown",
        401,
        "There is no such passkey, or its user may not sign in.",
        "Sign in another way. A page tells the browser by `PublicKeyCredential.signalUnknownCredential()`.",
    ),
    problem(
        "passkeys_not_configured",
        503,
        "This server has no domain for passkeys.",
        concat!(
            "An operator sets `",
            setting!("PUBLIC_URL"),
            "`, or `",
            setting!("WEBAUTHN_RP_ID"),
            "` and `",
            setting!("WEBAUTHN_ORIGINS"),
            "`."
        ),
    ),
    part(
        "password_breached",
        "The password is known from a data breach.",
        "Choose another one. If you use it elsewhere, change it there, too.",
    ),
    part(
        "password_contains_email",
        "The password is derived from the email address.",
        "Choose one that has nothing to do with it.",
    ),
    part(
        "password_contains_name",
        "The password is derived from the name.",
        "Choose one that has nothing to do with it.",
    ),
    part(
        "password_contains_service",
        "The password is derived from the name of this service.",
        "Choose one that has nothing to do with it.",
    ),
    part("password_has_nul", "The password contains the character NUL.", "Leave it out."),
    part(
        "password_hash_invalid",
        "A password hash cannot be used.",
        "The message says why; leave the hash out, and the user sets a new password.",
    ),
    part(
        "password_is_common",
        "The password is on a list of common ones.",
        "Choose several words that do not belong together.",
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
        "The server crashed each time it tried this part of a command, and does not try again.",
        "An operator inspects it with `roster commands show ID`.",
    ),
    problem(
        "precondition_failed",
        412,
        "The resource has changed: If-Match does not name its present version. Nothing was accepted.",
        "Read the resource again, and send its new ETag.",
    ),
    problem(
        "query_malformed",
        400,
        "The query, or the form in the body, is not percent-encoded UTF-8.",
        "Encode it as HTML forms do.",
    ),
    part("ref_repeated", "Two rows of a file have the same ref.", "Give each row a ref of its own."),
    problem(
        "registration_by_invitation",
        403,
        "Only persons with an invitation may register.",
        "Ask an administrator for an invitation.",
    ),
    problem("registration_closed", 403, "No one may register.", "Ask the operator for an account."),
    problem(
        "rejected",
        409,
        "The command was rejected because it conflicts with what exists.",
        "`detail` says what it conflicts with.",
    ),
    part("required", "A field or parameter is missing.", "Send it."),
    part("role_unknown", "There is no such role.", "Use `user` or `admin`."),
    part("same_password", "The new password is the same as the current one.", "Choose another one."),
    part(
        "scopes_invalid",
        "The scopes of a service key are empty, unknown, or given twice.",
        "Use one or more of `introspect`, `audit:read` and `users:read`, each once.",
    ),
    problem(
        "second_factor_enrolment_required",
        403,
        "This installation asks for a second factor, and the user has none. The session is only good for adding one.",
        "Add an authenticator app or a passkey, then send a code or the passkey to `POST /auth/step-up`.",
    ),
    problem(
        "second_factor_required",
        401,
        "The password is right, and the user has a second factor.",
        "Within five minutes send `challenge` with a code to `POST /auth/login/second-factor`, or with a passkey to `POST /auth/passkeys/login`.",
    ),
    problem(
        "several_credentials",
        400,
        "The form has a service key, and the `Authorization` header has a credential, too.",
        "Send the key in one way only.",
    ),
    part("source_needs_parameters", "The source needs secrets that a request must not have.", "Use the command line."),
    part("source_unknown", "There is no such source of a file.", "Use one of those that the message names."),
    part("status_invalid", "A status is not valid.", "Write active or deactivated."),
    problem(
        "step_up_required",
        401,
        "The session is too old for this, or lacks the user's second factor.",
        "Send a code, a passkey or, of a user without a second factor, the password to `POST /auth/step-up`. Then try again.",
    ),
    part(
        "substring_search_off",
        "The database has no index for the filter `q`.",
        "An operator runs `roster migrate --substring-search` once. Until then use `email_prefix` or `name_prefix`.",
    ),
    part("text_empty", "The text has no visible character.", "Send a text."),
    part(
        "text_has_invisible",
        "The text has an invisible character, or one that changes the direction of the text.",
        "Leave it out. Joiners that a script or an emoji needs are allowed.",
    ),
    part("text_too_long", "The text has more characters than its field allows.", "Use a shorter one."),
    problem(
        "timeout",
        503,
        "The answer took more than 30 seconds. It is not known whether the request took effect.",
        "Send it again with the same Idempotency-Key.",
    ),
    problem(
        "token_invalid",
        422,
        "The token of a link is unknown, used, expired or revoked. The answer does not say which.",
        "Ask for a new link.",
    ),
    problem("too_many_passkeys", 409, "The user has 20 passkeys.", "Remove one that is not used any more."),
    problem(
        "too_many_requests",
        429,
        "This address, or this account, has asked too often, or has too many requests waiting.",
        concat!(
            "Wait for the number of seconds in Retry-After. If many clients are behind one proxy, the operator of Roster \
             names that proxy in ",
            setting!("TRUSTED_PROXIES"),
            "."
        ),
    ),
    problem(
        "totp_enrolled",
        409,
        "The user has an authenticator app already.",
        "Remove it first, with `DELETE /auth/totp`.",
    ),
    problem(
        "totp_not_begun",
        409,
        "No enrolment of an authenticator app waits for its first code, or it is over an hour old.",
        "Begin one with `POST /auth/totp`.",
    ),
    part(
        "totp_secret_invalid",
        "The secret of an authenticator app is not Base32 of 10 to 128 bytes.",
        "Correct it, or leave it out: the user enrols again.",
    ),
    part(
        "totp_secret_not_sealed",
        "The secret of an authenticator app could not be stored.",
        "Ask an operator to run `roster keys rotate`: the key file lacks the key for second factors.",
    ),
    problem(
        "transfer_encoding_unsupported",
        501,
        "The body has a transfer coding other than a single `chunked`.",
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
        "A service that this request needs is not available now.",
        "Send the request again after the number of seconds in Retry-After.",
    ),
    part(
        "unknown_field",
        "The body has a field that the operation does not know.",
        "Leave it out, or check its spelling.",
    ),
    problem(
        "unknown_parameter",
        400,
        "The query has a parameter that the operation does not know.",
        "Leave it out, or check its spelling.",
    ),
    problem("uri_too_long", 414, "The path and query are over 8,000 bytes.", "Send less in the query."),
    part(
        "user_deactivated",
        "The user is deactivated, so a new password would be of no use.",
        "Reactivate the user first.",
    ),
    problem(
        "version_conflict",
        409,
        "The resource was changed after the request was accepted. The command has changed nothing.",
        "Read the resource again, and send its new ETag.",
    ),
    problem(
        "weak_idempotency_key",
        400,
        "Another client could guess this Idempotency-Key, and clients that have not signed in share one set of keys.",
        "Use a UUID of version 4 or 7, a new one for each request.",
    ),
    problem(
        "wrong_code",
        401,
        "The code is wrong, or has been used.",
        "Wait for the next code of the app, and check the clock of the device. Each recovery code works once.",
    ),
    problem(
        "wrong_credentials",
        401,
        "Wrong email or password, or this user may not sign in.",
        "Check both. An administrator can see whether the user is deactivated.",
    ),
    part("wrong_password", "The current password is wrong.", "Type it again."),
    part("wrong_type", "A field has the wrong JSON type.", "Check the type in the API's documentation."),
];
