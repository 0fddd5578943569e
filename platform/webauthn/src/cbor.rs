//! CBOR (RFC 8949), as far as authenticators use it: the CTAP2 canonical form has definite lengths, no floats, no
//! tags and little nesting.
//!
//! Some authenticators write a longer head than needed, or another order of keys. The reader accepts both, because
//! no signature is compared with a re-encoded value. It rejects everything else that CTAP2 rejects.

/// How deep containers may be nested. An attestation object with a compound statement has five levels.
const DEEPEST: usize = 6;
/// How many entries one container may have. The largest, an attestation statement, has fewer than ten.
const MOST_ENTRIES: u64 = 64;

/// A value. Texts and byte strings are slices of the input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Cbor<'a> {
    Integer(i64),
    Bytes(&'a [u8]),
    Text(&'a str),
    Array(Vec<Self>),
    /// The keys are integers and texts, and no key occurs twice.
    Map(Vec<(Self, Self)>),
    Bool(bool),
    Null,
}

/// The input is not CBOR of the accepted form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NotCbor;

impl<'a> Cbor<'a> {
    /// Reads exactly one value.
    pub(crate) fn read(bytes: &'a [u8]) -> Result<Self, NotCbor> {
        match Self::read_first(bytes)? {
            (value, []) => Ok(value),
            _ => Err(NotCbor),
        }
    }

    /// Reads the first value, and returns the bytes after it.
    pub(crate) fn read_first(bytes: &'a [u8]) -> Result<(Self, &'a [u8]), NotCbor> {
        let mut input = Input { rest: bytes };
        let value = input.value(DEEPEST)?;
        Ok((value, input.rest))
    }

    /// The value of a key in a map. `None` if this is not a map, or has no such key.
    pub(crate) fn get(&self, key: &Cbor<'_>) -> Option<&Self> {
        let Self::Map(entries) = self else { return None };
        entries.iter().find(|(found, _)| found == key).map(|(_, value)| value)
    }

    /// Writes the value in the shortest form, with keys in the given order.
    pub(crate) fn write(&self, to: &mut Vec<u8>) {
        match self {
            Self::Integer(number) => match u64::try_from(*number) {
                Ok(number) => head(0, number, to),
                Err(_) => head(1, number.unsigned_abs() - 1, to),
            },
            Self::Bytes(bytes) => {
                head(2, bytes.len() as u64, to);
                to.extend_from_slice(bytes);
            }
            Self::Text(text) => {
                head(3, text.len() as u64, to);
                to.extend_from_slice(text.as_bytes());
            }
            Self::Array(items) => {
                head(4, items.len() as u64, to);
                items.iter().for_each(|item| item.write(to));
            }
            Self::Map(entries) => {
                head(5, entries.len() as u64, to);
                for (key, value) in entries {
                    key.write(to);
                    value.write(to);
                }
            }
            Self::Bool(value) => to.push(if *value { 0xf5 } else { 0xf4 }),
            Self::Null => to.push(0xf6),
        }
    }
}

fn head(major: u8, argument: u64, to: &mut Vec<u8>) {
    let major = major << 5;
    match argument {
        0..=23 => to.push(major | argument.to_le_bytes()[0]),
        24..=0xff => to.extend_from_slice(&[major | 24, argument.to_le_bytes()[0]]),
        0x100..=0xffff => {
            to.push(major | 25);
            to.extend_from_slice(&argument.to_be_bytes()[6..]);
        }
        0x1_0000..=0xffff_ffff => {
            to.push(major | 26);
            to.extend_from_slice(&argument.to_be_bytes()[4..]);
        }
        _ => {
            to.push(major | 27);
            to.extend_from_slice(&argument.to_be_bytes());
        }
    }
}

struct Input<'a> {
    rest: &'a [u8],
}

