//! The second factor: enrolled, confirmed by a first code, shown before what is dear, and given up. Secrets and recovery codes
//! are shown once, and kept under no idempotency key.

mod confirm;
mod enrol;
mod recovery_codes;
mod remove;
mod show;

use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use validator::Validate;

use crate::app::App;

pub(crate) const TAG: &str = "Second factor";

/// The routes of second factors.
pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .routes(routes!(enrol::enrol_second_factor))
        .routes(routes!(confirm::confirm_second_factor))
        .routes(routes!(show::show_second_factor))
        .routes(routes!(recovery_codes::renew_recovery_codes))
        .routes(routes!(remove::remove_own_second_factor))
        .routes(routes!(remove::remove_second_factor))
}

/// What the authenticator shows.
#[derive(Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"code": "492039"}))]
struct CodeRequest {
    /// A code of the authenticator; a recovery code where the authenticator is lost, but not to confirm it.
    #[validate(length(min = 1, max = 64))]
    #[schema(min_length = 1, max_length = 64)]
    code: String,
}
