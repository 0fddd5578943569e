//! The use cases of the `users` context, one file each. This file is the table of contents.

mod users;

pub use update_user::NameChange;
pub use users::{StoreError, Users};

use_case::handlers! { dyn Users:
    register_user::RegisterUser,
    update_user::UpdateUser,
    deactivate_user::DeactivateUser,
    reactivate_user::ReactivateUser,
    sign_out_user::SignOutUser,
    on_role_changed::RoleChanged,
}
