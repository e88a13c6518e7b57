//! The broker port, twice: [`RabbitMq`] for markets of several replicas and for other systems to consume, [`InProcess`] for
//! a market in one process that needs no server.
//!
//! *What it may import*: `application`, `domain`, and for RabbitMQ `lapin`; no other adapter.
//!
//! *How to add the next thing*: a promise goes into the port's documentation and becomes a law under `tests/laws`, which both
//! pass; a queue is a variant of the port's `Queue`, nothing here. `docs/messaging.md` draws the topology.

mod in_process;
mod rabbitmq;

pub use in_process::InProcess;
pub use rabbitmq::RabbitMq;
