//! How the sides of answers to listings stand, on PostgreSQL: one statement for all of it.

use std::sync::LazyLock;

use p2p_application::ports::{CustomerPreconditions, OfferPreconditions, StorageError};
use p2p_domain::UserId;
use p2p_domain::refusal::QuotaKind;
use sea_orm::entity::prelude::Uuid;
use sea_orm::{ConnectionTrait, DbBackend, Statement};

use crate::joined_rows::{columns, conduct_of, exchanger_of, is_there};
use crate::table::{StatementLimit, id_array, unnest_in_step};
use crate::{conduct, error, exchanger, quota, row};

/// Customers and exchangers have nothing to do with each other: the shorter list ends in NULLs, which find nothing. Each is
/// looked up by their key, as in a look. The first two columns are read by their places.
pub(crate) static STANDINGS: LazyLock<String> = LazyLock::new(|| {
    format!(
        "SELECT k.customer_id, o.counted, {}, {} \
         FROM {} AS k \
         LEFT JOIN LATERAL (SELECT * FROM conducts AS found WHERE found.user_id = k.customer_id LIMIT 1) AS n ON true \
         LEFT JOIN LATERAL (SELECT * FROM exchangers AS found WHERE found.user_id = k.exchanger_id LIMIT 1) AS e ON true \
         CROSS JOIN LATERAL (SELECT count(*) AS counted FROM (SELECT 1 FROM {} LIMIT $3) AS few) AS o",
        columns::<conduct::Entity>("n"),
        columns::<exchanger::Entity>("e"),
        unnest_in_step(&[("customer_id", "uuid"), ("exchanger_id", "uuid")]),
        quota::counted(QuotaKind::OpenOffers, "k.customer_id"),
    )
});

pub(crate) async fn find(
    connection: &impl ConnectionTrait,
    limit: StatementLimit,
    customers: &[UserId],
    exchangers: &[UserId],
    most: u32,
) -> Result<OfferPreconditions, StorageError> {
    let mut offer_preconditions = OfferPreconditions::default();
    let (mut customers, mut exchangers) = (limit.keys(customers), limit.keys(exchangers));
    let ids = |users: Option<&[UserId]>| {
        let users = users.unwrap_or_default();
        id_array(users.iter().copied().map(row::uuid))
    };
    for _ in 0..customers.len().max(exchangers.len()) {
        let values = [
            ids(customers.next()),
            ids(exchangers.next()),
            i64::from(most).into(),
        ];
        let statement = Statement::from_sql_and_values(DbBackend::Postgres, &*STANDINGS, values);
        let found = connection.query_all_raw(statement).await;
        for found in found.map_err(error::storage)? {
            let customer: Option<Uuid> = found.try_get_by(0).map_err(error::storage)?;
            if let Some(customer) = customer {
                let counted: i64 = found.try_get_by(1).map_err(error::storage)?;
                offer_preconditions.customers.push(CustomerPreconditions {
                    user: row::id(customer),
                    conduct: conduct_of(&found)?,
                    open_offers: u32::try_from(counted).unwrap_or(most),
                });
            }
            if is_there(&found, "e_", "user_id")? {
                offer_preconditions.exchangers.push(exchanger_of(&found)?);
            }
        }
    }
    Ok(offer_preconditions)
}
