//! Log-ins, limits and the audit trail.

use std::time::Duration;

use p2p_application::audit_log::AuditLogFilter;
use p2p_domain::audit_log::AuditAction;
use p2p_domain::refusal::QuotaKind;
use p2p_domain::{Timestamp, TypedId, UserId};
use sea_orm::{DbBackend, QueryTrait};
use uuid::Uuid;

use super::{Case, plan};
use crate::connect::DatabaseSettings;
use crate::database::Database;
use crate::{access, audit_log, failed_attempts, quota, session};

const BACKEND: DbBackend = DbBackend::Sqlite;

pub(super) fn cases() -> Vec<Case> {
    let at = Timestamp::from_micros(9);
    let user = Some(UserId::from_u128(9));
    let action = Some(AuditAction::LoggedIn);
    let trail = |subject: Option<&str>, actor, action| {
        let filter = AuditLogFilter {
            actor,
            action,
            subject: subject.map(str::to_owned),
            before: Some(9),
            limit: 20,
        };
        audit_log::queries::page(&filter, BACKEND).sql
    };
    let forgetting = |over| session::forgetting(over, BACKEND, at, 20).sql;
    vec![
        (
            "own sessions",
            session::page(UserId::from_u128(9), 20)
                .statement::<session::Entity>(BACKEND)
                .sql,
            &["sessions_open_of_user (user_id=?)"],
        ),
        (
            "sessions that have ended",
            access::sessions_ended(at).build(BACKEND).sql,
            &["sessions_ended (ended_at>?)"],
        ),
        (
            "roles that have changed",
            access::roles_changed(at).build(BACKEND).sql,
            &["users_roles_changed (roles_changed_at>?)"],
        ),
        (
            "ended sessions to be forgotten",
            forgetting("ended_at"),
            &["sessions_ended (ended_at<?)"],
        ),
        (
            "expired sessions to be forgotten",
            forgetting("expires_at"),
            &["sessions_expiring (expires_at<?)"],
        ),
        (
            "failed log-ins to be forgotten",
            failed_attempts::forgetting(BACKEND, at, 20).sql,
            &["log_in_attempts_oldest (last_failed_at<?)"],
        ),
        (
            "the trail",
            trail(None, None, None),
            &["PRIMARY KEY (rowid<?)"],
        ),
        (
            "the trail of somebody",
            trail(None, user, None),
            &["audit_trail_of_actor (actor_id=? AND number<?)"],
        ),
        (
            "the trail of what somebody does",
            trail(None, user, action),
            &["audit_trail_of_actor_by_action (actor_id=? AND action=? AND number<?)"],
        ),
        (
            "the trail of what is done",
            trail(None, None, action),
            &["audit_trail_by_action (action=? AND number<?)"],
        ),
        (
            "the trail of a thing",
            trail(Some("a"), None, None),
            &["audit_trail_of_subject (subject=? AND number<?)"],
        ),
        (
            "the trail of what somebody does to a thing",
            trail(Some("a"), user, action),
            &["audit_trail_of_subject (subject=? AND number<?)"],
        ),
        (
            "along the trail",
            audit_log::queries::following(9, 20).build(BACKEND).sql,
            &["PRIMARY KEY (rowid>?)"],
        ),
    ]
}

/// Of each user as many as are asked for, and sessions by either key.
#[tokio::test]
async fn sqlite_counts_along_its_indexes() {
    let folder = tempfile::tempdir().unwrap();
    let database = Database::open(&DatabaseSettings {
        url: format!("sqlite://{}", folder.path().join("tallies.db").display()),
        max_connections: 2,
        acquire_timeout: Duration::from_secs(5),
    })
    .await
    .unwrap();
    database.migrate().await.unwrap();
    let ids = || (1..=3).map(Uuid::from_u128).collect::<Vec<_>>();
    let counting = |what| quota::counting(BACKEND, what, ids(), 20).to_string();
    for (statement, access_paths) in [
        (
            counting(QuotaKind::OpenOffers),
            &["offers_active_of_customer (customer_id=? AND closed_at=?)"][..],
        ),
        (
            counting(QuotaKind::Listings),
            &["listings_of_exchanger (exchanger_id=?)"],
        ),
        (
            counting(QuotaKind::OpenWithdrawals),
            &["withdrawals_of_user_by_status (user_id=? AND status=?)"],
        ),
        (
            session::by_id_or_user(BACKEND, ids(), ids())
                .build(BACKEND)
                .to_string(),
            &[
                "sqlite_autoindex_sessions_1 (id=?)",
                "sessions_open_of_user (user_id=?)",
            ],
        ),
    ] {
        let plan = plan(&database, &statement).await;
        for way in access_paths {
            assert!(
                plan.contains(way),
                "{statement} does not use {way}:\n{plan}"
            );
        }
        for table in ["SCAN o", "SCAN l", "SCAN w", "SCAN sessions"] {
            let scans = plan.lines().any(|line| line == table);
            assert!(!scans, "{statement} reads a whole table:\n{plan}");
        }
    }
    database.close().await.unwrap();
}
