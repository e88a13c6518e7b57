//! Reading an idempotency key: the same texts are keys as over REST.

use p2p_application::idempotency::parse_key;
use tonic::metadata::MetadataMap;

use crate::fault::Fault;

const NAME: &str = "idempotency-key";

/// The key of a call, if it has one.
pub(super) fn read(metadata: &MetadataMap) -> Result<Option<String>, Fault> {
    let mut values = metadata.get_all(NAME).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    let key = value
        .to_str()
        .ok()
        .filter(|_| values.next().is_none())
        .and_then(parse_key);
    key.map(Some).ok_or_else(Fault::bad_idempotency_key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_call_has_one_key() {
        let mut metadata = MetadataMap::new();
        assert_eq!(read(&metadata).unwrap(), None);
        metadata.append(NAME, "a".parse().unwrap());
        assert_eq!(read(&metadata).unwrap().as_deref(), Some("a"));
        metadata.append(NAME, "a".parse().unwrap());
        assert!(read(&metadata).is_err());
    }
}
