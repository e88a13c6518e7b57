//! `GET /api/p2p/listings`.

use axum::Json;
use axum::extract::State;
use p2p_application::listing::{ListingFilter, ListingOrder};
use p2p_domain::{AssetKind, ExchangeType};
use serde::Deserialize;
use utoipa::IntoParams;
use validator::Validate;

use super::view::PublicListing;
use super::{PaymentMethod, TAG, check_payment_method};
use crate::app::App;
use crate::cursor;
use crate::extract::{Auth, Query};
use crate::policy::{Access, Policy};
use crate::problem::Problem;
use crate::wire;
use p2p_edge::{DEFAULT_LIMIT, FieldError, Page, ProblemDetails};

/// Which listings to show; all filters must hold.
#[derive(Default, Deserialize, Validate, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListListingsQuery {
    /// The direction as the customer sees it. `type` is accepted as well.
    #[serde(alias = "type")]
    #[param(inline)]
    exchange_type: Option<wire::ExchangeType>,
    /// The crypto asset.
    #[param(inline, value_type = Option<wire::CryptoAsset>, example = "USDT")]
    asset: Option<wire::Asset>,
    /// The fiat currency.
    #[param(inline, value_type = Option<wire::FiatCurrency>, example = "EUR")]
    currency: Option<wire::Asset>,
    /// A fiat amount that one offer may have: within the listing's limits and what remains. Only with `currency`.
    #[param(inline, value_type = Option<wire::AmountText>, example = "100.00")]
    amount: Option<String>,
    #[validate(custom(function = check_payment_method))]
    #[param(inline, value_type = Option<PaymentMethod>, example = "SEPA")]
    payment_method: Option<String>,
    /// Only of exchangers who take offers now.
    online_only: Option<bool>,
    /// Only of this exchanger: ACTIVE and PAUSED ones. Otherwise only ACTIVE listings are shown.
    #[param(inline)]
    exchanger_id: Option<wire::UserId>,
    /// `best_price` (only with, and then the default, `exchange_type`: dearest first with CRYPTO2FIAT, cheapest first with
    /// FIAT2CRYPTO) or `newest`.
    #[param(inline)]
    sort: Option<wire::Sort>,
    /// The `next_cursor` of the page before; the filters must be the same.
    #[serde(alias = "after")]
    #[param(min_length = 1)]
    cursor: Option<String>,
    /// How many at most.
    #[validate(range(min = 1, max = 100))]
    #[param(minimum = 1, maximum = 100, default = 20)]
    limit: Option<u32>,
}

impl ListListingsQuery {
    fn order(&self) -> Result<ListingOrder, FieldError> {
        let best = self.exchange_type.map(|direction| match direction.0 {
            ExchangeType::CryptoToFiat => ListingOrder::PriceDescending,
            ExchangeType::FiatToCrypto => ListingOrder::PriceAscending,
        });
        match (self.sort.map(|sort| sort.0), best) {
            (Some(wire::SortKind::BestPrice), None) => Err(FieldError::new(
                "sort",
                "EXCHANGE_TYPE_REQUIRED",
                "which price is best depends on exchange_type: give it too",
            )),
            (Some(wire::SortKind::BestPrice) | None, Some(best)) => Ok(best),
            (Some(wire::SortKind::Newest), _) | (None, None) => Ok(ListingOrder::Newest),
        }
    }

    fn amount(&self) -> Result<Option<p2p_domain::Money>, FieldError> {
        let Some(text) = &self.amount else {
            return Ok(None);
        };
        let Some(currency) = self.currency else {
            return Err(FieldError::new(
                "amount",
                "CURRENCY_REQUIRED",
                "an amount is in a currency: give it too",
            ));
        };
        wire::Amount::from_text(text)
            .and_then(|amount| {
                p2p_domain::Money::from_decimal(amount.0, currency.0).map_err(wire::amount_fault)
            })
            .map(Some)
            .map_err(|fault| FieldError::invalid("amount", fault))
    }
}

/// Listings have crypto on one side and fiat on the other.
fn of_kind(field: &str, asset: Option<wire::Asset>, kind: AssetKind) -> Result<(), FieldError> {
    let (code, message) = match kind {
        AssetKind::Crypto => ("NOT_CRYPTO", "must be a crypto asset"),
        AssetKind::Fiat => ("NOT_FIAT", "must be a fiat currency"),
    };
    match asset {
        Some(asset) if asset.0.kind() != kind => Err(FieldError::new(field, code, message)),
        _ => Ok(()),
    }
}

