use super::{EachRow, ReadError, ReadRow, row_error};
use std::io::{BufRead, Read as _};
use users_domain::ImportRow;

/// The longest line, in bytes.
const LONGEST: usize = 65_536;

pub(super) fn read(mut content: impl BufRead, each: EachRow<'_>) -> Result<(), ReadError> {
    let mut text = Vec::new();
    for line in 1.. {
        text.clear();
        let limit = u64::try_from(LONGEST).unwrap_or(u64::MAX);
        if content.by_ref().take(limit + 1).read_until(b'\n', &mut text)? == 0 {
            return Ok(());
        }
        let is_too_long = text.len() > LONGEST;
        if is_too_long && text.last() != Some(&b'\n') {
            skip_line(&mut content)?;
        }
        let trimmed = text.trim_ascii();
        let row = match () {
            () if is_too_long => Err(row_error(line, "row_too_long", format!("is longer than {LONGEST} bytes"))),
            () if trimmed.is_empty() => continue,
            () => parse(line, trimmed),
        };
        if !each(row) {
            return Err(ReadError::Stopped);
        }
    }
    Ok(())
}

fn skip_line(content: &mut impl BufRead) -> Result<(), ReadError> {
    loop {
        let buffer = content.fill_buf()?;
        let (used, ends) = match buffer.iter().position(|byte| *byte == b'\n') {
            Some(at) => (at + 1, true),
            None => (buffer.len(), buffer.is_empty()),
        };
        content.consume(used);
        if ends {
            return Ok(());
        }
    }
}

/// Parses a row. The error of serde quotes values, so its text is not shown.
fn parse(line: i64, text: &[u8]) -> ReadRow {
    let error = match serde_json::from_slice::<ImportRow>(text) {
        Ok(row) => return Ok((line, row)),
        Err(error) => error,
    };
    let Ok(serde_json::Value::Object(fields)) = serde_json::from_slice(text) else {
        return Err(row_error(line, "json_malformed", "is not a JSON object"));
    };
    if let Some(unknown) = fields.keys().find(|field| !ImportRow::FIELDS.contains(&field.as_str())) {
        let message = format!("has the unknown field {unknown:?}; the fields are {}", ImportRow::FIELDS.join(", "));
        return Err(row_error(line, "unknown_field", message));
    }
    if !fields.contains_key("email") {
        return Err(row_error(line, "required", "email is missing"));
    }
    let at = error.column();
    Err(row_error(line, "wrong_type", format!("has a value of the wrong type before column {at}")))
}
