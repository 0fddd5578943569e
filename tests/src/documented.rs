//! Checks answers against the OpenAPI document.
#![expect(clippy::panic, reason = "a step that does not work fails the test")]

use crate::{Answer, Request};
use roster::problems::PROBLEMS;
use serde_json::{Value, json};

/// An OpenAPI 3.1 document to check answers against.
pub struct Documented(Value);

impl Documented {
    /// Uses this OpenAPI 3.1 document.
    #[must_use]
    pub fn new(document: &Value) -> Self {
        Self(document.clone())
    }

    /// The operation of a request; `None` if no path or method matches.
    fn operation(&self, request: &Request) -> Option<&Value> {
        let path = request.target.split('?').next()?;
        let fits = |template: &str| {
            let (given, template): (Vec<_>, Vec<_>) = (path.split('/').collect(), template.split('/').collect());
            given.len() == template.len()
                && given.iter().zip(&template).all(|(part, pattern)| pattern.starts_with('{') || part == pattern)
        };
        let (_, item) = self.0["paths"].as_object()?.iter().find(|(template, _)| fits(template))?;
        let method = if request.method == "HEAD" { "get" } else { &request.method.to_lowercase() };
        item.get(method)
    }

    /// Fails if the document does not allow this answer to this request.
    pub(crate) fn check(&self, request: &Request, answer: &Answer) {
        let Some(operation) = self.operation(request) else { return };
        let report = |what: &str| format!("{what}: {} {}\n{answer:#?}", request.method, request.target);
        let responses = &operation["responses"];
        let response = responses.get(answer.status.to_string()).or_else(|| responses.get("default"));
        let response = response.unwrap_or_else(|| panic!("{}", report("a status that is not documented")));
        if answer.body.is_empty() {
            return;
        }
        let kind = answer.header("content-type").unwrap_or_default();
        let Some(schema) = response["content"][kind].get("schema") else {
            panic!("{}", report("a type that is not documented"));
        };
        for (name, header) in response["headers"].as_object().into_iter().flatten() {
            let number = answer.header(name).is_none_or(|value| value.parse::<u64>().is_ok());
            assert!(header["schema"]["type"] != "integer" || number, "{}", report(name));
        }
        if !kind.ends_with("json") {
            return;
        }
        if kind == "application/problem+json" {
            for code in codes(&answer.json()) {
                let is_explained = PROBLEMS.iter().any(|kind| kind.code == code);
                assert!(is_explained, "{}", report(&format!("{code} is not in roster::problems::PROBLEMS")));
            }
        }
        if let Err(why) = fits(&self.0, schema, &answer.json(), "") {
            panic!("{}", report(&format!("not as documented, {why}")));
        }
    }
}

/// The codes in a problem.
fn codes(problem: &Value) -> Vec<String> {
    let errors = problem["errors"].as_array().into_iter().flatten();
    let all = std::iter::once(problem).chain(errors);
    all.filter_map(|it| it["code"].as_str()).map(str::to_owned).collect()
}

/// Resolves a schema that may be a reference.
///
/// # Panics
/// When the reference has no target.
#[must_use]
pub fn resolve<'a>(document: &'a Value, schema: &'a Value) -> &'a Value {
    match schema["$ref"].as_str() {
        Some(reference) => {
            let found = reference.strip_prefix('#').and_then(|pointer| document.pointer(pointer));
            resolve(document, found.unwrap_or_else(|| panic!("{reference} has no target")))
        }
        None => schema,
    }
}

/// Validates a value by the part of JSON Schema that the document uses. It is stricter in one point: it refuses
/// properties that are not described. The error names the place.
/// The schema with the parts of its `allOf` put together.
fn whole(document: &Value, schema: &Value) -> Value {
    let Some(parts) = schema["allOf"].as_array() else { return schema.clone() };
    let (mut properties, mut required) = (serde_json::Map::new(), Vec::new());
    for part in parts {
        let part = whole(document, resolve(document, part));
        properties.extend(part["properties"].as_object().cloned().unwrap_or_default());
        required.extend(part["required"].as_array().cloned().unwrap_or_default());
    }
    json!({ "type": "object", "properties": properties, "required": required })
}

