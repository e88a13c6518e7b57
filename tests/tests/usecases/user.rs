//! Registration, roles, logging in, and who may look at whom; in memory.

use super::memory;
use p2p_application::QueryError;
use p2p_application::user::{RegisterUser, SetRoles, get_user};
use p2p_domain::refusal::{AccessRefusal, Resource, UserRefusal};
use p2p_domain::user::{Caller, Email};
use p2p_domain::{Asset, Exchanger, Owner, Refusal, Role, Roles, TypedId, UserId};
use p2p_memory::Memory;
use p2p_tests::harness::{Harness, START, deposit, party};

const EVERY_SET: std::ops::Range<u8> = 0..16;

fn registration(harness: &Harness<Memory>, email: &str, roles: Roles) -> RegisterUser {
    let (email, name) = (Email::new(email), "Anna".to_owned());
    RegisterUser::new(harness.market.ids(), email, name, roles, None)
}

#[tokio::test]
async fn whoever_registers_gets_an_account_in_every_asset() {
    let harness = Harness::open(memory()).await;
    for bits in EVERY_SET {
        let roles = Roles::from_bits(bits).unwrap();
        let email = format!(" Anna{bits}@Example.org");
        let user = harness.done(registration(&harness, &email, roles)).await;
        assert_eq!(
            (user.roles, user.version, user.created_at),
            (roles, 1, START)
        );
        assert_eq!(user.email.as_str(), format!("anna{bits}@example.org"));

        let tables = harness.store.tables();
        assert_eq!(tables.users[&user.id], user);
        let wallet = tables
            .accounts
            .values()
            .filter(|one| one.key.owner == Owner::User(user.id));
        let assets: Vec<Asset> = wallet.map(|account| account.key.asset).collect();
        assert_eq!(assets, Asset::ALL);
        let record = roles
            .contains(Role::Exchanger)
            .then(|| Exchanger::new(user.id));
        assert_eq!(tables.exchangers.get(&user.id), record.as_ref());
    }
    harness.close().await;
}

#[tokio::test]
async fn an_address_is_registered_once() {
    let harness = Harness::open(memory()).await;
    let roles = Roles::from([Role::Customer]);
    harness
        .done(registration(&harness, "anna@example.org", roles))
        .await;
    let again = registration(&harness, "ANNA@example.org ", roles);
    assert_eq!(
        harness.refused(again).await,
        Refusal::User(UserRefusal::EmailTaken)
    );
    harness.close().await;
}

/// What an administrator says, by whom and about whom.
const fn appointment(caller: Caller, user: UserId, roles: Roles) -> SetRoles {
    SetRoles {
        caller,
        user,
        roles,
    }
}

#[tokio::test]
async fn roles_are_given_and_taken() {
    let harness = Harness::open(memory()).await;
    let anna = harness.customer("anna").await;
    let give = |roles| appointment(harness.admin, anna.user, roles);
    let record = || harness.store.tables().exchangers.get(&anna.user).copied();

    let both = Roles::from([Role::Customer, Role::Exchanger]);
    let user = harness.done(give(both)).await;
    assert_eq!((user.roles, user.version), (both, 2));
    assert_eq!(record(), Some(Exchanger::new(anna.user)));

    // Whoever is no exchanger any more is offline; the record, and what it has counted, stays.
    harness.switch(party(anna.user), true).await;
    let customer = Roles::from([Role::Customer]);
    harness.done(give(customer)).await;
    let offline = record().unwrap();
    assert!(!offline.online);

    // Again an exchanger: the same record, and still offline.
    harness.done(give(both)).await;
    assert_eq!(record(), Some(offline));

    let before = harness.store.tables();
    let user = harness.done(give(both)).await;
    assert_eq!(user.version, 4);
    assert!(
        before == harness.store.tables(),
        "the same roles again changed something"
    );
    harness.close().await;
}

#[tokio::test]
async fn only_administrators_give_roles_and_never_drop_their_own() {
    let harness = Harness::open(memory()).await;
    let anna = harness.customer("anna").await;
    let roles = Roles::from([Role::Exchanger]);
    for caller in [anna, harness.moderator, party(anna.user)] {
        let refusal = harness.refused(appointment(caller, anna.user, roles)).await;
        assert_eq!(
            refusal,
            Refusal::Access(AccessRefusal::RoleRequired { role: Role::Admin })
        );
    }
    let nobody = UserId::from_u128(9);
    let refusal = harness
        .refused(appointment(harness.admin, nobody, roles))
        .await;
    assert_eq!(refusal, Refusal::NotFound(Resource::User));
    let own = harness.admin.user;
    let refusal = harness
        .refused(appointment(harness.admin, own, roles))
        .await;
    assert_eq!(refusal, Refusal::Access(AccessRefusal::OwnAdminRole));

    // More than before is no loss, and another administrator may take it away.
    let more = Roles::from([Role::Admin, Role::Moderator]);
    harness.done(appointment(harness.admin, own, more)).await;
    let other = harness.person("second admin", [Role::Admin]).await;
    let user = harness.done(appointment(other, own, roles)).await;
    assert_eq!(user.roles, roles);
    // The token still says ADMIN; what it gave would outlast it.
    let again = Roles::from([Role::Admin]);
    let refusal = harness
        .refused(appointment(harness.admin, own, again))
        .await;
    assert_eq!(
        refusal,
        Refusal::Access(AccessRefusal::RoleRequired { role: Role::Admin })
    );
    let ids = harness.market.ids();
    let email = Email::new("accomplice@example.org");
    let accomplice = RegisterUser::new(ids, email, "Accomplice".to_owned(), again, None);
    let refusal = harness.refused(accomplice.by(harness.admin)).await;
    assert_eq!(
        refusal,
        Refusal::Access(AccessRefusal::RoleRequired { role: Role::Admin })
    );
    let refusal = harness
        .refused(deposit(harness.admin, anna, "1", Asset::Usdt))
        .await;
    assert_eq!(
        refusal,
        Refusal::Access(AccessRefusal::RoleRequired { role: Role::Admin })
    );
    harness.close().await;
}

#[tokio::test]
async fn people_see_themselves_and_administrators_see_everybody() {
    let harness = Harness::open(memory()).await;
    let (anna, berta) = (
        harness.exchanger("anna").await,
        harness.customer("berta").await,
    );
    for (caller, whom) in [(anna, anna), (harness.admin, anna), (berta, berta)] {
        let (user, record) = get_user(&harness.market, caller, whom.user).await.unwrap();
        assert_eq!(user.id, whom.user);
        assert_eq!(record.is_some(), whom.user == anna.user);
    }
    for caller in [berta, harness.moderator] {
        let refused = get_user(&harness.market, caller, anna.user).await;
        let Err(QueryError::Refused(refusal)) = refused else {
            panic!("{refused:?}")
        };
        assert_eq!(
            refusal,
            Refusal::Access(AccessRefusal::RoleRequired { role: Role::Admin })
        );
    }
    let missing = get_user(&harness.market, harness.admin, UserId::from_u128(9)).await;
    assert!(
        matches!(
            missing,
            Err(QueryError::Refused(Refusal::NotFound(Resource::User)))
        ),
        "{missing:?}"
    );
    harness.close().await;
}
