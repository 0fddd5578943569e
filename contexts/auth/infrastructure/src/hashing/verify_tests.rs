use super::{StoredHash, Verifier, costs};
use crate::{HashPool, Hashing};
use auth_application::Passwords as _;
use auth_domain::{BcryptCost, WeakDigest};
use futures::future::join_all;
use identity::UserId;
use kernel::Secret;
use std::sync::Arc;

/// `Correct horse battery`, 72 `a`, 64 emoji: as passlib 1.7, bcrypt 4.0, Django 5.2 and argon2-cffi 25.1 hash them.
const HASHES: [[&str; 3]; 8] = [
    [
        "$bcrypt-sha256$v=2,t=2b,r=10$n79VH.0Q2TMWmt3Oqt9uku$X.nm/a10UwnxfHHNmox5Yqvu4a5hB/S",
        "$bcrypt-sha256$v=2,t=2b,r=10$n79VH.0Q2TMWmt3Oqt9uku$XewvqasLEz9FoOo9xlEWNWl4OX4qt96",
        "$bcrypt-sha256$v=2,t=2b,r=10$n79VH.0Q2TMWmt3Oqt9uku$72R7uKRArmvYN9q.y0G37QpnKK20kwq",
    ],
    [
        "$bcrypt-sha256$2b,10$n79VH.0Q2TMWmt3Oqt9uku$cJfCE5Mm/coB8B3zCESz95Q9NiVogu.",
        "$bcrypt-sha256$2b,10$n79VH.0Q2TMWmt3Oqt9uku$gTGyFzSXTI4ZIFkNpq74dTMKAlKn9Za",
        "$bcrypt-sha256$2b,10$n79VH.0Q2TMWmt3Oqt9uku$DX3n3qG98m6X7bQ78ZBN1yTLny5vF9W",
    ],
    [
        "$bcrypt-sha256$2a,10$n79VH.0Q2TMWmt3Oqt9uku$cJfCE5Mm/coB8B3zCESz95Q9NiVogu.",
        "$bcrypt-sha256$2a,10$n79VH.0Q2TMWmt3Oqt9uku$gTGyFzSXTI4ZIFkNpq74dTMKAlKn9Za",
        "$bcrypt-sha256$2a,10$n79VH.0Q2TMWmt3Oqt9uku$DX3n3qG98m6X7bQ78ZBN1yTLny5vF9W",
    ],
    [
        "bcrypt_sha256$$2b$10$n79VH.0Q2TMWmt3Oqt9uku1gHV.ERfnpOhPieJKdrFwoT/NC0LQMS",
        "bcrypt_sha256$$2b$10$n79VH.0Q2TMWmt3Oqt9ukudQ.ejFbumpk4FnqbVtRJwsrbvkxA60C",
        "bcrypt_sha256$$2b$10$n79VH.0Q2TMWmt3Oqt9ukuMax.RFZ3HWIEoUggPnlsRfpKXfNdVQ6",
    ],
    [
        "$argon2id$v=19$m=64,t=1,p=1$MDEyMzQ1Njc4OWFiY2RlZg$LKs7inkI/oKjk7aX707pJ0SWeVlmd8V/+h387oAmkCM",
        "$argon2id$v=19$m=64,t=1,p=1$MDEyMzQ1Njc4OWFiY2RlZg$hrHvFJLmAx/f0JTjkr9rD3V1YS8ze4hyplAo5J+W0xk",
        "$argon2id$v=19$m=64,t=1,p=1$MDEyMzQ1Njc4OWFiY2RlZg$WTUX3vRjrTrV7BLYipNeNi1/bji+UPlaDX1PE+4aAQk",
    ],
    [
        "$2a$10$n79VH.0Q2TMWmt3Oqt9ukucaBph7ZMs5acGQ2rFt35r307YJ5/VV.",
        "$2a$10$n79VH.0Q2TMWmt3Oqt9ukuJJQtjoi.LVifOI1gEDr8W3h7A23HsAO",
        "$2a$10$n79VH.0Q2TMWmt3Oqt9uku2GT1Pq1U5FeAu2fwslYwQ7bUkzT7JVO",
    ],
    [
        "$2b$10$n79VH.0Q2TMWmt3Oqt9ukucaBph7ZMs5acGQ2rFt35r307YJ5/VV.",
        "$2b$10$n79VH.0Q2TMWmt3Oqt9ukuJJQtjoi.LVifOI1gEDr8W3h7A23HsAO",
        "$2b$10$n79VH.0Q2TMWmt3Oqt9uku2GT1Pq1U5FeAu2fwslYwQ7bUkzT7JVO",
    ],
    [
        "$2y$10$n79VH.0Q2TMWmt3Oqt9ukucaBph7ZMs5acGQ2rFt35r307YJ5/VV.",
        "$2y$10$n79VH.0Q2TMWmt3Oqt9ukuJJQtjoi.LVifOI1gEDr8W3h7A23HsAO",
        "$2y$10$n79VH.0Q2TMWmt3Oqt9uku2GT1Pq1U5FeAu2fwslYwQ7bUkzT7JVO",
    ],
];

