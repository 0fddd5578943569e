use crate::SqlAuth;
use auth_application::{ServiceKey, ServiceKeys, TokenHash};
use auth_domain::{Scopes, ServiceKeyId};
use persistence::{SqlTimestamp, execute, fetch_optional, sql};
use use_case::{Unavailable, async_trait};

#[async_trait]
impl ServiceKeys for SqlAuth {
    async fn add(&mut self, key: &ServiceKey, hash: &TokenHash) -> Result<(), Unavailable> {
        let sql = "insert into auth_service_keys (id, hash, name, scopes, created_at, expires_at, created_by) \
             values ($1, $2, $3, $4, $5, $6, $7)";
        let (id, scopes, by) = (key.id.as_uuid(), key.scopes.to_string(), key.created_by.to_string());
        let (from, until) = (SqlTimestamp(key.created_at), SqlTimestamp(key.expires_at));
        execute!(&mut self.0, sql, id, &hash.0[..], key.name.as_str(), scopes, from, until, by)?;
        Ok(())
    }

    async fn scopes_of(&mut self, key: ServiceKeyId) -> Result<Option<Scopes>, Unavailable> {
        let sql = sql!(
            "select scopes from auth_service_keys where id = $1 and revoked_at is null \
             and expires_at > {clock} {for update}"
        );
        let found = fetch_optional!(&mut self.0, (String,), sql, key.as_uuid())?;
        // A key with a scope that this version does not know allows nothing.
        Ok(found.and_then(|(scopes,)| scopes.parse().ok()))
    }

    async fn revoke(&mut self, key: ServiceKeyId) -> Result<bool, Unavailable> {
        let sql = sql!("update auth_service_keys set revoked_at = {clock} where id = $1 and revoked_at is null");
        Ok(execute!(&mut self.0, sql, key.as_uuid())? == 1)
    }
}
