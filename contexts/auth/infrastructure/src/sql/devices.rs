use crate::SqlAuth;
use auth_application::{Devices, MOST_DEVICES};
use auth_domain::Device;
use identity::UserId;
use persistence::{execute, fetch_one, sql};
use sha2::{Digest as _, Sha256};
use use_case::{Unavailable, async_trait};

#[async_trait]
impl Devices for SqlAuth {
    async fn see_device(&mut self, user: UserId, device: &Device) -> Result<bool, Unavailable> {
        // The select runs before the insert, so that a first device is no news. SQLite needs the `where`.
        const SEE: (&str, &str) = sql!(
            "insert into auth_known_devices (user_id, hash, last_seen_at, is_news) \
             select $1, $2, {clock}, exists (select 1 from auth_known_devices where user_id = $1) where true \
             on conflict (user_id, hash) do update set last_seen_at = excluded.last_seen_at, is_news = false \
             returning is_news"
        );
        // The user is part of it: the table does not tell that two users share a device.
        let hash: [u8; 32] = Sha256::new().chain_update(user.as_uuid()).chain_update(device.traits()).finalize().into();
        let (is_news,) = fetch_one!(&mut self.0, (bool,), SEE, user.as_uuid(), &hash[..])?;
        if is_news {
            let sql = "delete from auth_known_devices where user_id = $1 and hash in \
                 (select hash from auth_known_devices where user_id = $1 \
                  order by last_seen_at desc, hash limit 1000 offset $2)";
            execute!(&mut self.0, sql, user.as_uuid(), MOST_DEVICES)?;
        }
        Ok(is_news)
    }
}
