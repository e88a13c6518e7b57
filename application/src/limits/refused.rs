//! Counters of refused requests, by class and by kind of subject.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use super::Class;
use crate::ports::Subject;

/// Refusals of one class and one kind of subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refused {
    pub class: &'static str,
    /// `user` or `address`.
    pub by: &'static str,
    pub count: u64,
}

/// A pair of counters for each class: users, addresses.
#[derive(Debug, Default)]
pub(super) struct Counters([[AtomicU64; 2]; Class::ALL.len()]);

const BY: [&str; 2] = ["user", "address"];

impl Counters {
    pub(super) fn count(&self, class: Class, subject: Subject) {
        let [users, addresses] = &self.0[class as usize];
        let counter = match subject {
            Subject::User(_) => users,
            Subject::Address(_) => addresses,
        };
        counter.fetch_add(1, Relaxed);
    }

    /// All counters: by user only for classes of users.
    pub(super) fn snapshot(&self) -> Vec<Refused> {
        let rows = Class::ALL.iter().zip(&self.0);
        rows.flat_map(|(class, row)| {
            let known = BY.iter().zip(row);
            let known = known.filter(|(by, _)| class.is_of_users() || **by == "address");
            known.map(|(by, count)| Refused {
                class: class.name(),
                by,
                count: count.load(Relaxed),
            })
        })
        .collect()
    }
}
