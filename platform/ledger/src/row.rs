//! Inserting rows: one statement for any number of rows, passed as one JSON text.

use kernel::{MessageId, Timestamp};
use persistence::{Sql, SqlError, SqlTimestamp, fetch_all};
use serde::Serialize;
use std::borrow::Cow;
use std::collections::HashMap;
use uuid::Uuid;

/// A row to be inserted.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct NewRow {
    pub(crate) id: MessageId,
    pub(crate) root: MessageId,
    pub(crate) context: Cow<'static, str>,
    pub(crate) lane: Cow<'static, str>,
    pub(crate) name: &'static str,
    pub(crate) subject: Uuid,
    pub(crate) principal: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) route: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) idempotency_key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) fingerprint: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) traceparent: Option<String>,
    pub(crate) payload: String,
    /// Whether the outcome of the command depends on this row.
    pub(crate) awaited: bool,
}

impl NewRow {
    /// The order in which rows are inserted: that of the unique index on which two nodes may conflict.
    pub(crate) fn in_order(&self) -> impl Ord + '_ {
        (&self.principal, self.route, &self.idempotency_key, self.id)
    }
}

const INSERT: (&str, &str) = (
    "insert into ledger_messages (id, root, context, lane, name, subject, principal, route, idempotency_key, fingerprint, traceparent, payload, awaited) \
     select id, root, context, lane, name, subject, principal, route, idempotency_key, fingerprint, traceparent, payload, awaited \
     from json_to_recordset($1::json) as row (id uuid, root uuid, context text, lane text, name text, subject uuid, principal text, \
     route text, idempotency_key text, fingerprint text, traceparent text, payload text, awaited boolean) \
     on conflict do nothing returning id, accepted_at",
    "insert into ledger_messages (id, root, context, lane, name, subject, principal, route, idempotency_key, fingerprint, traceparent, payload, awaited) \
     select unhex(value->>'id', '-'), unhex(value->>'root', '-'), value->>'context', value->>'lane', value->>'name', \
     unhex(value->>'subject', '-'), value->>'principal', value->>'route', value->>'idempotency_key', value->>'fingerprint', \
     value->>'traceparent', value->>'payload', value->>'awaited' from json_each($1) where true \
     on conflict do nothing returning id, accepted_at",
);

/// Inserts rows in this order. Returns the ids of the new rows, and when they were accepted.
pub(crate) async fn insert(on: &mut impl Sql, rows: &[NewRow]) -> Result<HashMap<Uuid, Timestamp>, SqlError> {
    if rows.is_empty() {
        return Ok(HashMap::new());
    }
    // Plain data cannot fail to serialise.
    let rows = serde_json::to_string(rows).unwrap_or_default();
    Ok(fetch_all!(on, (Uuid, SqlTimestamp), INSERT, rows)?.into_iter().map(|(id, at)| (id, at.0)).collect())
}
