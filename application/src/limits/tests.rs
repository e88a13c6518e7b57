use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use p2p_domain::TypedId;

use super::*;
use crate::ports::Allowance;

/// Says of each subject how many it has left, and remembers whom it was asked about.
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

struct Scene {
    scripted: Arc<Scripted>,
    limits: Limits,
}

impl Scene {
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

    /// Which limits were asked since the last look.
    fn asked(&self) -> Vec<(&'static str, Subject)> {
        std::mem::take(&mut *self.scripted.asked.lock().unwrap())
    }
}

/// The limit that has spoken, whether it admits, and what is left of it.
fn told(asked: Option<Asked>) -> Option<(&'static str, bool, u32)> {
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
async fn who_arrives_is_an_address_and_then_a_user_or_a_stranger() {
    let scene = Scene::of(3);
    let (limits, from) = (&scene.limits, address(9));
    let by_address = Subject::Address(from);
    for class in [Class::Read, Class::Stream] {
        let arrival = limits.arrival(class, from).await;
        assert_eq!(told(arrival), Some(("address", true, 9)));
        let user = limits.user(class, ulla()).await;
        assert_eq!(told(user), Some((class.name(), true, 3)));
        let stranger = limits.stranger(class, from).await;
        assert_eq!(told(stranger), Some((class.name(), true, 9)));
        let asked = [
            ("address", by_address),
            (class.name(), Subject::User(ulla())),
            (class.name(), by_address),
        ];
        assert_eq!(scene.asked(), asked);
    }
    // Without a limit of its own.
    let arrival = limits.arrival(Class::Write, from).await;
    assert_eq!(told(arrival), Some(("address", true, 9)));
    assert_eq!(limits.user(Class::Write, ulla()).await, None);
    assert_eq!(limits.stranger(Class::Write, from).await, None);
}

#[tokio::test]
async fn nobody_has_to_be_known_to_log_in_or_to_report() {
    let scene = Scene::of(3);
    let from = address(9);
    let login = scene.limits.arrival(Class::Login, from).await;
    assert_eq!(told(login), Some(("login", true, 5)), "the tighter one");
    let by_address = Subject::Address(from);
    let both = [("address", by_address), ("login", by_address)];
    assert_eq!(scene.asked(), both);
    let callback = scene.limits.arrival(Class::Callback, from).await;
    assert_eq!(told(callback), Some(("callback", true, 9)));
    assert_eq!(scene.asked(), [("callback", by_address)]);
}

#[tokio::test]
async fn who_is_refused_is_asked_no_more_and_counted() {
    let scene = Scene::of(0);
    let login = scene.limits.arrival(Class::Login, address(0)).await;
    assert_eq!(told(login), Some(("address", false, 0)));
    assert_eq!(scene.asked(), [("address", Subject::Address(address(0)))]);
    for _ in 0..2 {
        let read = scene.limits.user(Class::Read, ulla()).await;
        assert_eq!(told(read), Some(("read", false, 0)));
    }
    let counted = scene.limits.refused();
    let some: Vec<_> = counted.iter().filter(|one| one.count > 0).collect();
    let of = |class, by, count| Refused { class, by, count };
    assert_eq!(some, [&of("read", "user", 2), &of("login", "address", 1)]);
    assert_eq!(counted.len(), 10, "four by two, and two by address alone");
}

#[tokio::test]
async fn without_quotas_nobody_is_asked() {
    let limits = Limits::new(Arc::new(Scripted::default()), Quotas::default());
    for limits in [limits, Limits::default()] {
        assert!(limits.are_off());
        assert_eq!(limits.arrival(Class::Login, address(0)).await, None);
        assert_eq!(limits.user(Class::Read, ulla()).await, None);
        assert!(limits.refused().is_empty());
    }
}
