//! The parts of the OpenAPI document that all routes share.

use crate::command::command_request::{CommandRequest, PathTarget as _};
use crate::command::command_view::CommandView;
use crate::request::body::PATCH;
use crate::{Problem, RequestBody as _, Sender as _, View, described};
use axum::http::Method;
use std::collections::{BTreeMap, BTreeSet};
use utoipa::ToSchema;
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::path::{
    HttpMethod, Operation, OperationBuilder, Parameter, ParameterBuilder, ParameterIn, PathItem, Paths, PathsBuilder,
};
use utoipa::openapi::request_body::{RequestBody, RequestBodyBuilder};
use utoipa::openapi::schema::{AdditionalProperties, ArrayItems, KnownFormat, SchemaFormat, SchemaType};
use utoipa::openapi::security::SecurityRequirement;
use utoipa::openapi::{
    ContentBuilder, Header, ObjectBuilder, OpenApi, Ref, RefOr, Required, ResponseBuilder, Schema, Type,
};

const JSON: &str = "application/json";
/// The name of the security scheme for bearer tokens. The base document describes it.
pub const BEARER: &str = "bearer";

/// The body that shows what a command is about.
type Shown<R> = <<R as CommandRequest>::View as View>::Body;

/// A schema with its name in the document.
pub(crate) type Named = (String, RefOr<Schema>);

/// The schemas that a command's operation refers to.
pub(crate) fn schemas<R: CommandRequest>() -> Vec<Named> {
    let mut schemas = vec![described::<CommandView>(), described::<Problem>()];
    schemas.extend(R::Body::description());
    if !R::REMOVES && !R::SHOWS_COMMAND {
        schemas.push(described::<Shown<R>>());
        Shown::<R>::schemas(&mut schemas);
    }
    CommandView::schemas(&mut schemas);
    Problem::schemas(&mut schemas);
    schemas
}

/// The operation of a route that takes a command.
pub(crate) fn describe<R: CommandRequest>(path: &str, method: &Method, tag: &str) -> Paths {
    let accepted = ResponseBuilder::new()
        .description("The server has accepted and stored the command. Get its outcome from `Location`.")
        .header("Location", header("The path of the command.", Type::String))
        .header("Retry-After", header("The estimated seconds until a worker begins the command.", Type::Integer))
        .header("Idempotency-Replayed", header("`true` if an earlier request had the same key.", Type::String))
        .content(JSON, refers_to(&CommandView::name()));
    let (status, done) = done::<R>();
    let done =
        done.header("Preference-Applied", header("The preference that the server used: `wait=10`.", Type::String));
    let done = match () {
        () if R::REMOVES => done,
        () if R::SHOWS_COMMAND => done.content(JSON, refers_to(&CommandView::name())),
        () => done.content(JSON, refers_to(&Shown::<R>::name())),
    };
    let codes: Vec<_> = R::REJECTIONS.iter().map(|(why, _)| format!("`{}`", why.code())).collect();
    let conflict = Problem::response(&format!("The request conflicts with existing data: {}.", codes.join(", ")));
    let mut operation = OperationBuilder::new()
        .tag(tag)
        .summary(Some(R::SUMMARY))
        .operation_id(Some(last_part(<R::Message as use_case::Message>::NAME)))
        .parameter(prefer())
        .parameter(idempotency_key())
        .response("202", accepted)
        .response(status, done)
        .response("422", Problem::response("Validation failed. `errors` lists every violation."));
    if !codes.is_empty() {
        operation = operation.response("409", conflict);
    }
    operation = match R::Sender::REFUSAL {
        None => operation.security(SecurityRequirement::default()),
        Some(why) => operation.response("403", Problem::response(why)),
    };
    operation = operation.security(SecurityRequirement::new(BEARER, [""; 0]));
    if R::STEP_UP {
        let why = "The token is missing, invalid or expired, or the caller must step up (`step_up_required`).";
        operation = operation.response("401", Problem::response(why));
    }
    if let Some(why) = R::FORBIDS {
        operation = operation.response("403", Problem::response(why));
    }
    if R::Path::NAMES {
        let kind = R::View::RESOURCE.kind;
        let none = Problem::response(&format!("There is no such {kind}."));
        operation = operation.parameter(path_id(kind)).response("404", none);
    }
    if R::Path::IS_CONDITIONAL {
        let why = format!("The {} has changed: `If-Match` does not name its present version.", R::View::RESOURCE.kind);
        operation = operation.parameter(if_match()).response("412", Problem::response(&why));
    }
    if let Some((name, _)) = R::Body::description() {
        let media_types = if method == Method::PATCH { &PATCH[..] } else { &[JSON] };
        let empty = RequestBodyBuilder::new().required(Some(Required::True));
        let body = media_types.iter().fold(empty, |body, media_type| body.content(*media_type, refers_to(&name)));
        operation = operation.request_body(Some(body.build()));
    } else {
        for (status, why) in OF_A_BODY {
            operation = operation.response(status, Problem::response(why));
        }
    }
    if R::LIMITS_GUESSES {
        let why = "Too many wrong guesses. Retry after the seconds in `Retry-After`.";
        operation = operation.response("429", Problem::response(why));
    }
    if R::PER_ADDRESS.is_some() {
        operation = operation.response(
            "429",
            Problem::response("Too many requests from this address. Retry after the seconds in `Retry-After`."),
        );
    }
    PathsBuilder::new().path(path, PathItem::new(http_method(method), operation.build())).build()
}

