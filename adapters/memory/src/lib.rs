//! Every port in memory: for tests and for trying things out. Nothing is kept when the process ends.
//!
//! *What it is*: [`Memory`] keeps the market in a few maps and keeps all that the ports promise: one unit of work at a
//! time, all or nothing, versions, unique keys and the schema's own rules. It also holds callers to *their* part (locks
//! in order, keys sorted), can be told to fail ([`Faults`]), and shows everything that it has ([`Tables`]). Beside it a
//! clock that stands until it is moved, ids in sequence, and password and token stand-ins that are cheap and not secure.
//!
//! *What it may import*: `domain`, `application`, tokio's synchronisation primitives.
//!
//! *How to add the next thing*: a table goes into [`Tables`], its checks beside the others in `commit.rs`, and the laws
//! under `tests/` say whether it is right.

mod access;
mod audit;
mod clock;
mod commit;
mod faults;
mod ids;
mod maintenance;
mod orders;
mod outbox;
mod queries;
mod secrets;
mod snapshot;
mod store;
mod stored;
mod tables;
mod told;
mod unit;

pub use clock::ManualClock;
pub use faults::{Faults, Gate, Point};
pub use ids::SequentialIds;
pub use secrets::{
    InsecurePasswords, InsecureSecondFactors, InsecureTokens, KeptMail, WEAK_PASSWORD,
};
pub use store::{Memory, Tally};
pub use tables::{StoredDeadLetter, Tables};
