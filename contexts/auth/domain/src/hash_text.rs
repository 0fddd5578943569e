//! Reads the parts of a stored or imported hash: fields between `$`, parameters between commas, and numbers.

use crate::HashError;

/// The alphabet of crypt(3). Its base64 is not that of RFC 4648, so a digest in it is compared as text.
const OF_CRYPT: &str = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// The longest salt or pepper, in bytes.
pub(crate) const LONGEST_SALT: usize = 64;

/// The fields of a text between `$`, if it has exactly as many.
pub(crate) fn fields<const N: usize>(text: &str) -> Result<[&str; N], HashError> {
    text.split('$').collect::<Vec<_>>().try_into().map_err(|_| HashError::Malformed)
}

/// The values of parameters such as `r=8,p=1`, if these are all, and in this order.
pub(crate) fn parameters<'a, const N: usize>(text: &'a str, names: [&str; N]) -> Result<[&'a str; N], HashError> {
    let values: Option<Vec<_>> = text
        .split(',')
        .enumerate()
        .map(|(at, parameter)| parameter.strip_prefix(*names.get(at)?)?.strip_prefix('='))
        .collect();
    values.and_then(|values| values.try_into().ok()).ok_or(HashError::Malformed)
}

/// A decimal number. One that is too large for any bound is too costly.
pub(crate) fn number(text: &str) -> Result<u32, HashError> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(HashError::Malformed);
    }
    text.parse().map_err(|_| HashError::TooCostly)
}

/// Whether the text is this many characters of the alphabet of crypt(3).
pub(crate) fn is_of_crypt(text: &str, characters: usize) -> bool {
    text.len() == characters && text.chars().all(|character| OF_CRYPT.contains(character))
}

/// The value of a digit of crypt(3), 0 to 63.
pub(crate) fn digit_of_crypt(digit: char) -> Option<u8> {
    OF_CRYPT.find(digit).and_then(|at| u8::try_from(at).ok())
}

/// The bytes of a hexadecimal text, in upper or lower case.
pub(crate) fn unhex(text: &str) -> Option<Vec<u8>> {
    let nibbles: Option<Vec<_>> = text.chars().map(|digit| digit.to_digit(16)).collect();
    let pair = |pair: &[u32]| match *pair {
        [high, low] => u8::try_from(high << 4 | low).ok(),
        _ => None,
    };
    nibbles?.chunks(2).map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::{digit_of_crypt, fields, is_of_crypt, number, parameters, unhex};
    use crate::HashError;

    #[test]
    fn a_text_has_exactly_the_expected_fields_and_parameters() {
        assert_eq!(fields("$a$$b"), Ok(["", "a", "", "b"]));
        assert_eq!(fields::<3>("$a$$b"), Err(HashError::Malformed));
        assert_eq!(parameters("r=8,ss=Bw==", ["r", "ss"]), Ok(["8", "Bw=="]));
        for other in ["r=8", "ss=Bw==,r=8", "r=8,ss=Bw==,p=1", "r8,ss=Bw==", ""] {
            assert_eq!(parameters(other, ["r", "ss"]), Err(HashError::Malformed), "{other}");
        }
    }

    #[test]
    fn a_number_has_digits_only_and_a_huge_one_is_too_costly() {
        assert_eq!(number("0012"), Ok(12));
        for other in ["", "+1", "-1", " 1", "1e1", "１"] {
            assert_eq!(number(other), Err(HashError::Malformed), "{other}");
        }
        assert_eq!(number("4294967296"), Err(HashError::TooCostly));
    }

    #[test]
    fn hexadecimal_has_two_digits_a_byte() {
        assert_eq!(unhex("00fFA5"), Some(vec![0, 255, 165]));
        for other in ["0", "0g", "+1", "é"] {
            assert_eq!(unhex(other), None, "{other}");
        }
    }

    #[test]
    fn the_alphabet_of_crypt_begins_with_a_dot() {
        assert_eq!(
            ['.', '/', '0', 'A', 'z', '+'].map(digit_of_crypt),
            [Some(0), Some(1), Some(2), Some(12), Some(63), None]
        );
        assert!(is_of_crypt("./aZ9", 5) && !is_of_crypt("./aZ9", 4) && !is_of_crypt("a+", 2));
    }
}
