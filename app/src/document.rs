//! The OpenAPI document of the whole program.

use crate::contexts::{contexts, exports};
use crate::product;
use serde_json::json;
use std::collections::BTreeMap;
use utoipa::openapi::tag::TagBuilder;
use utoipa::openapi::{
    InfoBuilder, LicenseBuilder, ObjectBuilder, OpenApi, OpenApiBuilder, Ref, RefOr, Schema, ServerBuilder,
};
use web::PublicUrl;

/// The tags of operations that belong to no context, each with its description.
const TAGS: [(&str, &str); 2] = [
    ("commands", "Read the status of a command, once or as a stream of events. Administrators see every command."),
    ("health", "Whether the process runs, and whether it is ready to serve."),
];

/// The OpenAPI document of this version. It needs no keys and no database.
#[must_use]
pub(crate) fn document(public_url: Option<&PublicUrl>) -> OpenApi {
    let mut base = title(public_url);
    let exported = exports().into_iter().flat_map(|(_, export)| export.schemas());
    base.components.get_or_insert_default().schemas.extend(exported);
    let mut document = web::document(base, contexts().iter().map(|context| (context.operations)()));
    auth_access::add_security_schemes(&mut document);
    document.merge(web::health::openapi());
    web::complete_security(&mut document);
    let schemas = &mut document.components.get_or_insert_default().schemas;
    if let Some(RefOr::T(Schema::Object(command))) = schemas.get_mut("CommandView") {
        command.example = Some(example_of_a_command());
    }
    describe_export(schemas);
    document
}

/// Gives the export of a user a property for each part of the program that holds data on people.
fn describe_export(schemas: &mut BTreeMap<String, RefOr<Schema>>) {
    let mut data = ObjectBuilder::new();
    for (name, export) in exports() {
        if let Some((schema, _)) = export.schemas().first() {
            data = data.property(name, Ref::from_schema_name(schema));
        }
    }
    if let Some(RefOr::T(Schema::Object(export))) = schemas.get_mut("UserExport")
        && let Some(RefOr::T(Schema::Object(described))) = export.properties.get_mut("data")
    {
        *described = data.description(described.description.take()).build();
    }
}

/// The state of a registration, as an example in the OpenAPI document.
fn example_of_a_command() -> serde_json::Value {
    json!({
        "id": "01890a5d-ac96-774b-bcce-b302099a8057",
        "type": "users.register_user.v1",
        "status": "succeeded",
        "accepted_at": "2026-09-21T14:13:20.123456Z",
        "finished_at": "2026-09-21T14:13:20.634201Z",
        "target": { "type": "user", "id": "0190b5a6-7c2f-7d1e-9a3b-4c5d6e7f8091", "href": "/users/0190b5a6-7c2f-7d1e-9a3b-4c5d6e7f8091" },
        "attempts": 0,
        "follow_ups": [
            { "type": "users.user_registered.v1", "status": "succeeded", "attempts": 0, "awaited": true },
            { "type": "auth.set_credential.v1", "status": "succeeded", "attempts": 0, "awaited": true },
        ],
    })
}

fn title(public_url: Option<&PublicUrl>) -> OpenApi {
    let license = LicenseBuilder::new().name("Apache-2.0 OR MIT").identifier(Some("Apache-2.0 OR MIT")).build();
    let info = InfoBuilder::new()
        .title(product::TITLE)
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(
            "User accounts. Registering users and changing them are commands: the server answers 202 once \
             it has stored the command. It then executes the command to exactly one outcome. Read the outcome at \
             `GET /commands/{id}`.",
        ))
        .license(Some(license))
        .build();
    let contexts = contexts();
    let tags = contexts.iter().flat_map(|context| context.tags).chain(&TAGS);
    let tags = tags.map(|(name, about)| TagBuilder::new().name(*name).description(Some(*about)).build());
    let servers = public_url.map(|url| vec![ServerBuilder::new().url(url.as_str()).build()]);
    OpenApiBuilder::new().info(info).tags(Some(tags.collect::<Vec<_>>())).servers(servers).build()
}
