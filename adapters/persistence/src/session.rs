//! Table `sessions`.

use std::net::IpAddr;

use p2p_application::aggregates::Selection;
use p2p_application::ports::StorageError;
use p2p_domain::session::{Origin, SessionEnd};
use p2p_domain::{Session, SessionId, Timestamp};
use sea_orm::entity::prelude::*;
use sea_orm::{Condition, DbBackend, QueryOrder, Statement};

use crate::newest_first::NewestFirst;
use crate::row::{self, RowContext};
use crate::sql::Parameters;
use crate::stored::{Rows, SidesOfOffers, Stored, locked, uuids};
use crate::table::{Table, one_of};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "sessions")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) id: Uuid,
    pub(crate) user_id: Uuid,
    pub(crate) address: Option<String>,
    pub(crate) client: String,
    pub(crate) started_at: i64,
    pub(crate) last_used_at: i64,
    pub(crate) expires_at: i64,
    pub(crate) generation: i64,
    pub(crate) proved_at: Option<i64>,
    pub(crate) ended_at: Option<i64>,
    pub(crate) ended_why: Option<String>,
    pub(crate) version: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Table for Entity {
    const NAME: &'static str = "sessions";
    const KEY: Column = Column::Id;
    const MUTABLE: &'static [Column] = &[
        Column::LastUsedAt,
        Column::Generation,
        Column::ProvedAt,
        Column::EndedAt,
        Column::EndedWhy,
        Column::Version,
    ];
    const VERSION: Column = Column::Version;
}

impl TryFrom<&Session> for Model {
    type Error = StorageError;

    fn try_from(session: &Session) -> Result<Self, StorageError> {
        Ok(Self {
            id: row::uuid(session.id),
            user_id: row::uuid(session.user),
            address: session.origin.address.map(|address| address.to_string()),
            client: session.origin.client.clone(),
            started_at: session.started_at.as_micros(),
            last_used_at: session.last_used_at.as_micros(),
            expires_at: session.expires_at.as_micros(),
            generation: i64::from(session.generation),
            proved_at: session.proved_at.map(|at| at.as_micros()),
            ended_at: session.ended.map(|(at, _)| at.as_micros()),
            ended_why: session.ended.map(|(_, why)| why.name().to_owned()),
            version: row::stored(session.version)?,
        })
    }
}

impl TryFrom<Model> for Session {
    type Error = StorageError;

    fn try_from(stored: Model) -> Result<Self, StorageError> {
        let id: SessionId = row::id(stored.id);
        let reading = RowContext::new("sessions", id);
        Ok(Self {
            id,
            user: row::id(stored.user_id),
            ended: ended(&reading, stored.ended_at, stored.ended_why)?,
            origin: Origin {
                address: address(&reading, stored.address)?,
                client: stored.client,
            },
            started_at: row::time(stored.started_at),
            last_used_at: row::time(stored.last_used_at),
            expires_at: row::time(stored.expires_at),
            generation: u32::try_from(stored.generation)
                .map_err(|_| reading.corrupt("generation is not a count"))?,
            proved_at: stored.proved_at.map(row::time),
            version: reading.version(stored.version)?,
        })
    }
}

impl Stored for Session {
    type Entity = Entity;

    fn row(&self, _: &SidesOfOffers) -> Result<Model, StorageError> {
        self.try_into()
    }

    async fn load(rows: Rows<'_>, selection: &Selection<Self>) -> Result<Vec<Self>, StorageError> {
        if selection.is_empty() {
            return Ok(Vec::new());
        }
        let select = by_id_or_user(
            rows.backend(),
            uuids(&selection.keys),
            uuids(&selection.others),
        );
        rows.all(locked(select)).await
    }
}

/// Sessions by id, and those of owners that have not ended; at least one of them is asked for.
pub(crate) fn by_id_or_user(
    backend: DbBackend,
    ids: Vec<Uuid>,
    owners: Vec<Uuid>,
) -> Select<Entity> {
    let mut wanted = Condition::any();
    if !ids.is_empty() {
        wanted = wanted.add(one_of(backend, Column::Id, ids));
    }
    if !owners.is_empty() {
        let open = Condition::all()
            .add(one_of(backend, Column::UserId, owners))
            .add(Column::EndedAt.is_null());
        wanted = wanted.add(open);
    }
    Entity::find().filter(wanted).order_by_asc(Column::Id)
}

fn ended(
    reading: &RowContext,
    at: Option<i64>,
    why: Option<String>,
) -> Result<Option<(Timestamp, SessionEnd)>, StorageError> {
    let Some(at) = at else {
        reading.absent("ended_why", &why)?;
        return Ok(None);
    };
    let why = reading.present("ended_why", why)?;
    let why = reading.named(SessionEnd::ALL, SessionEnd::name, &why)?;
    Ok(Some((row::time(at), why)))
}

/// From where somebody has asked.
pub(crate) fn address(
    reading: &RowContext,
    stored: Option<String>,
) -> Result<Option<IpAddr>, StorageError> {
    let Some(text) = stored else {
        return Ok(None);
    };
    let parsed = text.parse().ok();
    let parsed = parsed.filter(|address: &IpAddr| address.to_string() == text);
    match parsed {
        Some(address) => Ok(Some(address)),
        None => Err(reading.corrupt("address is no IP address in its stored form")),
    }
}

/// Somebody's sessions that have not ended, newest first.
pub(crate) fn page(user: p2p_domain::UserId, limit: u32) -> NewestFirst {
    NewestFirst::page(limit, None)
        .of(Some(row::uuid(user)))
        .only("ended_at IS NULL")
}

/// Why a session may be forgotten, by the column that tells.
pub(crate) const OVER: [&str; 2] = ["ended_at", "expires_at"];

/// Removes the oldest of those that were over before. Two replicas that forget at once forget different ones.
pub(crate) fn forgetting(
    over: &'static str,
    backend: DbBackend,
    before: Timestamp,
    limit: u32,
) -> Statement {
    let mut parameters = Parameters::default();
    let before = parameters.bind(before.as_micros());
    let passing_by = match backend {
        DbBackend::Postgres => " FOR UPDATE SKIP LOCKED",
        _ => "",
    };
    let text = format!(
        "DELETE FROM sessions WHERE id IN (SELECT id FROM sessions \
         WHERE {over} < {before} ORDER BY {over} LIMIT {limit}{passing_by})"
    );
    parameters.with(backend, text)
}
