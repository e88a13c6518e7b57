//! Who may do what, and what becomes of those who try anyway: for every operation that the documentation names.
//!
//! *What it is*: [`operations`] reads the documentation, [`world`] makes people and things, [`ask`] makes a request of
//! them in which nothing is wrong, so that whatever is refused is refused for the one thing that a test adds.
//! [`matrix`] is the table of rights, `matrix.txt` in words; [`overreach`] asks for more than a request may say; [`hostile`]
//! sends what nobody means well with, [`raw`] what no client library would; [`logs`] reads what is said of it all.
//!
//! *How to add the next thing*: a new operation needs a line in `matrix.txt`, and where the documentation's example is not
//! a valid request by itself, an arm in `ask.rs`. All tests here find it by themselves.

#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests fail by panicking, as the tests do; not all of them are used in each"
)]

mod ask;
mod hostile;
mod logs;
mod matrix;
mod operations;
mod overreach;
mod raw;
#[path = "../scene/mod.rs"]
mod scene;
mod world;
