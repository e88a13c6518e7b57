//! Table `accounts`.

use std::cmp::Ordering;

use p2p_application::aggregates::Selection;
use p2p_application::ports::StorageError;
use p2p_domain::ledger::Owner;
use p2p_domain::{Account, AccountId, AccountKey};
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::Value;
use sea_orm::{DbBackend, Statement};

use crate::row::{self, RowContext};
use crate::stored::{Rows, SidesOfOffers, Stored};
use crate::table::{Table, id_array, padded, placeholders, text_array, unnest_in_step};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "accounts")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) id: Uuid,
    pub(crate) owner_id: Uuid,
    pub(crate) asset: String,
    pub(crate) available: i64,
    pub(crate) held: i64,
    pub(crate) version: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Table for Entity {
    const NAME: &'static str = "accounts";
    const KEY: Column = Column::Id;
    const MUTABLE: &'static [Column] = &[Column::Available, Column::Held, Column::Version];
    const VERSION: Column = Column::Version;
}

/// The owner as stored; `None` for a user who claims to be one of the system's parties: nobody is.
pub(crate) fn stored_owner(owner: Owner) -> Option<Uuid> {
    match owner {
        Owner::External => Some(row::EXTERNAL),
        Owner::Fees => Some(row::FEES),
        Owner::Shop => Some(row::SHOP),
        Owner::User(user) => Some(row::uuid(user)).filter(|user| !row::is_system(*user)),
    }
}

/// The order in which accounts are locked.
pub(crate) fn order(account: &Account) -> (Option<Uuid>, &'static str) {
    (stored_owner(account.key.owner), account.key.asset.code())
}

/// The owner of a stored row.
pub(crate) fn owner(stored: Uuid) -> Owner {
    match stored {
        row::EXTERNAL => Owner::External,
        row::FEES => Owner::Fees,
        row::SHOP => Owner::Shop,
        user => Owner::User(row::id(user)),
    }
}

impl TryFrom<&Account> for Model {
    type Error = StorageError;

    fn try_from(account: &Account) -> Result<Self, StorageError> {
        let owner_id = stored_owner(account.key.owner).ok_or_else(|| StorageError::Rejected {
            what: "an account of a user who is nobody".to_owned(),
        })?;
        Ok(Self {
            id: row::uuid(account.id),
            owner_id,
            asset: account.key.asset.code().to_owned(),
            available: account.available().minor(),
            held: account.held().minor(),
            version: row::stored(account.version)?,
        })
    }
}

impl TryFrom<Model> for Account {
    type Error = StorageError;

    fn try_from(stored: Model) -> Result<Self, StorageError> {
        let id: AccountId = row::id(stored.id);
        let reading = RowContext::new("accounts", id);
        let key = AccountKey {
            owner: owner(stored.owner_id),
            asset: reading.asset(&stored.asset)?,
        };
        let version = reading.version(stored.version)?;
        Self::restore(id, key, stored.available, stored.held, version)
            .ok_or_else(|| reading.corrupt("a balance is negative"))
    }
}

impl Stored for Account {
    type Entity = Entity;

    fn row(&self, _: &SidesOfOffers) -> Result<Model, StorageError> {
        self.try_into()
    }

    fn order(&self, other: &Self) -> Ordering {
        order(self).cmp(&order(other))
    }

    async fn load(rows: Rows<'_>, selection: &Selection<Self>) -> Result<Vec<Self>, StorageError> {
        let keys = selection.keys.iter();
        let keys = keys.filter_map(|key| Some((stored_owner(key.owner)?, key.asset.code())));
        let mut keys: Vec<(Uuid, &'static str)> = keys.collect();
        // In the order in which they are locked, over all portions.
        keys.sort_unstable();
        let mut found = Vec::with_capacity(keys.len());
        for keys in rows.limit.keys(&keys) {
            let statement = by_owner(rows.backend(), keys);
            found.extend(rows.all_of::<Self>(statement).await?);
        }
        Ok(found)
    }
}

/// Accounts by owner and asset, locked in that order. Two columns make the key: no builder knows both databases' words.
pub(crate) fn by_owner(backend: DbBackend, keys: &[(Uuid, &'static str)]) -> Statement {
    const COLUMNS: &str =
        "a.\"id\", a.\"owner_id\", a.\"asset\", a.\"available\", a.\"held\", a.\"version\"";
    if backend == DbBackend::Postgres {
        let sql = format!(
            "SELECT {COLUMNS} FROM {} AS k \
             JOIN accounts AS a ON a.owner_id = k.owner_id AND a.asset = k.asset \
             ORDER BY a.owner_id, a.asset FOR NO KEY UPDATE OF a",
            unnest_in_step(&[("owner_id", "uuid"), ("asset", "text")])
        );
        let owners = id_array(keys.iter().map(|(owner, _)| *owner));
        let assets = text_array(keys.iter().map(|(_, asset)| (*asset).to_owned()));
        Statement::from_sql_and_values(backend, sql, [owners, assets])
    } else {
        let keys = padded(keys.to_vec());
        let sql = format!(
            "SELECT {COLUMNS} FROM accounts AS a WHERE (a.owner_id, a.asset) IN (VALUES {}) \
             ORDER BY a.owner_id, a.asset",
            placeholders(2, keys.len())
        );
        let values = keys
            .into_iter()
            .flat_map(|(owner, asset)| [Value::from(owner), Value::from(asset)]);
        Statement::from_sql_and_values(backend, sql, values)
    }
}
