//! `roster mails`

use crate::operator_command::{self, Installation, OperatorCommand};
use crate::output::{note, print, print_table, refused};
use crate::serve::open_read_only;
use crate::settings::Settings;
use clap::{Subcommand, ValueEnum};
use contracts::MailTemplate;
use identity::{Email, MailId};
use kernel::MessageId;
use ledger::Status;
use mail_application::ResendMail;
use mail_domain::DeliveryStatus;
use mail_infrastructure::Templates;
use mail_infrastructure::queries::get_mails::{self, MailFilter, MailView};
use serde_json::json;
use web::Paging;

/// The subcommands of `roster mails`.
#[derive(Subcommand)]
pub(crate) enum MailsArgs {
    /// List the mails of the last 30 days, newest first
    List {
        /// Show only mails with this status
        #[arg(long, value_enum)]
        status: Option<MailStatus>,
        /// Show only mails to this address
        #[arg(long, value_parser = Email::parse)]
        to: Option<Email>,
        /// Show at most this many mails
        #[arg(long, default_value_t = 25, value_parser = clap::value_parser!(i64).range(1..=1000))]
        limit: i64,
    },
    /// Show a mail, how often it was tried, and what the mail server said
    Show {
        /// The mail's id
        id: MailId,
    },
    /// Send a failed mail again
    ///
    /// Exits with 1 when the mail has not failed, or its content is no longer kept.
    Resend {
        /// The mail's id
        id: MailId,
    },
    /// Print a mail with example values, as its recipients read it
    Preview {
        /// The name of the template, such as reset_password
        #[arg(value_parser = template)]
        template: MailTemplate,
        /// The language, such as de
        #[arg(long, default_value = "en")]
        language: String,
        /// Print the HTML part
        #[arg(long)]
        html: bool,
    },
}

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum MailStatus {
    Queued,
    Sent,
    Failed,
    Suppressed,
}

fn template(text: &str) -> Result<MailTemplate, String> {
    let found = MailTemplate::ALL.into_iter().find(|template| template.as_str() == text);
    found.ok_or_else(|| {
        let names: Vec<_> = MailTemplate::ALL.iter().map(|template| template.as_str()).collect();
        format!("the templates are {}", names.join(", "))
    })
}

/// Runs one subcommand of `roster mails`.
///
/// # Errors
/// When it is refused, or the database cannot be used.
pub(crate) async fn run(settings: &Settings, command: MailsArgs, json: bool) -> anyhow::Result<()> {
    match command {
        MailsArgs::List { status, to, limit } => {
            let status = status.map(|status| match status {
                MailStatus::Queued => DeliveryStatus::Queued,
                MailStatus::Sent => DeliveryStatus::Sent,
                MailStatus::Failed => DeliveryStatus::Failed,
                MailStatus::Suppressed => DeliveryStatus::Suppressed,
            });
            let filter = MailFilter { status, to: to.map(|to| to.canonical().to_owned()), user: None };
            let db = open_read_only(settings).await?;
            let found = get_mails::list(&db, &filter, Paging { limit, after: None }).await;
            db.close().await;
            let mut found = found?;
            found.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
            list(&found, json)
        }
        MailsArgs::Show { id } => show(&find(settings, id).await?, json),
        MailsArgs::Resend { id } => {
            find(settings, id).await?;
            resend(settings, id).await?;
            show(&find(settings, id).await?, json)
        }
        MailsArgs::Preview { template, language, html } => {
            let mail = &settings.service.mail;
            let templates = Templates::load(mail.templates.as_deref(), mail.product)?;
            let rendered = templates.example(template, &language)?;
            if json {
                let shown = json!({ "subject": rendered.subject, "text": rendered.text, "html": rendered.html });
                return print(&shown.to_string());
            }
            if html {
                return print(rendered.html.trim_end());
            }
            print(&format!("Subject: {}\n\n{}", rendered.subject, rendered.text.trim_end()))
        }
    }
}

async fn find(settings: &Settings, id: MailId) -> anyhow::Result<MailView> {
    let db = open_read_only(settings).await?;
    let found = get_mails::find(&db, id.as_uuid()).await;
    db.close().await;
    found?.ok_or_else(|| refused("there is no mail with this id, or it is older than 30 days"))
}

async fn resend(settings: &Settings, id: MailId) -> anyhow::Result<()> {
    let done = operator_command::run(settings, Installation::Needed, async |operator, pending, patience| {
        let (command, outcome) = match pending {
            Some(command) => (command, operator.ended(command, patience).await?),
            None => {
                let command = MessageId::random();
                (command, operator.command(command, &ResendMail { id }, patience).await?)
            }
        };
        Ok(outcome.map_or(OperatorCommand::Pending(command), OperatorCommand::Done))
    });
    match done.await? {
        OperatorCommand::Pending(id) => {
            note(&format!("the command is accepted and not finished: `roster commands show {id}` shows it"));
            Ok(())
        }
        OperatorCommand::Done(command) if command.status == Status::Succeeded => Ok(()),
        OperatorCommand::Done(_) => Err(refused("only a failed mail whose content is kept can be sent again")),
    }
}

fn list(mails: &[MailView], json: bool) -> anyhow::Result<()> {
    if json {
        return print(&json!(mails).to_string());
    }
    let rows = mails.iter().map(|mail| {
        [
            mail.id.to_string(),
            mail.created_at.to_string(),
            mail.status.clone(),
            mail.attempts.to_string(),
            mail.template.clone(),
            mail.to.clone(),
        ]
    });
    print_table(["ID", "CREATED", "STATUS", "ATTEMPTS", "TEMPLATE", "TO"], &rows.collect::<Vec<_>>())
}

fn show(mail: &MailView, json: bool) -> anyhow::Result<()> {
    if json {
        return print(&json!(mail).to_string());
    }
    let MailView { id, template, to, status, attempts, created_at, last_answer, next_attempt_at, .. } = mail;
    print(&format!("{id}  {status}  {template} to {to}"))?;
    print(&format!("created {created_at}, {attempts} attempts"))?;
    if let Some(at) = next_attempt_at {
        print(&format!("next attempt {at}"))?;
    }
    match last_answer {
        Some(answer) => print(&format!("last answer: {answer}")),
        None => Ok(()),
    }
}