impl TryFrom<ListListingsQuery> for ListingFilter {
    type Error = Problem;

    fn try_from(query: ListListingsQuery) -> Result<Self, Problem> {
        let kinds = [
            of_kind("asset", query.asset, AssetKind::Crypto),
            of_kind("currency", query.currency, AssetKind::Fiat),
        ];
        let mut errors: Vec<_> = kinds.into_iter().filter_map(Result::err).collect();
        let (order, amount) = match (query.order(), query.amount()) {
            (Ok(order), Ok(amount)) if errors.is_empty() => (order, amount),
            (order, amount) => {
                errors.extend(order.err().into_iter().chain(amount.err()));
                return Err(ProblemDetails::invalid_query(errors).into());
            }
        };
        Ok(Self {
            exchanger: query.exchanger_id.map(|id| id.0),
            exchange_type: query.exchange_type.map(|direction| direction.0),
            asset: query.asset.map(|asset| asset.0),
            fiat: query.currency.map(|asset| asset.0),
            amount,
            payment_method: query.payment_method,
            online_only: query.online_only.unwrap_or(false),
            order,
            after: cursor::read_listing(order, query.cursor.as_deref())?,
            limit: query.limit.unwrap_or(DEFAULT_LIMIT),
        })
    }
}

/// Browse listings.
///
/// For any authenticated user. Only ACTIVE listings, unless one exchanger's are asked for. Where few of very many
/// listings pass the filters, a page may have fewer than `limit`, or none, and others follow: the list ends where
/// `next_cursor` is `null`.
#[utoipa::path(
    get,
    path = "/api/p2p/listings",
    tag = TAG,
    extensions(("x-policy" = json!(Policy::read(Access::AUTHENTICATED)))),
    params(ListListingsQuery),
    responses((status = 200, description = "A page of listings.", body = Page<PublicListing>))
)]
pub(crate) async fn list_listings(
    State(app): State<App>,
    _: Auth,
    Query(query): Query<ListListingsQuery>,
) -> Result<Json<Page<PublicListing>>, Problem> {
    let filter = ListingFilter::try_from(query)?;
    let order = filter.order;
    let page = p2p_application::listing::list_listings(app.market(), filter).await?;
    Ok(Json(Page {
        items: page.items.into_iter().map(Into::into).collect(),
        next_cursor: page.next.map(|next| cursor::write_listing(order, next)),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filter(query: &str) -> Result<ListingFilter, Problem> {
        let query: ListListingsQuery = serde_urlencoded::from_str(query).unwrap();
        query.try_into()
    }

    #[test]
    fn the_best_price_depends_on_the_direction() {
        let order = |query: &str| filter(query).map(|filter| filter.order).ok();
        assert_eq!(order(""), Some(ListingOrder::Newest));
        assert_eq!(
            order("type=CRYPTO2FIAT"),
            Some(ListingOrder::PriceDescending)
        );
        assert_eq!(
            order("exchange_type=FIAT2CRYPTO&sort=best_price"),
            Some(ListingOrder::PriceAscending)
        );
        assert_eq!(
            order("exchange_type=FIAT2CRYPTO&sort=newest"),
            Some(ListingOrder::Newest)
        );
        assert_eq!(order("sort=best_price"), None);
    }

    #[test]
    fn an_amount_needs_its_currency_and_its_scale() {
        let amount = |query: &str| filter(query).map(|filter| filter.amount);
        let euros = p2p_domain::Money::new(10_050, p2p_domain::Asset::Eur);
        assert_eq!(amount("amount=100.5&currency=EUR").unwrap(), Some(euros));
        for (query, code) in [
            ("amount=100", "CURRENCY_REQUIRED"),
            ("amount=1.005&currency=EUR", "TOO_MANY_DECIMALS"),
            ("amount=x&currency=EUR", "AMOUNT_MALFORMED"),
            ("amount=1&currency=USDT", "NOT_FIAT"),
            ("asset=EUR", "NOT_CRYPTO"),
        ] {
            let problem = amount(query).unwrap_err();
            assert_eq!(problem.code(), "INVALID_QUERY");
            assert_eq!(problem.errors()[0].code, code, "{query}");
        }
    }
}
