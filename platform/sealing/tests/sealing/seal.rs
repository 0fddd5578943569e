use kernel::{MessageId, Sealed, Secret};
use sealing::{Binding, Keys, MAX_SECRET, SealError, UnsealError};
use std::{collections::HashSet, path::Path, sync::Barrier, thread};

fn keys() -> Keys {
    Keys::in_directory(tempfile::tempdir().unwrap().path()).unwrap()
}

fn binding() -> Binding {
    Binding { root: MessageId::random(), subject: MessageId::random().as_uuid(), purpose: "set_credential" }
}

fn open(keys: &Keys, sealed: &Sealed, bound: &Binding) -> Result<String, UnsealError> {
    keys.opener(crate::LABELS).unwrap().open(sealed, bound).map(|secret| secret.expose().to_owned())
}

fn seal(keys: &Keys, text: &str, bound: &Binding) -> Sealed {
    keys.sealer(crate::LABELS).seal(&Secret::new(text.to_owned()), bound).unwrap()
}

#[test]
fn a_secret_of_any_length_comes_back_as_it_was() {
    let (keys, bound) = (keys(), binding());
    for length in [0, 1, 15, 72, 255, 256, MAX_SECRET - 1, MAX_SECRET] {
        let text = "a".repeat(length);
        assert_eq!(open(&keys, &seal(&keys, &text, &bound), &bound), Ok(text));
    }
    for text in ["\0", "x\0y", "\0\0 zeros at both ends \0\0", "👩‍🚀 Zoë 王小明", &"👩".repeat(256)] {
        assert_eq!(open(&keys, &seal(&keys, text, &bound), &bound).as_deref(), Ok(text));
    }
}

#[test]
fn a_longer_secret_is_refused() {
    for length in [MAX_SECRET + 1, 65_536, 65_536 + 12] {
        let refused = keys().sealer(crate::LABELS).seal(&Secret::new("a".repeat(length)), &binding());
        assert_eq!(refused, Err(SealError::TooLong));
    }
}

#[test]
fn the_length_of_a_secret_does_not_show_and_no_two_seals_are_alike() {
    let (keys, bound) = (keys(), binding());
    let sealed: Vec<_> = [0, 1, 15, 72, 1023, MAX_SECRET, 15, 15]
        .map(|length| seal(&keys, &"a".repeat(length), &bound))
        .into_iter()
        .collect();
    let sizes: HashSet<_> =
        sealed.iter().map(|one| (one.alg.len(), one.kid.len(), one.enc.len(), one.ct.len())).collect();
    assert_eq!(sizes.len(), 1, "{sizes:?}");
    let texts: HashSet<_> = sealed.iter().map(|one| &one.ct).collect();
    assert_eq!(texts.len(), sealed.len());
}

#[test]
fn a_sealed_value_opens_for_its_own_command_user_and_purpose_only() {
    let (keys, bound) = (keys(), binding());
    let sealed = seal(&keys, "correct horse battery", &bound);
    let others = [
        Binding { root: MessageId::random(), ..bound },
        Binding { subject: MessageId::random().as_uuid(), ..bound },
        Binding { purpose: "reset_password", ..bound },
        Binding { purpose: "", ..bound },
        Binding { root: MessageId::new(bound.subject), subject: bound.root.as_uuid(), ..bound },
    ];
    for other in others {
        assert_eq!(open(&keys, &sealed, &other), Err(UnsealError::Broken), "{other:?}");
    }
    assert!(open(&keys, &sealed, &bound).is_ok());
}