/// Adds the answers of another command that the same route may take.
pub(crate) fn add_answers(paths: &mut Paths, other: Paths) {
    for (path, mut item) in other.paths {
        let known = paths.paths.get_mut(&path).into_iter().flat_map(operations);
        for (known, other) in known.zip(operations(&mut item)) {
            for (status, response) in std::mem::take(&mut other.responses.responses) {
                known.responses.responses.entry(status).or_insert(response);
            }
        }
    }
}

/// The status and the description of the response to a command that succeeds within the client's wait.
fn done<R: CommandRequest>() -> (&'static str, ResponseBuilder) {
    let done = ResponseBuilder::new().description(if R::WAITS {
        "The command has succeeded within the seconds of `Prefer: wait=N`, or within 30 seconds without that header."
    } else {
        "The command has succeeded within the seconds of `Prefer: wait=N`."
    });
    if R::SHOWS_COMMAND {
        return ("200", done);
    }
    if R::REMOVES {
        return ("204", done);
    }
    if R::Path::NAMES {
        return ("200", done);
    }
    ("201", done.header("Location", header("The path of the new resource.", Type::String)))
}

/// The problems that any operation with a body may answer.
const OF_A_BODY: [(&str, &str); 3] = [
    ("408", "The body took too long to arrive."),
    ("413", "The body is over 64 KiB."),
    ("415", "The media type of the body is not supported."),
];

