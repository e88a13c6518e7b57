//! The ways along the indexes to what a filter means.

use p2p_application::listing::{ListingCursor, ListingFilter, ListingOrder};
use p2p_domain::{Asset, AssetKind, ExchangeType};
use sea_orm::DbBackend;

use super::columns;
use crate::row;
use crate::sql::{Parameters, is};

/// Parts of one or several indexes, to be walked in one order.
pub(super) struct AccessPaths {
    /// The conditions of each: what its index begins with, and where on it the page begins. The conditions of partial
    /// indexes are written out, not bound: a plan for any value could not use them.
    conditions: Vec<String>,
    order: ListingOrder,
    /// What the order begins with, and that of each way by itself: the first column of its index (see [`is`]).
    lead: Option<&'static str>,
    own_lead: Option<&'static str>,
}

/// Whether the ways know the direction: an exchanger's own listings are few, and each direction has its prices.
pub(super) fn knows_direction(filter: &ListingFilter) -> bool {
    filter.exchanger.is_some() || filter.order != ListingOrder::Newest
}

impl AccessPaths {
    /// `None` where no listing is meant.
    pub(super) fn of(
        filter: &ListingFilter,
        backend: DbBackend,
        parameters: &mut Parameters,
    ) -> Option<Self> {
        let fiat = match (filter.fiat, filter.amount.map(|amount| amount.asset())) {
            (Some(fiat), Some(of_amount)) if fiat != of_amount => return None,
            (fiat, of_amount) => fiat.or(of_amount),
        };
        let asset = filter.asset.map(|asset| {
            let asset = parameters.bind(asset.code());
            is("asset", &asset, backend)
        });
        let fiat = fiat.map(|fiat| format!("fiat = {}", parameters.bind(fiat.code())));
        let active = || "state = 'ACTIVE'".to_owned();
        let newest = filter.order == ListingOrder::Newest;
        let (lead, own_lead, parts) = match (filter.exchanger, asset, fiat) {
            (Some(exchanger), asset, fiat) => {
                let exchanger = parameters.bind(row::uuid(exchanger));
                let part = [
                    Some("state <> 'CLOSED'".to_owned()),
                    Some(is("exchanger_id", &exchanger, backend)),
                    asset,
                    fiat,
                ];
                let part: Vec<String> = part.into_iter().flatten().collect();
                let lead = newest.then_some("exchanger_id");
                (lead, lead, vec![part])
            }
            (None, None, None) => (None, None, vec![vec![active()]]),
            (None, Some(asset), Some(fiat)) => (
                Some("asset"),
                Some("asset"),
                vec![vec![active(), asset, fiat]],
            ),
            (None, Some(asset), None) => {
                let parts = of_kind(AssetKind::Fiat)
                    .map(|fiat| vec![active(), asset.clone(), format!("fiat = '{fiat}'")]);
                (Some("asset"), Some("asset"), parts.collect())
            }
            (None, None, Some(fiat)) => {
                let parts = of_kind(AssetKind::Crypto).map(|asset| {
                    let asset = is("asset", &format!("'{asset}'"), backend);
                    vec![active(), asset, fiat.clone()]
                });
                (None, Some("asset"), parts.collect())
            }
        };
        let (directions, after_cursor) = (directions(filter), after_cursor(filter, parameters));
        let mut conditions = Vec::new();
        for part in &parts {
            for direction in &directions {
                for place in &after_cursor {
                    let all = part.iter().chain(direction).chain(place);
                    let all: Vec<&str> = all.map(String::as_str).collect();
                    conditions.push(all.join(" AND "));
                }
            }
        }
        Some(Self {
            conditions,
            order: filter.order,
            lead,
            own_lead,
        })
    }

    /// How many listings of each way may be looked at, if so many may be looked at in all.
    pub(super) fn each_of(&self, all: u32) -> u32 {
        let access_paths = u32::try_from(self.conditions.len()).unwrap_or(u32::MAX);
        all / access_paths.max(1)
    }

    /// The first listings along all ways.
    pub(super) fn walk(&self, length: u32) -> String {
        let columns = columns("");
        let order = order_by(self.order, self.own_lead, "");
        let access_paths = self.conditions.iter().map(|conditions| {
            format!(
                "SELECT {columns} FROM listings WHERE {conditions} ORDER BY {order} LIMIT {length}"
            )
        });
        let mut access_paths: Vec<String> = access_paths.collect();
        if access_paths.len() == 1 {
            return access_paths.swap_remove(0);
        }
        for way in &mut access_paths {
            *way = format!("SELECT * FROM ({way}) AS way");
        }
        format!(
            "{} ORDER BY {} LIMIT {length}",
            access_paths.join(" UNION ALL "),
            self.in_order("")
        )
    }

    /// The order of the walk.
    pub(super) fn in_order(&self, table: &str) -> String {
        order_by(self.order, self.lead, table)
    }
}

fn of_kind(kind: AssetKind) -> impl Iterator<Item = &'static str> {
    let assets = Asset::ALL.iter().filter(move |asset| asset.kind() == kind);
    assets.map(|asset| asset.code())
}

fn directions(filter: &ListingFilter) -> Vec<Option<String>> {
    let of = |direction: ExchangeType| Some(format!("exchange_type = '{}'", direction.name()));
    match filter.exchange_type {
        _ if !knows_direction(filter) => vec![None],
        Some(direction) => vec![of(direction)],
        None if filter.exchanger.is_some() => vec![None],
        None => ExchangeType::ALL.map(of).to_vec(),
    }
}

/// The conditions that follow the last listing of the previous page: among listings of its price, and among further prices.
/// Each begins at one place of an index.
fn after_cursor(filter: &ListingFilter, parameters: &mut Parameters) -> Vec<Option<String>> {
    let Some(ListingCursor { price_e8, id }) = filter.after else {
        return vec![None];
    };
    let id = parameters.bind(row::uuid(id));
    let further = match filter.order {
        ListingOrder::Newest => return vec![Some(format!("id < {id}"))],
        ListingOrder::PriceAscending => '>',
        ListingOrder::PriceDescending => '<',
    };
    let price = parameters.bind(price_e8);
    vec![
        Some(format!("price_e8 = {price} AND id > {id}")),
        Some(format!("price_e8 {further} {price}")),
    ]
}

/// The lead goes the way of the rest, as the index does.
fn order_by(order: ListingOrder, lead: Option<&str>, table: &str) -> String {
    let lead = |direction: &str| {
        lead.map_or_else(String::new, |lead| format!("{table}{lead}{direction}, "))
    };
    match order {
        ListingOrder::Newest => format!("{}{table}id DESC", lead(" DESC")),
        ListingOrder::PriceAscending => format!("{}{table}price_e8, {table}id", lead("")),
        ListingOrder::PriceDescending => format!("{}{table}price_e8 DESC, {table}id", lead("")),
    }
}
