use contracts::{SetCredential, UserDeactivated, UserReactivated, UserRegistered};
use use_case::Message;
use users_application::{DeactivateUser, ReactivateUser, RegisterUser};

/// Checks that every accepted message is written, read and written again without a change.
///
/// # Panics
/// When the property does not hold.
pub fn message(bytes: &[u8]) {
    reads::<RegisterUser>(bytes);
    reads::<DeactivateUser>(bytes);
    reads::<ReactivateUser>(bytes);
    reads::<SetCredential>(bytes);
    reads::<UserDeactivated>(bytes);
    reads::<UserReactivated>(bytes);
    reads::<UserRegistered>(bytes);
}

fn reads<M: Message>(bytes: &[u8]) {
    let Ok(message) = serde_json::from_slice::<M>(bytes) else { return };
    let written = serde_json::to_string(&message).expect("it can be written");
    let again: M = serde_json::from_str(&written).expect("a written message can be read");
    assert_eq!(serde_json::to_string(&again).expect("it can be written"), written, "{}", M::NAME);
    assert_eq!(again.subject(), message.subject(), "{}", M::NAME);
}
