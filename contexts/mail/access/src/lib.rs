//! What the mail context offers to the routes of all contexts: the tokens of links in mails, the pages behind the links, and
//! whether mail is on.

mod mail_tokens;
mod token_page;

pub use mail_tokens::{IssuedToken, MailTokens, binding, parse_token};
pub use token_page::TokenPage;
