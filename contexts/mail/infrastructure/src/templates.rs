//! The texts of mails. They are in the binary, and a directory may replace them file by file.

use contracts::{MailTemplate, SendMail};
use mail_application::Rendered;
use minijinja::{Environment, UndefinedBehavior};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// The language of a mail whose recipient's language has no template.
const DEFAULT_LANGUAGE: &str = "en";
/// The most steps of a template. A template that loops is refused.
const FUEL: u64 = 50_000;
/// The most bytes of a template file.
const LARGEST: u64 = 1 << 20;
/// The layout of HTML mails.
const LAYOUT: &str = "layout.html";

macro_rules! built_in {
    ($($name:literal),+ $(,)?) => { &[$(($name, include_str!(concat!("templates/", $name)))),+] };
}

const BUILT_IN: &[(&str, &str)] = built_in![
    "layout.html",
    "de/already_registered.html",
    "de/already_registered.txt",
    "de/confirm_email.html",
    "de/confirm_email.txt",
    "de/confirm_registration.html",
    "de/confirm_registration.txt",
    "de/email_changed.html",
    "de/email_changed.txt",
    "de/factors_changed.html",
    "de/factors_changed.txt",
    "de/invitation.html",
    "de/invitation.txt",
    "de/new_device.html",
    "de/new_device.txt",
    "de/password_changed.html",
    "de/password_changed.txt",
    "de/reset_password.html",
    "de/reset_password.txt",
    "de/test.html",
    "de/test.txt",
    "en/already_registered.html",
    "en/already_registered.txt",
    "en/confirm_email.html",
    "en/confirm_email.txt",
    "en/confirm_registration.html",
    "en/confirm_registration.txt",
    "en/email_changed.html",
    "en/email_changed.txt",
    "en/factors_changed.html",
    "en/factors_changed.txt",
    "en/invitation.html",
    "en/invitation.txt",
    "en/new_device.html",
    "en/new_device.txt",
    "en/password_changed.html",
    "en/password_changed.txt",
    "en/reset_password.html",
    "en/reset_password.txt",
    "en/test.html",
    "en/test.txt",
];

/// The templates of all mails.
pub struct Templates {
    environment: Environment<'static>,
    languages: BTreeSet<String>,
    product: &'static str,
}

/// A template that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TemplateError {
    #[error("{} cannot be read: {why}", path.display())]
    Unreadable { path: PathBuf, why: std::io::Error },
    #[error("{} is not the name of a template: {hint}", path.display())]
    Unknown { path: PathBuf, hint: String },
    #[error("the template {name} is broken: {why}")]
    Broken { name: String, why: String },
}

/// What a template says beside `product` and, if its mail has one, `link`.
fn parameters(template: MailTemplate) -> &'static [&'static str] {
    match template {
        MailTemplate::ConfirmRegistration | MailTemplate::ConfirmEmail => &["hours"],
        MailTemplate::Invitation | MailTemplate::EmailChanged => &["days"],
        MailTemplate::ResetPassword => &["minutes"],
        MailTemplate::PasswordChanged => &["at"],
        MailTemplate::NewDevice => &["at", "address", "device"],
        MailTemplate::FactorsChanged => &["at", "change", "left"],
        MailTemplate::AlreadyRegistered | MailTemplate::Test => &[],
    }
}

/// Whether mails of this kind have a link with a token.
pub(crate) fn has_link(template: MailTemplate) -> bool {
    use MailTemplate::{ConfirmEmail, ConfirmRegistration, EmailChanged, Invitation, ResetPassword};
    matches!(template, ConfirmEmail | ConfirmRegistration | EmailChanged | Invitation | ResetPassword)
}

impl Templates {
    /// Reads the templates, and tries each of them with examples.
    ///
    /// # Errors
    /// [`TemplateError`], which names the file and the line.
    pub fn load(folder: Option<&Path>, product: &'static str) -> Result<Self, TemplateError> {
        let mut sources: BTreeMap<String, String> =
            BUILT_IN.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
        if let Some(folder) = folder {
            sources.extend(read_folder(folder)?);
        }
        let languages = sources.keys().filter_map(|name| name.split_once('/')).map(|(it, _)| it.to_owned()).collect();
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_fuel(Some(FUEL));
        for (name, source) in sources {
            environment.add_template_owned(name.clone(), source).map_err(|why| broken(&name, &why))?;
        }
        let templates = Self { environment, languages, product };
        templates.try_all()?;
        Ok(templates)
    }

    /// The languages that have templates.
    pub fn languages(&self) -> impl Iterator<Item = &str> {
        self.languages.iter().map(String::as_str)
    }

    fn try_all(&self) -> Result<(), TemplateError> {
        for language in &self.languages {
            for template in MailTemplate::ALL {
                self.example(template, language)?;
            }
        }
        Ok(())
    }

