//! The digests equal those of the `bcrypt` crate bit for bit, and match published vectors.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use bcrypt_lanes::{Cost, Digest, Job, Lanes, MAX_LANES, base64, bcrypt};

/// SplitMix64 (G. Steele and others, 2014): the same bytes in every run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let bits = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }

    fn bytes(&mut self, length: usize) -> Vec<u8> {
        std::iter::repeat_with(|| self.next().to_le_bytes()[0]).take(length).collect()
    }

    fn salt(&mut self) -> [u8; 16] {
        self.bytes(16).try_into().unwrap()
    }
}

fn cost(log2: u32) -> Cost {
    Cost::try_from(log2).unwrap()
}

/// The reference gets the key with a NUL, at most 72 bytes.
fn reference(log2: u32, job: &Job<'_>) -> Digest {
    let mut key = [job.key, &[0]].concat();
    key.truncate(72);
    bcrypt::bcrypt(log2, job.salt, &key)[..23].try_into().unwrap()
}

fn assert_equal(log2: u32, keys: &[Vec<u8>], random: &mut Random) {
    let jobs: Vec<_> = keys.iter().map(|key| Job { key, salt: random.salt() }).collect();
    let wanted: Vec<_> = jobs.iter().map(|job| reference(log2, job)).collect();
    assert_eq!(bcrypt(cost(log2), &jobs), wanted, "{} jobs of cost {log2}", jobs.len());
}

#[test]
fn any_number_of_jobs_gives_the_digests_of_the_bcrypt_crate_in_order() {
    let mut random = Random(1);
    for count in (0..=MAX_LANES + 1).chain([2 * MAX_LANES, 2 * MAX_LANES + 1]) {
        let keys: Vec<_> = (0..count).map(|at| random.bytes(7 * at + 3)).collect();
        assert_equal(4, &keys, &mut random);
    }
}

#[test]
fn keys_of_every_length_are_hashed_like_the_bcrypt_crate_does() {
    let mut random = Random(2);
    let keys: Vec<_> = (0..=80).map(|length| random.bytes(length)).collect();
    assert_equal(4, &keys, &mut random);
}

#[test]
fn every_cost_doubles_the_rounds_as_the_bcrypt_crate_does() {
    let mut random = Random(3);
    for log2 in [4, 5, 6] {
        for width in 1..=MAX_LANES {
            let keys: Vec<_> = (0..width).map(|_| random.bytes(44)).collect();
            assert_equal(log2, &keys, &mut random);
        }
    }
}

#[test]
fn nul_and_bytes_that_are_not_utf_8_are_hashed_like_other_bytes() {
    let mut random = Random(4);
    let keys = [&b""[..], b"\0", b"a\0b", b"\0\0\0\0", b"\xff\xfe\x80", b"\xff".repeat(72).leak()].map(<[u8]>::to_vec);
    assert_equal(4, &keys, &mut random);
}

#[test]
fn bytes_after_the_72nd_change_nothing() {
    let key = Random(5).bytes(80);
    let digests = bcrypt(cost(4), &[71, 72, 73, 80].map(|length| Job { key: &key[..length], salt: [7; 16] }));
    assert_ne!(digests[0], digests[1]);
    assert_eq!(digests[1], digests[2]);
    assert_eq!(digests[1], digests[3]);
}

#[test]
fn a_lane_is_not_touched_by_its_neighbours() {
    let mut random = Random(6);
    let keys: Vec<_> = (0..MAX_LANES).map(|_| random.bytes(20)).collect();
    let jobs: Vec<_> = keys.iter().map(|key| Job { key, salt: random.salt() }).collect();
    let alone: Vec<_> = jobs.iter().flat_map(|job| bcrypt(cost(4), &[*job])).collect();
    assert_eq!(bcrypt(cost(4), &jobs), alone);
}

#[test]
fn computations_that_begin_beside_others_give_the_digests_of_the_bcrypt_crate() {
    let mut random = Random(7);
    for _ in 0..20 {
        let (mut lanes, mut ended) = (Lanes::default(), 0);
        for _ in 0..30 {
            let (key, salt, log2) = (random.bytes(20), random.salt(), 4 + u32::try_from(random.next() % 4).unwrap());
            let job = Job { key: &key, salt };
            while lanes.is_full() {
                lanes.advance(|wanted, digest| ended += usize::from(digest == wanted));
            }
            lanes.begin(cost(log2), &job, reference(log2, &job));
            for _ in 0..random.next() % 4 {
                lanes.advance(|wanted, digest| ended += usize::from(digest == wanted));
            }
        }
        while !lanes.is_empty() {
            lanes.advance(|wanted, digest| ended += usize::from(digest == wanted));
        }
        assert_eq!(ended, 30);
    }
}

#[test]
fn a_step_is_at_most_eight_rounds_of_every_lane() {
    let mut lanes = Lanes::default();
    assert_eq!(lanes.advance(|(), _| {}), 0);
    lanes.begin(cost(5), &Job { key: b"a key", salt: [7; 16] }, ());
    lanes.advance(|(), _| {});
    lanes.begin(cost(4), &Job { key: b"a key", salt: [8; 16] }, ());
    let mut ended = Vec::new();
    while !lanes.is_empty() {
        let rounds = lanes.advance(|(), _| {});
        ended.push((rounds, lanes.len()));
    }
    assert_eq!(ended, [(8, 2), (8, 1), (8, 0)]);
}

#[test]
fn published_vectors_are_met() {
    // From the test vectors of jBCrypt (D. Miller), and of OpenBSD's regress/lib/libc/crypt.
    let vectors = [
        ("", 6, "DCq7YPn5Rq63x1Lad4cll.", "TV4S6ytwfsfvkgY8jIucDrjc8deX1s."),
        ("a", 6, "m0CrhHm10qJ3lXRY.5zDGO", "3rS2KdeeWLuGmsfGlMfOxih58VYVfxe"),
        ("abc", 6, "If6bvum7DFjUnE9p2uDeDu", "0YHzrHM6tf.iqN8.yx.jNN1ILEf7h0i"),
        ("abcdefghijklmnopqrstuvwxyz", 8, "aTsUwsyowQuzRrDqFflhge", "kJ8d9/7Z3GV3UcgvzQW3J5zMyrTvlz."),
        ("~!@#$%^&*()      ~!@#$%^&*()PNBFRD", 6, "fPIsBO8qRqkjj273rfaOI.", "HtSV9jLDpTbZn782DC6/t7qT67P6FfO"),
    ];
    for (key, log2, salt, digest) in vectors {
        let job = Job { key: key.as_bytes(), salt: base64::decode(salt).unwrap() };
        let [computed] = bcrypt(cost(log2), &[job])[..] else { panic!("one job, one digest") };
        assert_eq!(base64::encode(&computed), digest, "{key:?}");
    }
}