/// Adds to every operation the problems that any request may get, and their schema to every problem.
pub(crate) fn complete(document: &mut OpenApi) {
    let mut bodies = Vec::new();
    for item in document.paths.paths.values_mut() {
        for operation in operations(item) {
            operation.parameters.iter_mut().flatten().for_each(complete_parameter);
            for (status, why) in [
                ("400", "The request is malformed, or has an unknown parameter."),
                ("414", "The request target is over 8,000 bytes."),
                ("431", "The request's headers are too large."),
                ("500", "An internal error."),
                ("503", "The server cannot answer now. If `Retry-After` is present, retry after it."),
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
            let reads_input =
                operation.request_body.is_some() || operation.parameters.iter().flatten().any(is_in_query);
            if reads_input {
                let why = "Validation failed. `errors` lists every violation.";
                let responses = &mut operation.responses.responses;
                responses.entry("422".to_owned()).or_insert_with(|| Problem::response(why).into());
            }
            if operation.security.is_some() {
                let why = "The token is missing, invalid or expired.";
                let responses = &mut operation.responses.responses;
                responses.entry("401".to_owned()).or_insert_with(|| Problem::response(why).into());
                let why = "This installation asks for more: `second_factor_enrolment_required`.";
                responses.entry("403".to_owned()).or_insert_with(|| Problem::response(why).into());
            }
            operation.responses.responses.iter_mut().for_each(complete_problem);
        }
    }
    let schemas = &mut document.components.get_or_insert_default().schemas;
    schemas.values_mut().for_each(list_closed_sets);
    refer_to_items(schemas);
    for body in bodies {
        // `Fields` and `FormBody` reject unknown fields.
        if let Some(RefOr::T(Schema::Object(body))) = schemas.get_mut(&body) {
            body.additional_properties = Some(Box::new(AdditionalProperties::FreeForm(false)));
        }
    }
}

/// Says of each operation without a security requirement that it needs none (`security: []`). Without that, a reader
/// cannot tell whether the requirement was forgotten.
pub fn complete_security(document: &mut OpenApi) {
    for operation in document.paths.paths.values_mut().flat_map(operations) {
        operation.security.get_or_insert_default();
    }
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    [&mut item.get, &mut item.post, &mut item.put, &mut item.patch, &mut item.delete].into_iter().flatten()
}

/// Removes `null` from the type of a parameter, which is absent instead, and lists its closed set.
fn complete_parameter(parameter: &mut RefOr<Parameter>) {
    let RefOr::T(Parameter { schema: Some(schema), .. }) = parameter else { return };
    list_closed_sets(schema);
    if let RefOr::T(Schema::Object(object)) = schema
        && let SchemaType::Array(types) = &object.schema_type
        && let [Type::Null, one] | [one, Type::Null] = &types[..]
    {
        object.schema_type = SchemaType::Type(one.clone());
    }
}

/// Refers to the schema of the items in the schema of a page. utoipa repeats it there, and generated clients would have
/// two types for one thing.
fn refer_to_items(schemas: &mut BTreeMap<String, RefOr<Schema>>) {
    let known: BTreeSet<_> = schemas.keys().cloned().collect();
    for (name, page) in schemas.iter_mut() {
        let items = name.strip_prefix("Page_").filter(|items| known.contains(*items));
        if let (Some(items), RefOr::T(Schema::Object(page))) = (items, page)
            && let Some(RefOr::T(Schema::Array(data))) = page.properties.get_mut("data")
        {
            data.items = ArrayItems::RefOrSchema(Box::new(Ref::from_schema_name(items).into()));
        }
    }
}

fn is_in_query(parameter: &RefOr<Parameter>) -> bool {
    matches!(parameter, RefOr::T(Parameter { parameter_in: ParameterIn::Query, .. }))
}

/// Gives an error response the schema of a problem, and a 429 its `Retry-After`, where an operation describes the
/// status alone.
fn complete_problem((status, response): (&String, &mut RefOr<utoipa::openapi::Response>)) {
    let RefOr::T(response) = response else { return };
    let is_error = status.starts_with('4') || status.starts_with('5');
    if is_error && response.content.is_empty() {
        response.content = Problem::response("").content;
    }
    if status == "429" {
        response.headers.entry("Retry-After".to_owned()).or_insert_with(|| RefOr::T(retry_after()));
    }
}

/// Turns a pattern that lists words, `^(one|another)$`, into an `enum`, which client generators understand. utoipa's
/// derive macro cannot put an `enum` on a text field.
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

/// The words of a pattern: `^(one|another)$` or `^one$` → `one`, `another`.
fn words(pattern: &str) -> Option<Vec<String>> {
    let inner = pattern.strip_prefix('^')?.strip_suffix('$')?;
    let inner = inner.strip_prefix('(').and_then(|inner| inner.strip_suffix(')')).unwrap_or(inner);
    let is_word =
        |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    inner.split('|').all(is_word).then(|| inner.split('|').map(str::to_owned).collect())
}

/// Removes `null` from the schema of an optional body. utoipa adds it, but no body may be `null`.
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

/// The names of the schemas that a body refers to.
fn names(body: &RefOr<RequestBody>) -> Vec<String> {
    let RefOr::T(body) = body else { return Vec::new() };
    let contents = body.content.values().filter_map(|it| if let RefOr::T(it) = it { it.schema.as_ref() } else { None });
    let references = contents.filter_map(|it| if let RefOr::Ref(it) = it { Some(&it.ref_location) } else { None });
    references.filter_map(|it| it.strip_prefix("#/components/schemas/").map(str::to_owned)).collect()
}

/// The middle part of a wire name: `auth.set_credential.v1` → `set_credential`.
fn last_part(name: &str) -> &str {
    name.split('.').nth(1).unwrap_or(name)
}

fn retry_after() -> Header {
    header("Seconds until the next request is allowed.", Type::Integer)
}

fn refers_to(name: &str) -> utoipa::openapi::Content {
    ContentBuilder::new().schema(Some(Ref::from_schema_name(name))).build()
}

fn header(description: &str, kind: Type) -> Header {
    HeaderBuilder::new().schema(Some(ObjectBuilder::new().schema_type(kind))).description(Some(description)).build()
}

pub(crate) fn prefer() -> Parameter {
    ParameterBuilder::new()
        .name("Prefer")
        .parameter_in(ParameterIn::Header)
        .description(Some("`wait=N`: the server waits up to N seconds, at most 30, for the outcome (RFC 7240)."))
        // No pattern: unknown preferences are ignored.
        .schema(Some(ObjectBuilder::new().schema_type(Type::String)))
        .example(Some("wait=10".into()))
        .build()
}

fn if_match() -> Parameter {
    ParameterBuilder::new()
        .name("If-Match")
        .parameter_in(ParameterIn::Header)
        .description(Some("The `ETag` of the version that you know. The command changes no other version (RFC 9110)."))
        .schema(Some(ObjectBuilder::new().schema_type(Type::String)))
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
            "A UUID of version 4 or 7 that the client chooses for the command. If the client repeats the request with \
             the same key, the server accepts no second command, and answers with the first command. A client that \
             sends a token may use a UUID of any version.",
        ))
        // Not `format: uuid`: clients that openapi-python-client generates cannot send such a header. Schemathesis knows
        // this format by xtask/schemathesis/formats.py.
        .schema(Some(
            ObjectBuilder::new()
                .schema_type(Type::String)
                .format(Some(SchemaFormat::Custom("idempotency-key".to_owned()))),
        ))
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
