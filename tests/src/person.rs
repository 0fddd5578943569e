use crate::Request;
use serde_json::{Map, Value, json};
use uuid::Uuid;

/// A person who signs up.
#[derive(Debug, Clone)]
pub struct Person {
    pub email: String,
    pub password: String,
    pub name: Option<String>,
    /// The user id, if the client chooses it.
    pub id: Option<Uuid>,
}

impl Person {
    /// A person with an address and a good password.
    #[must_use]
    pub fn new(email: impl Into<String>) -> Self {
        Self { email: email.into(), password: "drei blaue Würfel rollen".into(), name: None, id: None }
    }

    /// Sets the name.
    #[must_use]
    pub fn called(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Sets another password.
    #[must_use]
    pub fn with_password(mut self, password: impl Into<String>) -> Self {
        self.password = password.into();
        self
    }

    /// Sets the user id that the client chooses.
    #[must_use]
    pub fn with_id(mut self, id: Uuid) -> Self {
        self.id = Some(id);
        self
    }

    /// The body of a sign-up.
    #[must_use]
    pub fn json(&self) -> Value {
        let mut body = Map::new();
        body.insert("email".into(), json!(self.email));
        body.insert("password".into(), json!(self.password));
        body.extend(self.name.as_ref().map(|name| ("name".into(), json!(name))));
        body.extend(self.id.map(|id| ("id".into(), json!(id))));
        Value::Object(body)
    }

    /// The request `POST /users`.
    #[must_use]
    pub fn sign_up(&self) -> Request {
        Request::post("/users", &self.json())
    }
}
