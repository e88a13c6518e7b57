//! Permits for connections: so many in all, and so many of one address.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::OwnedSemaphorePermit;

use super::ServerSettings;
use crate::client::network_of;

/// Counts open and rejected connections. Clones share the counters.
#[derive(Debug, Clone, Default)]
pub struct Connections(Arc<Counted>);

#[derive(Debug, Default)]
struct Counted {
    open: Mutex<Open>,
    rejected: AtomicU64,
}

#[derive(Debug, Default)]
struct Open {
    all: usize,
    by_network: HashMap<IpAddr, usize>,
}

impl Connections {
    /// How many are open.
    #[must_use]
    pub fn open(&self) -> usize {
        self.counted().all
    }

    /// How many were closed at once, because there were too many of their address.
    #[must_use]
    pub fn rejected(&self) -> u64 {
        self.0.rejected.load(Relaxed)
    }

    /// A permit for a connection of this address, unless it has too many. `share` is its share of all connections.
    pub(super) fn acquire(
        &self,
        address: IpAddr,
        settings: &ServerSettings,
        share: OwnedSemaphorePermit,
    ) -> Option<Permit> {
        let is_proxy = settings.trusted_proxies.contains(address.to_canonical());
        let network = network_of(address);
        let mut open = self.counted();
        let own = open.by_network.entry(network).or_default();
        if *own >= settings.max_connections_per_address && !is_proxy {
            self.0.rejected.fetch_add(1, Relaxed);
            return None;
        }
        *own += 1;
        open.all += 1;
        drop(open);
        Some(Permit {
            connections: self.clone(),
            network,
            _share: share,
        })
    }

    fn counted(&self) -> MutexGuard<'_, Open> {
        self.0.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The permit of one connection, held until it is dropped.
#[derive(Debug)]
pub(super) struct Permit {
    connections: Connections,
    network: IpAddr,
    _share: OwnedSemaphorePermit,
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut open = self.connections.counted();
        open.all = open.all.saturating_sub(1);
        if let Some(own) = open.by_network.get_mut(&self.network) {
            *own = own.saturating_sub(1);
            if *own == 0 {
                open.by_network.remove(&self.network);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::Semaphore;

    use super::*;
    use crate::client::TrustedProxies;

    #[test]
    fn permits_are_counted_by_address_and_given_back() {
        let connections = Connections::default();
        let semaphore = Arc::new(Semaphore::new(100));
        let settings = ServerSettings {
            max_connections_per_address: 2,
            trusted_proxies: TrustedProxies::parse(&["198.51.100.7"]).unwrap(),
            ..ServerSettings::default()
        };
        let acquire = |text: &str| {
            let share = Arc::clone(&semaphore).try_acquire_owned().unwrap();
            connections.acquire(text.parse().unwrap(), &settings, share)
        };
        let held = [
            "192.0.2.1",
            "::ffff:192.0.2.1",
            "2001:db8::1",
            "2001:db8::2",
            "198.51.100.7",
            "198.51.100.7",
            "::ffff:198.51.100.7",
        ]
        .map(acquire);
        assert!(held.iter().all(Option::is_some));
        for full in ["192.0.2.1", "2001:db8::3"] {
            assert!(acquire(full).is_none(), "{full}");
        }
        assert!(acquire("192.0.2.2").is_some());
        assert_eq!((connections.open(), connections.rejected()), (7, 2));
        assert_eq!(semaphore.available_permits(), 93);
        drop(held);
        assert!(acquire("192.0.2.1").is_some());
        assert_eq!(connections.open(), 0);
        assert_eq!(semaphore.available_permits(), 100);
        assert!(connections.counted().by_network.is_empty());
    }
}
