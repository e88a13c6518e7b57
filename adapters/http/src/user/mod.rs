//! Accounts of people: registration, e-mail address, password, roles.

mod change_password;
mod create;
mod forgot_password;
mod get;
mod register;
mod resend_verification;
mod reset_password;
mod set_roles;
mod update_me;
mod verify_email;
pub(crate) mod view;

use p2p_domain::user::is_one_line;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use validator::{Validate, ValidationError};

use crate::app::App;

pub(crate) const TAG_AUTH: &str = "Registration";
pub(crate) const TAG: &str = "Users";

/// The routes of people's accounts.
pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .routes(routes!(register::register))
        .routes(routes!(verify_email::verify_email))
        .routes(routes!(resend_verification::resend_verification))
        .routes(routes!(change_password::change_password))
        .routes(routes!(forgot_password::forgot_password))
        .routes(routes!(reset_password::reset_password))
        .routes(routes!(create::create_user))
        .routes(routes!(get::get_me, update_me::update_me))
        .routes(routes!(get::get_user))
        .routes(routes!(set_roles::set_roles))
}

/// The e-mail address of an account.
#[derive(Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"email": "ada@example.com"}))]
struct AddressRequest {
    #[validate(email, length(max = 254))]
    #[schema(max_length = 254, format = "email")]
    email: String,
}

/// At least twelve characters, at most 200 bytes: what the hasher is fed is bounded.
fn check_password(text: &str) -> Result<(), ValidationError> {
    if text.chars().count() >= 12 && text.len() <= 200 {
        return Ok(());
    }
    let message = "must have at least 12 characters and at most 200 bytes";
    Err(ValidationError::new("INVALID_LENGTH").with_message(message.into()))
}

fn check_name(text: &str) -> Result<(), ValidationError> {
    if is_one_line(text) {
        return Ok(());
    }
    let message = "must not contain control characters or line breaks";
    Err(ValidationError::new("INVALID_CHARACTER").with_message(message.into()))
}

#[cfg(test)]
mod tests {
    use super::{check_name, check_password};

    #[test]
    fn names_have_one_line() {
        for good in ["Ada", "Ада Л.", "小明", "O'Neil-Łuk 🦊"] {
            assert!(check_name(good).is_ok(), "{good}");
        }
        for bad in [
            "You won.\n\nhttps://evil.example",
            "a\rb",
            "a\tb",
            "a\u{85}b",
            "a\u{2028}b",
            "a\u{202e}b",
            "a\u{2066}b",
            "\u{1b}[1m",
        ] {
            assert!(check_name(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn passwords_are_long_but_not_endless() {
        assert!(check_password("twelve chars").is_ok());
        assert!(check_password("двенадцать знаков").is_ok());
        assert!(check_password(&"x".repeat(200)).is_ok());
        assert!(check_password("eleven char").is_err());
        assert!(check_password(&"x".repeat(201)).is_err());
        assert!(check_password(&"я".repeat(101)).is_err());
    }
}
