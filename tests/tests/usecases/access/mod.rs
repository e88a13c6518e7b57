//! Who is let in, for how long, and what is remembered of it; in memory.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a step that goes wrong has to stop the test"
)]

mod fixture;
mod limits;
mod locks;
mod lost_roles;
mod passwords;
mod second_factor;
mod sessions;
mod staff;

use super::memory;
