use crate::{Problem, Violation, request::json, request::json::Value};
use kernel::{DomainError, Secret};
use std::collections::BTreeMap;
use zeroize::Zeroizing;

/// The fields of a request's body. Reading them collects *every* violation, not only the first.
///
/// ```
/// # use web::{Fields, Problem};
/// # use kernel::Secret;
/// # struct Email(String);
/// # #[derive(Debug, thiserror::Error)] #[error("must have an @")] struct NoAt;
/// # impl kernel::DomainError for NoAt { fn code(&self) -> &'static str { "email_invalid" } }
/// # impl Email { fn parse(text: &str) -> Result<Self, NoAt> { if text.contains('@') { Ok(Self(text.to_owned())) } else { Err(NoAt) } } }
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
/// As an extractor it reads the body strictly: `application/json`, at most 64 KiB, within the body's timeout. Only the
/// fields that the handler reads are allowed: [`finish`](Self::finish) rejects any other field.
///
/// Errors never quote the input. Every text is wiped from memory when it is dropped, since any field may contain a
/// password by mistake. (The buffers of the connection are not wiped.)
pub struct Fields {
    given: BTreeMap<String, Value>,
    known: Vec<&'static str>,
    /// The fields that were read, except secrets.
    read: Vec<(&'static str, Zeroizing<String>)>,
    /// The optional secrets that were read.
    secrets: Vec<(&'static str, Secret)>,
    violations: Vec<Violation>,
    /// The character before a field's name in a pointer: `/` in a body, `?` in a query.
    prefix: char,
}

impl Fields {
    /// Parses a JSON object.
    ///
    /// # Errors
    /// 400 if the body is not JSON, is nested too deep, or has a duplicate field. 422 if it is JSON but not an object.
    pub fn from_json(body: &[u8]) -> Result<Self, Problem> {
        let Value::Object(given) = json::parse(body)? else {
            return Err(Problem::invalid(vec![Violation::new("", "wrong_type", "must be a JSON object")]));
        };
        Ok(Self::new(given, '/'))
    }

    pub(crate) const fn new(given: BTreeMap<String, Value>, prefix: char) -> Self {
        Self { given, known: Vec::new(), read: Vec::new(), secrets: Vec::new(), violations: Vec::new(), prefix }
    }

    /// Reads a required text. `None` if it is missing or rejected; [`finish`](Self::finish) then fails.
    pub fn required<T, R: DomainError>(
        &mut self,
        name: &'static str,
        parse: impl FnOnce(&str) -> Result<T, R>,
    ) -> Option<T> {
        let text = self.required_text(name)?;
        self.parsed(name, &text, parse)
    }

    /// Reads an optional text. `None` if it is absent or `null`, which mean the same, or if it is rejected;
    /// [`finish`](Self::finish) fails in the last case.
    pub fn optional<T, R: DomainError>(
        &mut self,
        name: &'static str,
        parse: impl FnOnce(&str) -> Result<T, R>,
    ) -> Option<T> {
        let text = self.text(name)?;
        self.parsed(name, &text, parse)
    }

    /// Reads a text that a merge patch (RFC 7396) may change or remove: `None` leaves it as it is, `Some(None)` (the
    /// client sent `null`) removes it. `None` also if it is rejected; [`finish`](Self::finish) then fails.
    pub fn patched<T, R: DomainError>(
        &mut self,
        name: &'static str,
        parse: impl FnOnce(&str) -> Result<T, R>,
    ) -> Option<Option<T>> {
        if matches!(self.given.get(name), Some(Value::Null)) {
            self.known.push(name);
            self.given.remove(name);
            // No text contains NUL, so no text has the same transcript.
            self.read.push((name, Zeroizing::new("\0".to_owned())));
            return Some(None);
        }
        self.optional(name, parse).map(Some)
    }

    /// Reads an optional whole number. `None` if it is absent, `null` or rejected; [`finish`](Self::finish) fails in
    /// the last case.
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

    /// Reads a required JSON object as it is, such as one that a browser has made. `None` if it is absent or no object.
    pub fn object(&mut self, name: &'static str) -> Option<serde_json::Value> {
        let found = self.violations.len();
        let object = self.optional_object(name);
        if object.is_none() && self.violations.len() == found {
            self.refuse(name, "required", "is required");
        }
        object
    }

    /// Reads an optional JSON object as it is. `None` if it is absent, `null` or no object.
    pub fn optional_object(&mut self, name: &'static str) -> Option<serde_json::Value> {
        self.known.push(name);
        let given = self.given.remove(name)?;
        let object = match &given {
            Value::Null => return None,
            Value::Object(_) => given.to_json(),
            _ => None,
        };
        if object.is_none() {
            self.refuse(name, "wrong_type", "must be a JSON object");
        }
        object
    }

    /// Reads a required secret, without any check. The caller checks the secret, and may [`refuse`](Self::refuse) it.
    pub fn secret(&mut self, name: &'static str) -> Option<Secret> {
        let mut text = self.required_text(name)?;
        Some(Secret::new(std::mem::take(&mut *text)))
    }

    /// Reads an optional secret, without any check. [`secret_given`](Self::secret_given) returns it.
    pub fn optional_secret(&mut self, name: &'static str) {
        if let Some(mut text) = self.text(name) {
            self.secrets.push((name, Secret::new(std::mem::take(&mut *text))));
        }
    }

    /// The [optional secret](Self::optional_secret) that the client sent.
    #[must_use]
    pub fn secret_given(&self, name: &str) -> Option<&Secret> {
        self.secrets.iter().find(|(read, _)| *read == name).map(|(_, secret)| secret)
    }

    /// Adds a violation of a check outside this type, such as the password policy. The message MUST NOT quote the
    /// input.
    pub fn refuse(&mut self, name: &'static str, code: &'static str, message: impl Into<String>) {
        self.violations.push(Violation::new(format!("{}{name}", self.prefix), code, message));
    }

    /// Refuses an optional field that the client has not sent, because the rest of the request makes it necessary.
    pub fn require(&mut self, name: &'static str, message: &str) {
        let pointer = format!("{}{name}", self.prefix);
        let is_refused = self.violations.iter().any(|violation| violation.pointer == pointer);
        if !self.gave(name) && self.secret_given(name).is_none() && !is_refused {
            self.refuse(name, "required", message);
        }
    }

    /// Ends the reading. `whole` is the value that the caller built from the fields, or `None` if a field is missing.
    ///
    /// # Errors
    /// 422 `invalid_request` with every violation, in the order in which they were found. 500 if `whole` is `None`
    /// without a violation, which is a bug of the caller.
    pub fn finish<T>(&mut self, whole: Option<T>) -> Result<T, Problem> {
        if self.has_unknown() {
            let message = match self.known_names() {
                known if known.is_empty() => "no fields are allowed".to_owned(),
                known => format!("only these fields are allowed: {known}"),
            };
            self.violations.push(Violation::new("", "unknown_field", message));
        }
        match whole {
            Some(whole) if self.violations.is_empty() => Ok(whole),
            None if self.violations.is_empty() => {
                tracing::error!("bug: a request reader returned no value and no violation");
                Err(Problem::internal())
            }
            _ => Err(Problem::invalid(std::mem::take(&mut self.violations))),
        }
    }

    /// The text of a field that was not read yet.
    pub(crate) fn text_given(&self, name: &str) -> Option<&str> {
        if let Some(Value::Text(text)) = self.given.get(name) { Some(text) } else { None }
    }

    /// Whether no violation was found so far.
    pub(crate) fn is_fine(&self) -> bool {
        self.violations.is_empty()
    }

    /// Whether the client sent this field, and the handler has read it.
    #[must_use]
    pub fn gave(&self, name: &str) -> bool {
        self.read.iter().any(|(read, _)| *read == name)
    }

    /// All fields that were read so far, in order, as one text for a fingerprint. [Secrets](Self::secret) are left out.
    pub(crate) fn transcript(&self) -> Zeroizing<String> {
        let mut transcript = Zeroizing::new(String::new());
        for (name, text) in &self.read {
            // No text contains NUL, so two different requests cannot have the same transcript.
            for part in [name, "\0", text.as_str(), "\0"] {
                transcript.push_str(part);
            }
        }
        transcript
    }

    /// Whether the request has a field that the handler did not read.
    pub(crate) fn has_unknown(&self) -> bool {
        !self.given.is_empty()
    }

    /// The names of the fields that the handler reads.
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

    /// Reads a text. `None` if it is absent or `null`, or if a violation was added.
    fn text(&mut self, name: &'static str) -> Option<Zeroizing<String>> {
        self.known.push(name);
        match self.given.remove(name)? {
            Value::Null => None,
            Value::Text(text) if text.contains('\0') => {
                self.refuse(name, "nul_character", "must not contain the character NUL");
                None
            }
            Value::Text(text) => Some(text),
            Value::Object(_) | Value::Array(_) | Value::Bool(_) | Value::Integer(_) | Value::Other => {
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
