//! SQL that is written out, where no builder has the words: parameters by number, which both databases understand, and
//! page sizes as literals.

use sea_orm::sea_query::Value;
use sea_orm::{DbBackend, Statement};

/// The parameters of a text that is being written.
#[derive(Debug, Default)]
pub(crate) struct Parameters(Vec<Value>);

impl Parameters {
    /// What stands for a value in the text.
    pub(crate) fn bind(&mut self, value: impl Into<Value>) -> String {
        self.0.push(value.into());
        format!("${}", self.0.len())
    }

    /// The text with its parameters.
    pub(crate) fn with(self, backend: DbBackend, text: String) -> Statement {
        Statement::from_sql_and_values(backend, text, self.0)
    }
}

/// How many rows to read where so many are wanted. PostgreSQL keeps a plan for any parameters only if it sees how few
/// rows are wanted, so the number stands in the text; and these are few texts.
pub(crate) fn rows(wanted: u32) -> u32 {
    let usual = [21, 101];
    let enough = usual.into_iter().find(|rows| wanted <= *rows);
    enough.unwrap_or(wanted)
}

/// `column` has this value, to be picked out of what is walked along: neither database is to look for it in an index.
pub(crate) fn picked(column: &str, value: &str, backend: DbBackend) -> String {
    match backend {
        DbBackend::Postgres => format!("({column} = {value}) IS TRUE"),
        _ => format!("+{column} = {value}"),
    }
}

/// `column` has this value. PostgreSQL is not told that it is one value only: to it, an order that begins with the column
/// then needs an index that does. Otherwise it may walk along another index that has the rest of the order, hoping to come
/// by enough rows soon, however few there are.
pub(crate) fn is(column: &str, value: &str, backend: DbBackend) -> String {
    match backend {
        DbBackend::Postgres => format!("{column} = ANY (ARRAY[{value}])"),
        _ => format!("{column} = {value}"),
    }
}
