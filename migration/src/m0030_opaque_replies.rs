//! Stored replies become opaque: bytes, and a tag that only the transport that wrote them reads. A gRPC operation starts with
//! a slash, its reply was written in hexadecimal digits; an HTTP operation starts with its method, its reply was text.
//!
//! Not for a rolling upgrade: an older program reads and writes the old columns, so stop all replicas first.

use sea_orm_migration::prelude::*;

use crate::schema::{SchemaBuilder, check, primary_key};

const TABLE: &str = "idempotency_keys";

/// What differs between the two forms of the table.
struct Form {
    tag: &'static str,
    check: (&'static str, &'static str),
    body: fn(&SchemaBuilder<'_>) -> ColumnDef,
}

const WITH_STATUS: Form = Form {
    tag: "status",
    check: ("idempotency_keys_status", "status BETWEEN 100 AND 599"),
    body: |schema| schema.text("body"),
};

const OPAQUE: Form = Form {
    tag: "tag",
    check: ("idempotency_keys_tag", "tag >= 0"),
    body: |schema| schema.bytes("body"),
};

/// Of a gRPC reply: 0 a message, 1 an error. The tag of an HTTP reply is its status.
const TAG: &str =
    "CASE WHEN operation NOT LIKE '/%' THEN status WHEN status = 200 THEN 0 ELSE 1 END";

/// The way back: any status but 200 meant an error of gRPC.
const STATUS: &str =
    "CASE WHEN operation NOT LIKE '/%' THEN tag WHEN tag = 0 THEN 200 ELSE 409 END";

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let schema = SchemaBuilder::new(manager);
        let bytes = if schema.postgres() {
            "CASE WHEN operation LIKE '/%' THEN decode(body, 'hex') ELSE convert_to(body, 'UTF8') END"
        } else {
            "CASE WHEN operation LIKE '/%' THEN unhex(body) ELSE CAST(body AS BLOB) END"
        };
        convert(&schema, (&WITH_STATUS, &OPAQUE), (TAG, bytes)).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let schema = SchemaBuilder::new(manager);
        let text = if schema.postgres() {
            "CASE WHEN operation LIKE '/%' THEN encode(body, 'hex') ELSE convert_from(body, 'UTF8') END"
        } else {
            "CASE WHEN operation LIKE '/%' THEN lower(hex(body)) ELSE CAST(body AS TEXT) END"
        };
        convert(&schema, (&OPAQUE, &WITH_STATUS), (STATUS, text)).await
    }
}

/// Changes the table's form. `tag` and `body` compute the new values from the old ones.
async fn convert(
    schema: &SchemaBuilder<'_>,
    (from, to): (&Form, &Form),
    (tag, body): (&str, &str),
) -> Result<(), DbErr> {
    if !schema.postgres() {
        return rebuild(schema, to, (tag, body)).await;
    }
    let body_type = if to.tag == OPAQUE.tag {
        "bytea"
    } else {
        "text"
    };
    for change in [
        format!("DROP CONSTRAINT {}", from.check.0),
        format!(
            "ALTER COLUMN {} TYPE smallint USING {tag}, ALTER COLUMN body TYPE {body_type} USING {body}",
            from.tag
        ),
        format!("RENAME COLUMN {} TO {}", from.tag, to.tag),
        format!("ADD CONSTRAINT {} CHECK ({})", to.check.0, to.check.1),
    ] {
        schema.run(format!("ALTER TABLE {TABLE} {change}")).await?;
    }
    Ok(())
}

/// SQLite changes no column: the table is written anew.
async fn rebuild(
    schema: &SchemaBuilder<'_>,
    to: &Form,
    (tag, body): (&str, &str),
) -> Result<(), DbErr> {
    let before = "idempotency_keys_before";
    schema
        .run("DROP INDEX idempotency_keys_oldest".to_owned())
        .await?;
    schema
        .run(format!("ALTER TABLE {TABLE} RENAME TO {before}"))
        .await?;
    schema
        .table(
            Table::create()
                .table(TABLE)
                .col(schema.id("caller"))
                .col(schema.text("operation"))
                .col(schema.text("key"))
                .col(schema.id("fingerprint"))
                .col(schema.small(to.tag))
                .col((to.body)(schema))
                .col(schema.number("created_at"))
                .primary_key(&mut primary_key(
                    "idempotency_keys_key",
                    &["caller", "operation", "key"],
                ))
                .check(check(to.check.0, to.check.1)),
            "",
            true,
        )
        .await?;
    schema.run(format!(
        "INSERT INTO {TABLE} SELECT caller, operation, key, fingerprint, {tag}, {body}, created_at FROM {before}"
    ))
    .await?;
    schema.run(format!("DROP TABLE {before}")).await?;
    schema
        .index("idempotency_keys_oldest", TABLE, &["created_at"], None)
        .await
}
