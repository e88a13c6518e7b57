//! Table `users`.

mod queries;

use p2p_application::aggregates::Selection;
use p2p_application::ports::{StaffMember, StorageError};
use p2p_domain::user::{Email, PasswordHash};
use p2p_domain::{Language, Roles, User, UserId};
use sea_orm::entity::prelude::*;
use sea_orm::{
    Condition, ConnectionTrait, DbBackend, FromQueryResult, QueryOrder, QuerySelect, Select,
};

use crate::error;
use crate::row::{self, RowContext};
use crate::stored::{Rows, SidesOfOffers, Stored, locked, uuids};
use crate::table::{StatementLimit, Table, one_of, one_of_texts};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "users")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) id: Uuid,
    pub(crate) email: String,
    pub(crate) name: String,
    pub(crate) roles: i16,
    pub(crate) password_hash: Option<String>,
    pub(crate) created_at: i64,
    pub(crate) version: i64,
    pub(crate) language: String,
    pub(crate) password_changed_at: i64,
    pub(crate) email_verified_at: Option<i64>,
    pub(crate) roles_changed_at: Option<i64>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Table for Entity {
    const NAME: &'static str = "users";
    const KEY: Column = Column::Id;
    const MUTABLE: &'static [Column] = &[
        Column::Email,
        Column::Name,
        Column::Roles,
        Column::PasswordHash,
        Column::Language,
        Column::PasswordChangedAt,
        Column::EmailVerifiedAt,
        Column::RolesChangedAt,
        Column::Version,
    ];
    const VERSION: Column = Column::Version;
}

impl TryFrom<&User> for Model {
    type Error = StorageError;

    fn try_from(user: &User) -> Result<Self, StorageError> {
        Ok(Self {
            id: row::uuid(user.id),
            email: user.email.as_str().to_owned(),
            name: user.name.clone(),
            roles: i16::from(user.roles.bits()),
            password_hash: user.password.as_ref().map(|hash| hash.expose().to_owned()),
            created_at: user.created_at.as_micros(),
            version: row::stored(user.version)?,
            language: user.language.name().to_owned(),
            password_changed_at: user.password_changed_at.as_micros(),
            email_verified_at: user.email_verified_at.map(|at| at.as_micros()),
            roles_changed_at: user.roles_changed_at.map(|at| at.as_micros()),
        })
    }
}

impl TryFrom<Model> for User {
    type Error = StorageError;

    fn try_from(stored: Model) -> Result<Self, StorageError> {
        let id: UserId = row::id(stored.id);
        let reading = RowContext::new("users", id);
        let roles = roles(&reading, stored.roles)?;
        let email = Email::new(&stored.email);
        if email.as_str() != stored.email {
            return Err(reading.corrupt("the e-mail address is not in its stored form"));
        }
        Ok(Self {
            id,
            email,
            name: stored.name,
            roles,
            password: stored.password_hash.map(PasswordHash::new),
            password_changed_at: row::time(stored.password_changed_at),
            email_verified_at: stored.email_verified_at.map(row::time),
            roles_changed_at: stored.roles_changed_at.map(row::time),
            language: reading.named(Language::ALL, Language::name, &stored.language)?,
            created_at: row::time(stored.created_at),
            version: reading.version(stored.version)?,
        })
    }
}

impl Stored for User {
    type Entity = Entity;

    fn row(&self, _: &SidesOfOffers) -> Result<Model, StorageError> {
        self.try_into()
    }

    async fn load(rows: Rows<'_>, selection: &Selection<Self>) -> Result<Vec<Self>, StorageError> {
        let ids = uuids(&selection.keys);
        let ids: Vec<Uuid> = ids.into_iter().filter(|id| !row::is_system(*id)).collect();
        let emails = selection
            .others
            .iter()
            .map(|email| email.as_str().to_owned());
        let emails: Vec<String> = emails.filter(|email| row::storable(email)).collect();
        if ids.is_empty() && emails.is_empty() {
            return Ok(Vec::new());
        }
        let select = by_id_or_email(rows.backend(), ids, emails);
        let found = locked(select).all(rows.transaction).await;
        let mut found = found.map_err(error::storage)?;
        found.retain(|user| !row::is_system(user.id));
        row::all(found)
    }
}

/// Users by id or by e-mail address; at least one of them is asked for.
pub(crate) fn by_id_or_email(
    backend: DbBackend,
    ids: Vec<Uuid>,
    emails: Vec<String>,
) -> Select<Entity> {
    let mut wanted = Condition::any();
    if !ids.is_empty() {
        wanted = wanted.add(one_of(backend, Column::Id, ids));
    }
    if !emails.is_empty() {
        wanted = wanted.add(one_of_texts(backend, Column::Email, emails));
    }
    Entity::find().filter(wanted).order_by_asc(Column::Id)
}

/// Somebody who may do what a moderator may.
#[derive(Debug, FromQueryResult)]
pub(crate) struct StaffRow {
    id: Uuid,
    roles: i16,
}

impl TryFrom<StaffRow> for StaffMember {
    type Error = StorageError;

    fn try_from(stored: StaffRow) -> Result<Self, StorageError> {
        let user: UserId = row::id(stored.id);
        let roles = roles(&RowContext::new("users", user), stored.roles)?;
        Ok(Self { user, roles })
    }
}

pub(crate) fn roles(reading: &RowContext, stored: i16) -> Result<Roles, StorageError> {
    u8::try_from(stored)
        .ok()
        .and_then(Roles::from_bits)
        .ok_or_else(|| reading.corrupt("roles have a bit that means nothing"))
}

/// Those of these ids that are somebody's.
pub(crate) async fn known(
    connection: &impl ConnectionTrait,
    limit: StatementLimit,
    ids: &[UserId],
) -> Result<Vec<UserId>, StorageError> {
    let mut known = Vec::with_capacity(ids.len());
    for keys in limit.keys(ids) {
        let keys = keys.iter().copied().map(row::uuid);
        let keys = keys.filter(|id| !row::is_system(*id)).collect();
        let found: Vec<Uuid> = those_of(connection.get_database_backend(), keys)
            .into_tuple()
            .all(connection)
            .await
            .map_err(error::storage)?;
        known.extend(found.into_iter().map(row::id::<UserId>));
    }
    Ok(known)
}

pub(crate) fn those_of(backend: DbBackend, keys: Vec<Uuid>) -> Select<Entity> {
    Entity::find()
        .select_only()
        .column(Column::Id)
        .filter(one_of(backend, Column::Id, keys))
}

/// The ids and roles of everybody who may do what a moderator may: one of the two highest bits of their roles is set. Said as the
/// partial index says it, so that it is used.
pub(crate) fn staff() -> Select<Entity> {
    Entity::find()
        .select_only()
        .columns([Column::Id, Column::Roles])
        .filter(Expr::cust("roles >= 4"))
        .order_by_asc(Column::Id)
}