/// Hashes of `Correct horse battery` that the libraries of other systems have made: source, text, stored text.
const IMPORTED: &str = include_str!("../../../domain/fixtures/imported_hashes.tsv");

struct World {
    pool: Arc<HashPool>,
    verifier: Verifier,
}

impl World {
    /// Starts a thread for each caller, so that no caller is refused on a slow machine.
    fn new(cost: u8) -> Self {
        let pool = Arc::new(HashPool::start(HASHES.len()).expect("threads"));
        let verifier = Verifier::new(Arc::clone(&pool), BcryptCost::try_from(cost).expect("in range"));
        Self { pool, verifier }
    }

    async fn fits(&self, hash: &str, password: &str) -> bool {
        let stored = StoredHash { user: UserId::random(), hash: hash.to_owned() };
        let password = Secret::new(password.to_owned());
        self.verifier.matches(Some(&stored), &password).await.expect("room").is_some()
    }

    /// The work that a wrong password causes, in rounds of bcrypt.
    async fn work(&self, hash: Option<&str>, password: &str) -> u64 {
        let before = self.pool.sign_ins.handed_in();
        let stored = hash.map(|hash| StoredHash { user: UserId::random(), hash: hash.to_owned() });
        let fit = self.verifier.matches(stored.as_ref(), &Secret::new(password.to_owned())).await.expect("room");
        assert!(fit.is_none(), "{hash:?} {password}");
        self.pool.sign_ins.handed_in() - before
    }
}

#[tokio::test]
async fn every_format_accepts_its_password_and_no_other() {
    let world = World::new(10);
    let emoji = "\u{1f600}".repeat(64);
    join_all(HASHES.map(async |[password, a72, emojis]| {
        // Plain bcrypt uses only 72 bytes, so an imported plain hash cannot tell longer passwords apart.
        let plain = password.starts_with("$2");
        for (hash, tried, fits) in [
            (password, "Correct horse battery", true),
            (password, "Wrong horse battery", false),
            (password, "correct horse battery", false),
            (password, "Correct horse battery ", false),
            (password, "Correct horse batter", false),
            (password, "", false),
            (a72, &"a".repeat(72), true),
            (a72, &"a".repeat(71), false),
            (a72, &"a".repeat(73), plain),
            (emojis, &emoji, true),
            (emojis, &emoji[4..], plain),
            (emojis, &emoji[..64], false),
        ] {
            assert_eq!(world.fits(hash, tried).await, fits, "{hash} {tried:?}");
        }
    }))
    .await;
}

#[tokio::test]
async fn a_hash_of_every_source_accepts_its_password_and_no_other() {
    let world = World::new(10);
    for row in IMPORTED.lines() {
        let stored = row.rsplit('\t').next().expect("three columns");
        for (tried, fits) in [
            ("Correct horse battery", true),
            ("correct horse battery", false),
            ("Correct horse batter", false),
            ("Correct horse battery!", false),
            ("", false),
        ] {
            assert_eq!(world.fits(stored, tried).await, fits, "{row} {tried:?}");
        }
    }
}

