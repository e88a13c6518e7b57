//! Somebody with an account, and the ways in which storage can fail.

use p2p_application::CommandError;
use p2p_application::ports::StorageError;
use p2p_application::wallet::Deposit;
use p2p_domain::user::Caller;
use p2p_domain::{Account, Asset};
use p2p_memory::{Memory, Point, Tally};
use p2p_tests::harness::{Harness, decimal};

pub(crate) fn conflict() -> StorageError {
    StorageError::Conflict {
        what: "somebody was faster".to_owned(),
    }
}

pub(crate) fn unavailable() -> StorageError {
    StorageError::Unavailable {
        source: "the cable was pulled".into(),
    }
}

pub(crate) fn in_doubt() -> StorageError {
    StorageError::InDoubt {
        source: "the cable was pulled".into(),
    }
}

pub(crate) fn rejected() -> StorageError {
    StorageError::Rejected {
        what: "a broken invariant".to_owned(),
    }
}

/// How often the pipeline tries a batch, and each command of a batch that is taken apart.
pub(crate) const ATTEMPTS: u64 = 4;

pub(crate) struct Scene {
    pub(crate) harness: Harness<Memory>,
    pub(crate) anna: Caller,
}

impl Scene {
    pub(crate) async fn open() -> Self {
        let harness = Harness::open(Memory::new()).await;
        let anna = harness.exchanger("anna").await;
        Self { harness, anna }
    }

    pub(crate) fn deposit(&self) -> Deposit {
        Deposit {
            caller: self.harness.admin,
            user: self.anna.user,
            asset: Asset::Usdt,
            amount: decimal("1"),
        }
    }

    /// Three deposits in one batch.
    pub(crate) async fn three(&self) -> Vec<Result<Account, CommandError>> {
        let deposits = (0..3).map(|_| self.deposit());
        self.harness.together(deposits).await
    }

    pub(crate) async fn balance(&self) -> i64 {
        self.harness.wallet(self.anna.user, Asset::Usdt).await.0
    }

    pub(crate) fn fail(&self, point: Point, error: fn() -> StorageError, times: u64) {
        for _ in 0..times {
            self.harness.store.faults().fail(point, error());
        }
    }

    pub(crate) fn tally(&self) -> Tally {
        *self.harness.store.tally().borrow()
    }

    pub(crate) fn retries(&self) -> u64 {
        self.harness.market.pipeline().stats().retries
    }

    /// Whatever happened, nothing planned is left over, the books are clean and the market goes on.
    pub(crate) async fn close(self) {
        assert_eq!(
            self.harness.store.faults().pending(),
            0,
            "a fault did not strike"
        );
        let before = self.balance().await;
        self.harness.done(self.deposit()).await;
        assert_eq!(self.balance().await, before + 1_000_000);
        self.harness.close().await;
    }
}
