//! Listings: exchangers publish, change and close them; everybody who is logged in browses.

mod browse;
mod close;
mod get;
mod publish;
mod update;
mod view;

use std::time::Duration;

use utoipa::PartialSchema;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, SchemaType, Type};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use validator::ValidationError;

use crate::app::App;

pub(crate) const TAG: &str = "Listings";

/// The routes of listings.
pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .routes(routes!(publish::publish_listing, browse::list_listings))
        .routes(routes!(
            get::get_listing,
            update::update_listing,
            close::close_listing
        ))
}

fn minutes(count: u32) -> Duration {
    Duration::from_secs(u64::from(count) * 60)
}

/// How the name of a payment method is described.
struct PaymentMethod;

impl PartialSchema for PaymentMethod {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(SchemaType::Type(Type::String))
            .description(Some("A way to pay, by its name in upper case."))
            .pattern(Some("^[A-Z0-9_]{2,32}$"))
            .examples(["SEPA"])
            .into()
    }
}

impl utoipa::ToSchema for PaymentMethod {}

/// Whether a text may name a payment method: `SEPA`, `TINKOFF_2`.
fn is_method(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
    (2..=32).contains(&name.len()) && name.bytes().all(allowed)
}

/// The rule for payment methods, for the validator.
fn check_payment_method(name: &str) -> Result<(), ValidationError> {
    if is_method(name) {
        return Ok(());
    }
    let message = "must have 2 to 32 characters out of A-Z, 0-9 and _";
    Err(ValidationError::new("INVALID_PAYMENT_METHOD").with_message(message.into()))
}

/// As [`check_payment_method`], for all of a listing's.
fn check_payment_methods(names: &[String]) -> Result<(), ValidationError> {
    names.iter().try_for_each(|name| check_payment_method(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn payment_methods_are_upper_case_names() {
        assert!(check_payment_methods(&["SEPA".into(), "BANK_2".into()]).is_ok());
        for bad in ["", "A", "sepa", "SE PA", "СБП", &"A".repeat(33)] {
            assert!(check_payment_method(bad).is_err(), "{bad}");
        }
    }
}
