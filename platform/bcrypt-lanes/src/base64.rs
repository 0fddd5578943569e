//! The base64 of bcrypt: an alphabet of its own (`./A-Za-z0-9`) and no padding.
//!
//! A salt of 16 bytes is 22 characters, a digest of 23 bytes is 31.

const ALPHABET: &[u8; 64] = b"./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/// Writes bytes as text: `⌈8·len / 6⌉` characters.
#[must_use]
pub fn encode(bytes: &[u8]) -> String {
    let mut text = String::with_capacity((bytes.len() * 8).div_ceil(6));
    for group in bytes.chunks(3) {
        let bits = (0..3).fold(0, |bits, i| (bits << 8) | group.get(i).copied().map_or(0, usize::from));
        // One byte needs two characters, two need three, three need four.
        let characters = [18, 12, 6, 0].into_iter().take(group.len() + 1);
        text.extend(characters.map(|shift| char::from(ALPHABET[(bits >> shift) & 63])));
    }
    text
}

/// Reads exactly `N` bytes.
///
/// Returns `None` when the text has another length, a foreign character, or unused bits set: every value has only one
/// spelling.
#[must_use]
pub fn decode<const N: usize>(text: &str) -> Option<[u8; N]> {
    if text.len() != (N * 8).div_ceil(6) {
        return None;
    }
    let mut bytes = [0; N];
    let mut free = bytes.iter_mut();
    let (mut bits, mut held) = (0, 0);
    for character in text.bytes() {
        let value = ALPHABET.iter().position(|&known| known == character)?;
        bits = (bits << 6) | value;
        held += 6;
        if held >= 8 {
            held -= 8;
            *free.next()? = u8::try_from(bits >> held).ok()?;
            bits &= (1 << held) - 1;
        }
    }
    (bits == 0).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::{decode, encode};

    #[test]
    fn a_salt_is_22_characters() {
        // From the test vectors of jBCrypt: $2a$06$DCq7YPn5Rq63x1Lad4cll.…
        let salt = [0x14, 0x4b, 0x3d, 0x69, 0x1a, 0x7b, 0x4e, 0xcf, 0x39, 0xcf, 0x73, 0x5c, 0x7f, 0xa7, 0xa7, 0x9c];
        assert_eq!(encode(&salt), "DCq7YPn5Rq63x1Lad4cll.");
        assert_eq!(decode("DCq7YPn5Rq63x1Lad4cll."), Some(salt));
    }

    #[test]
    fn a_digest_is_31_characters() {
        let digest = [
            0x55, 0x7e, 0x94, 0xf3, 0x4b, 0xf2, 0x86, 0xe8, 0x71, 0x9a, 0x26, 0xbe, 0x94, 0xac, 0x1e, 0x16, 0xd9, 0x5e,
            0xf9, 0xf8, 0x19, 0xde, 0xe0,
        ];
        assert_eq!(encode(&digest), "TV4S6ytwfsfvkgY8jIucDrjc8deX1s.");
        assert_eq!(decode("TV4S6ytwfsfvkgY8jIucDrjc8deX1s."), Some(digest));
    }

    #[test]
    fn every_byte_at_every_place_comes_back() {
        for byte in 0..=u8::MAX {
            for at in 0..23 {
                let mut bytes = [0xa5; 23];
                bytes[at] = byte;
                assert_eq!(decode(&encode(&bytes)), Some(bytes));
            }
        }
    }

    #[test]
    fn no_bytes_are_an_empty_text() {
        assert_eq!(encode(&[]), "");
        assert_eq!(decode(""), Some([]));
    }

    #[test]
    fn another_length_is_refused() {
        for text in ["", "DCq7YPn5Rq63x1Lad4cll", "DCq7YPn5Rq63x1Lad4cll..", "DCq7YPn5Rq63x1Lad4cll.="] {
            assert_eq!(decode::<16>(text), None, "{text}");
        }
    }

    #[test]
    fn foreign_characters_are_refused() {
        for foreign in ["=", "+", "-", "_", " ", "\0", "~", ":", "@", "[", "`", "{"] {
            assert_eq!(decode::<16>(&format!("DCq7YPn5Rq63x1Lad4cl{foreign}.")), None, "{foreign:?}");
        }
        assert_eq!(decode::<16>("DCq7YPn5Rq63x1Lad4clé"), None, "22 bytes, but not 22 characters");
    }

    #[test]
    fn only_the_spelling_with_unused_bits_zero_is_read() {
        let read = |start: &str, last: char| decode::<16>(&format!("{start}{last}")).is_some();
        let alphabet = || super::ALPHABET.iter().copied().map(char::from);
        let ends: String = alphabet().filter(|&last| read("DCq7YPn5Rq63x1Lad4cll", last)).collect();
        assert_eq!(ends, ".Oeu", "of the last character of a salt two bits count");
        let ends = alphabet().filter(|last| decode::<23>(&format!("TV4S6ytwfsfvkgY8jIucDrjc8deX1s{last}")).is_some());
        assert_eq!(ends.count(), 16, "of the last character of a digest four bits count");
    }
}
