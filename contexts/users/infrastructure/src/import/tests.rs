use super::{Columns, ColumnsError, ImportFile, ImportSource, Parameters, ReadError, ReadRow};
use users_domain::ImportRow;

fn parameters() -> Parameters {
    Parameters {
        base64_signer_key: Some("a2V5".to_owned()),
        base64_salt_separator: Some("Bw==".to_owned()),
        rounds: Some(8),
        mem_cost: Some(14),
        pepper: None,
    }
}

fn rows_of(file: ImportFile<&[u8]>) -> (Vec<ReadRow>, Result<(), ReadError>) {
    let mut rows = Vec::new();
    let read = file.read(&mut |row| {
        rows.push(row);
        true
    });
    (rows, read)
}

fn read_as(source: ImportSource, columns: Option<&str>, text: &str) -> Vec<ReadRow> {
    let columns = columns.map(|text| text.parse().expect("columns"));
    let file = ImportFile { source, columns, parameters: parameters(), content: text.as_bytes() };
    let (rows, read) = rows_of(file);
    assert!(read.is_ok(), "{read:?}");
    rows
}

fn only(source: ImportSource, text: &str) -> ImportRow {
    let rows = read_as(source, None, text);
    assert_eq!(rows.len(), 1, "{rows:?}");
    rows.into_iter().next().expect("a row").expect("no error").1
}

fn texts(row: &ImportRow) -> [Option<&str>; 5] {
    let ImportRow { reference, name, password_hash, status, created_at, .. } = row;
    [reference, name, password_hash, status, created_at].map(|text| text.as_deref())
}

#[test]
fn ndjson_has_an_error_for_each_line_that_is_no_row() {
    let long = format!(r#"{{"email": "{}"}}"#, "a".repeat(70_000));
    let text = format!(
        "\u{feff}{{\"email\": \"ada@example.org\"}}\r\n\n{{\"email\": 7}}\n{{\"mail\": \"canary\"}}\n{{}}\n\"canary\"\n{long}\n{{\"email\": \"eve@example.org\"}}"
    );
    let rows = read_as(ImportSource::Ndjson, None, &text);
    let outcomes: Vec<_> = rows
        .iter()
        .map(|row| match row {
            Ok((line, row)) => (*line, row.email.as_str()),
            Err(error) => (error.line, error.code.as_str()),
        })
        .collect();
    let expected = [
        (1, "ada@example.org"),
        (3, "wrong_type"),
        (4, "unknown_field"),
        (5, "required"),
        (6, "json_malformed"),
        (7, "row_too_long"),
        (8, "eve@example.org"),
    ];
    assert_eq!(outcomes, expected);
    assert!(!format!("{rows:?}").contains("canary"), "{rows:?}");
}

#[test]
fn a_table_is_read_by_the_names_of_its_columns() {
    let table =
        "\u{feff}email,name,email_verified\r\nada@example.org,\"Lovelace, \"\"Ada\"\"\",t\r\neve@example.org,,\r\n";
    let rows = read_as(ImportSource::Csv, None, table);
    let (line, ada) = rows[0].as_ref().expect("a row");
    assert_eq!((*line, ada.email.as_str(), ada.name.as_deref()), (2, "ada@example.org", Some("Lovelace, \"Ada\"")));
    assert_eq!(ada.email_verified, Some(true));
    let (line, eve) = rows[1].as_ref().expect("a row");
    assert_eq!((*line, &eve.name, eve.email_verified), (3, &None, None));

    let table = "email,created_at\na@example.org,2020-01-02 03:04:05\n";
    let rows = read_as(ImportSource::Csv, None, table);
    assert_eq!(rows[0].as_ref().expect("a row").1.created_at.as_deref(), Some("2020-01-02T03:04:05Z"));

    let table = "first,last,mail,confirmed\nAda,Lovelace,ada@example.org,2020-01-02 03:04:05\n";
    let rows = read_as(ImportSource::Csv, Some("email=mail,name=first+last,email_verified=confirmed"), table);
    let (_, ada) = rows[0].as_ref().expect("a row");
    assert_eq!((ada.name.as_deref(), ada.email_verified), (Some("Ada Lovelace"), Some(true)));
}

#[test]
fn a_table_without_names_is_read_by_the_numbers_of_its_columns() {
    let row: Vec<_> = (1..=28).map(|column| format!("c{column}@example.org")).collect();
    let rows = read_as(ImportSource::Csv, Some("ref=1,email=2,name=28"), &row.join(","));
    let (line, row) = rows[0].as_ref().expect("a row");
    assert_eq!((*line, row.email.as_str(), row.name.as_deref()), (1, "c2@example.org", Some("c28@example.org")));
}

#[test]
fn a_table_that_cannot_be_understood_is_refused_as_a_whole() {
    for (columns, table, why) in [
        (None, "email,canary\n", "\"canary\" is no field"),
        (None, "name\nAda\n", "no column email"),
        (Some("email=mail"), "email\nada@example.org\n", "no column \"mail\""),
    ] {
        let columns = columns.map(|text: &str| text.parse().expect("columns"));
        let file =
            ImportFile { source: ImportSource::Csv, columns, parameters: parameters(), content: table.as_bytes() };
        let (rows, read) = rows_of(file);
        let error = read.expect_err(why).to_string();
        assert!(rows.is_empty() && error.contains(why), "{error}");
    }
    for (text, error) in [
        ("email", ColumnsError::Malformed("email".into())),
        ("mail=1", ColumnsError::UnknownField("mail".into())),
        ("email=1,name=last", ColumnsError::Mixed),
        ("name=1", ColumnsError::NoEmail),
    ] {
        assert_eq!(text.parse::<Columns>(), Err(error));
    }
}

#[test]
fn a_pepper_travels_with_the_hash() {
    let parameters = Parameters { pepper: Some("pepper".into()), ..Parameters::default() };
    let table = "email,password_hash\nada@example.org,$2a$04$x\n".as_bytes();
    let (rows, _) = rows_of(ImportFile { source: ImportSource::Csv, columns: None, parameters, content: table });
    let (_, row) = rows[0].as_ref().expect("a row");
    assert_eq!(row.password_hash.as_deref(), Some("$bcrypt-pepper$cGVwcGVy$2a$04$x"));
}

#[test]
fn firebase_users_have_their_hash_with_the_parameters_of_the_project() {
    let row = only(
        ImportSource::Firebase,
        r#"{"kind": "x", "users": [{"localId": "1", "email": "ada@example.org", "emailVerified": true,
            "passwordHash": "aGFzaA==", "salt": "c2FsdA==", "displayName": "Ada", "createdAt": "1486324000000",
            "disabled": true, "providerUserInfo": []}]}"#,
    );
    let hash = "$firescrypt$ln=14,r=8,p=1$c2FsdA==$aGFzaA==$Bw==$a2V5";
    let expected = [Some("1"), Some("Ada"), Some(hash), Some("deactivated"), Some("2017-02-05T19:46:40.000000Z")];
    assert_eq!((texts(&row), row.email_verified), (expected, Some(true)));
}

