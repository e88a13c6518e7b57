//! What the migrations share: column types, named checks, and the triggers that keep a table append-only. Changing
//! anything here changes released migrations: add, never alter.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::{DbBackend, DbErr, Statement};

/// Room on each page for the next version of a row that changes often: the change then touches no index (HOT).
pub(crate) const HOT: &str = "WITH (fillfactor = 60)";

/// Builds definitions for the database at hand.
pub(crate) struct SchemaBuilder<'a> {
    pub(crate) manager: &'a SchemaManager<'a>,
}

impl<'a> SchemaBuilder<'a> {
    pub(crate) fn new(manager: &'a SchemaManager<'a>) -> Self {
        Self { manager }
    }

    pub(crate) fn postgres(&self) -> bool {
        self.manager.get_database_backend() == DbBackend::Postgres
    }

    /// 128 bits.
    pub(crate) fn id(&self, name: &'static str) -> ColumnDef {
        self.column(name, "uuid", "BLOB")
    }

    /// 64 bits: money, times, versions, counts.
    pub(crate) fn number(&self, name: &'static str) -> ColumnDef {
        self.column(name, "bigint", "INTEGER")
    }

    /// 32 bits.
    pub(crate) fn integer(&self, name: &'static str) -> ColumnDef {
        self.column(name, "integer", "INTEGER")
    }

    /// 16 bits.
    pub(crate) fn small(&self, name: &'static str) -> ColumnDef {
        self.column(name, "smallint", "INTEGER")
    }

    pub(crate) fn text(&self, name: &'static str) -> ColumnDef {
        self.column(name, "text", "TEXT")
    }

    /// Bytes of any number.
    pub(crate) fn bytes(&self, name: &'static str) -> ColumnDef {
        self.column(name, "bytea", "BLOB")
    }

    /// True or false; on SQLite 1 or 0.
    pub(crate) fn flag(&self, name: &'static str) -> ColumnDef {
        self.column(name, "boolean", "INTEGER")
    }

    fn column(
        &self,
        name: &'static str,
        postgres: &'static str,
        sqlite: &'static str,
    ) -> ColumnDef {
        let mut column = ColumnDef::new(name);
        column
            .custom(if self.postgres() { postgres } else { sqlite })
            .not_null();
        column
    }

    /// An id as it is written in SQL.
    pub(crate) fn id_literal(&self, id: u128) -> String {
        if self.postgres() {
            let hex = format!("{id:032x}");
            format!("'{hex}'::uuid")
        } else {
            format!("x'{id:032x}'")
        }
    }

    /// Creates a table. `postgres`: its storage options there. `clustered`: on SQLite its rows live in the primary key.
    pub(crate) async fn table(
        &self,
        table: &mut TableCreateStatement,
        postgres: &str,
        clustered: bool,
    ) -> Result<(), DbErr> {
        match (self.postgres(), clustered) {
            (true, _) if postgres.is_empty() => {}
            (true, _) => {
                table.extra(postgres);
            }
            (false, true) => {
                table.extra("STRICT, WITHOUT ROWID");
            }
            (false, false) => {
                table.extra("STRICT");
            }
        }
        self.manager.create_table(table.take()).await
    }