    /// A mail with examples in the place of its parameters.
    ///
    /// # Errors
    /// [`TemplateError::Broken`]
    pub fn example(&self, template: MailTemplate, language: &str) -> Result<Rendered, TemplateError> {
        let example = |name: &str| match name {
            "hours" => "24",
            "days" => "7",
            "minutes" => "60",
            "at" => "2026-09-21 14:13 UTC",
            "address" => "203.0.113.7",
            "change" => "recovery_code_used",
            "left" => "9",
            _ => "Mozilla/5.0",
        };
        let values = parameters(template).iter().map(|name| ((*name).to_owned(), example(name).to_owned())).collect();
        let link = has_link(template).then(|| "https://example.org/page?token=rm_EXAMPLE".to_owned());
        self.render_with(template, Some(language), &values, link)
    }

    /// Renders a mail.
    ///
    /// # Errors
    /// [`TemplateError::Broken`]
    pub(crate) fn render(&self, mail: &SendMail, link: Option<String>) -> Result<Rendered, TemplateError> {
        self.render_with(mail.template, mail.language.as_deref(), &mail.parameters, link)
    }

    fn render_with(
        &self,
        template: MailTemplate,
        language: Option<&str>,
        values: &BTreeMap<String, String>,
        link: Option<String>,
    ) -> Result<Rendered, TemplateError> {
        let mut context = values.clone();
        context.insert("product".to_owned(), self.product.to_owned());
        context.extend(link.map(|link| ("link".to_owned(), link)));
        let render = |kind: &str| {
            let named = |language: &str| format!("{language}/{}.{kind}", template.as_str());
            let asked = language.map(named).filter(|name| self.environment.get_template(name).is_ok());
            let name = asked.unwrap_or_else(|| named(DEFAULT_LANGUAGE));
            let rendered = self.environment.get_template(&name).and_then(|it| it.render(&context));
            rendered.map(|text| (text, name.clone())).map_err(|why| broken(&name, &why))
        };
        let (text, name) = render("txt")?;
        let (subject, text) = text.split_once('\n').unwrap_or((&text, ""));
        let subject = subject.trim();
        if subject.is_empty() || subject.chars().any(char::is_control) {
            let why = "its first line is the subject, and must not be empty".to_owned();
            return Err(TemplateError::Broken { name, why });
        }
        let (html, _) = render("html")?;
        Ok(Rendered { subject: subject.to_owned(), text: format!("{}\n", text.trim()), html })
    }
}

fn broken(name: &str, why: &minijinja::Error) -> TemplateError {
    let name = why.name().unwrap_or(name);
    let name = why.line().map_or_else(|| name.to_owned(), |line| format!("{name}, line {line},"));
    let detail = why.detail().map(|detail| format!(": {detail}")).unwrap_or_default();
    TemplateError::Broken { name, why: format!("{}{detail}", why.kind()) }
}

/// The files of a directory, by their names below it.
fn read_folder(folder: &Path) -> Result<BTreeMap<String, String>, TemplateError> {
    let mut found = BTreeMap::new();
    for path in entries(folder)? {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name == LAYOUT {
            found.insert(name, read(&path)?);
        } else if path.is_dir() && is_language(&name) {
            for file in entries(&path)? {
                let file_name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
                if !names().contains(&file_name) {
                    let hint = format!("the names are {}", names().join(", "));
                    return Err(TemplateError::Unknown { path: file, hint });
                }
                found.insert(format!("{name}/{file_name}"), read(&file)?);
            }
        } else {
            let hint = format!("the directory may have {LAYOUT}, and directories of languages such as de");
            return Err(TemplateError::Unknown { path, hint });
        }
    }
    Ok(found)
}

fn names() -> Vec<String> {
    let files = |template: &MailTemplate| ["txt", "html"].map(|kind| format!("{}.{kind}", template.as_str()));
    MailTemplate::ALL.iter().flat_map(files).collect()
}

fn is_language(name: &str) -> bool {
    (2..=3).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_lowercase())
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>, TemplateError> {
    let unreadable = |why| TemplateError::Unreadable { path: folder.to_owned(), why };
    let entries = std::fs::read_dir(folder).map_err(unreadable)?;
    let mut paths =
        entries.map(|entry| entry.map(|it| it.path())).collect::<Result<Vec<_>, _>>().map_err(unreadable)?;
    paths.sort();
    Ok(paths)
}

fn read(path: &Path) -> Result<String, TemplateError> {
    let text = std::fs::metadata(path).and_then(|about| {
        if about.len() > LARGEST {
            return Err(std::io::Error::other("it is larger than 1 MiB"));
        }
        std::fs::read_to_string(path)
    });
    text.map_err(|why| TemplateError::Unreadable { path: path.to_owned(), why })
}

#[cfg(test)]
#[path = "templates_tests.rs"]
mod tests;
