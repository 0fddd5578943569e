//! What the routes have in common, described once.

use crate::Problem;
use crate::command_request::{CommandRequest, PathTarget as _, Sender as _};
use crate::command_view::CommandView;
use axum::http::Method;
use utoipa::ToSchema;
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::path::{
    HttpMethod, Operation, OperationBuilder, Parameter, ParameterBuilder, ParameterIn, PathItem, Paths, PathsBuilder,
};
use utoipa::openapi::request_body::{RequestBody, RequestBodyBuilder};
use utoipa::openapi::schema::{AdditionalProperties, ArrayItems, KnownFormat, SchemaFormat};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{
    ContentBuilder, Header, ObjectBuilder, OpenApi, Ref, RefOr, Required, ResponseBuilder, Schema, Type,
};

const JSON: &str = "application/json";
/// The security scheme: an access token of a person, or the key of a service.
const BEARER: &str = "bearer";

/// A schema that the document holds under its name.
pub(crate) type Named = (String, RefOr<Schema>);

/// The schemas that a command's operation refers to.
pub(crate) fn schemas<R: CommandRequest>() -> Vec<Named> {
    let mut schemas = vec![named::<R::Shown>(), named::<CommandView>(), named::<Problem>()];
    if R::HAS_BODY {
        schemas.push(named::<R::Body>());
        R::Body::schemas(&mut schemas);
    }
    R::Shown::schemas(&mut schemas);
    CommandView::schemas(&mut schemas);
    Problem::schemas(&mut schemas);
    schemas
}

fn named<T: ToSchema>() -> Named {
    (T::name().into_owned(), T::schema())
}

/// The operation of a route that takes a command.
pub(crate) fn describe<R: CommandRequest>(path: &str, method: &Method, tag: &str) -> Paths {
    let accepted = ResponseBuilder::new()
        .description("Accepted: it is written down and will be done. Ask the location for its outcome.")
        .header("Location", header("The command.", Type::String))
        .header("Retry-After", header("Seconds until its turn comes, as estimated.", Type::Integer))
        .header("Idempotency-Replayed", header("`true` when the key was seen before.", Type::String))
        .content(JSON, refers_to::<CommandView>());
    let (status, done) = done::<R>();
    let done = done
        .header("Preference-Applied", header("What was heeded.", Type::String))
        .content(JSON, refers_to::<R::Shown>());
    let codes: Vec<_> = R::REJECTIONS.iter().map(|(code, _)| format!("`{code}`")).collect();
    let conflict = Problem::response(&format!("It conflicts with what exists: {}.", codes.join(", ")));
    let mut operation = OperationBuilder::new()
        .tag(tag)
        .summary(Some(R::SUMMARY))
        .operation_id(Some(last_part(<R::Message as use_case::Message>::NAME)))
        .parameter(prefer())
        .parameter(idempotency_key())
        .response("202", accepted)
        .response(status, done)
        .response("409", conflict)
        .response("422", Problem::response("It could be read, and is refused: every violation with its pointer."));
    operation = match R::Sender::REFUSAL {
        None => operation.security(SecurityRequirement::default()),
        Some(why) => operation.response("403", Problem::response(why)),
    };
    operation = operation.security(SecurityRequirement::new(BEARER, [""; 0]));
    if R::Path::NAMES {
        let (kind, _) = R::TARGET;
        let none = Problem::response(&format!("There is no such {kind}."));
        operation = operation.parameter(path_id(kind)).response("404", none);
    }
    if R::HAS_BODY {
        let body = RequestBodyBuilder::new().content(JSON, refers_to::<R::Body>()).required(Some(Required::True));
        operation = operation.request_body(Some(body.build()));
    } else {
        for (status, why) in OF_A_BODY {
            operation = operation.response(status, Problem::response(why));
        }
    }
    if R::PER_ADDRESS.is_some() {
        operation = operation.response("429", too_many());
    }
    PathsBuilder::new().path(path, PathItem::new(http_method(method), operation.build())).build()
}

/// What a command that has succeeded in time is answered with.
fn done<R: CommandRequest>() -> (&'static str, ResponseBuilder) {
    let done = ResponseBuilder::new().description("Done within the time of `Prefer: wait`.");
    if R::Path::NAMES {
        return ("200", done);
    }
    ("201", done.header("Location", header("The thing itself.", Type::String)))
}

/// What any body may be answered with.
const OF_A_BODY: [(&str, &str); 3] = [
    ("408", "The body took too long to arrive."),
    ("413", "The body is over 64 KiB."),
    ("415", "The body is not of the type that is asked for."),
];

/// Adds to every operation what any request may be answered with.
pub(crate) fn complete(document: &mut OpenApi) {
    let bearer = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some(
            "`access_token` of `POST /auth/login`; for other services, the key that an administrator gave.",
        ))
        .build();
    document.components.get_or_insert_default().add_security_scheme(BEARER, SecurityScheme::Http(bearer));
    let basic = HttpBuilder::new()
        .scheme(HttpAuthScheme::Basic)
        .description(Some("For other services: the id of their key, and the key."))
        .build();
    document.components.get_or_insert_default().add_security_scheme("basic", SecurityScheme::Http(basic));
    let mut bodies = Vec::new();
    for item in document.paths.paths.values_mut() {
        let operations: [&mut Option<Operation>; 5] =
            [&mut item.get, &mut item.post, &mut item.put, &mut item.patch, &mut item.delete];
        for operation in operations.into_iter().flatten() {
            for (status, why) in [
                ("400", "It cannot be understood: malformed, or with an unknown parameter."),
                ("414", "The target is over 8,000 bytes."),
                ("431", "The head is too large."),
                ("500", "A fault of the server's."),
                ("503", "Not now: see `Retry-After`."),
            ] {
                let responses = &mut operation.responses.responses;
                responses.entry(status.to_owned()).or_insert_with(|| Problem::response(why).into());
            }
            if let Some(body) = &mut operation.request_body {
                without_null(body);
                bodies.extend(names(body));
                for (status, why) in OF_A_BODY {
                    let responses = &mut operation.responses.responses;
                    responses.entry(status.to_owned()).or_insert_with(|| Problem::response(why).into());
                }
            }
            if operation.security.is_some() {
                let why = "There is no token, or it is not valid, or not any more.";
                let responses = &mut operation.responses.responses;
                responses.entry("401".to_owned()).or_insert_with(|| Problem::response(why).into());
            }
        }
    }
    let schemas = &mut document.components.get_or_insert_default().schemas;
    schemas.values_mut().for_each(list_closed_sets);
    for body in bodies {
        // `Fields` and `FormBody` refuse what they do not ask for.
        if let Some(RefOr::T(Schema::Object(body))) = schemas.get_mut(&body) {
            body.additional_properties = Some(Box::new(AdditionalProperties::FreeForm(false)));
        }
    }
}

