use auth_domain::Device;
use identity::UserId;
use use_case::{Unavailable, async_trait};

/// The most devices that are kept of a user. A further one replaces the one that was not seen for the longest time.
pub const MOST_DEVICES: i64 = 20;

/// A port: the devices that users have signed in from.
#[async_trait]
pub trait Devices: Send {
    /// Remembers that the user signs in from this device now. Returns whether that is news to the user: the device was not
    /// known, and it is not the user's first. It MUST be one statement, except when it is news; the oldest devices beyond
    /// [`MOST_DEVICES`] MUST then go. The caller MUST have locked the account.
    async fn see_device(&mut self, user: UserId, device: &Device) -> Result<bool, Unavailable>;
}
