//! Balances and statements.

use async_trait::async_trait;
use p2p_application::ports::StorageError;
use p2p_application::wallet::{StatementEntry, StatementFilter, WalletQueries};
use p2p_domain::{Account, Asset, UserId};
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{Query, SelectStatement, UnionType};
use sea_orm::{Condition, ExprTrait, FromQueryResult, Order, QueryOrder, QuerySelect, QueryTrait};

use super::{account, journal};
use crate::database::Database;
use crate::error;
use crate::row;

#[async_trait]
impl WalletQueries for Database {
    async fn accounts_of(&self, user: UserId) -> Result<Vec<Account>, StorageError> {
        let owner = row::uuid(user);
        if row::is_system(owner) {
            return Ok(Vec::new());
        }
        let found = account::Entity::find()
            .filter(account::Column::OwnerId.eq(owner))
            .all(self.reader())
            .await;
        let mut accounts: Vec<Account> = row::all(found.map_err(error::storage)?)?;
        accounts.sort_unstable_by_key(|account| account.key.asset);
        Ok(accounts)
    }

    async fn statement(
        &self,
        filter: &StatementFilter,
    ) -> Result<Vec<StatementEntry>, StorageError> {
        let Some(select) = page(filter) else {
            return Ok(Vec::new());
        };
        let reader = self.reader();
        let found = reader.query_all(&select).await.map_err(error::storage)?;
        let lines = found
            .iter()
            .map(|line| journal::Line::from_query_result(line, ""))
            .collect::<Result<Vec<_>, _>>()
            .map_err(error::storage)?;
        row::all(lines)
    }
}

/// A page of the entries on all accounts that the filter means; `None` where it means nobody's.
pub(crate) fn page(filter: &StatementFilter) -> Option<SelectStatement> {
    let owner = row::uuid(filter.user);
    if row::is_system(owner) {
        return None;
    }
    let assets = filter
        .asset
        .as_ref()
        .map_or(Asset::ALL, std::slice::from_ref);
    let mut branches = assets.iter().map(|asset| entries(owner, *asset, filter));
    let mut select = branches.next()?;
    for branch in branches {
        select.union(UnionType::All, branch);
    }
    select
        .order_by(journal::Column::TransferId, Order::Desc)
        .order_by(journal::Column::Bucket, Order::Asc)
        .limit(u64::from(filter.limit));
    Some(select)
}

/// The newest entries of the owner's account in one asset. One branch for each account, so that each is a walk along the
/// journal's key and ends after a page, however long the journal is.
fn entries(owner: Uuid, asset: Asset, filter: &StatementFilter) -> SelectStatement {
    let account = account::Entity::find()
        .select_only()
        .column(account::Column::Id)
        .filter(account::Column::OwnerId.eq(owner))
        .filter(account::Column::Asset.eq(asset.code()))
        .into_query();
    let of_account = Expr::col((journal::Entity, journal::Column::AccountId))
        .eq(Expr::SubQuery(None, Box::new(account.into())));
    let mut page = journal::Entity::find().filter(of_account);
    if let Some(after) = filter.after {
        let transfer = row::uuid(after.transfer);
        page = page
            .filter(journal::Column::TransferId.lte(transfer))
            .filter(
                Condition::any()
                    .add(journal::Column::TransferId.lt(transfer))
                    .add(journal::Column::Bucket.gt(journal::bucket_name(after.bucket))),
            );
    }
    let page = page
        .order_by_desc(journal::Column::TransferId)
        .order_by_asc(journal::Column::Bucket)
        .limit(u64::from(filter.limit))
        .into_query();
    Query::select()
        .expr_as(Expr::val(asset.code()), "asset")
        .columns([
            journal::Column::TransferId,
            journal::Column::Bucket,
            journal::Column::Amount,
            journal::Column::Kind,
            journal::Column::OfferId,
            journal::Column::StaffId,
            journal::Column::PostedAt,
            journal::Column::SubjectId,
        ])
        .from_subquery(page, "page")
        .take()
}
