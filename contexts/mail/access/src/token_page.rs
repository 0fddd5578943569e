use axum::response::Response;
use kernel::DomainError;
use web::{Fields, NotAProblem, Problem, Query, escape, private_page};

/// The longest token that a page passes on.
const LONGEST_TOKEN: usize = 200;

/// The page behind a link in a mail: a form that posts the link's token, and perhaps a new password. It works without
/// JavaScript. Reading it changes nothing: link scanners follow links and run scripts, so only a POST consumes a token.
#[derive(Debug, Clone, Copy)]
pub struct TokenPage {
    /// The last segment of the page's path, to which the form posts.
    pub path: &'static str,
    pub title: &'static str,
    /// What the button does, in a sentence.
    pub text: &'static str,
    /// The label of the button.
    pub button: &'static str,
    /// Whether the form asks for a new password.
    pub asks_for_password: bool,
    /// What has happened after the button was pressed, in a sentence.
    pub done: &'static str,
}

#[derive(Debug, thiserror::Error)]
#[error("must be the token of a link")]
struct NotAToken;

impl DomainError for NotAToken {
    fn code(&self) -> &'static str {
        "token_invalid"
    }
}

impl TokenPage {
    /// The page with its form. `query` has the token of the link.
    ///
    /// # Errors
    /// 422 if the link has no token, 400 if it has other parameters.
    pub fn form(&self, mut query: Query) -> Result<Response, Problem> {
        let token = query
            .required("token", |text| if text.len() <= LONGEST_TOKEN { Ok(text.to_owned()) } else { Err(NotAToken) });
        Ok(self.page(&query.finish(token)?, ""))
    }

    /// The form's token, to show the page again, and all fields.
    #[must_use]
    pub fn read(&self, form: Query) -> (String, Fields) {
        let token = form.text("token").unwrap_or_default().to_owned();
        (token, form.into_fields())
    }

    /// The page after the button was pressed: what has happened, or the form again with what was wrong.
    #[must_use]
    pub fn answer<T>(&self, token: &str, done: Result<T, Problem>) -> Response {
        match done {
            Ok(_) => self.done(),
            Err(problem) => self.refused(token, &problem),
        }
    }

    /// The page after the button was pressed.
    #[must_use]
    pub fn done(&self) -> Response {
        private_page(self.title, &format!("<p>{}</p>", escape(self.done)))
    }

    /// The page again, with what was wrong.
    #[must_use]
    pub fn refused(&self, token: &str, problem: &Problem) -> Response {
        let reasons: Vec<_> = problem.errors().iter().map(|violation| violation.sentence()).collect();
        let reasons = if reasons.is_empty() { vec![problem.title().to_owned()] } else { reasons };
        let items: String = reasons.iter().map(|reason| format!("<li>{}</li>", escape(reason))).collect();
        let mut answer = self.page(token, &format!("<ul role=\"alert\">{items}</ul>"));
        *answer.status_mut() = problem.status();
        // The edge leaves the page as it is. The access log has the problem's code.
        answer.extensions_mut().insert(NotAProblem);
        answer.extensions_mut().insert(problem.clone());
        answer
    }

    fn page(&self, token: &str, errors: &str) -> Response {
        let Self { path, title, text, button, asks_for_password, done: _ } = self;
        let password = if *asks_for_password {
            "<p><label>New password<br><input type=\"password\" name=\"password\" autocomplete=\"new-password\" \
             required minlength=\"8\" maxlength=\"1024\"></label></p>"
        } else {
            ""
        };
        let body = format!(
            "<p>{}</p>{errors}<form method=\"post\" action=\"{path}\">\
             <input type=\"hidden\" name=\"token\" value=\"{}\">{password}<p><button>{}</button></p></form>",
            escape(text),
            escape(token),
            escape(button)
        );
        private_page(title, &body)
    }
}

#[cfg(test)]
mod tests {
    use super::TokenPage;
    use axum::body::to_bytes;
    use axum::response::Response;
    use web::{Problem, Query, Violation};

    const PAGE: TokenPage = TokenPage {
        path: "reset",
        title: "Choose a new password",
        text: "All sessions end.",
        button: "Set the password",
        asks_for_password: true,
        done: "It is set.",
    };

    async fn text(answer: Response) -> String {
        let bytes = to_bytes(answer.into_body(), 1 << 20).await.expect("a body");
        String::from_utf8(bytes.to_vec()).expect("a text")
    }

    #[tokio::test]
    async fn a_page_posts_the_token_of_its_link() {
        let query = |text| Query::parse(text).expect("a query");
        let page = text(PAGE.form(query("token=rm_x%22%3E%3Cscript%3E")).expect("a page")).await;
        assert!(page.contains("value=\"rm_x&quot;&gt;&lt;script&gt;\"") && page.contains("action=\"reset\""), "{page}");
        assert!(page.contains("name=\"password\"") && !page.contains("<script"), "{page}");
        assert!(PAGE.form(query("")).is_err());
        assert!(PAGE.form(query(&format!("token={}", "a".repeat(300)))).is_err());
    }

    #[tokio::test]
    async fn a_page_says_what_was_wrong() {
        let problem = Problem::invalid(vec![Violation::new("/password", "password_too_short", "must be longer")]);
        let answer = PAGE.refused("rm_x", &problem);
        assert_eq!(answer.status(), 422);
        let page = text(answer).await;
        assert!(page.contains("<li>The password must be longer.</li>") && page.contains("value=\"rm_x\""), "{page}");
    }
}
