//! `PATCH /api/p2p/listings/{listing_id}`.

use axum::extract::State;
use axum::response::Response;
use p2p_application::listing::{ListingChange, UpdateListing};
use p2p_domain::ListingId;
use p2p_domain::Role;
use serde::Deserialize;
use utoipa::ToSchema;
use validator::Validate;

use super::view::ListingView;
use super::{PaymentMethod, TAG, check_payment_methods};
use crate::app::App;
use crate::extract::{Auth, PathId};
use crate::idempotency::{Idempotent, ok};
use crate::policy::{Access, Policy};
use crate::problem::Problem;
use crate::wire;
use p2p_edge::JsonBody;

/// What is to be changed; what is left out stays as it is.
#[derive(Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"price": "0.997", "status": "PAUSED"}))]
pub(crate) struct UpdateListingRequest {
    /// Fiat per one whole unit of crypto, with at most eight decimals.
    price: Option<wire::Amount>,
    /// Crypto in all; not less than open and finished deals have taken.
    total_amount: Option<wire::Amount>,
    /// The least fiat per offer.
    min_amount: Option<wire::Amount>,
    /// The most fiat per offer.
    max_amount: Option<wire::Amount>,
    /// Upper-case names such as `SEPA`.
    #[validate(length(min = 1, max = 20), custom(function = check_payment_methods))]
    #[schema(value_type = Option<Vec<PaymentMethod>>, min_items = 1, max_items = 20)]
    payment_methods: Option<Vec<String>>,
    #[validate(range(min = 10, max = 360))]
    #[schema(minimum = 10, maximum = 360)]
    payment_window_minutes: Option<u32>,
    #[validate(length(max = 4000))]
    #[schema(max_length = 4000)]
    terms: Option<String>,
    /// PAUSED takes no new offers, ACTIVE takes them again. To close a listing, delete it.
    status: Option<wire::ListingSwitch>,
}

/// Change, pause or resume a listing.
///
/// For the EXCHANGER who owns it. Running deals keep the terms that they began with.
#[utoipa::path(
    patch,
    path = "/api/p2p/listings/{listing_id}",
    tag = TAG,
    extensions(("x-policy" = json!(Policy::change(Access::owner_with(Role::Exchanger))))),
    params(("listing_id" = inline(wire::ListingId), Path)),
    request_body = UpdateListingRequest,
    responses(
        (status = 200, description = "The listing after the change.", body = ListingView),
        (status = 403, description = "`NOT_OWNER`, or `ROLE_REQUIRED`: EXCHANGER."),
        (status = 404, description = "`LISTING_NOT_FOUND`"),
        (status = 409, description = "`LISTING_CLOSED`, or `EXCHANGER_FROZEN` when resuming."),
        (status = 422, description = "`INVALID_LISTING`, `TOTAL_BELOW_COMMITTED`, `TOO_MANY_DECIMALS`, \
            `AMOUNT_NOT_POSITIVE`, `AMOUNT_TOO_LARGE`, or a body that can't be used."),
    )
)]
pub(crate) async fn update_listing(
    State(app): State<App>,
    Auth(caller): Auth,
    PathId(listing): PathId<ListingId>,
    Idempotent(JsonBody(body), once): Idempotent<JsonBody<UpdateListingRequest>>,
) -> Result<Response, Problem> {
    let change = ListingChange {
        price: body.price.map(|amount| amount.0),
        total: body.total_amount.map(|amount| amount.0),
        min: body.min_amount.map(|amount| amount.0),
        max: body.max_amount.map(|amount| amount.0),
        payment_methods: body.payment_methods,
        payment_window: body.payment_window_minutes.map(super::minutes),
        terms: body.terms,
        switch: body.status.map(|status| status.0),
    };
    let command = UpdateListing {
        caller,
        listing,
        change,
    };
    once.carry_out(&app, caller, command, |listing| {
        ok(&ListingView::from(listing))
    })
    .await
}