#[tokio::test]
async fn better_auth_s_password_is_hashed_in_nfkc_and_wordpress_trims_it() {
    let world = World::new(10);
    let stored = |start: &str| {
        let texts = IMPORTED.lines().filter_map(|row| row.rsplit('\t').next());
        texts.into_iter().find(|text| text.starts_with(start)).expect(start)
    };
    let (wide, spaces) = ("\u{ff23}orrect horse battery", " Correct horse battery\t\x0b\n");
    for (start, tried, fits) in [
        ("$scrypt-nfkc$", wide, true),
        ("$scrypt$", wide, false),
        ("$wp$", spaces, true),
        ("$wp$", "\u{a0}Correct horse battery", false),
        ("$P$", spaces, false),
    ] {
        assert_eq!(world.fits(stored(start), tried).await, fits, "{start} {tried:?}");
    }
}

#[tokio::test]
async fn our_hash_is_made_of_nfc_and_an_imported_hash_of_the_sent_text_or_of_nfc() {
    let world = World::new(10);
    let (nfd, nfc) = ("e\u{301} accent aigu", "\u{e9} accent aigu");
    for (hash, tried, fits) in [
        ("$bcrypt-sha256$v=2,t=2b,r=10$n79VH.0Q2TMWmt3Oqt9uku$9EZgH7ierL6KuxKGHXsMpmRpSnuOmDi", nfd, true),
        ("$bcrypt-sha256$v=2,t=2b,r=10$n79VH.0Q2TMWmt3Oqt9uku$9EZgH7ierL6KuxKGHXsMpmRpSnuOmDi", nfc, true),
        // Our format made of NFD: Roster never makes one.
        ("$bcrypt-sha256$v=2,t=2b,r=10$n79VH.0Q2TMWmt3Oqt9uku$M1aMso6lgsarX6Vth5jIXY7QmvEKn3C", nfd, false),
        ("$2b$10$n79VH.0Q2TMWmt3Oqt9ukubJ98GdRUF4Ljkv5uHVyUlx6t0ow5pOi", nfd, true),
        ("$2b$10$n79VH.0Q2TMWmt3Oqt9ukubJ98GdRUF4Ljkv5uHVyUlx6t0ow5pOi", nfc, false),
        ("$2b$10$n79VH.0Q2TMWmt3Oqt9uku96o9NbsGQR6y41MayzWags75uFOwC7G", nfd, true),
        ("$bcrypt-sha256$2b,10$n79VH.0Q2TMWmt3Oqt9uku$tRoRQc28t7H37X1keief271OHDZeFXm", nfd, true),
        ("bcrypt_sha256$$2b$10$n79VH.0Q2TMWmt3Oqt9uku16c0f8VDjhexFSSqEo3iJajhy2R/Pn2", nfd, true),
        ("$argon2id$v=19$m=64,t=1,p=1$MDEyMzQ1Njc4OWFiY2RlZg$KVbFmui/KJ0leaHbAwBk1oSHzPLVbginMeUZFCYg6hs", nfd, true),
    ] {
        assert_eq!(world.fits(hash, tried).await, fits, "{hash} {tried}");
    }
}

#[tokio::test]
async fn argon2id_uses_the_stored_lanes_and_passes() {
    let world = World::new(10);
    for hash in [
        "$argon2id$v=19$m=256,t=3,p=4$MTIzNDU2Nzg$vKXppk+Jh5l8UMBKxz593g",
        "$argon2id$v=19$m=65536,t=3,p=4$MDEyMzQ1Njc4OWFiY2RlZg$w0iCgWs8sY5kMWrt8WBbtJu3jLkCYcLNgquXcT3IKPg",
    ] {
        assert!(world.fits(hash, "Correct horse battery").await, "{hash}");
    }
}