impl<'a> Input<'a> {
    fn value(&mut self, depth: usize) -> Result<Cbor<'a>, NotCbor> {
        let first = self.take(1)?[0];
        let (major, info) = (first >> 5, first & 0x1f);
        if major == 7 {
            return match info {
                20 => Ok(Cbor::Bool(false)),
                21 => Ok(Cbor::Bool(true)),
                22 => Ok(Cbor::Null),
                _ => Err(NotCbor),
            };
        }
        let argument = self.argument(info)?;
        match major {
            0 => Ok(Cbor::Integer(i64::try_from(argument).map_err(|_| NotCbor)?)),
            // -1 - argument, which is the complement.
            1 => Ok(Cbor::Integer(!i64::try_from(argument).map_err(|_| NotCbor)?)),
            2 => Ok(Cbor::Bytes(self.take(argument)?)),
            3 => Ok(Cbor::Text(std::str::from_utf8(self.take(argument)?).map_err(|_| NotCbor)?)),
            4 => {
                let inner = inner(depth, argument)?;
                let items: Result<Vec<_>, _> = (0..argument).map(|_| self.value(inner)).collect();
                Ok(Cbor::Array(items?))
            }
            5 => self.map(inner(depth, argument)?, argument),
            _ => Err(NotCbor),
        }
    }

    fn map(&mut self, depth: usize, length: u64) -> Result<Cbor<'a>, NotCbor> {
        let mut entries: Vec<(Cbor<'a>, Cbor<'a>)> = Vec::new();
        for _ in 0..length {
            let key = self.value(depth)?;
            let is_key = matches!(key, Cbor::Integer(_) | Cbor::Text(_));
            if !is_key || entries.iter().any(|(known, _)| *known == key) {
                return Err(NotCbor);
            }
            entries.push((key, self.value(depth)?));
        }
        Ok(Cbor::Map(entries))
    }

    fn argument(&mut self, info: u8) -> Result<u64, NotCbor> {
        let width = match info {
            0..=23 => return Ok(info.into()),
            24 => 1,
            25 => 2,
            26 => 4,
            27 => 8,
            // 31 begins an indefinite length; the others are reserved.
            _ => return Err(NotCbor),
        };
        Ok(self.take(width)?.iter().fold(0, |number, byte| (number << 8) | u64::from(*byte)))
    }

    fn take(&mut self, length: u64) -> Result<&'a [u8], NotCbor> {
        let length = usize::try_from(length).map_err(|_| NotCbor)?;
        let (taken, rest) = self.rest.split_at_checked(length).ok_or(NotCbor)?;
        self.rest = rest;
        Ok(taken)
    }
}

/// The depth that is left within a container, if the container may be here and have this many entries.
fn inner(depth: usize, entries: u64) -> Result<usize, NotCbor> {
    if entries > MOST_ENTRIES {
        return Err(NotCbor);
    }
    depth.checked_sub(1).ok_or(NotCbor)
}

#[cfg(test)]
mod tests {
    use super::{Cbor, NotCbor};
    use proptest::prelude::*;

    fn written(value: &Cbor<'_>) -> Vec<u8> {
        let mut bytes = Vec::new();
        value.write(&mut bytes);
        bytes
    }

