//! Second factors of the demo's staff, for `--second-factor`.

use std::time::Duration;

use anyhow::{Context, Result};
use p2p_application::Market;
use p2p_application::second_factor::{RemoveSecondFactor, confirm, enrol};
use p2p_application::session::{Credentials, EndSession, log_in};
use p2p_domain::User;
use p2p_domain::session::Origin;

use super::people::Person;
use super::{PASSWORD, caller};

/// Names, and secrets as one types them into an authenticator.
pub(super) type Secrets = Vec<(&'static str, String)>;

/// A time step of an authenticator.
const STEP: Duration = Duration::from_secs(30);

/// Gives the staff second factors, or takes those away that they had in an earlier demo.
pub(super) async fn settle(
    market: &Market,
    people: &[(&'static Person, User)],
    wanted: bool,
) -> Result<Secrets> {
    let mut secrets = Secrets::new();
    for (person, user) in people.iter().filter(|(person, _)| person.is_staff()) {
        let known = market.queries().find_second_factor(user.id).await?;
        if known.is_some_and(|factor| factor.is_active()) {
            let caller = caller(user).proved(market.now());
            let user = user.id;
            market.execute(RemoveSecondFactor { caller, user }).await?;
        }
        if wanted {
            let secret = give(market, user).await.with_context(|| {
                format!(
                    "{} gets no second factor; `--fresh` begins anew",
                    person.name
                )
            })?;
            secrets.push((person.name, secret));
        }
    }
    Ok(secrets)
}

/// Enrols a factor as a user with an authenticator would.
async fn give(market: &Market, user: &User) -> Result<String> {
    let credentials = Credentials {
        email: user.email.clone(),
        password: PASSWORD.to_owned(),
        code: None,
        origin: Origin::default(),
    };
    let session = log_in(market, credentials).await?.session;
    let caller = session.caller(user.roles);
    let enrolment = enrol(market, caller, PASSWORD.to_owned(), Origin::default()).await?;
    // The code before the present one, which then can still be used: each is good once.
    let code = p2p_system::present_code(&enrolment.secret, market.now().before(STEP));
    let code = code.context("a fresh secret has no code")?;
    confirm(market, caller, &code, Origin::default()).await?;
    market
        .execute(EndSession {
            caller,
            session: session.id,
        })
        .await?;
    Ok(enrolment.secret)
}
