use crate::{Problem, Violation, json, json::Value};
use kernel::{DomainError, Secret};
use std::collections::BTreeMap;
use zeroize::Zeroizing;

/// The fields of a request's body, read in one pass that collects *every* violation.
///
/// ```
/// # use web::{Fields, Problem};
/// # use kernel::{Email, Secret};
/// struct SignUp { email: Email, password: Secret, backup: Option<Email> }
///
/// fn sign_up(mut fields: Fields) -> Result<SignUp, Problem> {
///     let email = fields.required("email", Email::parse);
///     let password = fields.secret("password");
///     let backup = fields.optional("backup", Email::parse);
///     let (email, password) = fields.finish(email.zip(password))?;
///     Ok(SignUp { email, password, backup })
/// }
/// # let body = br#"{"email": "ada@example.org", "password": "correct horse battery"}"#;
/// # assert!(sign_up(Fields::from_json(body).unwrap()).is_ok());
/// ```
///
/// As an extractor it reads the body strictly: `application/json`, 64 KiB, in time. What is asked
/// for is what is allowed: [`finish`](Self::finish) refuses any other field. Nothing of the input
/// is ever quoted, and every text is wiped from memory when it is dropped, since it may be a
/// password in the wrong field. (The buffers of the connection itself cannot be wiped from here.)
pub struct Fields {
    given: BTreeMap<String, Value>,
    known: Vec<&'static str>,
    /// What was read, secrets excepted.
    read: Vec<(&'static str, Zeroizing<String>)>,
    violations: Vec<Violation>,
    /// What stands before a name in a pointer.
    prefix: char,
}

impl Fields {
    /// Reads a JSON object.
    ///
    /// # Errors
    /// 400 when it is not JSON, is nested too deep, or names a field twice; 422 when it is JSON,
    /// but no object.
    pub fn from_json(body: &[u8]) -> Result<Self, Problem> {
        let Value::Object(given) = json::parse(body)? else {
            return Err(Problem::invalid(vec![Violation::new("", "wrong_type", "must be a JSON object")]));
        };
        Ok(Self::new(given, '/'))
    }

    pub(crate) const fn new(given: BTreeMap<String, Value>, prefix: char) -> Self {
        Self { given, known: Vec::new(), read: Vec::new(), violations: Vec::new(), prefix }
    }

    /// A text that must be there. `None` when it is not, or is refused: [`finish`](Self::finish) tells.
    pub fn required<T, R: DomainError>(
        &mut self,
        name: &'static str,
        parse: impl FnOnce(&str) -> Result<T, R>,
    ) -> Option<T> {
        let text = self.required_text(name)?;
        self.parsed(name, &text, parse)
    }

    /// A text that may be absent, or null, which means the same. `None` also when it is refused:
    /// [`finish`](Self::finish) tells.
    pub fn optional<T, R: DomainError>(
        &mut self,
        name: &'static str,
        parse: impl FnOnce(&str) -> Result<T, R>,
    ) -> Option<T> {
        let text = self.text(name)?;
        self.parsed(name, &text, parse)
    }

    /// A whole number that may be absent, or null. `None` also when it is refused: [`finish`](Self::finish) tells.
    pub fn number<T, R: DomainError>(
        &mut self,
        name: &'static str,
        parse: impl FnOnce(&str) -> Result<T, R>,
    ) -> Option<T> {
        self.known.push(name);
        match self.given.remove(name)? {
            Value::Null => None,
            Value::Integer(number) => self.parsed(name, &number.to_string(), parse),
            _ => {
                self.refuse(name, "wrong_type", "must be a whole number");
                None
            }
        }
    }

    /// A secret that must be there. It is taken as it is; judge it, and [`refuse`](Self::refuse) it.
    pub fn secret(&mut self, name: &'static str) -> Option<Secret> {
        let mut text = self.required_text(name)?;
        Some(Secret::new(std::mem::take(&mut *text)))
    }

    /// A violation that was found otherwise, such as by the password policy. The message MUST NOT
    /// quote the input.
    pub fn refuse(&mut self, name: &'static str, code: &'static str, message: impl Into<String>) {
        self.violations.push(Violation::new(format!("{}{name}", self.prefix), code, message));
    }

    /// Ends the reading: `whole` is what was read, when all of it could be.
    ///
    /// # Errors
    /// 422 `invalid_request` with every violation, in the order in which they were found.
    pub fn finish<T>(&mut self, whole: Option<T>) -> Result<T, Problem> {
        if self.has_unknown() {
            let message = match self.known_names() {
                known if known.is_empty() => "no field is allowed".to_owned(),
                known => format!("only these fields are allowed: {known}"),
            };
            self.violations.push(Violation::new("", "unknown_field", message));
        }
        match whole {
            Some(whole) if self.violations.is_empty() => Ok(whole),
            None if self.violations.is_empty() => {
                tracing::error!("a request type found nothing wrong, and made nothing of the request");
                Err(Problem::internal())
            }
            _ => Err(Problem::invalid(std::mem::take(&mut self.violations))),
        }
    }

    /// Whether the client gave this field, and it was read.
    #[must_use]
    pub fn gave(&self, name: &str) -> bool {
        self.read.iter().any(|(read, _)| *read == name)
    }

    /// What was read so far, in order, as one text: never a [`secret`](Self::secret).
    pub(crate) fn transcript(&self) -> Zeroizing<String> {
        let mut transcript = Zeroizing::new(String::new());
        for (name, text) in &self.read {
            // NUL is refused in every text, so that two requests cannot have one transcript.
            for part in [name, "\0", text.as_str(), "\0"] {
                transcript.push_str(part);
            }
        }
        transcript
    }

    /// Whether something was given that nobody asked for.
    pub(crate) fn has_unknown(&self) -> bool {
        !self.given.is_empty()
    }

    /// What was asked for.
    pub(crate) fn known_names(&self) -> String {
        self.known.join(", ")
    }

    fn required_text(&mut self, name: &'static str) -> Option<Zeroizing<String>> {
        let found = self.violations.len();
        let text = self.text(name);
        if text.is_none() && self.violations.len() == found {
            self.refuse(name, "required", "is required");
        }
        text
    }

    /// `None` when it is absent or null, or a violation was found.
    fn text(&mut self, name: &'static str) -> Option<Zeroizing<String>> {
        self.known.push(name);
        match self.given.remove(name)? {
            Value::Null => None,
            Value::Text(text) if text.contains('\0') => {
                self.refuse(name, "nul_character", "must not contain the character NUL");
                None
            }
            Value::Text(text) => Some(text),
            Value::Object(_) | Value::Integer(_) | Value::Other => {
                self.refuse(name, "wrong_type", "must be a text");
                None
            }
        }
    }

    fn parsed<T, R: DomainError>(
        &mut self,
        name: &'static str,
        text: &str,
        parse: impl FnOnce(&str) -> Result<T, R>,
    ) -> Option<T> {
        self.read.push((name, Zeroizing::new(text.to_owned())));
        parse(text).map_err(|reason| self.refuse(name, reason.code(), reason.to_string())).ok()
    }
}
