use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use p2p_domain::TypedId;

use super::*;
use crate::ports::Allowance;

/// Has a fixed number left for each subject, and records the keys.
#[derive(Default)]
struct Scripted {
    users: u32,
    asked: Mutex<Vec<(&'static str, Subject)>>,
}

#[async_trait]
impl RateLimiter for Scripted {
    async fn acquire(&self, key: LimitKey, quota: Quota) -> Allowance {
        self.asked.lock().unwrap().push((key.limit, key.subject));
        let left = match key.subject {
            Subject::User(_) => self.users,
            Subject::Address(IpAddr::V4(address)) => u32::from(address.octets()[3]),
            Subject::Address(IpAddr::V6(_)) => 0,
        };
        let rest = quota.interval() * (quota.burst() - left.min(quota.burst()));
        Allowance::of(quota, left > 0, rest)
    }
}

fn address(last: u8) -> IpAddr {
    IpAddr::from([192, 0, 2, last])
}

fn ulla() -> UserId {
    UserId::from_u128(7)
}

fn quotas() -> Quotas {
    let quota = |burst| Quota::new(1, Duration::from_secs(1), burst);
    Quotas {
        read: quota(20),
        write: None,
        pay: None,
        stream: quota(20),
        login: quota(5),
        callback: quota(30),
        address: quota(100),
    }
}

struct Fixture {
    scripted: Arc<Scripted>,
    limits: Limits,
}

impl Fixture {
    fn of(users: u32) -> Self {
        let scripted = Arc::new(Scripted {
            users,
            ..Scripted::default()
        });
        let limiter: Arc<Scripted> = Arc::clone(&scripted);
        Self {
            limits: Limits::new(limiter, quotas()),
            scripted,
        }
    }

    /// The keys recorded since the last call.
    fn asked(&self) -> Vec<(&'static str, Subject)> {
        std::mem::take(&mut *self.scripted.asked.lock().unwrap())
    }
}

/// The limit that decided, whether it admits, and how much is left.
fn decision(asked: Option<LimitDecision>) -> Option<(&'static str, bool, u32)> {
    asked.map(|asked| {
        let Allowance {
            admitted,
            remaining,
            ..
        } = asked.allowance;
        (asked.limit, admitted, remaining)
    })
}

#[tokio::test]
async fn a_request_counts_by_address_and_then_by_user_or_as_anonymous() {
    let fixture = Fixture::of(3);
    let (limits, from) = (&fixture.limits, address(9));
    let by_address = Subject::Address(from);
    for class in [Class::Read, Class::Stream] {
        let arrival = limits.arrival(class, from).await;
        assert_eq!(decision(arrival), Some(("address", true, 9)));
        let user = limits.user(class, ulla()).await;
        assert_eq!(decision(user), Some((class.name(), true, 3)));
        let stranger = limits.stranger(class, from).await;
        assert_eq!(decision(stranger), Some((class.name(), true, 9)));
        let asked = [
            ("address", by_address),
            (class.name(), Subject::User(ulla())),
            (class.name(), by_address),
        ];
        assert_eq!(fixture.asked(), asked);
    }
    // Without a limit of its own.
    let arrival = limits.arrival(Class::Write, from).await;
    assert_eq!(decision(arrival), Some(("address", true, 9)));
    assert_eq!(limits.user(Class::Write, ulla()).await, None);
    assert_eq!(limits.stranger(Class::Write, from).await, None);
}

#[tokio::test]
async fn log_ins_and_callbacks_count_by_address() {
    let fixture = Fixture::of(3);
    let from = address(9);
    let login = fixture.limits.arrival(Class::Login, from).await;
    assert_eq!(
        decision(login),
        Some(("login", true, 5)),
        "the stricter one"
    );
    let by_address = Subject::Address(from);
    let both = [("address", by_address), ("login", by_address)];
    assert_eq!(fixture.asked(), both);
    let callback = fixture.limits.arrival(Class::Callback, from).await;
    assert_eq!(decision(callback), Some(("callback", true, 9)));
    assert_eq!(fixture.asked(), [("callback", by_address)]);
}

#[tokio::test]
async fn a_refusal_ends_the_check_and_is_counted() {
    let fixture = Fixture::of(0);
    let login = fixture.limits.arrival(Class::Login, address(0)).await;
    assert_eq!(decision(login), Some(("address", false, 0)));
    assert_eq!(fixture.asked(), [("address", Subject::Address(address(0)))]);
    for _ in 0..2 {
        let read = fixture.limits.user(Class::Read, ulla()).await;
        assert_eq!(decision(read), Some(("read", false, 0)));
    }
    let counted = fixture.limits.refused();
    let some: Vec<_> = counted.iter().filter(|one| one.count > 0).collect();
    let of = |class, by, count| Refused { class, by, count };
    assert_eq!(some, [&of("read", "user", 2), &of("login", "address", 1)]);
    assert_eq!(counted.len(), 10, "four by two, and two by address alone");
}

#[tokio::test]
async fn without_quotas_the_limiter_is_not_called() {
    let limits = Limits::new(Arc::new(Scripted::default()), Quotas::default());
    for limits in [limits, Limits::default()] {
        assert!(limits.are_off());
        assert_eq!(limits.arrival(Class::Login, address(0)).await, None);
        assert_eq!(limits.user(Class::Read, ulla()).await, None);
        assert!(limits.refused().is_empty());
    }
}
