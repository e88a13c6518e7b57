//! New offers on SQLite, in one file, each commit synced to the disk.

use anyhow::Result;
use async_trait::async_trait;

use super::Case;
use crate::bench::{Bench, Storage};
use crate::figures::{Line, Target, key};
use crate::offers::Whose;

pub(crate) struct Sqlite;

#[async_trait(?Send)]
impl Case for Sqlite {
    fn name(&self) -> &'static str {
        "sqlite"
    }

    fn about(&self) -> &'static str {
        "new offers on SQLite, 256 connections, against those on PostgreSQL"
    }

    async fn round(&self, bench: &mut Bench) -> Result<Vec<Line>> {
        let on_postgres = bench.created().await?;
        let ours = bench.create(Storage::Sqlite, Whose::Anybody).await?;
        Ok(vec![
            Line::new("sqlite", ours.against(key::THROUGHPUT, &on_postgres))
                .versus("create, of the same round")
                .target(Target::AtLeast(key::RATIO, 0.5)),
        ])
    }
}
