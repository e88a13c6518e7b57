//! A page of listings as one statement: a walk along an index, from where the page before ended, for no longer than it
//! takes to fill the page, and never for long.
//!
//! The indexes hold all listings in the order of prices, and of ids, and those of each pair of an asset and a currency.
//! Where the filter has half of a pair, the walks of all pairs with it are merged. Conditions that no index knows are
//! looked at on the way, for [`FAR`] listings: then the page ends as it is.

mod access_paths;

use p2p_application::listing::ListingFilter;
use sea_orm::entity::prelude::*;
use sea_orm::{DbBackend, IdenStatic, Iterable, Statement};

use super::{Column, methods};
use crate::row;
use crate::sql::{Parameters, rows};
use access_paths::{AccessPaths, knows_direction};

/// Listings that are looked at for one page: a millisecond or two.
const FAR: u32 = 400;

/// What others see of a listing's exchanger: looked up for each listing that is shown, and never joined, since a join
/// may read all exchangers where they seem few.
const WITH_EXCHANGER: &str = "(SELECT name FROM users WHERE id = found.exchanger_id) AS exchanger_name, \
     (SELECT online AND frozen_at IS NULL FROM exchangers WHERE user_id = found.exchanger_id) AS exchanger_online";

const ONLINE: &str =
    "(SELECT online AND frozen_at IS NULL FROM exchangers WHERE user_id = walked.exchanger_id)";

/// A page to be looked for.
pub(crate) struct Search {
    pub(crate) statement: Statement,
    /// How far it goes, if it may have to end before the page is full. Each row then says whether it `passes`, and as
    /// which listing of the walk it was `looked` at; the last one is shown in any case.
    pub(super) far: Option<u32>,
}

/// The search for a page; `None` where no listing can pass.
pub(crate) fn search(filter: &ListingFilter, backend: DbBackend) -> Option<Search> {
    let mut parameters = Parameters::default();
    let conditions = conditions(filter, backend, &mut parameters)?;
    let access_paths = AccessPaths::of(filter, backend, &mut parameters)?;
    let rows = rows(filter.limit);
    let found = access_paths.in_order("found.");
    if conditions.is_empty() {
        let walk = access_paths.walk(rows);
        let text =
            format!("SELECT found.*, {WITH_EXCHANGER} FROM ({walk}) AS found ORDER BY {found}");
        return Some(Search {
            statement: parameters.with(backend, text),
            far: None,
        });
    }
    let far = access_paths.each_of(FAR).max(rows);
    let (walk, way) = (access_paths.walk(far), access_paths.in_order("way."));
    let conditions = conditions.join(" AND ");
    let text = format!(
        "SELECT found.*, {WITH_EXCHANGER} FROM (SELECT walked.*, ({conditions}) AS passes \
         FROM (SELECT way.*, row_number() OVER () AS looked FROM ({walk}) AS way ORDER BY {way}) AS walked) AS found \
         WHERE found.passes OR found.looked = {far} ORDER BY {found} LIMIT {rows}"
    );
    Some(Search {
        statement: parameters.with(backend, text),
        far: Some(far),
    })
}

/// One listing with what others see of its exchanger.
pub(super) fn one(id: Uuid, backend: DbBackend) -> Statement {
    let mut parameters = Parameters::default();
    let id = parameters.bind(id);
    let text = format!(
        "SELECT {}, {WITH_EXCHANGER} FROM listings AS found WHERE found.id = {id}",
        columns("found.")
    );
    parameters.with(backend, text)
}

/// What is looked at on the way; `None` where nothing can pass.
fn conditions(
    filter: &ListingFilter,
    backend: DbBackend,
    parameters: &mut Parameters,
) -> Option<Vec<String>> {
    let mut conditions = Vec::new();
    if let Some(direction) = filter.exchange_type
        && !knows_direction(filter)
    {
        conditions.push(format!("walked.exchange_type = '{}'", direction.name()));
    }
    if let Some(amount) = filter.amount {
        let amount = parameters.bind(amount.minor());
        conditions.push(format!(
            "walked.min_fiat <= {amount} AND walked.available_fiat >= {amount}"
        ));
    }
    if let Some(method) = &filter.payment_method {
        if !row::storable(method) {
            return None;
        }
        let position = match backend {
            DbBackend::Postgres => "strpos",
            _ => "instr",
        };
        let needle = parameters.bind(methods::needle(method));
        conditions.push(format!("{position}(walked.payment_methods, {needle}) > 0"));
    }
    if filter.online_only {
        conditions.push(ONLINE.to_owned());
    }
    Some(conditions)
}

fn columns(table: &str) -> String {
    let names: Vec<String> = Column::iter()
        .map(|column| format!("{table}{}", column.as_str()))
        .collect();
    names.join(", ")
}