#[test]
fn auth0_users_are_read_from_both_exports() {
    let hashes = r#"{"_id":{"$oid":"5f7"},"email_verified":false,"email":"ada@example.org","passwordHash":"$2b$10$x"}"#;
    assert_eq!(texts(&only(ImportSource::Auth0, hashes)), [Some("auth0|5f7"), None, Some("$2b$10$x"), None, None]);
    let schema = r#"[{"user_id": "auth0|7", "email": "ada@example.org", "given_name": "Ada", "family_name": "King",
        "blocked": true, "custom_password_hash": {"algorithm": "md5", "hash": {"value": "abc"},
        "salt": {"value": "s", "position": "suffix"}}}]"#;
    let expected = [Some("auth0|7"), Some("Ada King"), Some("$md5,after=cw==$abc"), Some("deactivated"), None];
    assert_eq!(texts(&only(ImportSource::Auth0, schema)), expected);
}

#[test]
fn keycloak_credentials_are_json_inside_texts() {
    let user = |algorithm: &str, value: &str, more: &str| {
        let secret = format!(r#"{{\"value\":\"{value}\",\"salt\":\"c2FsdA==\"}}"#);
        let data = format!(r#"{{\"hashIterations\":27500,\"algorithm\":\"{algorithm}\"{more}}}"#);
        let text = format!(
            r#"{{"realm": "r", "users": [{{"id": "1", "username": "ada", "email": "ada@example.org", "enabled": false,
            "createdTimestamp": 1486324000000, "firstName": "Ada", "credentials": [{{"type": "otp"}},
            {{"type": "password", "secretData": "{secret}", "credentialData": "{data}"}}]}}]}}"#
        );
        only(ImportSource::Keycloak, &text)
    };
    let row = user("pbkdf2-sha256", "AAAAAAAAAAAAAAAAAAAAAA==", "");
    let hash = "$pbkdf2-sha256$i=27500,l=16$c2FsdA$AAAAAAAAAAAAAAAAAAAAAA";
    let expected = [Some("1"), Some("Ada"), Some(hash), Some("deactivated"), Some("2017-02-05T19:46:40.000000Z")];
    assert_eq!(texts(&row), expected);
    let more = r#",\"additionalParameters\":{\"memory\":[\"7168\"],\"type\":[\"id\"],\"parallelism\":[\"1\"]}"#;
    let hash = "$argon2id$v=19$m=7168,t=27500,p=1$c2FsdA$AAAA";
    assert_eq!(user("argon2", "AAAA", more).password_hash.as_deref(), Some(hash));
}

