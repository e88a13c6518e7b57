//! Rows of log-ins and limits made by hand.

use std::net::IpAddr;

use p2p_application::ports::{ChangeSet, Versioned};
use p2p_domain::conduct::Conduct;
use p2p_domain::second_factor::{RecoveryCodes, SealedSecret};
use p2p_domain::session::Origin;
use p2p_domain::{FailedAttempts, SecondFactor, Session, SessionId, Timestamp, TypedId, UserId};

use super::rows::new;
use crate::harness::START;

/// Letters of many scripts, quotes, an emoji: nothing that may be lost or cut.
pub(super) const TEXT: &str = "Mozilla/5.0 (X11; 'ёлка' \"漢字\" {} %s \\0 🦀) end";

pub(super) const LATE: Timestamp = Timestamp::from_micros(253_402_300_799_999_999);

/// Where somebody may ask from.
pub(super) fn addresses() -> Vec<Option<IpAddr>> {
    let texts = [
        "203.0.113.7",
        "::",
        "::1",
        "2001:db8:85a3::8a2e:370:7334",
        "::ffff:192.0.2.1",
        "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
    ];
    let known = texts.iter().map(|text| Some(text.parse().unwrap()));
    known.chain([None]).collect()
}

/// A session that has just begun.
pub(super) fn session(id: SessionId, user: UserId) -> Session {
    Session {
        id,
        user,
        origin: Origin {
            address: None,
            client: String::new(),
        },
        started_at: START,
        last_used_at: START,
        expires_at: LATE,
        generation: 1,
        proved_at: None,
        ended: None,
        version: 1,
    }
}

/// One row of each table, of one user.
pub(super) struct AccessRows {
    session: Session,
    attempts: FailedAttempts,
    second_factor: SecondFactor,
    conduct: Conduct,
}

impl AccessRows {
    /// None of them is stored yet.
    pub(super) fn of(user: UserId) -> Self {
        Self {
            session: session(SessionId::from_u128(user.as_u128()), user),
            attempts: FailedAttempts::none(user.as_u128(), START),
            second_factor: SecondFactor {
                recovery: RecoveryCodes(vec![7]),
                ..SecondFactor::begin(user, SealedSecret::new("sealed".into()))
            },
            conduct: Conduct::new(user, START),
        }
    }

    pub(super) fn all_new(&self) -> ChangeSet {
        ChangeSet {
            sessions: vec![new(self.session.clone())],
            failed_attempts: vec![new(self.attempts)],
            second_factors: vec![new(self.second_factor.clone())],
            conducts: vec![new(self.conduct)],
            ..ChangeSet::default()
        }
    }

    /// Each row by itself, saved as if it had been loaded with `loaded(its version)`.
    pub(super) fn each(
        &self,
        loaded: impl Fn(u64) -> Option<u64>,
    ) -> Vec<(&'static str, ChangeSet)> {
        let (sessions, attempts) = (
            vec![Versioned {
                value: self.session.clone(),
                expected_version: loaded(self.session.version),
            }],
            vec![Versioned {
                value: self.attempts,
                expected_version: loaded(self.attempts.version),
            }],
        );
        let (second_factors, conducts) = (
            vec![Versioned {
                value: self.second_factor.clone(),
                expected_version: loaded(self.second_factor.version),
            }],
            vec![Versioned {
                value: self.conduct,
                expected_version: loaded(self.conduct.version),
            }],
        );
        let none = ChangeSet::default;
        vec![
            ("session", ChangeSet { sessions, ..none() }),
            (
                "attempts",
                ChangeSet {
                    failed_attempts: attempts,
                    ..none()
                },
            ),
            (
                "second factor",
                ChangeSet {
                    second_factors,
                    ..none()
                },
            ),
            ("conduct", ChangeSet { conducts, ..none() }),
        ]
    }
}