#[tokio::test]
async fn every_failed_verification_takes_the_same_work() {
    let world = World::new(12);
    let target = 1 << 12;
    assert_eq!(world.work(None, "wrong").await, target, "unknown user");
    for hash in [
        "$bcrypt-sha256$v=2,t=2b,r=12$n79VH.0Q2TMWmt3Oqt9uku$5qO6kUdLZ0sNYmNaeKZi7wASy6bJs2a",
        "$bcrypt-sha256$v=2,t=2b,r=11$n79VH.0Q2TMWmt3Oqt9uku$rpMAimp5LB89U/jSnAVFSMNIHTtfm7O",
        "$bcrypt-sha256$v=2,t=2b,r=10$n79VH.0Q2TMWmt3Oqt9uku$X.nm/a10UwnxfHHNmox5Yqvu4a5hB/S",
        "$2b$10$n79VH.0Q2TMWmt3Oqt9ukucaBph7ZMs5acGQ2rFt35r307YJ5/VV.",
        "bcrypt_sha256$$2b$10$n79VH.0Q2TMWmt3Oqt9uku1gHV.ERfnpOhPieJKdrFwoT/NC0LQMS",
        "$argon2id$v=19$m=65536,t=3,p=4$MDEyMzQ1Njc4OWFiY2RlZg$w0iCgWs8sY5kMWrt8WBbtJu3jLkCYcLNgquXcT3IKPg",
        "$argon2i$v=19$m=64,t=2,p=1$MDEyMzQ1Njc4OWFiY2RlZg$xoQiKjupPARj+7zfSX6THP0fYMI/oArfSHuEddLNsFA",
        "$pbkdf2-sha256$i=27500,l=16$MDEyMzQ1Njc4OWFiY2RlZg$AAAAAAAAAAAAAAAAAAAAAA",
        "$pbkdf2-sha1$i=27500,l=16$MDEyMzQ1Njc4OWFiY2RlZg$AAAAAAAAAAAAAAAAAAAAAA",
        "$pbkdf2-sha512$i=27500,l=16$MDEyMzQ1Njc4OWFiY2RlZg$AAAAAAAAAAAAAAAAAAAAAA",
        "$scrypt-nfkc$ln=14,r=16,p=1$MDEyMzQ1Njc4OWFiY2RlZg$AAAAAAAAAAAAAAAAAAAAAA",
        "$firescrypt$ln=14,r=8,p=1$AAAA$AAAAAAAAAAAAAAAAAAAAAA$Bw$AAAAAAAAAAAAAAAAAAAAAA",
        "$5$salt$kwAdGacGgi51FUge1ZypnRexPah5xtN496WaAgGEdB/",
        "$P$6a.salt/8bOw3/Igwqe0jd4pKjCu4i1",
        "$wp$2y$10$n79VH.0Q2TMWmt3Oqt9ukubE.xDDtLtAfg6xHRVQmIf/kBe/3zfoi",
        "$bcrypt-pepper$cGVwcGVy$2a$10$n79VH.0Q2TMWmt3Oqt9ukucaBph7ZMs5acGQ2rFt35r307YJ5/VV.",
        "$wrapped$md5$2b$11$n79VH.0Q2TMWmt3Oqt9ukuNjeluQm8pkbfo4yK6eRBreq3W71o4Xi",
        "$2b$31$n79VH.0Q2TMWmt3Oqt9ukucaBph7ZMs5acGQ2rFt35r307YJ5/VV.",
        "$pbkdf2-sha256$i=4294967295,l=16$MDEyMzQ1Njc4OWFiY2RlZg$AAAAAAAAAAAAAAAAAAAAAA",
        "$scrypt$ln=31,r=8,p=1$MDEyMzQ1Njc4OWFiY2RlZg$AAAAAAAAAAAAAAAAAAAAAA",
        "$argon2id$v=19$m=4194304,t=3,p=4$MDEyMzQ1Njc4OWFiY2RlZg$w0iCgWs8sY5kMWrt8WBbtJu3jLkCYcLNgquXcT3IKPg",
        "nonsense",
        "",
    ] {
        // The padding is made of whole hashes of bcrypt, so that less than the cheapest of them may be missing.
        let missing = target - world.work(Some(hash), "wrong").await;
        assert!(missing < 16, "{hash}: {missing}");
    }
}

