//! Changing tables that hold rows. Changing anything here changes released migrations: add, never alter.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::{DbErr, QueryResult, Statement};

use crate::schema::SchemaBuilder;

/// A check whose condition changes. Both conditions are written exactly as the migrations write them.
pub(crate) struct AlterCheck<'a> {
    pub(crate) name: &'a str,
    pub(crate) from: &'a str,
    pub(crate) to: &'a str,
}

impl AlterCheck<'_> {
    /// The way back.
    const fn reversed(&self) -> Self {
        Self {
            name: self.name,
            from: self.to,
            to: self.from,
        }
    }
}

impl SchemaBuilder<'_> {
    /// Adds an id that a row may lack.
    pub(crate) async fn add_id(&self, table: &str, column: &str) -> Result<(), DbErr> {
        let of = if self.postgres() { "uuid" } else { "BLOB" };
        self.run(format!("ALTER TABLE {table} ADD COLUMN {column} {of}"))
            .await
    }

    /// Adds a number of 64 bits; `rules`: what else there is to say of it.
    pub(crate) async fn add_number(
        &self,
        table: &str,
        column: &str,
        rules: &str,
    ) -> Result<(), DbErr> {
        let of = if self.postgres() { "bigint" } else { "INTEGER" };
        self.run(format!(
            "ALTER TABLE {table} ADD COLUMN {column} {of} {rules}"
        ))
        .await
    }

    /// Drops a column that no check and no index names.
    pub(crate) async fn drop_column(&self, table: &str, column: &str) -> Result<(), DbErr> {
        self.run(format!("ALTER TABLE {table} DROP COLUMN {column}"))
            .await
    }

    /// Gives checks other conditions; rows that do not pass them make it fail. Nothing may refer to the table.
    pub(crate) async fn alter_check(
        &self,
        table: &str,
        checks: &[AlterCheck<'_>],
    ) -> Result<(), DbErr> {
        if !self.postgres() {
            return self.rebuild(table, checks).await;
        }
        for AlterCheck { name, to, .. } in checks {
            self.run(format!("ALTER TABLE {table} DROP CONSTRAINT {name}"))
                .await?;
            self.run(format!(
                "ALTER TABLE {table} ADD CONSTRAINT {name} CHECK ({to})"
            ))
            .await?;
        }
        Ok(())
    }

    /// Takes [`alter_check`](Self::alter_check) back.
    pub(crate) async fn uncheck(
        &self,
        table: &str,
        checks: &[AlterCheck<'_>],
    ) -> Result<(), DbErr> {
        let back: Vec<AlterCheck<'_>> = checks.iter().map(AlterCheck::reversed).collect();
        self.alter_check(table, &back).await
    }

    /// Deletes rows of a table that keeps its rows ([`permanent`](Self::permanent)); that nothing refers to them is the
    /// caller's part.
    pub(crate) async fn delete_permanent(&self, table: &str, which: &str) -> Result<(), DbErr> {
        let guard = async |verb: &str| {
            if self.postgres() {
                let trigger = format!("ALTER TABLE {table} {verb} TRIGGER {table}_permanent");
                return self.run(trigger).await;
            }
            Ok(())
        };
        guard("DISABLE").await?;
        self.run(format!("DELETE FROM {table} WHERE {which}"))
            .await?;
        guard("ENABLE").await
    }

    /// SQLite can't alter a check: the table is written anew, by its own definition with the conditions exchanged, and
    /// gets its rows, its indexes and its triggers back.
    async fn rebuild(&self, table: &str, checks: &[AlterCheck<'_>]) -> Result<(), DbErr> {
        let fresh = format!("{table}_rebuilt");
        let definition = self.definitions(table, "type = 'table'").await?;
        let mut definition = definition.concat();
        let exchange = [(format!("\"{table}\""), format!("\"{fresh}\""))];
        let conditions = checks
            .iter()
            .map(|check| (check.from.to_owned(), check.to.to_owned()));
        for (from, to) in exchange.into_iter().chain(conditions) {
            if definition.matches(from.as_str()).count() != 1 {
                return Err(DbErr::Migration(format!(
                    "the definition of {table} does not say {from} once: {definition}"
                )));
            }
            definition = definition.replace(&from, &to);
        }
        let others = self.definitions(table, "type <> 'table'").await?;
        self.run(definition).await?;
        self.run(format!("INSERT INTO {fresh} SELECT * FROM {table}"))
            .await?;
        self.run(format!("DROP TABLE {table}")).await?;
        self.run(format!("ALTER TABLE {fresh} RENAME TO {table}"))
            .await?;
        for other in others {
            self.run(other).await?;
        }
        Ok(())
    }

    /// How SQLite was told to make a table, or what belongs to it.
    async fn definitions(&self, table: &str, which: &str) -> Result<Vec<String>, DbErr> {
        let connection = self.manager.get_connection();
        let sql = format!(
            "SELECT sql FROM sqlite_master WHERE tbl_name = '{table}' AND sql IS NOT NULL AND {which} ORDER BY rowid"
        );
        let statement = Statement::from_string(self.manager.get_database_backend(), sql);
        let found: Vec<QueryResult> = connection.query_all_raw(statement).await?;
        found.iter().map(|row| row.try_get("", "sql")).collect()
    }
}
