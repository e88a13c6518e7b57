//! Everything that a change must pass. The tests come last, so that the runner's summary ends the output.

use std::process::{Command, ExitCode};

use anyhow::Result;

use crate::services::postgres::Durability;
use crate::services::{Service, postgres, rabbitmq, redis};
use crate::workspace::Workspace;
use crate::{check, contracts, deny, grpc, postman, process, schemathesis};

/// Steps that the caller leaves out.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LeftOut {
    pub(crate) deny: bool,
    pub(crate) postman: bool,
    pub(crate) grpc_client: bool,
    pub(crate) schemathesis: bool,
}

pub(crate) fn run(
    workspace: &Workspace,
    own_services: bool,
    left_out: LeftOut,
) -> Result<ExitCode> {
    let postgres = postgres::provide(own_services, Durability::Off)?;
    let rabbitmq = rabbitmq::provide(own_services)?;
    let redis = redis::provide(own_services)?;

    check::run(workspace)?;
    contracts::check(workspace)?;
    if left_out.deny {
        process::header("dependencies", "skipped, as P2P_XTASK_NO_DENY says");
    } else {
        deny::run(workspace)?;
    }
    if left_out.postman {
        process::header("postman", "skipped, as P2P_XTASK_NO_POSTMAN says");
    } else {
        postman::run(workspace)?;
    }
    if left_out.grpc_client {
        process::header("grpc client", "skipped, as P2P_XTASK_NO_GRPC_CLIENT says");
    } else {
        grpc::run(workspace)?;
    }
    if left_out.schemathesis {
        process::header("schemathesis", "skipped, as P2P_XTASK_NO_SCHEMATHESIS says");
    } else {
        schemathesis::run(workspace)?;
    }
    tests(workspace, &postgres, &rabbitmq, &redis)
}

fn tests(
    workspace: &Workspace,
    postgres: &Service,
    rabbitmq: &Service,
    redis: &Service,
) -> Result<ExitCode> {
    let cargo = |line: &str| -> Command {
        let mut command = workspace.cargo(line.split(' '));
        command.env("DATABASE_URL", &postgres.url);
        command.env("AMQP_URL", &rabbitmq.url);
        command.env("REDIS_URL", &redis.url);
        command
    };
    process::step(
        "doc tests",
        &mut cargo("test --doc --workspace --all-features"),
    )?;
    let runner = if workspace.has("nextest") {
        "nextest run --workspace --all-features"
    } else {
        "test --tests --workspace --all-features"
    };
    // Nothing is said after the runner's own last words, whatever they are.
    let status = process::status("tests", &mut cargo(runner))?;
    Ok(if status.success() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
