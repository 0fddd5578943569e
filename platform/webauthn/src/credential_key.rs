use crate::cbor::Cbor;
use crate::error::CeremonyError;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ED25519, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents,
};

/// The algorithms that the options offer, the preferred one first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CredentialAlgorithm {
    /// ECDSA on P-256 with SHA-256: nearly all passkeys.
    Es256,
    /// EdDSA on Ed25519.
    EdDsa,
    /// RSASSA-PKCS1-v1_5 with SHA-256: Windows Hello on older machines.
    Rs256,
}

impl CredentialAlgorithm {
    pub(crate) const ALL: [Self; 3] = [Self::Es256, Self::EdDsa, Self::Rs256];

    /// The name in the registry of COSE algorithms (IANA).
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Es256 => "ES256",
            Self::EdDsa => "EdDSA",
            Self::Rs256 => "RS256",
        }
    }

    /// The number in the registry of COSE algorithms (IANA).
    #[must_use]
    pub const fn cose_id(self) -> i64 {
        match self {
            Self::Es256 => -7,
            Self::EdDsa => -8,
            Self::Rs256 => -257,
        }
    }
}

/// A credential's public key. It was checked, so it can verify signatures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum CredentialKey {
    /// The coordinates of a point on P-256.
    Es256 {
        x: [u8; 32],
        y: [u8; 32],
    },
    Ed25519([u8; 32]),
    /// The modulus, big-endian without leading zeros. The exponent is [`EXPONENT`].
    Rs256 {
        modulus: Vec<u8>,
    },
}

/// 65537, the only exponent in use (RFC 8017 allows others).
const EXPONENT: [u8; 3] = [1, 0, 1];
/// The length of an RSA modulus in bytes: 2048 to 4096 bits.
const MODULUS: std::ops::RangeInclusive<usize> = 256..=512;

/// Labels of COSE keys (RFC 9052, section 7.1; RFC 9053, section 7; RFC 8230, section 4).
mod label {
    pub(super) const KTY: i64 = 1;
    pub(super) const ALG: i64 = 3;
    /// The curve; for RSA, the modulus.
    pub(super) const CRV_OR_N: i64 = -1;
    /// The coordinate x; for RSA, the exponent.
    pub(super) const X_OR_E: i64 = -2;
    pub(super) const Y: i64 = -3;
}

/// Values of the labels `kty` and `crv` (RFC 9053, section 7).
mod kind {
    pub(super) const OKP: i64 = 1;
    pub(super) const EC2: i64 = 2;
    pub(super) const RSA: i64 = 3;
    pub(super) const P256: i64 = 1;
    pub(super) const ED25519: i64 = 6;
}

impl CredentialKey {
    /// Reads a COSE key with exactly the parameters of its algorithm (section 6.5.1).
    pub(crate) fn parse(cose: &Cbor<'_>) -> Result<Self, CeremonyError> {
        let integer = |label| match cose.get(&Cbor::Integer(label)) {
            Some(Cbor::Integer(number)) => Some(*number),
            _ => None,
        };
        let bytes = |label| match cose.get(&Cbor::Integer(label)) {
            Some(Cbor::Bytes(bytes)) => Some(*bytes),
            _ => None,
        };
        let fixed = |label| bytes(label).and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
        let algorithm = integer(label::ALG).ok_or(CeremonyError::Malformed("public key"))?;
        let (kty, crv) = (integer(label::KTY), integer(label::CRV_OR_N));
        let key = match algorithm {
            -7 if (kty, crv) == (Some(kind::EC2), Some(kind::P256)) => {
                fixed(label::X_OR_E).zip(fixed(label::Y)).map(|(x, y)| Self::Es256 { x, y })
            }
            -8 if (kty, crv) == (Some(kind::OKP), Some(kind::ED25519)) => fixed(label::X_OR_E).map(Self::Ed25519),
            -257 if kty == Some(kind::RSA) && bytes(label::X_OR_E) == Some(EXPONENT.as_slice()) => {
                bytes(label::CRV_OR_N).map(|modulus| Self::Rs256 { modulus: modulus.to_vec() })
            }
            -7 | -8 | -257 => None,
            _ => return Err(CeremonyError::UnsupportedAlgorithm),
        };
        let has_only_these = |key: &Self| matches!(cose, Cbor::Map(entries) if entries.len() == key.parameters().len());
        key.filter(|key| has_only_these(key) && key.is_valid()).ok_or(CeremonyError::InvalidKey)
    }

    /// Reads the form that [`stored`](Self::stored) writes.
    pub(crate) fn restore(bytes: &[u8]) -> Result<Self, CeremonyError> {
        let cose = Cbor::read(bytes).map_err(|_| CeremonyError::StoredKeyUnreadable)?;
        Self::parse(&cose).map_err(|_| CeremonyError::StoredKeyUnreadable)
    }

