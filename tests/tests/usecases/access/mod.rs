//! Who is let in, for how long, and what is remembered of it; in memory.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a step that goes wrong has to stop the test"
)]

mod limits;
mod locks;
mod log_in_timing;
mod lost_roles;
mod passwords;
mod scene;
mod second_factor;
mod sessions;
mod staff;