    #[test]
    fn examples_of_the_rfc_are_read() {
        // RFC 8949, appendix A.
        let examples: [(&[u8], Cbor<'_>); 12] = [
            (&[0x00], Cbor::Integer(0)),
            (&[0x17], Cbor::Integer(23)),
            (&[0x18, 0x18], Cbor::Integer(24)),
            (&[0x19, 0x03, 0xe8], Cbor::Integer(1000)),
            (&[0x1b, 0x00, 0x00, 0x00, 0xe8, 0xd4, 0xa5, 0x10, 0x00], Cbor::Integer(1_000_000_000_000)),
            (&[0x20], Cbor::Integer(-1)),
            (&[0x39, 0x03, 0xe7], Cbor::Integer(-1000)),
            (&[0xf5], Cbor::Bool(true)),
            (&[0xf6], Cbor::Null),
            (&[0x44, 1, 2, 3, 4], Cbor::Bytes(&[1, 2, 3, 4])),
            (&[0x62, 0xc3, 0xbc], Cbor::Text("ü")),
            (
                &[0xa2, 0x61, 0x61, 0x01, 0x61, 0x62, 0x82, 0x02, 0x03],
                Cbor::Map(vec![
                    (Cbor::Text("a"), Cbor::Integer(1)),
                    (Cbor::Text("b"), Cbor::Array(vec![Cbor::Integer(2), Cbor::Integer(3)])),
                ]),
            ),
        ];
        for (bytes, value) in examples {
            assert_eq!(Cbor::read(bytes), Ok(value.clone()), "{bytes:x?}");
            assert_eq!(written(&value), bytes);
        }
    }

    #[test]
    fn a_longer_head_than_needed_is_read() {
        assert_eq!(Cbor::read(&[0x59, 0x00, 0x01, 0x07]), Ok(Cbor::Bytes(&[7])));
        assert_eq!(Cbor::read(&[0x1b, 0, 0, 0, 0, 0, 0, 0, 5]), Ok(Cbor::Integer(5)));
    }

    #[test]
    fn what_ctap2_does_not_allow_is_rejected() {
        let rejected: [(&str, &[u8]); 16] = [
            ("nothing", &[]),
            ("a reserved length", &[0x1c]),
            ("an unfinished head", &[0x19, 0x01]),
            ("a text beyond the end", &[0x65, b'a']),
            ("a huge byte string", &[0x5b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]),
            ("a huge array", &[0x9b, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]),
            ("a huge map", &[0xba, 0xff, 0xff, 0xff, 0xff]),
            ("an integer above 63 bits", &[0x1b, 0x80, 0, 0, 0, 0, 0, 0, 0]),
            ("an indefinite length", &[0x5f, 0x41, 0x00, 0xff]),
            ("an indefinite map", &[0xbf, 0xff]),
            ("a tag", &[0xc0, 0x00]),
            ("a float", &[0xf9, 0x00, 0x00]),
            ("undefined", &[0xf7]),
            ("text that is not UTF-8", &[0x61, 0xff]),
            ("a key twice", &[0xa2, 0x01, 0x01, 0x01, 0x02]),
            ("an array as key", &[0xa1, 0x80, 0x01]),
        ];
        for (what, bytes) in rejected {
            assert_eq!(Cbor::read(bytes), Err(NotCbor), "{what}");
        }
    }

    #[test]
    fn bytes_after_the_value_are_returned_or_rejected() {
        assert_eq!(Cbor::read_first(&[0x01, 0x02]), Ok((Cbor::Integer(1), &[0x02][..])));
        assert_eq!(Cbor::read(&[0x01, 0x02]), Err(NotCbor));
    }

    #[test]
    fn deep_nesting_is_rejected_without_deep_recursion() {
        for opening in [&[0x81][..], &[0xa1, 0x01]] {
            let nested = |depth: usize| [opening.repeat(depth), vec![0x00]].concat();
            assert!(Cbor::read(&nested(6)).is_ok());
            assert_eq!(Cbor::read(&nested(7)), Err(NotCbor));
            assert_eq!(Cbor::read(&nested(10_000)), Err(NotCbor));
        }
    }

    #[test]
    fn a_container_with_many_entries_is_rejected() {
        let array = |length: u8| [vec![0x98, length], vec![0; length.into()]].concat();
        assert!(Cbor::read(&array(64)).is_ok());
        assert_eq!(Cbor::read(&array(65)), Err(NotCbor));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_rejected(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            if let Ok((value, _)) = Cbor::read_first(&bytes) {
                let again = written(&value);
                prop_assert_eq!(Cbor::read(&again), Ok(value));
            }
        }

        #[test]
        fn integers_survive_writing(number: i64) {
            let bytes = written(&Cbor::Integer(number));
            prop_assert_eq!(Cbor::read(&bytes), Ok(Cbor::Integer(number)));
        }
    }
}