#[test]
fn django_users_are_read_among_other_objects_and_none_becomes_an_administrator() {
    let row = only(
        ImportSource::Django,
        r#"[{"model": "auth.group", "pk": 1, "fields": {"name": "g"}}, {"model": "auth.user", "pk": 7, "fields": {
            "password": "pbkdf2_sha256$1000$s$h", "is_superuser": true, "email": "ada@example.org", "first_name": "Ada",
            "last_name": "", "is_active": false, "date_joined": "2020-01-02T03:04:05.678Z"}}]"#,
    );
    let hash = "pbkdf2_sha256$1000$s$h";
    let expected = [Some("django:7"), Some("Ada"), Some(hash), Some("deactivated"), Some("2020-01-02T03:04:05.678Z")];
    assert_eq!((texts(&row), &row.role), (expected, &None));
    let unusable = r#"[{"pk": 8, "fields": {"password": "!x", "email": "eve@example.org"}}]"#;
    assert_eq!(only(ImportSource::Django, unusable).password_hash, None);
}

#[test]
fn supabase_users_keep_their_id_and_deleted_ones_are_errors() {
    let id = "b2d1a7c8-4f7e-4c1a-9a3e-0a1b2c3d4e5f";
    let user = format!(
        r#"{{"id": "{id}", "email": "ada@example.org", "encrypted_password": "$2a$10$x",
        "email_confirmed_at": "2023-01-02 03:04:05+00", "raw_user_meta_data": {{"name": "Ada"}},
        "banned_until": "2999-01-02 03:04:05+00", "created_at": "2023-01-02 03:04:05.6+00"}}"#
    );
    let row = only(ImportSource::Supabase, &user);
    let expected = [Some(id), Some("Ada"), Some("$2a$10$x"), Some("deactivated"), Some("2023-01-02T03:04:05.6+00:00")];
    assert_eq!((texts(&row), row.id.as_deref(), row.email_verified), (expected, Some(id), Some(true)));
    let rows = read_as(ImportSource::Supabase, None, r#"[{"email": "x", "deleted_at": "2023-01-02 03:04:05+00"}]"#);
    assert_eq!(rows[0].as_ref().map_err(|error| error.code.as_str()).err(), Some("user_deleted"));
}

#[test]
fn a_hash_that_cannot_be_read_is_passed_on_to_be_refused_and_never_dropped() {
    let credential = r#"{"type": "password", "secretData": "canary", "credentialData": "{}"}"#;
    let keycloak = format!(r#"{{"users": [{{"email": "ada@example.org", "credentials": [{credential}]}}]}}"#);
    assert_eq!(only(ImportSource::Keycloak, &keycloak).password_hash.as_deref(), Some("unreadable"));
    let auth0 = r#"{"email": "ada@example.org", "custom_password_hash": {"algorithm": "md5",
        "hash": {"value": "!", "encoding": "base64"}}}"#;
    assert_eq!(only(ImportSource::Auth0, auth0).password_hash.as_deref(), Some("$md5$unreadable"));
    let firebase = r#"{"users": [{"email": "ada@example.org", "passwordHash": "x", "salt": "y"}]}"#.as_bytes();
    let (source, parameters) = (ImportSource::Firebase, Parameters::default());
    let (rows, _) = rows_of(ImportFile { source, columns: None, parameters, content: firebase });
    assert_eq!(rows[0].as_ref().map_err(|error| error.code.as_str()).err(), Some("parameters_missing"));
}

#[test]
fn a_broken_document_is_refused_where_it_breaks_and_not_quoted() {
    for (source, text) in [
        (ImportSource::Firebase, r#"{"users": [{"email": "ada@example.org"}, canary"#),
        (ImportSource::Firebase, r#"{"users": "canary"}"#),
        (ImportSource::Auth0, "{\"email\": \"ada@example.org\"}\ncanary"),
        (ImportSource::Django, "canary"),
    ] {
        let (_, read) =
            rows_of(ImportFile { source, columns: None, parameters: parameters(), content: text.as_bytes() });
        let error = read.expect_err(text).to_string();
        assert!(error.contains("JSON") && !error.contains("canary"), "{text}: {error}");
    }
}

#[test]
fn the_receiver_of_the_rows_may_stop_the_reading() {
    for (source, text) in [
        (ImportSource::Ndjson, "{\"email\": \"a@example.org\"}\n{\"email\": \"b@example.org\"}"),
        (ImportSource::Csv, "email\na@example.org\nb@example.org\n"),
        (ImportSource::Auth0, "[{\"email\": \"a@example.org\"}, {\"email\": \"b@example.org\"}]"),
        (ImportSource::Auth0, "{\"email\": \"a@example.org\"}{\"email\": \"b@example.org\"}"),
    ] {
        let mut rows = 0;
        let file = ImportFile { source, columns: None, parameters: parameters(), content: text.as_bytes() };
        let read = file.read(&mut |_| {
            rows += 1;
            false
        });
        assert!(matches!(read, Err(ReadError::Stopped)) && rows == 1, "{text}: {read:?}");
    }
}
