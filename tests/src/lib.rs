//! What the tests of the whole share: markets to act in, and the laws that every storage is held to.
//!
//! *What it is*: [`harness`] opens a market over any adapter with a clock that stands and makes each step of a deal a
//! one-liner; [`laws`] says once what the storage ports promise; [`databases`] and [`brokers`] are fresh and gone afterwards;
//! [`served`] is a market behind real HTTP; a [`cluster`] is a database server to be killed.
//!
//! *What it may import*: everything. Nothing imports it but the tests beside it.
//!
//! *How to add the next thing*: a law goes where its port is, under `laws/`; a step of a use case goes into the harness.

pub mod brokers;
pub mod cluster;
pub mod databases;
pub mod fixture;
pub mod harness;
pub mod laws;
pub mod live;
pub mod observer;
pub mod served;