fn fits(document: &Value, schema: &Value, value: &Value, at: &str) -> Result<(), String> {
    let whole = whole(document, resolve(document, schema));
    let schema = &whole;
    let allowed: Vec<_> = match &schema["type"] {
        Value::Array(types) => types.iter().filter_map(Value::as_str).collect(),
        Value::String(one) => vec![one.as_str()],
        _ => return Err(format!("{at}: a schema without a type: {schema}")),
    };
    let is = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_i64() || number.is_u64() => "integer",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    if !allowed.contains(&is) {
        return Err(format!("{at}: {is}, not {allowed:?}"));
    }
    let one_of = |all: &Value| all.as_array().is_none_or(|all| all.contains(value));
    if !one_of(&schema["enum"]) {
        return Err(format!("{at}: none of {}", schema["enum"]));
    }
    match value {
        Value::Object(object) => {
            for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
                object.get(name).ok_or_else(|| format!("{at}/{name}: is missing"))?;
            }
            for (name, value) in object {
                if schema.get("properties").is_none() {
                    // Any JSON, which another standard describes.
                    break;
                }
                let property =
                    schema["properties"].get(name).ok_or_else(|| format!("{at}/{name}: is not described"))?;
                fits(document, property, value, &format!("{at}/{name}"))?;
            }
            Ok(())
        }
        Value::Array(items) => items
            .iter()
            .enumerate()
            .try_for_each(|(n, item)| fits(document, &schema["items"], item, &format!("{at}/{n}"))),
        Value::String(text) => {
            let length = text.chars().count() as u64;
            let longest = schema["maxLength"].as_u64().unwrap_or(u64::MAX);
            let fits = schema["minLength"].as_u64().unwrap_or(0) <= length && length <= longest;
            let format = match schema["format"].as_str() {
                Some("uuid") => uuid::Uuid::try_parse(text).is_ok(),
                Some("date-time") => text.len() >= 20 && text.ends_with('Z') && text.as_bytes()[10] == b'T',
                _ => true,
            };
            // `^(one|another)$`
            let words = schema["pattern"].as_str().and_then(|it| it.strip_prefix("^(")?.strip_suffix(")$"));
            let word = words.is_none_or(|words| words.split('|').any(|word| word == text));
            if fits && format && word { Ok(()) } else { Err(format!("{at}: does not fit {schema}")) }
        }
        Value::Number(number) => {
            let bound = |name: &str, default| schema[name].as_f64().unwrap_or(default);
            let number = number.as_f64().unwrap_or(f64::NAN);
            let fits = (bound("minimum", f64::MIN)..=bound("maximum", f64::MAX)).contains(&number);
            if fits { Ok(()) } else { Err(format!("{at}: does not fit {schema}")) }
        }
        Value::Null | Value::Bool(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::fits;
    use serde_json::{Value, json};

    fn document() -> Value {
        json!({"components": {"schemas": {"User": {
            "type": "object",
            "required": ["id", "name"],
            "properties": {
                "id": {"type": "string", "format": "uuid"},
                "name": {"type": ["string", "null"], "maxLength": 3},
                "tags": {"type": "array", "items": {"type": "string", "pattern": "^(red|blue)$"}},
                "age": {"type": "integer", "minimum": 0},
            },
        }}}})
    }

    fn why(value: &Value) -> Option<String> {
        fits(&document(), &json!({"$ref": "#/components/schemas/User"}), value, "").err()
    }

    #[test]
    fn a_value_that_fits_its_schema_is_accepted() {
        let id = "01890a5d-ac96-774b-bcce-b302099a8057";
        assert_eq!(why(&json!({"id": id, "name": null})), None);
        assert_eq!(why(&json!({"id": id, "name": "Ada", "tags": ["red", "blue"], "age": 0})), None);
    }

    #[test]
    fn a_value_that_does_not_fit_is_reported_with_its_place() {
        let id = "01890a5d-ac96-774b-bcce-b302099a8057";
        for (value, place) in [
            (json!([]), ": array"),
            (json!({"id": id}), "/name: is missing"),
            (json!({"id": "7", "name": null}), "/id: does not fit"),
            (json!({"id": id, "name": "Anna"}), "/name: does not fit"),
            (json!({"id": id, "name": 7}), "/name: integer"),
            (json!({"id": id, "name": null, "email": "x"}), "/email: is not described"),
            (json!({"id": id, "name": null, "tags": ["red", "green"]}), "/tags/1: does not fit"),
            (json!({"id": id, "name": null, "age": -1}), "/age: does not fit"),
        ] {
            assert!(why(&value).is_some_and(|why| why.starts_with(place)), "{value}: {:?}", why(&value));
        }
    }
}
