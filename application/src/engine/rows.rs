//! One table's rows, as a batch finds them and as its commands leave them.

use std::collections::HashMap;
use std::hash::Hash;

use crate::ports::Versioned;

/// A loaded or new aggregate.
#[derive(Debug)]
struct Row<V> {
    value: V,
    /// `None`: it is new.
    expected_version: Option<u64>,
    changed: bool,
}

/// The rows of one table that a batch has to do with.
#[derive(Debug)]
pub(super) struct Rows<K, V>(HashMap<K, Row<V>>);

impl<K, V> Default for Rows<K, V> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<K: Eq + Hash, V: PartialEq> Rows<K, V> {
    /// A row as it was loaded.
    pub(super) fn put(&mut self, key: K, value: V, version: u64) {
        self.0.insert(
            key,
            Row {
                value,
                expected_version: Some(version),
                changed: false,
            },
        );
    }

    pub(super) fn get(&self, key: &K) -> Option<&V> {
        self.0.get(key).map(|row| &row.value)
    }

    pub(super) fn values(&self) -> impl Iterator<Item = &V> {
        self.0.values().map(|row| &row.value)
    }

    /// Takes a succeeded command's changes over.
    pub(super) fn absorb(&mut self, sheet: Writes<K, V>) {
        for (key, value) in sheet.0 {
            match self.0.get_mut(&key) {
                Some(row) => {
                    row.changed = true;
                    row.value = value;
                }
                None => {
                    self.0.insert(
                        key,
                        Row {
                            value,
                            expected_version: None,
                            changed: true,
                        },
                    );
                }
            }
        }
    }

    pub(super) fn into_saved(self) -> Vec<Versioned<V>> {
        let changed = self.0.into_values().filter(|row| row.changed);
        changed
            .map(|row| Versioned {
                value: row.value,
                expected_version: row.expected_version,
            })
            .collect()
    }
}

/// One command's changes to one table: rarely more than three, so a list is the fastest map.
#[derive(Debug)]
pub(super) struct Writes<K, V>(Vec<(K, V)>);

impl<K, V> Default for Writes<K, V> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<K: Eq, V> Writes<K, V> {
    pub(super) fn get(&self, key: &K) -> Option<&V> {
        self.0
            .iter()
            .find(|(known, _)| known == key)
            .map(|(_, value)| value)
    }

    pub(super) fn set(&mut self, key: K, value: V) {
        match self.0.iter_mut().find(|(known, _)| *known == key) {
            Some((_, old)) => *old = value,
            None => self.0.push((key, value)),
        }
    }
}

/// A row as the command sees it: as it has changed it, or as it was loaded.
pub(super) fn find<K: Eq + Hash, V: Clone + PartialEq>(
    writes: &Writes<K, V>,
    loaded: &Rows<K, V>,
    key: &K,
) -> Option<V> {
    writes.get(key).or_else(|| loaded.get(key)).cloned()
}
