use super::by::Sends as _;
use super::state::too_many_guesses;
use crate::AuthState;
use crate::sql::unit_of_work::not_run;
use async_trait::async_trait;
use auth_access::{PasswordVerifier, Person};
use auth_application::{Authority, ConfirmPassword, GuessError, WrongPassword};
use auth_domain::{Need, SessionId};
use kernel::Secret;
use web::{Client, Problem};

#[async_trait]
impl PasswordVerifier for AuthState {
    async fn is_right(&self, person: Person, password: &Secret, route: &str, client: &Client) -> Result<bool, Problem> {
        let found = self.credentials.identifier_of(person.user).await.map_err(not_run)?;
        let Some(email) = found else { return Ok(false) };
        let (client_on_record, rules) = (client.on_record(), self.authenticator.rules);
        let (principal, route) = (person.principal(), route.to_owned());
        let by = Authority { principal, client: client_on_record, route, need: Need::Confirmed, rules };
        let confirm = ConfirmPassword {
            user: person.user,
            session: SessionId::new(person.session),
            email: &email,
            password,
            address: client.address.ip(),
            by,
        };
        match confirm.execute(&self.password_ports()).await {
            Ok(()) => Ok(true),
            Err(GuessError::Rejected(WrongPassword)) => Ok(false),
            Err(GuessError::TooManyGuesses(why)) => Err(too_many_guesses(why)),
            Err(GuessError::Denied(why)) => Err(not_run(why)),
            Err(GuessError::Unavailable(why)) => Err(not_run(why)),
        }
    }
}
