//! The same use cases over REST and over gRPC: whatever is done, outcome, code and ledger are the same.
//!
//! [`Transport`] has a method for each use case that both interfaces have; who leaves one out does not compile. That none of
//! the published methods was forgotten is looked up in the descriptors.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test; its own functions are not recognised as one"
)]

mod over_grpc;
mod over_rest;
mod script;

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Result, ensure};
use async_trait::async_trait;
use p2p_tests::databases::TestDatabase;
use prost_reflect::DescriptorPool;
use tonic::Code;

use over_grpc::OverGrpc;
use over_rest::OverRest;
use script::{Fixture, Step};

/// What a call was answered with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Answer {
    /// The words and numbers of the answer that don't depend on the transport.
    Done(Vec<String>),
    /// By the stable code; the transport's own status is held to the table apart.
    Refused(String),
}

/// Somebody with a token, or without.
pub(crate) type Who<'a> = Option<&'a str>;

/// The use cases that both interfaces have. Amounts are decimal numbers, payments in minor units of roubles.
#[async_trait]
pub(crate) trait Transport {
    async fn create_offer(&self, who: Who<'_>, offer: &NewOffer<'_>) -> Result<(Answer, String)>;
    async fn respond(&self, who: Who<'_>, offer: &str, accept: bool) -> Result<Answer>;
    async fn confirm_payment(&self, who: Who<'_>, offer: &str, reference: &str) -> Result<Answer>;
    async fn confirm_receipt(&self, who: Who<'_>, offer: &str) -> Result<Answer>;
    async fn open_dispute(
        &self,
        who: Who<'_>,
        offer: &str,
        reason: &str,
    ) -> Result<(Answer, String)>;
    async fn status(&self, who: Who<'_>, offer: &str) -> Result<Answer>;
    async fn set_online(&self, who: Who<'_>, exchanger: &str, online: bool) -> Result<Answer>;
    async fn cancel(&self, who: Who<'_>, offer: &str, by: Option<&str>) -> Result<Answer>;
    async fn resolve(
        &self,
        who: Who<'_>,
        dispute: &str,
        resolution: &str,
        payer_amount: Option<&str>,
    ) -> Result<Answer>;
    async fn authorize(&self, who: Who<'_>, payment: &NewPayment<'_>) -> Result<(Answer, String)>;
    async fn get_payment(&self, who: Who<'_>, payment: &str) -> Result<Answer>;
    async fn balance(&self, who: Who<'_>, account: &str) -> Result<Answer>;

    /// The codes that were answered so far, each with the transport's own status.
    fn statuses(&self) -> BTreeMap<String, BTreeSet<u16>>;
}

/// What a customer offers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NewOffer<'a> {
    pub(crate) customer: Option<&'a str>,
    pub(crate) listing: &'a str,
    pub(crate) amount: &'a str,
    pub(crate) exchange_type: &'a str,
}

/// What is to be paid.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NewPayment<'a> {
    pub(crate) key: &'a str,
    pub(crate) payer: &'a str,
    pub(crate) payee: &'a str,
    pub(crate) minor: i64,
    pub(crate) currency: &'a str,
}

/// Which status gRPC has for what HTTP says.
fn grpc_status(http: u16, code: &str) -> BTreeSet<u16> {
    let of = |codes: &[Code]| codes.iter().map(|code| *code as u16).collect();
    match (http, code) {
        (400, _) | (422, "VALIDATION_FAILED") => of(&[Code::InvalidArgument]),
        (401, _) => of(&[Code::Unauthenticated]),
        (403, _) => of(&[Code::PermissionDenied]),
        (404, _) => of(&[Code::NotFound]),
        (409, _) => of(&[Code::FailedPrecondition, Code::AlreadyExists]),
        (422, _) => of(&[Code::InvalidArgument, Code::FailedPrecondition]),
        _ => BTreeSet::new(),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_interfaces_do_the_same() -> Result<()> {
    let rest = Fixture::open(TestDatabase::sqlite().await?).await?;
    let over_rest = OverRest::new(&rest);
    let by_rest = rest.play(&over_rest).await?;

    let grpc = Fixture::open(TestDatabase::sqlite().await?).await?;
    let over_grpc = OverGrpc::serve(&grpc).await?;
    let by_grpc = grpc.play(&over_grpc).await?;

    ensure!(by_rest.len() == by_grpc.len());
    for (one, other) in by_rest.iter().zip(&by_grpc) {
        let Step { name, .. } = one;
        assert_eq!(one, other, "{name}");
    }
    let refused = |step: &&Step| matches!(step.answer, Answer::Refused(_));
    let refusals = by_rest.iter().filter(refused).count();
    ensure!(refusals > 20, "only {refusals} refusals are compared");

    // Each code has one status in each interface, and they mean the same.
    let (http, grpc_codes) = (over_rest.statuses(), over_grpc.statuses());
    for (code, statuses) in &http {
        let status = statuses.iter().next().copied().unwrap_or_default();
        let other = grpc_codes.get(code).cloned().unwrap_or_default();
        ensure!(statuses.len() == 1 && other.len() == 1, "{code}");
        let fitting = grpc_status(status, code);
        ensure!(other.is_subset(&fitting), "{code}: {status}, {other:?}");
    }

    // Everything that is published was done.
    let pool = DescriptorPool::decode(p2p_grpc::proto::DESCRIPTORS)?;
    let published: BTreeSet<String> = pool
        .services()
        .filter(|service| !service.full_name().starts_with("grpc."))
        .flat_map(|service| {
            let path = format!("/{}/", service.full_name());
            let methods: Vec<_> = service.methods().collect();
            methods
                .into_iter()
                .map(move |method| format!("{path}{}", method.name()))
        })
        .collect();
    assert_eq!(published, over_grpc.done());
    let declines = [
        "INSUFFICIENT_FUNDS",
        "ACCOUNT_NOT_FOUND",
        "INVALID_AMOUNT",
        "SAME_ACCOUNT",
        "CURRENCY_MISMATCH",
        "RATE_LIMITED",
    ];
    for decline in declines {
        let answer = Answer::Done(vec!["DECLINED".to_owned(), decline.to_owned()]);
        ensure!(
            by_rest.iter().any(|step| step.answer == answer),
            "{decline}"
        );
    }
    rest.close().await?;
    grpc.close().await
}
