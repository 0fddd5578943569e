//! The use cases of the `users` context, one file each. This file is the table of contents.

mod users;

pub use users::{AddError, Users};

use_case::handlers! { dyn Users:
    register_user::RegisterUser,
    deactivate_user::DeactivateUser,
    reactivate_user::ReactivateUser,
    on_role_changed::RoleChanged,
}