/// A pattern that lists words, `^(one|another)$`, becomes an `enum`, which generators of clients understand. The
/// derive of utoipa has none for a field of text.
fn list_closed_sets(schema: &mut RefOr<Schema>) {
    let RefOr::T(schema) = schema else { return };
    match schema {
        Schema::Object(object) => {
            let listed = object.pattern.as_deref().and_then(words);
            if let Some(words) = listed {
                object.enum_values = Some(words.into_iter().map(Into::into).collect());
                object.pattern = None;
            }
            object.properties.values_mut().for_each(list_closed_sets);
        }
        Schema::Array(array) => {
            if let ArrayItems::RefOrSchema(items) = &mut array.items {
                list_closed_sets(items);
            }
        }
        _ => {}
    }
}

/// `^(one|another)$` or `^one$` → `one`, `another`.
fn words(pattern: &str) -> Option<Vec<String>> {
    let inner = pattern.strip_prefix('^')?.strip_suffix('$')?;
    let inner = inner.strip_prefix('(').and_then(|inner| inner.strip_suffix(')')).unwrap_or(inner);
    let is_word =
        |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    inner.split('|').all(is_word).then(|| inner.split('|').map(str::to_owned).collect())
}

/// A body that may be left out is described as one that may be `null`, which none is.
fn without_null(body: &mut RefOr<RequestBody>) {
    let RefOr::T(body) = body else { return };
    for content in body.content.values_mut() {
        if let RefOr::T(content) = content
            && let Some(RefOr::T(Schema::OneOf(either))) = &content.schema
            && let Some(one) = either.items.iter().find(|it| matches!(it, RefOr::Ref(_)))
        {
            content.schema = Some(one.clone());
        }
    }
}

/// The schemas that a body refers to.
fn names(body: &RefOr<RequestBody>) -> Vec<String> {
    let RefOr::T(body) = body else { return Vec::new() };
    let contents = body.content.values().filter_map(|it| if let RefOr::T(it) = it { it.schema.as_ref() } else { None });
    let references = contents.filter_map(|it| if let RefOr::Ref(it) = it { Some(&it.ref_location) } else { None });
    references.filter_map(|it| it.strip_prefix("#/components/schemas/").map(str::to_owned)).collect()
}

/// `auth.set_credential.v1` → `set_credential`.
fn last_part(name: &str) -> &str {
    name.split('.').nth(1).unwrap_or(name)
}

/// 429, with when to come back.
fn too_many() -> utoipa::openapi::Response {
    let mut refused = Problem::response("Too many of these: see `Retry-After`.");
    let wait = header("Seconds until one more is taken.", Type::Integer);
    refused.headers.insert("Retry-After".to_owned(), RefOr::T(wait));
    refused
}

fn refers_to<T: ToSchema>() -> utoipa::openapi::Content {
    ContentBuilder::new().schema(Some(Ref::from_schema_name(T::name()))).build()
}

fn header(description: &str, kind: Type) -> Header {
    HeaderBuilder::new().schema(Some(ObjectBuilder::new().schema_type(kind))).description(Some(description)).build()
}

pub(crate) fn prefer() -> Parameter {
    ParameterBuilder::new()
        .name("Prefer")
        .parameter_in(ParameterIn::Header)
        .description(Some("`wait=N`: answer with the outcome if it is there within N seconds, at most 30 (RFC 7240)."))
        // Of any length: a preference that cannot be heeded is passed over.
        .schema(Some(ObjectBuilder::new().schema_type(Type::String)))
        .example(Some("wait=10".into()))
        .build()
}

fn path_id(kind: &str) -> Parameter {
    ParameterBuilder::new()
        .name("id")
        .parameter_in(ParameterIn::Path)
        .required(Required::True)
        .description(Some(format!("The {kind}'s id.")))
        .schema(Some(uuid()))
        .build()
}

fn uuid() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String).format(Some(SchemaFormat::KnownFormat(KnownFormat::Uuid)))
}

fn idempotency_key() -> Parameter {
    ParameterBuilder::new()
        .name("Idempotency-Key")
        .parameter_in(ParameterIn::Header)
        .description(Some(
            "A UUID of your own, of version 4 or 7: the same request again under the same key is the same command. \
             After signing in, other versions are taken, too.",
        ))
        .schema(Some(uuid()))
        .build()
}

fn http_method(method: &Method) -> HttpMethod {
    match *method {
        Method::PUT => HttpMethod::Put,
        Method::PATCH => HttpMethod::Patch,
        Method::DELETE => HttpMethod::Delete,
        _ => HttpMethod::Post,
    }
}