    /// Drops tables, in this order.
    pub(crate) async fn drop(&self, tables: &[&'static str]) -> Result<(), DbErr> {
        for table in tables {
            self.manager
                .drop_table(Table::drop().table(*table).take())
                .await?;
            if self.postgres() {
                self.run(format!("DROP FUNCTION IF EXISTS {table}_references()"))
                    .await?;
            }
        }
        Ok(())
    }

    /// Creates an index; `only`: the rows that it holds, where it does not hold all.
    pub(crate) async fn index(
        &self,
        name: &'static str,
        table: &'static str,
        columns: &[&'static str],
        only: Option<&'static str>,
    ) -> Result<(), DbErr> {
        self.ordered_index(
            name,
            table,
            columns.iter().map(|column| (*column, IndexOrder::Asc)),
            only,
        )
        .await
    }

    /// Creates an index with a direction for each column.
    pub(crate) async fn ordered_index(
        &self,
        name: &'static str,
        table: &'static str,
        columns: impl IntoIterator<Item = (&'static str, IndexOrder)>,
        only: Option<&'static str>,
    ) -> Result<(), DbErr> {
        let mut index = Index::create();
        index.name(name).table(table);
        for (column, order) in columns {
            index.col((column, order));
        }
        if let Some(only) = only {
            index.and_where(Expr::cust(only));
        }
        self.manager.create_index(index).await
    }

    /// A key whose columns have directions: on SQLite the table's primary key. PostgreSQL has no such primary keys, there
    /// [`ordered_key_index`](Self::ordered_key_index) makes it.
    pub(crate) fn ordered_key<'t>(
        &self,
        table: &'t mut TableCreateStatement,
        columns: &[(&'static str, IndexOrder)],
    ) -> &'t mut TableCreateStatement {
        if self.postgres() {
            return table;
        }
        let mut key = Index::create();
        key.primary();
        for (column, order) in columns {
            key.col((*column, order.clone()));
        }
        table.primary_key(&mut key)
    }

    /// The other half of [`ordered_key`](Self::ordered_key).
    pub(crate) async fn ordered_key_index(
        &self,
        name: &'static str,
        table: &'static str,
        columns: &[(&'static str, IndexOrder)],
    ) -> Result<(), DbErr> {
        if !self.postgres() {
            return Ok(());
        }
        let mut index = Index::create();
        index.name(name).table(table).unique();
        for (column, order) in columns {
            index.col((*column, order.clone()));
        }
        self.manager.create_index(index).await
    }

    /// What the rows of a table that is written in bulk refer to. On SQLite these are foreign keys like all others. On
    /// PostgreSQL, where a foreign key looks at each row by itself and leaves a mark on every row that it finds,
    /// [`references`](Self::references) looks at all rows of a statement at once.
    pub(crate) fn bulk_references<'t>(
        &self,
        table: &'t mut TableCreateStatement,
        references: &[Reference],
    ) -> &'t mut TableCreateStatement {
        if self.postgres() {
            return table;
        }
        for reference in references {
            table.foreign_key(&mut foreign_key(
                reference.name,
                (reference.table, reference.column),
                reference.to,
            ));
        }
        table
    }

    /// The other half of [`bulk_references`](Self::bulk_references): new rows must refer to rows that are there, and never
    /// refer to others later. That the rows they refer to stay is [`permanent`](Self::permanent)'s part.
    pub(crate) async fn references(&self, references: &[Reference]) -> Result<(), DbErr> {
        let Some(Reference { table, .. }) = references.first() else {
            return Ok(());
        };
        if !self.postgres() {
            return Ok(());
        }
        let columns: Vec<&str> = references.iter().map(|one| one.column).collect();
        self.look_for("CREATE", table, references, Reference::check)
            .await?;
        self.run(format!(
            "CREATE TRIGGER {table}_references AFTER INSERT ON {table} REFERENCING NEW TABLE AS fresh \
             FOR EACH STATEMENT EXECUTE FUNCTION {table}_references()"
        ))
        .await?;
        self.run(format!(
            "CREATE TRIGGER {table}_references_stay BEFORE UPDATE OF {} ON {table} \
             FOR EACH STATEMENT EXECUTE FUNCTION refuse_change('never changes what its rows refer to')",
            columns.join(", ")
        ))
        .await
    }

    /// Has what several new rows of a statement refer to looked for once; [`references`](Self::references) looks for each row
    /// by itself.
    pub(crate) async fn references_once(&self, references: &[Reference]) -> Result<(), DbErr> {
        self.other_check(references, Reference::check_once).await
    }

    /// Takes [`references_once`](Self::references_once) back.
    pub(crate) async fn references_each(&self, references: &[Reference]) -> Result<(), DbErr> {
        self.other_check(references, Reference::check).await
    }

    async fn other_check(
        &self,
        references: &[Reference],
        check: fn(&Reference) -> String,
    ) -> Result<(), DbErr> {
        match references.first() {
            Some(Reference { table, .. }) if self.postgres() => {
                self.look_for("CREATE OR REPLACE", table, references, check)
                    .await
            }
            _ => Ok(()),
        }
    }

    /// The function behind a trigger that looks for what new rows refer to.
    async fn look_for(
        &self,
        create: &str,
        table: &str,
        references: &[Reference],
        check: fn(&Reference) -> String,
    ) -> Result<(), DbErr> {
        let checks: String = references.iter().map(check).collect();
        self.run(format!(
            "{create} FUNCTION {table}_references() RETURNS trigger LANGUAGE plpgsql \
             AS $$ BEGIN {checks} RETURN NULL; END $$"
        ))
        .await
    }

    /// Rows of this table are never deleted, and their key never changes: others refer to them.
    pub(crate) async fn permanent(&self, table: &str, key: &str) -> Result<(), DbErr> {
        if !self.postgres() {
            return Ok(());
        }
        self.run(format!(
            "CREATE TRIGGER {table}_permanent BEFORE UPDATE OF {key} OR DELETE OR TRUNCATE ON {table} \
             FOR EACH STATEMENT EXECUTE FUNCTION refuse_change('keeps its rows and their keys')"
        ))
        .await
    }

    /// Refuses every change to a table's rows but new ones.
    pub(crate) async fn append_only(&self, table: &str) -> Result<(), DbErr> {
        if self.postgres() {
            self.run(format!(
                "CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} \
                 FOR EACH STATEMENT EXECUTE FUNCTION refuse_change('is append-only')"
            ))
            .await
        } else {
            for verb in ["UPDATE", "DELETE"] {
                self.run(format!(
                    "CREATE TRIGGER {table}_no_{} BEFORE {verb} ON {table} \
                     BEGIN SELECT RAISE(ABORT, '{table} is append-only: {verb} refused'); END",
                    verb.to_lowercase()
                ))
                .await?;
            }
            Ok(())
        }
    }

    /// The function behind the append-only triggers; SQLite has none.
    pub(crate) async fn create_refusal(&self) -> Result<(), DbErr> {
        if !self.postgres() {
            return Ok(());
        }
        self.run(
            "CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
             RAISE EXCEPTION '% %: % refused', TG_TABLE_NAME, TG_ARGV[0], TG_OP \
             USING ERRCODE = 'restrict_violation', TABLE = TG_TABLE_NAME, CONSTRAINT = TG_NAME; END $$"
                .to_owned(),
        )
        .await
    }

    /// The function that fails a statement which found fewer rows than it had to change, because of a concurrent change.
    pub(crate) async fn create_expectation(&self) -> Result<(), DbErr> {
        if !self.postgres() {
            return Ok(());
        }
        self.run(
            "CREATE FUNCTION expect_rows(relation text, expected bigint, counted bigint) RETURNS boolean \
             LANGUAGE plpgsql AS $$ BEGIN IF counted <> expected THEN \
             RAISE EXCEPTION '% of % rows of % were still as they were loaded', counted, expected, relation \
             USING ERRCODE = 'serialization_failure', TABLE = relation; END IF; RETURN true; END $$"
                .to_owned(),
        )
        .await
    }

    pub(crate) async fn drop_refusal(&self) -> Result<(), DbErr> {
        if self.postgres() {
            self.run("DROP FUNCTION expect_rows(text, bigint, bigint)".to_owned())
                .await?;
            self.run("DROP FUNCTION refuse_change()".to_owned()).await
        } else {
            Ok(())
        }
    }

    /// How PostgreSQL is to keep a table.
    pub(crate) async fn tune(&self, table: &str, settings: &[(&str, &str)]) -> Result<(), DbErr> {
        if !self.postgres() {
            return Ok(());
        }
        let all: Vec<String> = settings
            .iter()
            .map(|(name, value)| format!("{name} = {value}"))
            .collect();
        self.run(format!("ALTER TABLE {table} SET ({})", all.join(", ")))
            .await
    }

    /// As it keeps tables by default.
    pub(crate) async fn untune(&self, table: &str, settings: &[(&str, &str)]) -> Result<(), DbErr> {
        if !self.postgres() {
            return Ok(());
        }
        let names: Vec<&str> = settings.iter().map(|(name, _)| *name).collect();
        self.run(format!("ALTER TABLE {table} RESET ({})", names.join(", ")))
            .await
    }

    /// Runs a statement for which there is no builder.
    pub(crate) async fn run(&self, sql: String) -> Result<(), DbErr> {
        let connection = self.manager.get_connection();
        let statement = Statement::from_string(self.manager.get_database_backend(), sql);
        connection.execute_raw(statement).await.map(|_| ())
    }
}

/// A column that names a row of another table.
pub(crate) struct Reference {
    name: &'static str,
    table: &'static str,
    column: &'static str,
    to: (&'static str, &'static str),
}

impl Reference {
    /// `from` and `to` are a table and a column each.
    pub(crate) const fn new(
        name: &'static str,
        from: (&'static str, &'static str),
        to: (&'static str, &'static str),
    ) -> Self {
        let (table, column) = from;
        Self {
            name,
            table,
            column,
            to,
        }
    }

    /// The part of a trigger that refuses new rows which name nothing. The row is asked for by its key, one by one: so the
    /// plan is right however many rows there are.
    fn check(&self) -> String {
        self.check_of("fresh")
    }

    /// The same, where many new rows may name the same one.
    fn check_once(&self) -> String {
        self.check_of(&format!("(SELECT DISTINCT {} FROM fresh)", self.column))
    }

    fn check_of(&self, fresh: &str) -> String {
        let Self {
            name,
            table,
            column,
            to: (parent, key),
        } = self;
        format!(
            "IF EXISTS (SELECT FROM {fresh} AS f WHERE f.{column} IS NOT NULL \
               AND (SELECT true FROM {parent} AS p WHERE p.{key} = f.{column}) IS NULL) THEN \
               RAISE EXCEPTION '{name}: {column} names a row of {parent} that is not there' \
               USING ERRCODE = 'foreign_key_violation', TABLE = '{table}', CONSTRAINT = '{name}'; \
             END IF; "
        )
    }
}

/// A check with a name, by which its violation is reported.
pub(crate) fn check(name: &'static str, condition: impl Into<String>) -> (&'static str, Expr) {
    (name, Expr::cust(condition.into()))
}

/// `column IN ('A', 'B')`.
pub(crate) fn one_of(column: &str, names: &[&str]) -> String {
    format!("{column} IN ('{}')", names.join("', '"))
}

/// A foreign key to the `id` of a table.
pub(crate) fn foreign_key(
    name: &'static str,
    from: (&'static str, &'static str),
    to: (&'static str, &'static str),
) -> ForeignKeyCreateStatement {
    ForeignKey::create()
        .name(name)
        .from(from.0, from.1)
        .to(to.0, to.1)
        .take()
}

/// A primary key over several columns.
pub(crate) fn primary_key(name: &'static str, columns: &[&'static str]) -> IndexCreateStatement {
    let mut key = Index::create();
    key.name(name).primary();
    for column in columns {
        key.col(*column);
    }
    key.take()
}

/// A unique key over several columns.
pub(crate) fn unique_key(name: &'static str, columns: &[&'static str]) -> IndexCreateStatement {
    let mut key = Index::create();
    key.name(name).unique();
    for column in columns {
        key.col(*column);
    }
    key.take()
}
