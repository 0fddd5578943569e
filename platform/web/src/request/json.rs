use crate::Problem;
use axum::{
    http::{HeaderValue, StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
};
use serde::{
    Serialize,
    de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor},
};
use std::{cell::Cell, collections::BTreeMap, fmt};
use zeroize::Zeroizing;

/// A JSON response. For requests, use [`Fields`](crate::Fields).
pub struct Json<T>(pub T);

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        match serde_json::to_vec(&self.0) {
            Ok(body) => ([(CONTENT_TYPE, HeaderValue::from_static("application/json"))], body).into_response(),
            Err(error) => {
                tracing::error!(%error, "bug: a response cannot be serialised as JSON");
                Problem::internal().into_response()
            }
        }
    }
}

/// The deepest nesting that is accepted. No request needs more than three levels.
const DEEPEST: usize = 32;

/// A JSON value of a request.
pub(crate) enum Value {
    Null,
    /// Wiped when dropped, because any field may contain a password by mistake.
    Text(Zeroizing<String>),
    Integer(i64),
    Bool(bool),
    Array(Vec<Value>),
    Object(BTreeMap<String, Value>),
    /// A value of a type that no field has, such as a fraction.
    Other,
}

impl Value {
    /// The value as serde_json has it; `None` for one of a type that no field has. The copy is not wiped.
    pub(crate) fn to_json(&self) -> Option<serde_json::Value> {
        Some(match self {
            Self::Null => serde_json::Value::Null,
            Self::Text(text) => text.as_str().into(),
            Self::Integer(number) => (*number).into(),
            Self::Bool(truth) => (*truth).into(),
            Self::Array(items) => items.iter().map(Self::to_json).collect::<Option<Vec<_>>>()?.into(),
            Self::Object(fields) => {
                let fields = fields.iter().map(|(name, value)| Some((name.clone(), value.to_json()?)));
                serde_json::Value::Object(fields.collect::<Option<_>>()?)
            }
            Self::Other => return None,
        })
    }
}

/// Parses one JSON text (RFC 8259) strictly: UTF-8 without a byte order mark, no lone surrogates, and no duplicate keys
/// in an object, which parsers read differently (RFC 8259, section 4).
///
/// # Errors
/// 400 with the position of the error. Serde's messages are dropped, because they quote the input.
pub(crate) fn parse(bytes: &[u8]) -> Result<Value, Problem> {
    let malformed = |code, detail: String| {
        Problem::new(StatusCode::BAD_REQUEST, code, "The body is not acceptable JSON").detail(detail)
    };
    let text = std::str::from_utf8(bytes)
        .map_err(|error| malformed("json_malformed", format!("Invalid UTF-8 after {} bytes.", error.valid_up_to())))?;
    let flaw = Cell::new(None);
    let mut json = serde_json::Deserializer::from_str(text);
    let value = Node { depth: 0, flaw: &flaw }.deserialize(&mut json);
    value.and_then(|value| json.end().map(|()| value)).map_err(|error| {
        let place = format!("line {}, column {}", error.line(), error.column());
        match flaw.get() {
            Some(Flaw::Duplicate) => malformed("json_duplicate_field", format!("Duplicate field at {place}.")),
            Some(Flaw::TooDeep) => {
                malformed("json_too_deep", format!("Nested more than {DEEPEST} levels deep at {place}."))
            }
            None => malformed("json_malformed", format!("Syntax error at {place}.")),
        }
    })
}

#[derive(Clone, Copy)]
enum Flaw {
    Duplicate,
    TooDeep,
}

#[derive(Clone, Copy)]
struct Node<'a> {
    depth: usize,
    flaw: &'a Cell<Option<Flaw>>,
}

impl Node<'_> {
    fn inner<E: Error>(self) -> Result<Self, E> {
        if self.depth == DEEPEST { Err(self.fail(Flaw::TooDeep)) } else { Ok(Self { depth: self.depth + 1, ..self }) }
    }

    fn fail<E: Error>(self, flaw: Flaw) -> E {
        self.flaw.set(Some(flaw));
        E::custom("")
    }
}

impl<'de> DeserializeSeed<'de> for Node<'_> {
    type Value = Value;
    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Value, D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Node<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, truth: bool) -> Result<Value, E> {
        Ok(Value::Bool(truth))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(Value::Integer(number))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(i64::try_from(number).map_or(Value::Other, Value::Integer))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Value, E> {
        Ok(Value::Other)
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::Text(Zeroizing::new(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let inner = self.inner()?;
        let mut all = Vec::new();
        while let Some(item) = items.next_element_seed(inner)? {
            all.push(item);
        }
        Ok(Value::Array(all))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Value, A::Error> {
        let inner = self.inner()?;
        let mut object = BTreeMap::new();
        while let Some(name) = fields.next_key::<String>()? {
            if object.contains_key(&name) {
                return Err(self.fail(Flaw::Duplicate));
            }
            object.insert(name, fields.next_value_seed(inner)?);
        }
        Ok(Value::Object(object))
    }
}