#[test]
fn an_altered_envelope_does_not_open() {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let (keys, bound) = (keys(), binding());
    let sealed = seal(&keys, "correct horse battery", &bound);
    let altered = |change: &dyn Fn(&mut Sealed)| {
        let mut other = sealed.clone();
        change(&mut other);
        assert_ne!(other, sealed);
        open(&keys, &other, &bound)
    };
    // Each character is six bits of the value; a flip of any of them must show, those of the padding too.
    let flip = |text: &mut String, at: usize, bit: usize| {
        let mut bytes = std::mem::take(text).into_bytes();
        let place = ALPHABET.iter().position(|letter| *letter == bytes[at]).unwrap();
        bytes[at] = ALPHABET[place ^ 1 << bit];
        *text = String::from_utf8(bytes).unwrap();
    };
    for at in 0..sealed.enc.len() {
        // Bit 255 of an X25519 key is ignored on input (RFC 7748, section 5), but HPKE binds it.
        assert_eq!(altered(&|other| flip(&mut other.enc, at, at % 6)), Err(UnsealError::Broken), "enc, {at}");
    }
    let last = sealed.ct.len() - 1;
    for at in (0..last).step_by(61).chain([last - 1, last]) {
        assert_eq!(altered(&|other| flip(&mut other.ct, at, at % 6)), Err(UnsealError::Broken), "ct, {at}");
    }
    assert_eq!(altered(&|other| other.enc.clear()), Err(UnsealError::Broken));
    assert_eq!(altered(&|other| other.enc = "A".repeat(43)), Err(UnsealError::Broken), "a point of low order");
    assert_eq!(altered(&|other| other.ct.clear()), Err(UnsealError::Broken));
    assert_eq!(altered(&|other| other.ct.truncate(12)), Err(UnsealError::Broken));
    assert_eq!(altered(&|other| other.ct.push_str("AAAA")), Err(UnsealError::Broken));
    assert_eq!(altered(&|other| other.ct.push('=')), Err(UnsealError::Broken));
    assert_eq!(altered(&|other| other.alg.truncate(other.alg.find('+').unwrap())), Err(UnsealError::Broken));
    assert_eq!(altered(&|other| other.alg.push('X')), Err(UnsealError::Unknown), "a newer version's");
    assert_eq!(altered(&|other| other.kid.push('X')), Err(UnsealError::Unknown));
}

#[test]
fn an_unknown_key_is_distinguished_from_a_broken_seal() {
    let bound = binding();
    let sealed = seal(&keys(), "correct horse battery", &bound);
    assert_eq!(open(&keys(), &sealed, &bound), Err(UnsealError::Unknown));
}

#[test]
fn the_name_of_the_key_is_bound() {
    // The same key pair has two names, and only the additional data differs.
    let directory = tempfile::tempdir().unwrap();
    let first = Keys::in_directory(directory.path()).unwrap();
    let bound = binding();
    let mut sealed = seal(&first, "correct horse battery", &bound);
    let text = std::fs::read_to_string(first.file().path()).unwrap();
    let renamed = directory.path().join("renamed.json");
    std::fs::write(&renamed, text.replace(&sealed.kid, "renamed")).unwrap();
    let second = Keys::from_file(&renamed).unwrap();
    sealed.kid = "renamed".to_owned();
    assert_eq!(open(&second, &sealed, &bound), Err(UnsealError::Broken));
}

#[test]
fn values_sealed_at_once_open_each_for_its_own_binding() {
    let keys = keys();
    let (sealer, start) = (keys.sealer(crate::LABELS), Barrier::new(16));
    let sealed = |n: usize| {
        start.wait();
        (0..100)
            .map(|m| (binding(), format!("{n}-{m}")))
            .map(|(bound, text)| {
                let sealed = sealer.seal(&Secret::new(text.clone()), &bound).unwrap();
                (sealed, bound, text)
            })
            .collect::<Vec<_>>()
    };
    let all: Vec<_> = thread::scope(|scope| {
        let threads: Vec<_> = (0..16).map(|n| scope.spawn(move || sealed(n))).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    for (sealed, bound, text) in &all {
        assert_eq!(open(&keys, sealed, bound).as_ref(), Ok(text));
    }
    let nonces: HashSet<_> = all.iter().map(|(sealed, ..)| &sealed.ct[..16]).collect();
    assert_eq!(nonces.len(), all.len(), "no nonce twice");
}

/// Sealed values wait in ledgers, so a value that an older version sealed must open for ever.
#[test]
fn a_value_sealed_by_each_version_still_opens() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let keys = Keys::from_file(&folder.join("keys.json")).unwrap();
    let bound = Binding {
        root: "01890a5d-ac96-774b-bcce-b302099a8057".parse().unwrap(),
        subject: "b2d1a7c8-4f7e-4c1a-9a3e-0a1b2c3d4e5f".parse().unwrap(),
        purpose: "set_credential",
    };
    for name in ["sealed.json", "sealed-under-a-content-key.json"] {
        let sealed: Sealed = serde_json::from_slice(&std::fs::read(folder.join(name)).unwrap()).unwrap();
        assert_eq!(open(&keys, &sealed, &bound).as_deref(), Ok("Tr0ub4dor & dreißig 🐎"), "{name}");
    }
}
