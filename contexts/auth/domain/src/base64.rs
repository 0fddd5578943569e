//! Checks base64 without padding, in two alphabets. The value of a digit is its position in the alphabet.

/// The alphabet of bcrypt.
pub(crate) const OF_BCRYPT: &str = "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
/// The standard alphabet (RFC 4648, section 4), which PHC strings use.
pub(crate) const COMMON: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// The number of bytes that the text encodes. `None` if the text is not base64, or its unused bits are not zero.
pub(crate) fn bytes(text: &str, alphabet: &str) -> Option<usize> {
    let mut last = 0;
    for character in text.chars() {
        last = alphabet.find(character)?;
    }
    let unused = match text.len() % 4 {
        0 => 1,
        2 => 16,
        3 => 4,
        _ => return None,
    };
    (last % unused == 0).then_some(text.len() * 3 / 4)
}

#[cfg(test)]
mod tests {
    use super::{COMMON, OF_BCRYPT, bytes};

    #[test]
    fn four_characters_are_three_bytes() {
        let lengths = ["", "A", "AA", "AAA", "AAAA", "AAAAA", "AAAAAA"].map(|text| bytes(text, COMMON));
        assert_eq!(lengths, [Some(0), None, Some(1), Some(2), Some(3), None, Some(4)]);
    }

    #[test]
    fn unused_bits_are_zero() {
        let ends = |start: &str, alphabet: &str| -> String {
            alphabet.chars().filter(|last| bytes(&format!("{start}{last}"), alphabet).is_some()).collect()
        };
        assert_eq!(ends(".", OF_BCRYPT), ".Oeu");
        assert_eq!(ends("..", OF_BCRYPT), ".CGKOSWaeimquy26");
        assert_eq!(ends("...", OF_BCRYPT), OF_BCRYPT);
        assert_eq!(ends("A", COMMON), "AQgw");
    }

    #[test]
    fn characters_outside_the_alphabet_are_refused() {
        for foreign in ["=", "-", "_", " ", "\0", "$", "é", "."] {
            assert_eq!(bytes(&format!("AA{foreign}A"), COMMON), None, "{foreign:?}");
        }
        assert_eq!(bytes("AA+A", OF_BCRYPT), None);
        assert_eq!(bytes("éé", COMMON), None, "four bytes, but only two characters");
    }
}
