//! What this process remembers between two claims of outbox messages. It lives in memory, as long as the database is open.

mod lease_table;
mod scan_cursor;

pub(crate) use lease_table::LeaseTable;
pub(crate) use scan_cursor::ScanCursor;
