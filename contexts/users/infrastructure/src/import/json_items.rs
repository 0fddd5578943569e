//! Reads the elements of a JSON document one after the other, without the document in memory.

use super::ReadError;
use serde::de::{DeserializeSeed, Deserializer as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use std::fmt;
use std::io::BufRead;

/// Takes an element with its number, from 1; `false` stops the reading.
pub(super) type EachItem<'a> = &'a mut dyn FnMut(i64, Value) -> bool;

/// Reads the elements of an array, of the array `list` of an object, or of a file with one object after the other.
pub(super) fn read(mut content: impl BufRead, list: Option<&str>, each: EachItem<'_>) -> Result<(), ReadError> {
    let first = loop {
        match content.fill_buf()?.first() {
            None => return Ok(()),
            Some(byte) if byte.is_ascii_whitespace() => content.consume(1),
            Some(byte) => break *byte,
        }
    };
    let mut items = Items { list, each, number: 0, is_stopped: false };
    let mut json = serde_json::Deserializer::from_reader(content);
    let read = match (first, list) {
        (b'[', _) => json.deserialize_seq(&mut items),
        (b'{', Some(_)) => json.deserialize_map(&mut items),
        (b'{', None) => {
            let mut objects = json.into_iter::<Value>();
            objects.try_for_each(|item| items.take(item?).map_err(|()| stopped()))
        }
        _ => return Err(ReadError::Malformed("the file is not JSON".into())),
    };
    match read {
        Ok(()) => Ok(()),
        Err(_) if items.is_stopped => Err(ReadError::Stopped),
        // The error of serde quotes the file.
        Err(error) => {
            let (line, column) = (error.line(), error.column());
            Err(ReadError::Malformed(format!("the JSON of the file is malformed at line {line}, column {column}")))
        }
    }
}

fn stopped() -> serde_json::Error {
    serde::de::Error::custom("stopped")
}

struct Items<'a, 'b> {
    list: Option<&'a str>,
    each: EachItem<'b>,
    number: i64,
    is_stopped: bool,
}

impl Items<'_, '_> {
    fn take(&mut self, item: Value) -> Result<(), ()> {
        self.number += 1;
        self.is_stopped = !(self.each)(self.number, item);
        if self.is_stopped { Err(()) } else { Ok(()) }
    }
}

impl<'de> Visitor<'de> for &mut Items<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of users")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while let Some(item) = list.next_element()? {
            self.take(item).map_err(|()| serde::de::Error::custom("stopped"))?;
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<(), A::Error> {
        while let Some(key) = object.next_key::<String>()? {
            if Some(key.as_str()) == self.list {
                object.next_value_seed(&mut *self)?;
            } else {
                object.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for &mut Items<'_, '_> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_seq(self)
    }
}

/// A text of an object, if it is there and not empty.
pub(super) fn text(object: &Value, field: &str) -> Option<String> {
    object[field].as_str().filter(|text| !text.is_empty()).map(str::to_owned)
}

/// A person's name from a full name, or from its parts.
pub(super) fn name(object: &Value, full: &str, first: &str, last: &str) -> Option<String> {
    text(object, full).or_else(|| {
        let parts: Vec<_> = [first, last].iter().filter_map(|field| text(object, field)).collect();
        (!parts.is_empty()).then(|| parts.join(" "))
    })
}

/// A time in milliseconds since 1970, as a number or a text, in the form of RFC 3339.
pub(super) fn milliseconds(value: &Value) -> Option<String> {
    let number = value.as_i64().or_else(|| value.as_str()?.parse().ok())?;
    kernel::Timestamp::from_microsecond(number.checked_mul(1_000)?).map(|at| at.to_string())
}
