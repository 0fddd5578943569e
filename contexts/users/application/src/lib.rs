//! The use cases of the `users` context, one file each. This file is the table of contents.

mod email_links;
mod jobs;
mod registrations;
mod users;

pub use email_links::{EmailLink, EmailLinks, IssuedLink, LinkPurpose};
pub use jobs::{ImportOutcome, JobStep, Jobs};
pub use registrations::{CONFIRM_HOURS, NewInvitation, PendingRegistration, RegistrationClaim, Registrations};
pub use update_user::NameChange;
pub use users::{StoreError, Users};

use_case::handlers! { dyn Users:
    register_user::RegisterUser,
    request_registration::RequestRegistration,
    confirm_registration::ConfirmRegistration,
    invite_user::InviteUser,
    resend_invitation::ResendInvitation,
    revoke_invitation::RevokeInvitation,
    accept_invitation::AcceptInvitation,
    update_user::UpdateUser,
    request_email_verification::RequestEmailVerification,
    confirm_email::ConfirmEmail,
    revert_email::RevertEmail,
    deactivate_user::DeactivateUser,
    reactivate_user::ReactivateUser,
    sign_out_user::SignOutUser,
    erase_user::EraseUser,
    import_users::ImportUsers,
    deactivate_users::DeactivateUsers,
    erase_users::EraseUsers,
    on_role_changed::RoleChanged,
}
