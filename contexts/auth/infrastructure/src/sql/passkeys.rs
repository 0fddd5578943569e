use crate::SqlAuth;
use auth_application::{PASSKEY_CHALLENGE_LIFE, Passkey, PasskeyPurpose, PasskeyUse, Passkeys, TokenHash};
use auth_domain::{PasskeyId, PasskeyName};
use identity::UserId;
use persistence::{execute, fetch_one, fetch_optional, sql};
use use_case::{Unavailable, async_trait};
use uuid::Uuid;

type Row = (Uuid, Uuid, String, Vec<u8>, i64, Uuid, bool, bool, String);

#[async_trait]
impl Passkeys for SqlAuth {
    async fn add_passkey_challenge(&mut self, hash: &TokenHash, purpose: PasskeyPurpose) -> Result<(), Unavailable> {
        let sql = sql!(
            "insert into auth_passkey_challenges (hash, user_id, created_at, expires_at) \
             values ($1, $2, {clock}, {clock} + {$3 us})"
        );
        let life = i64::try_from(PASSKEY_CHALLENGE_LIFE.as_micros()).unwrap_or(i64::MAX);
        execute!(&mut self.0, sql, &hash.0[..], user_of(purpose), life)?;
        Ok(())
    }

    async fn use_passkey_challenge(&mut self, hash: &TokenHash, purpose: PasskeyPurpose) -> Result<bool, Unavailable> {
        // One that was stored over a minute from now was written while the clock was ahead. It counts as expired.
        let sql = sql!(
            "delete from auth_passkey_challenges where hash = $1 and user_id is not distinct from $2 \
             and expires_at > {clock} and created_at < {clock} + {1 min}"
        );
        Ok(execute!(&mut self.0, sql, &hash.0[..], user_of(purpose))? == 1)
    }

    async fn add_passkey(&mut self, passkey: &Passkey) -> Result<bool, Unavailable> {
        let sql = sql!(
            "insert into auth_passkeys (id, user_id, credential, public_key, counter, aaguid, backup_eligible, backed_up, \
               transports, name, created_at) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, {clock}) \
             on conflict (credential) do nothing"
        );
        let added = execute!(
            &mut self.0,
            sql,
            passkey.id.as_uuid(),
            passkey.user.as_uuid(),
            &passkey.credential[..],
            &passkey.public_key[..],
            i64::from(passkey.counter),
            passkey.aaguid,
            passkey.backup_eligible,
            passkey.backed_up,
            passkey.transports.join(" "),
            passkey.name.as_str()
        )?;
        Ok(added == 1)
    }

    async fn count_passkeys(&mut self, user: UserId) -> Result<i64, Unavailable> {
        let sql = "select count(*) from auth_passkeys where user_id = $1";
        Ok(fetch_one!(&mut self.0, (i64,), sql, user.as_uuid())?.0)
    }

    async fn lock_passkey(&mut self, credential: &[u8]) -> Result<Option<Passkey>, Unavailable> {
        let sql = "select user_id from auth_passkeys where credential = $1";
        let Some((user,)) = fetch_optional!(&mut self.0, (Uuid,), sql, credential)? else { return Ok(None) };
        // The account first, as everywhere. The next statement sees what was committed during the wait.
        let sql = sql!("select user_id from auth_accounts where user_id = $1 and disabled_at is null {for update}");
        if fetch_optional!(&mut self.0, (Uuid,), sql, user)?.is_none() {
            return Ok(None);
        }
        let sql = "select id, user_id, name, public_key, counter, aaguid, backup_eligible, backed_up, transports \
             from auth_passkeys where credential = $1";
        let found = fetch_optional!(&mut self.0, Row, sql, credential)?;
        Ok(found.map(|(id, user, name, public_key, counter, aaguid, backup_eligible, backed_up, transports)| Passkey {
            id: PasskeyId::new(id),
            user: UserId::new(user),
            name: PasskeyName::parse(&name).unwrap_or_default(),
            credential: credential.to_vec(),
            public_key,
            counter: u32::try_from(counter).unwrap_or(u32::MAX),
            aaguid,
            backup_eligible,
            backed_up,
            transports: transports.split_whitespace().map(str::to_owned).collect(),
        }))
    }

    async fn record_passkey_use(&mut self, passkey: PasskeyId, used: &PasskeyUse) -> Result<(), Unavailable> {
        let sql = sql!("update auth_passkeys set counter = $2, backed_up = $3, used_at = {clock} where id = $1");
        execute!(&mut self.0, sql, passkey.as_uuid(), i64::from(used.counter), used.backed_up)?;
        Ok(())
    }

    async fn remove_passkey(&mut self, user: UserId, passkey: PasskeyId) -> Result<bool, Unavailable> {
        let sql = "delete from auth_passkeys where id = $1 and user_id = $2";
        Ok(execute!(&mut self.0, sql, passkey.as_uuid(), user.as_uuid())? == 1)
    }
}

fn user_of(purpose: PasskeyPurpose) -> Option<Uuid> {
    match purpose {
        PasskeyPurpose::Register(user) => Some(user.as_uuid()),
        PasskeyPurpose::Assert => None,
    }
}
