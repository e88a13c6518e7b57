//! Users who register, verify their address, log in and present codes, all over the API.

use std::time::Duration;

use axum::http::Method;
use p2p_application::Caller;
use p2p_application::user::SetRoles;
use p2p_domain::user::Email;
use p2p_domain::{Roles, Timestamp};
use p2p_memory::InsecureSecondFactors;
use serde_json::{Value, json};

use super::{Person, Reply, Role, Scene};

pub(crate) const PASSWORD: &str = "a good long password";

/// A session with its tokens.
pub(crate) struct Entered {
    pub(crate) person: Person,
    pub(crate) refresh: String,
    pub(crate) session: String,
}

impl Entered {
    /// Reads the tokens of a response.
    #[track_caller]
    pub(crate) fn by(reply: Reply) -> Self {
        let body = reply.good();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        Self {
            person: Person {
                id: text(&body["user"]["user_id"]).parse().unwrap(),
                token: text(&body["access_token"]),
            },
            refresh: text(&body["refresh_token"]),
            session: text(&body["session_id"]),
        }
    }

    /// The same session with the access token of a response.
    #[track_caller]
    pub(crate) fn with(&self, reply: Reply) -> Self {
        let body = reply.good();
        assert_eq!(body.get("refresh_token"), None, "there is one already");
        Self {
            person: Person {
                id: self.person.id,
                token: body["access_token"].as_str().unwrap().to_owned(),
            },
            refresh: self.refresh.clone(),
            session: self.session.clone(),
        }
    }
}

/// The mail address of the user with this name.
pub(crate) fn address(name: &str) -> String {
    format!("{name}@example.org")
}

impl Scene {
    /// A `POST` without a token.
    pub(crate) async fn ask(&self, path: &str, body: Value) -> Reply {
        self.call(None, Method::POST, path, body).await
    }

    /// A `DELETE` without a body.
    pub(crate) async fn delete(&self, person: &Person, path: &str) -> Reply {
        self.call(Some(person), Method::DELETE, path, Value::Null)
            .await
    }

    /// Registers an account with [`PASSWORD`].
    pub(crate) async fn register(&self, name: &str) -> Reply {
        let body = json!({"email": address(name), "name": name, "password": PASSWORD});
        self.ask("/api/auth/register", body).await
    }

    pub(crate) async fn log_in(&self, name: &str, password: &str, code: Option<&str>) -> Reply {
        let mut body = json!({"email": address(name), "password": password});
        if let Some(code) = code {
            body["code"] = json!(code);
        }
        self.ask("/api/auth/login", body).await
    }

    /// Registers a user and logs in.
    pub(crate) async fn newcomer(&self, name: &str) -> Entered {
        assert_eq!(self.register(name).await.status, 201);
        Entered::by(self.log_in(name, PASSWORD, None).await)
    }

    /// The same, with these roles. The second factor was not presented.
    pub(crate) async fn staff<const N: usize>(&self, name: &str, roles: [Role; N]) -> Entered {
        let entered = self.newcomer(name).await;
        self.appoint(&entered.person, roles).await;
        entered
    }

    /// Gives the user exactly these roles, on behalf of a new administrator.
    pub(crate) async fn appoint<const N: usize>(&self, person: &Person, roles: [Role; N]) {
        let id: p2p_domain::EventId = self.market.fresh();
        let root = self.person(&format!("root-{id}"), [Role::Admin]).await;
        let caller = Caller::new(root.id, [Role::Admin].into());
        let command = SetRoles {
            caller: caller.proved(Timestamp::from_micros(i64::MAX)),
            user: person.id,
            roles: Roles::from(roles),
        };
        self.market.execute(command).await.unwrap();
    }

    pub(crate) async fn refresh(&self, token: &str) -> Reply {
        let body = json!({"refresh_token": token});
        self.ask("/api/auth/refresh", body).await
    }

    /// The current code.
    pub(crate) fn code(&self) -> String {
        InsecureSecondFactors::code(self.market.now())
    }

    /// Advances the clock to the next code, and returns it.
    pub(crate) fn next_code(&self) -> String {
        self.clock.advance(Duration::from_secs(30));
        self.code()
    }

    pub(crate) async fn enrol(&self, person: &Person) -> Reply {
        let body = json!({"password": PASSWORD});
        self.post(person, "/api/auth/2fa/enroll", body).await
    }

    /// Enrols an authenticator; returns the session and the recovery codes.
    pub(crate) async fn enrolled(&self, entered: &Entered) -> (Entered, Vec<String>) {
        let person = &entered.person;
        self.enrol(person).await.good();
        let body = json!({"code": self.next_code()});
        let reply = self.post(person, "/api/auth/2fa/confirm", body).await;
        let codes = reply.body["recovery_codes"].as_array().unwrap().clone();
        let codes = codes.iter().map(|code| code.as_str().unwrap().to_owned());
        (entered.with(reply), codes.collect())
    }

    /// Presents a code in an open session.
    pub(crate) async fn show(&self, person: &Person, code: &str) -> Reply {
        let body = json!({"code": code});
        self.post(person, "/api/auth/2fa/verify", body).await
    }

    /// The text of the user's mail with this number, once it has arrived.
    pub(crate) async fn letter(&self, name: &str, number: usize) -> String {
        let email = Email::new(&address(name));
        let came = async {
            loop {
                if let Some(mail) = self.letters.to(&email).get(number - 1) {
                    return format!("{}\n{}", mail.subject, mail.text);
                }
                tokio::task::yield_now().await;
            }
        };
        let came = tokio::time::timeout(Duration::from_secs(60), came).await;
        came.unwrap()
    }

    /// The token of the link in that mail.
    pub(crate) async fn link(&self, name: &str, number: usize) -> String {
        let letter = self.letter(name, number).await;
        let (_, rest) = letter.split_once("?token=").unwrap();
        rest.split_whitespace().next().unwrap().to_owned()
    }

    /// The number of mails to the user.
    pub(crate) fn letters_to(&self, name: &str) -> usize {
        self.letters.to(&Email::new(&address(name))).len()
    }
}
