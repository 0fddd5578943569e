//! base64 without padding: in the standard alphabet (RFC 4648, section 4), and in that of bcrypt.

use ::base64::Engine as _;
use ::base64::alphabet::BCRYPT;
use ::base64::engine::general_purpose::{GeneralPurpose, NO_PAD};
use ::base64::prelude::BASE64_STANDARD_NO_PAD;

const OF_BCRYPT: GeneralPurpose = GeneralPurpose::new(&BCRYPT, NO_PAD);

/// The number of bytes that a text in the alphabet of bcrypt encodes. `None` if its unused bits are not zero.
pub(crate) fn bytes_of_bcrypt(text: &str) -> Option<usize> {
    OF_BCRYPT.decode(text).ok().map(|bytes| bytes.len())
}

/// Encodes bytes in the standard alphabet, without padding.
pub(crate) fn encode(bytes: &[u8]) -> String {
    BASE64_STANDARD_NO_PAD.encode(bytes)
}

/// Decodes the standard alphabet, with or without padding: exports of other systems have it. `None` if the unused bits
/// are not zero.
pub(crate) fn decode(text: &str) -> Option<Vec<u8>> {
    BASE64_STANDARD_NO_PAD.decode(text.trim_end_matches('=')).ok()
}

#[cfg(test)]
mod tests {
    use super::{bytes_of_bcrypt, decode, encode};

    const COMMON: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const OF_BCRYPT: &str = "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

    #[test]
    fn four_characters_are_three_bytes() {
        let lengths = ["", ".", "..", "...", "....", ".....", "......"].map(bytes_of_bcrypt);
        assert_eq!(lengths, [Some(0), None, Some(1), Some(2), Some(3), None, Some(4)]);
    }

    #[test]
    fn unused_bits_are_zero() {
        let ends = |start: &str, alphabet: &str, is_read: fn(&str) -> bool| -> String {
            alphabet.chars().filter(|last| is_read(&format!("{start}{last}"))).collect()
        };
        let of_bcrypt = |text: &str| bytes_of_bcrypt(text).is_some();
        assert_eq!(ends(".", OF_BCRYPT, of_bcrypt), ".Oeu");
        assert_eq!(ends("..", OF_BCRYPT, of_bcrypt), ".CGKOSWaeimquy26");
        assert_eq!(ends("...", OF_BCRYPT, of_bcrypt), OF_BCRYPT);
        assert_eq!(ends("A", COMMON, |text| decode(text).is_some()), "AQgw");
    }

    #[test]
    fn characters_outside_the_alphabet_are_refused() {
        for foreign in ["-", "_", " ", "\0", "$", "é", "."] {
            assert_eq!(decode(&format!("AA{foreign}A")), None, "{foreign:?}");
        }
        assert_eq!(bytes_of_bcrypt("AA+A"), None);
        assert_eq!(bytes_of_bcrypt("AA=="), None);
        assert_eq!(decode("éé"), None, "four bytes, but only two characters");
    }

    #[test]
    fn padding_may_be_read_and_is_never_written() {
        assert_eq!(decode("Bw=="), Some(vec![7]));
        assert_eq!(decode("Bw"), Some(vec![7]));
        assert_eq!(encode(&[7]), "Bw");
        assert_eq!(decode("Bw==Bw"), None);
    }
}