#[tokio::test]
async fn a_password_with_two_spellings_takes_twice_the_work_for_every_account() {
    let world = World::new(11);
    for hash in [
        None,
        Some("$bcrypt-sha256$v=2,t=2b,r=11$n79VH.0Q2TMWmt3Oqt9uku$rpMAimp5LB89U/jSnAVFSMNIHTtfm7O"),
        Some("$2b$10$n79VH.0Q2TMWmt3Oqt9ukucaBph7ZMs5acGQ2rFt35r307YJ5/VV."),
        Some("nonsense"),
    ] {
        assert_eq!(world.work(hash, "wrong e\u{301}").await, 2 << 11, "{hash:?}");
    }
}

#[tokio::test]
async fn a_password_with_nul_is_wrong_and_takes_the_same_work() {
    let world = World::new(10);
    for [hash, ..] in HASHES {
        assert_eq!(world.work(Some(hash), "Correct horse battery\0Correct horse battery").await, 1 << 10, "{hash}");
    }
    // The hash of the empty password, which bcrypt treats like a NUL.
    let empty = "$2b$10$n79VH.0Q2TMWmt3Oqt9ukuIIerkBwZ27HKC.f5vQejYv3SGqGz9kO";
    assert!(world.fits(empty, "").await);
    assert_eq!(world.work(Some(empty), "\0").await, 1 << 10);
}

#[test]
fn missing_work_is_made_of_hashes_of_the_target_and_below() {
    let costs = |units| costs(units, 12).map(bcrypt_lanes::Cost::log2).collect::<Vec<_>>();
    assert_eq!(costs(0), [0; 0]);
    assert_eq!(costs(1 << 12), [12]);
    assert_eq!(costs(2 << 12), [12, 12]);
    assert_eq!(costs((1 << 12) - (1 << 10)), [11, 10]);
    assert_eq!(costs(15), [0; 0], "less than the lowest cost of bcrypt");
    assert_eq!(costs(16), [4]);
}

#[tokio::test]
async fn a_weak_digest_is_wrapped_at_the_cost_of_new_passwords_and_then_verified() {
    let world = World::new(10);
    let cost = BcryptCost::try_from(11).expect("in range");
    let hashing = Hashing::new(None, Arc::clone(&world.pool), cost);
    for text in [
        "3aac268bf080192d8596bb015c2149f6",
        "md5$a salt$e59183a85b7fa16813332ab0559736fe",
        "E1D5E79BF78566560D7277ECF7795C5EAA63ABF2",
        "$sha256,after=YSBzYWx0$fe0e0a4b1e810144940909bcb97f6d64d0496b4b141bf4ded5a01839b0ed93c4",
    ] {
        let digest = WeakDigest::parse(text).expect("a digest").expect("a weak one");
        let stored = hashing.wrap_digest(&digest).await.expect("wrapped").expose();
        assert!(stored.starts_with("$wrapped$") && stored.contains("$2b$11$"), "{stored}");
        assert!(!stored.contains(digest.expose_hex()), "{stored}");
        assert_ne!(hashing.wrap_digest(&digest).await.expect("wrapped").expose(), stored, "a salt of its own");
        assert_eq!(world.pool.sign_ins.handed_in(), 0, "at low priority");
        let verifying = World::new(10);
        assert!(verifying.fits(&stored, "Correct horse battery").await, "{stored}");
        assert!(!verifying.fits(&stored, "correct horse battery").await, "{stored}");
        assert!(!verifying.fits(&stored, digest.expose_hex()).await, "the digest is no password");
    }
}
