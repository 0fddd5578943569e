//! The use cases of the `mail` context, one file each. This file is the table of contents.

mod mails;

pub use mails::{Attempt, Kept, Mailer, Mails, NewMail, Rendered};

use_case::handlers! { dyn Mails:
    send_mail::SendMail,
    deliver_mail::DeliverMail,
    resend_mail::ResendMail,
    erase_mails::EraseMails,
    on_user_erased::UserErased,
}
