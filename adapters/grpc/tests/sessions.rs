//! Callers over gRPC come by a session like everybody else: what has ended or changed since counts here too.

#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests fail by panicking, as the tests do; not all of them are used in each"
)]

mod support;

use std::time::Duration;

use p2p_application::Caller;
use p2p_application::session::{Credentials, EndSession, log_in};
use p2p_application::user::{RegisterUser, SetRoles};
use p2p_domain::audit_log::AuditAction;
use p2p_domain::policy::AccessRules;
use p2p_domain::session::Origin;
use p2p_domain::user::Email;
use p2p_domain::{ExchangeType, Role, Roles};
use p2p_grpc::proto::p2p::{Resolution, ResolveDisputeRequest};
use p2p_grpc::proto::payment::v1::GetAccountBalanceRequest;
use support::{Person, Scene, refused};
use tonic::{Code, Response, Status};

/// Somebody with these roles who has logged in, without a second factor.
async fn entered<const N: usize>(scene: &Scene, name: &str, roles: [Role; N]) -> Person {
    let market = &scene.market;
    let (email, password) = (Email::new(&format!("{name}@example.org")), "a password");
    let hash = market.passwords().hash(password.to_owned()).await.unwrap();
    let roles = Roles::from(roles);
    let command = RegisterUser::new(market.ids(), email.clone(), name.into(), roles, Some(hash));
    scene.done(command).await;
    let credentials = Credentials {
        email,
        password: password.to_owned(),
        code: None,
        origin: Origin::default(),
    };
    let entered = log_in(market, credentials).await.unwrap();
    Person {
        caller: entered.session.caller(roles),
        token: entered.access.token,
    }
}

/// What it comes to to look at an account that is not there.
async fn look(scene: &Scene, person: &Person) -> Status {
    let request = person.asks(GetAccountBalanceRequest {
        account_id: "acct_01jt0c7kq5e8tvb1y9m3x4z6wa".to_owned(),
    });
    let answer = scene.payments().get_account_balance(request).await;
    answer.unwrap_err()
}

fn known(status: Status) {
    refused::<()>(Err(status), Code::NotFound, "ACCOUNT_NOT_FOUND");
}

#[tokio::test]
async fn a_session_that_was_ended_is_over_here_too() {
    let scene = Scene::open().await;
    let ada = entered(&scene, "ada", [Role::Customer]).await;
    known(look(&scene, &ada).await);
    let session = ada.caller.session.unwrap();
    let caller = ada.caller;
    scene.done(EndSession { caller, session }).await;
    let over = look(&scene, &ada).await;
    refused::<()>(Err(over), Code::Unauthenticated, "SESSION_OVER");
}

#[tokio::test]
async fn roles_are_those_of_the_moment_and_staff_show_their_second_factor() {
    let scene = Scene::open().await;
    let judge = entered(&scene, "judge", [Role::Customer]).await;
    let (_, dispute) = scene.disputed(ExchangeType::CryptoToFiat).await;
    let decide = async |judge: &Person| {
        let request = judge.asks(ResolveDisputeRequest {
            dispute_id: dispute.clone(),
            resolution: Resolution::ResolvedFinished.into(),
            comment: "The documents are in order".to_owned(),
            ..ResolveDisputeRequest::default()
        });
        scene.exchange().resolve_dispute(request).await
    };
    let answer = decide(&judge).await;
    refused(answer, Code::PermissionDenied, "ROLE_REQUIRED");
    let user = judge.caller.user;
    let roles = [Role::Moderator].into();
    let caller = scene.admin().caller;
    scene
        .done(SetRoles {
            caller,
            user,
            roles,
        })
        .await;
    let answer = decide(&judge).await;
    refused(answer, Code::Unauthenticated, "SECOND_FACTOR_REQUIRED");

    // Shown just now, and too long ago.
    let now = scene.market.now();
    let proved = |at| support::signed_in(&scene.market, Caller::new(user, roles).proved(at));
    let long_ago = now.before(AccessRules::default().proof_lasts);
    let answer = decide(&proved(long_ago)).await;
    refused(answer, Code::Unauthenticated, "SECOND_FACTOR_REQUIRED");
    let last_moment = long_ago.after(Duration::from_micros(1));
    let decided: Result<Response<_>, Status> = decide(&proved(last_moment)).await;
    decided.unwrap();

    // The trail knows who it was and from where.
    let tables = scene.memory.tables();
    let mut records = tables.trail.values().rev();
    let resolved = records.find(|one| one.note.action == AuditAction::DisputeResolved);
    let note = &resolved.unwrap().note;
    assert_eq!(note.actor, Some(user));
    assert_eq!(note.address, Some("127.0.0.1".parse().unwrap()));
}
