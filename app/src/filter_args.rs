use clap::Args;
use identity::Email;
use kernel::Timestamp;
use persistence::Db;
use users_domain::{EmailDomain, EmailPrefix, FilterFlaw, NamePrefix, Substring, UserFilter, UserRole, UserStatus};
use users_infrastructure::queries::list_users::{SubstringSearchIsOff, has_index};

/// The filters of `GET /users` on the command line.
#[derive(Debug, Clone, Args)]
#[group(id = "filters", multiple = true)]
pub(crate) struct FilterArgs {
    /// Only the user with this address
    #[arg(long, value_parser = Email::parse)]
    email: Option<Email>,
    /// Only users whose address begins like this
    #[arg(long, value_parser = str::parse::<EmailPrefix>)]
    email_prefix: Option<EmailPrefix>,
    /// Only users whose name begins like this
    #[arg(long, value_parser = str::parse::<NamePrefix>)]
    name_prefix: Option<NamePrefix>,
    /// Only users whose address or name contains this: at least 3 characters, and first `migrate --substring-search`
    #[arg(long = "q", value_name = "TEXT", value_parser = str::parse::<Substring>)]
    substring: Option<Substring>,
    /// Only users whose address has this domain
    #[arg(long, value_parser = str::parse::<EmailDomain>)]
    domain: Option<EmailDomain>,
    /// Only users with this status: active or deactivated
    #[arg(long, value_parser = str::parse::<UserStatus>)]
    status: Option<UserStatus>,
    /// Only users with this role: user or admin
    #[arg(long, value_parser = str::parse::<UserRole>)]
    role: Option<UserRole>,
    /// Only users whose address is verified, or is not: true or false
    #[arg(long, value_parser = UserFilter::parse_boolean)]
    email_verified: Option<bool>,
    /// Only users who registered later than this time (RFC 3339)
    #[arg(long, value_parser = UserFilter::parse_time)]
    created_after: Option<Timestamp>,
    /// Only users who registered earlier than this time (RFC 3339)
    #[arg(long, value_parser = UserFilter::parse_time)]
    created_before: Option<Timestamp>,
}

impl FilterArgs {
    /// The filter, if its parts do not contradict each other.
    ///
    /// # Errors
    /// The first contradiction.
    pub(crate) fn filter(self) -> anyhow::Result<UserFilter> {
        let filter = UserFilter {
            id: None,
            email: self.email,
            email_prefix: self.email_prefix,
            name_prefix: self.name_prefix,
            substring: self.substring,
            domain: self.domain,
            status: self.status,
            role: self.role,
            email_verified: self.email_verified,
            created_after: self.created_after,
            created_before: self.created_before,
        };
        let contradictions: Vec<(_, FilterFlaw)> = filter.contradictions();
        match contradictions.first() {
            Some((name, why)) => anyhow::bail!("--{}: {why}", name.replace('_', "-")),
            None => Ok(filter),
        }
    }
}

/// Checks that the database has the index that the filter needs.
///
/// # Errors
/// When it has not, or does not answer.
pub(crate) async fn require_index(db: &Db, filter: &UserFilter) -> anyhow::Result<()> {
    anyhow::ensure!(has_index(db, filter).await?, "--q {SubstringSearchIsOff}");
    Ok(())
}
