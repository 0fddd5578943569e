//! Binary values in JSON: base64url without padding (RFC 4648, section 5).

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde::{Deserialize, Deserializer, Serializer, de::Error as _};

pub(crate) fn encode(bytes: &[u8]) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

pub(crate) fn serialize<S: Serializer>(bytes: &[u8], to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&encode(bytes))
}

/// Reads at most `MAX` bytes. The error does not quote the text.
pub(crate) fn bounded<'de, const MAX: usize, D: Deserializer<'de>>(from: D) -> Result<Vec<u8>, D::Error> {
    let text = String::deserialize(from)?;
    decode(&text, MAX).ok_or_else(|| D::Error::custom(format_args!("expected base64url of at most {MAX} bytes")))
}

/// Like [`bounded`], for a value that may be missing. Some browsers write an empty text for a missing value.
pub(crate) fn optional<'de, const MAX: usize, D: Deserializer<'de>>(from: D) -> Result<Option<Vec<u8>>, D::Error> {
    let Some(text) = Option::<String>::deserialize(from)?.filter(|text| !text.is_empty()) else { return Ok(None) };
    let bytes = decode(&text, MAX);
    bytes.map(Some).ok_or_else(|| D::Error::custom(format_args!("expected base64url of at most {MAX} bytes")))
}

pub(crate) fn decode(text: &str, max: usize) -> Option<Vec<u8>> {
    (text.len() <= max.div_ceil(3) * 4).then_some(())?;
    BASE64_URL_SAFE_NO_PAD.decode(text).ok().filter(|bytes| bytes.len() <= max)
}

#[cfg(test)]
mod tests {
    use super::decode;

    #[test]
    fn each_value_has_one_spelling() {
        assert_eq!(decode("-_8", 2), Some(vec![0xfb, 0xff]));
        for other in ["-_8=", "+/8", "-_9", "-_8\n", " -_8", "-_8A"] {
            assert_eq!(decode(other, 2), None, "{other:?}");
        }
    }

    #[test]
    fn a_value_that_is_too_long_is_rejected() {
        assert_eq!(decode("AAAA", 3).map(|bytes| bytes.len()), Some(3));
        assert_eq!(decode("AAAA", 2), None);
        assert_eq!(decode(&"A".repeat(1 << 20), 64), None);
    }
}
