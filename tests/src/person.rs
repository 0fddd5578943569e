use crate::Request;
use serde_json::{Map, Value, json};
use uuid::Uuid;

/// Somebody who signs up.
#[derive(Debug, Clone)]
pub struct Person {
    /// Their address.
    pub email: String,
    /// Their password.
    pub password: String,
    /// What they are called.
    pub name: Option<String>,
    /// The id that they choose.
    pub id: Option<Uuid>,
}

impl Person {
    /// Somebody with an address, a good password and nothing else.
    #[must_use]
    pub fn new(email: impl Into<String>) -> Self {
        Self { email: email.into(), password: "drei blaue Würfel rollen".into(), name: None, id: None }
    }

    /// With a name.
    #[must_use]
    pub fn called(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// With another password.
    #[must_use]
    pub fn with_password(mut self, password: impl Into<String>) -> Self {
        self.password = password.into();
        self
    }

    /// With an id of their own choice.
    #[must_use]
    pub fn with_id(mut self, id: Uuid) -> Self {
        self.id = Some(id);
        self
    }

    /// As the body of a request.
    #[must_use]
    pub fn json(&self) -> Value {
        let mut body = Map::new();
        body.insert("email".into(), json!(self.email));
        body.insert("password".into(), json!(self.password));
        body.extend(self.name.as_ref().map(|name| ("name".into(), json!(name))));
        body.extend(self.id.map(|id| ("id".into(), json!(id))));
        Value::Object(body)
    }

    /// `POST /users`
    #[must_use]
    pub fn sign_up(&self) -> Request {
        Request::post("/users", &self.json())
    }
}
