//! Counters of mail by outcome.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// How many mails had one outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MailCount {
    pub outcome: &'static str,
    pub count: u64,
}

/// Counts mails by outcome.
#[derive(Debug, Default)]
pub(super) struct MailStats {
    sent: AtomicU64,
    refused: AtomicU64,
    given_up: AtomicU64,
    no_room: AtomicU64,
    throttled: AtomicU64,
}

impl MailStats {
    pub(super) fn sent(&self) {
        self.sent.fetch_add(1, Relaxed);
    }

    pub(super) fn refused(&self) {
        self.refused.fetch_add(1, Relaxed);
    }

    pub(super) fn given_up(&self) {
        self.given_up.fetch_add(1, Relaxed);
    }

    pub(super) fn no_room(&self) {
        self.no_room.fetch_add(1, Relaxed);
    }

    pub(super) fn throttled(&self) {
        self.throttled.fetch_add(1, Relaxed);
    }

    pub(super) fn snapshot(&self) -> Vec<MailCount> {
        let counters = [
            ("sent", &self.sent),
            ("refused", &self.refused),
            ("given_up", &self.given_up),
            ("no_room", &self.no_room),
            ("throttled", &self.throttled),
        ];
        let count = |(outcome, count): (_, &AtomicU64)| MailCount {
            outcome,
            count: count.load(Relaxed),
        };
        counters.into_iter().map(count).collect()
    }
}
