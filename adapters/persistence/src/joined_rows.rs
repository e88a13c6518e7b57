//! Rows of several tables in one row of a result: each column carries the alias of its table as a prefix.

use p2p_application::ports::StorageError;
use p2p_domain::{Conduct, Exchanger};
use sea_orm::entity::prelude::*;
use sea_orm::{FromQueryResult, IdenStatic, Iterable, QueryResult};

use crate::{conduct, error, exchanger};

/// `l."id" AS "l_id", …`
pub(crate) fn columns<E: EntityTrait>(alias: &str) -> String {
    let all: Vec<String> = E::Column::iter()
        .map(|column| {
            let name = column.as_str();
            format!("{alias}.\"{name}\" AS \"{alias}_{name}\"")
        })
        .collect();
    all.join(", ")
}

/// Whether an outer join found a row.
pub(crate) fn is_there(found: &QueryResult, prefix: &str, key: &str) -> Result<bool, StorageError> {
    let key: Option<Uuid> = found.try_get(prefix, key).map_err(error::storage)?;
    Ok(key.is_some())
}

pub(crate) fn exchanger_of(found: &QueryResult) -> Result<Exchanger, StorageError> {
    let model = exchanger::Model::from_query_result(found, "e_").map_err(error::storage)?;
    Exchanger::try_from(model)
}

/// A customer's conduct, where there is any.
pub(crate) fn conduct_of(found: &QueryResult) -> Result<Option<Conduct>, StorageError> {
    if !is_there(found, "n_", "user_id")? {
        return Ok(None);
    }
    let model = conduct::Model::from_query_result(found, "n_").map_err(error::storage)?;
    Conduct::try_from(model).map(Some)
}