    /// The COSE key in the CTAP2 canonical form, so that equal keys have equal bytes.
    pub(crate) fn stored(&self) -> Vec<u8> {
        let entries = self.parameters().into_iter().map(|(label, value)| (Cbor::Integer(label), value)).collect();
        let mut bytes = Vec::new();
        Cbor::Map(entries).write(&mut bytes);
        bytes
    }

    pub(crate) const fn algorithm(&self) -> CredentialAlgorithm {
        match self {
            Self::Es256 { .. } => CredentialAlgorithm::Es256,
            Self::Ed25519(_) => CredentialAlgorithm::EdDsa,
            Self::Rs256 { .. } => CredentialAlgorithm::Rs256,
        }
    }

    /// Whether a signature over the message is of this key. ECDSA signatures are in DER (section 6.5.5).
    pub(crate) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        match self {
            Self::Es256 { x, y } => {
                let key = ParsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, uncompressed(x, y));
                key.is_ok_and(|key| key.verify_sig(message, signature).is_ok())
            }
            Self::Ed25519(bytes) => {
                let key = ParsedPublicKey::new(&ED25519, bytes);
                key.is_ok_and(|key| key.verify_sig(message, signature).is_ok())
            }
            Self::Rs256 { modulus } => {
                let key = RsaPublicKeyComponents { n: modulus.as_slice(), e: EXPONENT.as_slice() };
                key.verify(&RSA_PKCS1_2048_8192_SHA256, message, signature).is_ok()
            }
        }
    }

    /// The labels and values in the CTAP2 canonical order.
    fn parameters(&self) -> Vec<(i64, Cbor<'_>)> {
        let alg = (label::ALG, Cbor::Integer(self.algorithm().cose_id()));
        match self {
            Self::Es256 { x, y } => vec![
                (label::KTY, Cbor::Integer(kind::EC2)),
                alg,
                (label::CRV_OR_N, Cbor::Integer(kind::P256)),
                (label::X_OR_E, Cbor::Bytes(x)),
                (label::Y, Cbor::Bytes(y)),
            ],
            Self::Ed25519(x) => vec![
                (label::KTY, Cbor::Integer(kind::OKP)),
                alg,
                (label::CRV_OR_N, Cbor::Integer(kind::ED25519)),
                (label::X_OR_E, Cbor::Bytes(x)),
            ],
            Self::Rs256 { modulus } => vec![
                (label::KTY, Cbor::Integer(kind::RSA)),
                alg,
                (label::CRV_OR_N, Cbor::Bytes(modulus)),
                (label::X_OR_E, Cbor::Bytes(&EXPONENT)),
            ],
        }
    }

    fn is_valid(&self) -> bool {
        match self {
            // aws-lc checks that the point is on the curve.
            Self::Es256 { x, y } => ParsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, uncompressed(x, y)).is_ok(),
            Self::Ed25519(point) => is_strong_point(point),
            Self::Rs256 { modulus } => {
                let bits_at_least =
                    modulus.len() > *MODULUS.start() || modulus.first().is_some_and(|byte| *byte >= 0x80);
                let has_one_spelling = modulus.first().is_some_and(|byte| *byte != 0);
                let is_odd = modulus.last().is_some_and(|byte| byte % 2 == 1);
                MODULUS.contains(&modulus.len()) && has_one_spelling && bits_at_least && is_odd
            }
        }
    }
}

/// The encoding of a point that aws-lc reads (SEC 1, section 2.3.3).
fn uncompressed(x: &[u8; 32], y: &[u8; 32]) -> Vec<u8> {
    [[4].as_slice(), x, y].concat()
}

/// 2²⁵⁵ − 19, little-endian: the size of the field below Ed25519.
const FIELD: [u8; 32] = {
    let mut bytes = [0xff; 32];
    bytes[0] = 0xed;
    bytes[31] = 0x7f;
    bytes
};

/// The y coordinates of the eight points of small order, little-endian.
const SMALL_ORDER: [[u8; 32]; 5] = {
    let zero = [0; 32];
    let mut one = zero;
    one[0] = 1;
    let mut minus_one = FIELD;
    minus_one[0] = 0xec;
    let eighth = [
        0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0, 0xd5, 0xdf,
        0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05,
    ];
    let other_eighth = [
        0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f, 0x2a, 0x20,
        0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a,
    ];
    [zero, one, minus_one, eighth, other_eighth]
};

/// Whether an Ed25519 key is in its only spelling, and of no small order. Keys of small order have signatures that
/// fit many messages. A key that is no point at all verifies no signature.
fn is_strong_point(point: &[u8; 32]) -> bool {
    let mut y = *point;
    y[31] &= 0x7f;
    y.iter().rev().lt(FIELD.iter().rev()) && !SMALL_ORDER.contains(&y)
}

