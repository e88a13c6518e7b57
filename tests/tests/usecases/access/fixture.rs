//! People with passwords, and what they do at the door.

use std::time::Duration;

use super::memory;
use p2p_application::auth::AccessError;
use p2p_application::ports::{AccessToken, Bearer, TokenError};
use p2p_application::session::{Credentials, LoggedIn, log_in};
use p2p_application::user::RegisterUser;
use p2p_domain::audit_log::AuditAction;
use p2p_domain::policy::AccessRules;
use p2p_domain::session::Origin;
use p2p_domain::user::{Caller, Email, PasswordHash};
use p2p_domain::{Policy, Refusal, Role, Timestamp, User};
use p2p_memory::{InsecureSecondFactors, Memory};
use p2p_tests::harness::{Harness, Setup, unlimited};

pub(crate) const PASSWORD: &str = "open sesame, please";

pub(crate) struct Fixture {
    pub(crate) harness: Harness<Memory>,
    pub(crate) anna: User,
}

impl Fixture {
    pub(crate) async fn open() -> Self {
        Self::ruled(unlimited().access).await
    }

    /// Where this is asked of who comes in.
    pub(crate) async fn ruled(access: AccessRules) -> Self {
        let setup = Setup {
            policy: Policy {
                access,
                ..unlimited()
            },
            ..Setup::default()
        };
        let harness = Harness::open_with(memory(), setup).await;
        let anna = register(&harness, "anna@example.org", [Role::Customer]).await;
        Self { harness, anna }
    }

    pub(crate) fn email(&self) -> Email {
        self.anna.email.clone()
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.harness.market.now()
    }

    pub(crate) fn wait(&self, span: Duration) {
        self.harness.clock.advance(span);
    }

    pub(crate) fn code(&self) -> String {
        InsecureSecondFactors::code(self.now())
    }

    /// Tries to log in as Anna.
    pub(crate) async fn enter(
        &self,
        password: &str,
        code: Option<&str>,
    ) -> Result<LoggedIn, AccessError> {
        self.enter_as(&self.email(), password, code).await
    }

    pub(crate) async fn enter_as(
        &self,
        email: &Email,
        password: &str,
        code: Option<&str>,
    ) -> Result<LoggedIn, AccessError> {
        self.enter_from(somewhere(), email, password, code).await
    }

    pub(crate) async fn enter_from(
        &self,
        origin: Origin,
        email: &Email,
        password: &str,
        code: Option<&str>,
    ) -> Result<LoggedIn, AccessError> {
        let credentials = Credentials {
            email: email.clone(),
            password: password.to_owned(),
            code: code.map(str::to_owned),
            origin,
        };
        log_in(&self.harness.market, credentials).await
    }

    /// Who the bearer of this token is.
    pub(crate) fn admit(&self, access: &AccessToken) -> Result<Bearer, TokenError> {
        self.harness.market.admit(&access.token)
    }

    pub(crate) fn caller(&self, access: &AccessToken) -> Caller {
        self.admit(access).unwrap().caller
    }

    /// What the trail tells of, the oldest first, without the registrations.
    pub(crate) fn trail(&self) -> Vec<AuditAction> {
        let tables = self.harness.store.tables();
        let actions = tables.trail.values().map(|record| record.note.action);
        actions
            .filter(|action| *action != AuditAction::UserRegistered)
            .collect()
    }

    /// The token of the link in the last mail to Anna.
    pub(crate) async fn mailed_token(&self) -> String {
        let text = self.mailed(1).await.pop().unwrap();
        let (_, rest) = text.split_once("token=").unwrap();
        rest.split_whitespace().next().unwrap().to_owned()
    }

    /// The texts of all mails to Anna, once there are so many.
    pub(crate) async fn mailed(&self, at_least: usize) -> Vec<String> {
        for _ in 0..1_000 {
            let mails = self.harness.letters.to(&self.email());
            if mails.len() >= at_least {
                return mails.into_iter().map(|mail| mail.text).collect();
            }
            tokio::task::yield_now().await;
        }
        panic!("no mail came");
    }
}

pub(crate) async fn register<const N: usize>(
    harness: &Harness<Memory>,
    email: &str,
    roles: [Role; N],
) -> User {
    let hash = PasswordHash::new(format!("insecure:{PASSWORD}"));
    let (email, ids) = (Email::new(email), harness.market.ids());
    let command = RegisterUser::new(ids, email, "Anna".to_owned(), roles.into(), Some(hash));
    harness.done(command).await
}

pub(crate) fn somewhere() -> Origin {
    Origin::new("2001:db8::7".parse().ok(), "a test")
}

/// That it was refused, and why.
#[track_caller]
pub(crate) fn refusal<T: std::fmt::Debug>(outcome: Result<T, AccessError>) -> Refusal {
    match outcome {
        Err(AccessError::Refused(refusal)) => refusal,
        other => panic!("a refusal was expected, not {other:?}"),
    }
}
