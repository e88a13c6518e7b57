//! Table `mailboxes`: how many notifications somebody has, and how far they are read.

use p2p_application::aggregates::Selection;
use p2p_application::ports::StorageError;
use p2p_domain::{Mailbox, UserId};
use sea_orm::entity::prelude::*;

use crate::row::{self, RowContext};
use crate::stored::{Rows, SidesOfOffers, Stored, uuids};
use crate::table::Table;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "mailboxes")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) user_id: Uuid,
    pub(crate) last: i64,
    pub(crate) read_to: i64,
    pub(crate) version: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Table for Entity {
    const NAME: &'static str = "mailboxes";
    const KEY: Column = Column::UserId;
    const MUTABLE: &'static [Column] = &[Column::Last, Column::ReadTo, Column::Version];
    const VERSION: Column = Column::Version;
}

impl TryFrom<&Mailbox> for Model {
    type Error = StorageError;

    fn try_from(mailbox: &Mailbox) -> Result<Self, StorageError> {
        Ok(Self {
            user_id: row::uuid(mailbox.user),
            last: row::stored(mailbox.last)?,
            read_to: row::stored(mailbox.read_to)?,
            version: row::stored(mailbox.version)?,
        })
    }
}

impl TryFrom<Model> for Mailbox {
    type Error = StorageError;

    fn try_from(stored: Model) -> Result<Self, StorageError> {
        let user: UserId = row::id(stored.user_id);
        let reading = RowContext::new("mailboxes", user);
        let mailbox = Self {
            user,
            last: reading.count("last", stored.last)?,
            read_to: reading.count("read_to", stored.read_to)?,
            version: reading.version(stored.version)?,
        };
        if mailbox.read_to > mailbox.last {
            return Err(reading.corrupt("more is read than there is"));
        }
        Ok(mailbox)
    }
}

impl Stored for Mailbox {
    type Entity = Entity;

    fn row(&self, _: &SidesOfOffers) -> Result<Model, StorageError> {
        self.try_into()
    }

    async fn load(rows: Rows<'_>, selection: &Selection<Self>) -> Result<Vec<Self>, StorageError> {
        rows.lock(uuids(&selection.keys)).await
    }
}
