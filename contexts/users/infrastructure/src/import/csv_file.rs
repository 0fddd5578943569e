use super::{EachRow, Parameters, ReadError, ReadRow, rfc_3339, row_error};
use csv::{ByteRecord, ReaderBuilder};
use std::io::BufRead;
use std::str::FromStr;
use users_domain::ImportRow;

/// Which columns of a table are the fields of a row: `email=mail,name=first+last` by the names in its first line, or
/// `email=2,name=5+6` by number in a table without names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Columns {
    fields: Vec<(&'static str, Vec<Column>)>,
    has_names: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Column {
    Named(String),
    /// From 0.
    Numbered(usize),
}

/// Why a text does not say which columns are the fields.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ColumnsError {
    #[error("{0:?} is not FIELD=COLUMN")]
    Malformed(String),
    #[error("{0:?} is no field: the fields are {fields}", fields = ImportRow::FIELDS.join(", "))]
    UnknownField(String),
    #[error("columns have either names or numbers from 1, not both")]
    Mixed,
    #[error("no column is the field email")]
    NoEmail,
}

impl FromStr for Columns {
    type Err = ColumnsError;

    fn from_str(text: &str) -> Result<Self, ColumnsError> {
        let mut fields = Vec::new();
        for pair in text.split(',') {
            let (field, columns) = pair.split_once('=').ok_or_else(|| ColumnsError::Malformed(pair.to_owned()))?;
            let known = ImportRow::FIELDS.into_iter().find(|known| *known == field.trim());
            let field = known.ok_or_else(|| ColumnsError::UnknownField(field.to_owned()))?;
            fields.push((field, columns.split('+').map(|column| Column::new(column.trim())).collect()));
        }
        let numbers = fields.iter().flat_map(|(_, columns): &(_, Vec<Column>)| columns);
        let numbers: Vec<_> = numbers.map(|column| matches!(column, Column::Numbered(_))).collect();
        if numbers.iter().any(|is_number| *is_number != numbers[0]) {
            return Err(ColumnsError::Mixed);
        }
        if !fields.iter().any(|(field, _)| *field == "email") {
            return Err(ColumnsError::NoEmail);
        }
        Ok(Self { fields, has_names: !numbers[0] })
    }
}

impl Column {
    fn new(text: &str) -> Self {
        match text.parse::<usize>() {
            Ok(number @ 1..) => Self::Numbered(number - 1),
            _ => Self::Named(text.to_owned()),
        }
    }
}

pub(super) fn read(
    content: impl BufRead,
    columns: Option<&Columns>,
    parameters: &Parameters,
    each: EachRow<'_>,
) -> Result<(), ReadError> {
    let has_names = columns.is_none_or(|columns| columns.has_names);
    let mut table = ReaderBuilder::new().has_headers(has_names).flexible(true).from_reader(content);
    let names: Vec<String> = if has_names {
        let names = table.byte_headers().map_err(malformed)?;
        names.iter().map(|name| String::from_utf8_lossy(name).trim().to_owned()).collect()
    } else {
        Vec::new()
    };
    let fields = places(columns, &names)?;
    let mut record = ByteRecord::new();
    while table.read_byte_record(&mut record).map_err(malformed)? {
        // Not the position's line, which is one behind after a line that ends in CR LF.
        let line = record.position().map_or(0, csv::Position::record).saturating_add(1);
        let row = parse(i64::try_from(line).unwrap_or(i64::MAX), &record, &fields, parameters);
        if !each(row) {
            return Err(ReadError::Stopped);
        }
    }
    Ok(())
}

/// The places of each field's columns.
fn places(columns: Option<&Columns>, names: &[String]) -> Result<Vec<(&'static str, Vec<usize>)>, ReadError> {
    let Some(columns) = columns else {
        let known = |name: &String| ImportRow::FIELDS.into_iter().find(|field| field == name);
        let mut fields = Vec::new();
        for (place, name) in names.iter().enumerate() {
            let field = known(name).ok_or_else(|| {
                let fields = ImportRow::FIELDS.join(", ");
                ReadError::Malformed(format!("the column {name:?} is no field ({fields}): say which are by --columns"))
            })?;
            fields.push((field, vec![place]));
        }
        return if names.iter().any(|name| name == "email") {
            Ok(fields)
        } else {
            Err(ReadError::Malformed("the table has no column email: say which it is by --columns".into()))
        };
    };
    let place = |column: &Column| match column {
        Column::Numbered(place) => Ok(*place),
        Column::Named(name) => names
            .iter()
            .position(|known| known == name)
            .ok_or_else(|| ReadError::Malformed(format!("the table has no column {name:?}"))),
    };
    let field = |(field, columns): &(&'static str, Vec<Column>)| {
        Ok((*field, columns.iter().map(place).collect::<Result<_, ReadError>>()?))
    };
    columns.fields.iter().map(field).collect()
}

fn parse(line: i64, record: &ByteRecord, fields: &[(&str, Vec<usize>)], parameters: &Parameters) -> ReadRow {
    let mut row = ImportRow::default();
    for (field, places) in fields {
        let mut parts = Vec::new();
        for place in places {
            let bytes = record.get(*place).unwrap_or_default();
            let text = std::str::from_utf8(bytes).map_err(|_| row_error(line, "text_malformed", "is not UTF-8"))?;
            parts.push(text.trim());
        }
        parts.retain(|part| !part.is_empty());
        let text = (!parts.is_empty()).then(|| parts.join(" "));
        match *field {
            "ref" => row.reference = text,
            "id" => row.id = text,
            "email" => row.email = text.unwrap_or_default(),
            "name" => row.name = text,
            "password_hash" => row.password_hash = text.map(|hash| peppered(hash, parameters)),
            "email_verified" => row.email_verified = text.map(|text| boolean(line, &text)).transpose()?,
            "status" => row.status = text,
            "role" => row.role = text,
            "totp_secret" => row.totp_secret = text,
            _ => row.created_at = text.map(|text| rfc_3339(&text)),
        }
    }
    Ok((line, row))
}

/// The hash of a system that appends a pepper to each password, in one text.
fn peppered(hash: String, parameters: &Parameters) -> String {
    use base64::Engine as _;
    match &parameters.pepper {
        Some(pepper) => format!("$bcrypt-pepper${}{hash}", base64::prelude::BASE64_STANDARD_NO_PAD.encode(pepper)),
        None => hash,
    }
}

/// Reads what tables write for true and false. A time, such as that of a confirmation, is true.
fn boolean(line: i64, text: &str) -> Result<bool, users_domain::RowError> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "t" | "yes" | "1" => Ok(true),
        "false" | "f" | "no" | "0" | "null" => Ok(false),
        text if text.starts_with(|first: char| first.is_ascii_digit()) && text.contains('-') => Ok(true),
        _ => Err(row_error(line, "wrong_type", "email_verified must be true or false")),
    }
}

fn malformed(error: csv::Error) -> ReadError {
    let line = error.position().map(csv::Position::line);
    match error.into_kind() {
        csv::ErrorKind::Io(error) => ReadError::Io(error),
        _ => ReadError::Malformed(match line {
            Some(line) => format!("the table is malformed at line {line}"),
            None => "the table is malformed".to_owned(),
        }),
    }
}