#[cfg(test)]
mod tests {
    use super::{CredentialKey, EXPONENT, FIELD, SMALL_ORDER};
    use crate::cbor::Cbor;
    use crate::error::CeremonyError::{self, InvalidKey, Malformed, UnsupportedAlgorithm};
    use aws_lc_rs::rand::SystemRandom;
    use aws_lc_rs::rsa::KeySize;
    use aws_lc_rs::signature::{
        ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair,
    };

    fn cose<'a>(parameters: &[(i64, Cbor<'a>)]) -> Cbor<'a> {
        Cbor::Map(parameters.iter().map(|(label, value)| (Cbor::Integer(*label), value.clone())).collect())
    }

    fn ec2<'a>(x: &'a [u8], y: &'a [u8]) -> [(i64, Cbor<'a>); 5] {
        let number = Cbor::Integer;
        [(1, number(2)), (3, number(-7)), (-1, number(1)), (-2, Cbor::Bytes(x)), (-3, Cbor::Bytes(y))]
    }

    fn okp(x: &[u8]) -> [(i64, Cbor<'_>); 4] {
        [(1, Cbor::Integer(1)), (3, Cbor::Integer(-8)), (-1, Cbor::Integer(6)), (-2, Cbor::Bytes(x))]
    }

    fn rsa<'a>(modulus: &'a [u8], exponent: &'a [u8]) -> [(i64, Cbor<'a>); 4] {
        [(1, Cbor::Integer(3)), (3, Cbor::Integer(-257)), (-1, Cbor::Bytes(modulus)), (-2, Cbor::Bytes(exponent))]
    }

    fn parse(parameters: &[(i64, Cbor<'_>)]) -> Result<CredentialKey, CeremonyError> {
        CredentialKey::parse(&cose(parameters))
    }

    fn point() -> Vec<u8> {
        let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap();
        key.public_key().as_ref()[1..].to_vec()
    }

    #[test]
    fn a_key_of_each_algorithm_verifies_its_signatures_and_no_others() {
        let (random, message) = (SystemRandom::new(), b"message");
        let es256 = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap();
        let (x, y) = es256.public_key().as_ref()[1..].split_at(32);
        let ed25519 = Ed25519KeyPair::generate().unwrap();
        let rs256 = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
        let modulus = modulus(&rs256);
        let mut of_rs256 = vec![0; rs256.public_modulus_len()];
        rs256.sign(&RSA_PKCS1_SHA256, &random, message, &mut of_rs256).unwrap();
        let keys = [parse(&ec2(x, y)), parse(&okp(ed25519.public_key().as_ref())), parse(&rsa(&modulus, &EXPONENT))];
        let signatures = [
            es256.sign(&random, message).unwrap().as_ref().to_vec(),
            ed25519.sign(message).as_ref().to_vec(),
            of_rs256,
        ];
        for (place, key) in keys.into_iter().enumerate() {
            let key = key.unwrap();
            assert_eq!(CredentialKey::restore(&key.stored()), Ok(key.clone()));
            for (other, signature) in signatures.iter().enumerate() {
                assert_eq!(key.verifies(message, signature), place == other, "{place} {other}");
            }
            assert!(!key.verifies(b"massage", &signatures[place]));
            assert!(!key.verifies(message, &[]));
        }
    }

    /// The modulus within the DER of a public key: the first integer.
    fn modulus(key: &RsaKeyPair) -> Vec<u8> {
        let der = key.public_key().as_ref();
        let length = key.public_modulus_len();
        // SEQUENCE, INTEGER, length, and a zero before the highest bit.
        let start = der.windows(2).position(|pair| pair[0] == 0 && pair[1] >= 0x80).unwrap() + 1;
        der[start..start + length].to_vec()
    }

    #[test]
    fn a_point_off_the_curve_is_refused() {
        let good = point();
        let (x, y) = good.split_at(32);
        assert!(parse(&ec2(x, y)).is_ok());
        let mut off = y.to_vec();
        off[31] ^= 1;
        for (x, y) in [(x, &*off), (y, x), (&[0; 32], &[0; 32]), (&[0xff; 32], &[0xff; 32])] {
            assert_eq!(parse(&ec2(x, y)), Err(InvalidKey));
        }
    }

    #[test]
    fn coordinates_of_another_length_are_refused() {
        let good = point();
        let (x, y) = good.split_at(32);
        for (x, y) in [(&x[1..], y), (x, &y[..31]), (&[], &[]), (&good, &[]), (&[[0].as_slice(), x].concat(), y)] {
            assert_eq!(parse(&ec2(x, y)), Err(InvalidKey));
        }
    }

    #[test]
    fn a_compressed_point_is_refused() {
        let good = point();
        let mut key = ec2(&good[..32], &[]);
        key[4].1 = Cbor::Bool(true);
        assert_eq!(parse(&key), Err(InvalidKey));
    }

    #[test]
    fn ed25519_points_of_small_order_are_refused() {
        for y in SMALL_ORDER {
            for sign in [0, 0x80] {
                let mut point = y;
                point[31] |= sign;
                assert_eq!(parse(&okp(&point)), Err(InvalidKey), "{point:x?}");
            }
        }
    }

    #[test]
    fn ed25519_points_in_another_spelling_are_refused() {
        for low in FIELD[0]..=0xff {
            let mut point = FIELD;
            point[0] = low;
            assert_eq!(parse(&okp(&point)), Err(InvalidKey), "{low:x}");
        }
    }

    #[test]
    fn ed25519_keys_of_another_length_are_refused() {
        for length in [0, 31, 33, 57, 64] {
            assert_eq!(parse(&okp(&vec![7; length])), Err(InvalidKey), "{length}");
        }
    }

    #[test]
    fn weak_or_odd_rsa_keys_are_refused() {
        let key = |length: usize, first: u8, last: u8| {
            let mut modulus = vec![0x5a; length];
            modulus[0] = first;
            modulus[length - 1] = last;
            modulus
        };
        assert!(parse(&rsa(&key(256, 0x80, 1), &EXPONENT)).is_ok());
        assert!(parse(&rsa(&key(512, 0x01, 1), &EXPONENT)).is_ok());
        let refused = [
            ("1024 bits", key(128, 0x80, 1)),
            ("2047 bits", key(256, 0x7f, 1)),
            ("a leading zero", key(257, 0x00, 1)),
            ("above 4096 bits", key(513, 0x01, 1)),
            ("an even modulus", key(256, 0x80, 2)),
        ];
        for (what, modulus) in refused {
            assert_eq!(parse(&rsa(&modulus, &EXPONENT)), Err(InvalidKey), "{what}");
        }
        assert_eq!(parse(&rsa(&[], &EXPONENT)), Err(InvalidKey));
        for exponent in [&[][..], &[1], &[3], &[0, 1, 0, 1], &[1, 0, 0, 0, 1], &[0xff; 256]] {
            assert_eq!(parse(&rsa(&key(256, 0x80, 1), exponent)), Err(InvalidKey), "{exponent:?}");
        }
    }

    #[test]
    fn parameters_of_another_algorithm_are_refused() {
        let good = point();
        let ec = ec2(&good[..32], &good[32..]);
        for (place, value) in [(0, 1), (0, 3), (2, 2), (2, 8), (1, -8), (1, -257)] {
            let mut key = ec.clone();
            key[place].1 = Cbor::Integer(value);
            assert_eq!(parse(&key), Err(InvalidKey), "{place} {value}");
        }
        let mut ed448 = okp(&[7; 57]);
        ed448[2].1 = Cbor::Integer(7);
        assert_eq!(parse(&ed448), Err(InvalidKey));
    }

    #[test]
    fn algorithms_that_were_not_offered_are_unsupported() {
        let good = point();
        // ES384, ES512, ES256K, PS256, RS1, RS512, none.
        for algorithm in [-35, -36, -47, -37, -65535, -259, 0, i64::MIN, i64::MAX] {
            let mut key = ec2(&good[..32], &good[32..]);
            key[1].1 = Cbor::Integer(algorithm);
            assert_eq!(parse(&key), Err(UnsupportedAlgorithm), "{algorithm}");
        }
    }

    #[test]
    fn a_key_has_no_other_parameters() {
        let good = point();
        let mut key = ec2(&good[..32], &good[32..]).to_vec();
        key.push((4, Cbor::Array(vec![Cbor::Integer(2)])));
        assert_eq!(parse(&key), Err(InvalidKey));
        assert_eq!(parse(&key[2..]), Err(Malformed("public key")));
        assert_eq!(CredentialKey::parse(&Cbor::Bytes(&good)), Err(Malformed("public key")));
    }

    #[test]
    fn the_stored_form_does_not_depend_on_the_order_that_came() {
        let good = point();
        let key = ec2(&good[..32], &good[32..]);
        let mut reversed = key.clone();
        reversed.reverse();
        assert_eq!(parse(&key).unwrap().stored(), parse(&reversed).unwrap().stored());
    }

    #[test]
    fn a_stored_key_that_was_damaged_is_unreadable() {
        let good = point();
        let stored = parse(&ec2(&good[..32], &good[32..])).unwrap().stored();
        for broken in [&[][..], &stored[1..], &stored[..stored.len() - 1], &[stored.as_slice(), &[0]].concat()] {
            assert_eq!(CredentialKey::restore(broken), Err(CeremonyError::StoredKeyUnreadable));
        }
    }
}
