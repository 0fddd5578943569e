//! `N` bcrypt computations in lockstep.
//!
//! Every step of the cipher loops over the lanes before the next step begins: while one lane waits
//! for its substitution boxes, the others compute. How the loops are written decides how well the
//! compiler unrolls them (`step_by` over the rounds costs a fifth of the speed): measure a change
//! with `cargo xtask bench`. Unchecked indexing was measured too and gains nothing.

use crate::pi::{self, Boxes, ROUND_KEYS};
use crate::{Cost, Digest, Job};
use zeroize::{Zeroize, Zeroizing};

/// "OrpheanBeholderScryDoubt", the text that is encrypted: three blocks of two halves.
const TEXT: [[u32; 2]; 3] = [[0x4f72_7068, 0x6561_6e42], [0x6568_6f6c, 0x6465_7253], [0x6372_7944, 0x6f75_6274]];

/// Words in the four boxes.
const BOX_WORDS: usize = 4 * 256;

/// A key or a salt, repeated to the length of the round keys.
type Words = [u32; ROUND_KEYS];

/// One half of a block, of every lane.
type Half<const N: usize> = [u32; N];

/// The state of one Blowfish computation.
struct Blowfish {
    boxes: Boxes,
    round_keys: Words,
}

impl Blowfish {
    const INITIAL: Self = Self { boxes: pi::S, round_keys: pi::P };
}

impl Zeroize for Blowfish {
    fn zeroize(&mut self) {
        self.boxes.zeroize();
        self.round_keys.zeroize();
    }
}

/// With five lanes, one round takes about a tenth of a millisecond.
const ROUNDS_TO_A_PAUSE: u32 = 8;

/// Computes the digests of `N` jobs. Everything derived from the keys is wiped.
pub(crate) fn digests<const N: usize>(cost: Cost, jobs: &[Job<'_>; N], pause: &dyn Fn()) -> [Digest; N] {
    // Filled in place and never moved, because a move would leave a copy behind.
    let mut state = Zeroizing::new([Blowfish::INITIAL; N]);
    let mut key_words = Zeroizing::new([[0; ROUND_KEYS]; N]);
    let (lanes, keys) = (&mut *state, &mut *key_words);
    let mut salts = [[0; ROUND_KEYS]; N];
    for lane in 0..N {
        repeat(jobs[lane].key.iter().chain(&[0]), &mut keys[lane]);
        repeat(jobs[lane].salt.iter(), &mut salts[lane]);
    }
    expand(lanes, keys, |lane, word| salts[lane][word % 4]);
    for round in 0..cost.rounds() {
        if round % ROUNDS_TO_A_PAUSE == 0 {
            pause();
        }
        expand(lanes, keys, |_, _| 0);
        expand(lanes, &salts, |_, _| 0);
    }
    encrypt_text(lanes)
}

/// Fills the words, big-endian, by repeating the bytes.
fn repeat<'a>(bytes: impl Iterator<Item = &'a u8> + Clone, words: &mut Words) {
    let mut bytes = bytes.cycle();
    for word in words {
        *word = bytes.by_ref().take(4).fold(0, |word, byte| (word << 8) | u32::from(*byte));
    }
}

/// Blowfish's key schedule. `salt` is the word of a lane's salt that is mixed in before the given
/// word of the state is made.
#[inline(never)] // Measured: inlined, five lanes are slower.
fn expand<const N: usize>(lanes: &mut [Blowfish; N], keys: &[Words; N], salt: impl Fn(usize, usize) -> u32) {
    for (lane, key) in lanes.iter_mut().zip(keys) {
        for (round_key, word) in lane.round_keys.iter_mut().zip(key) {
            *round_key ^= word;
        }
    }
    let (mut left, mut right) = ([0; N], [0; N]);
    for at in (0..ROUND_KEYS).step_by(2) {
        for lane in 0..N {
            left[lane] ^= salt(lane, at);
            right[lane] ^= salt(lane, at + 1);
        }
        (left, right) = encrypt(lanes, left, right);
        for lane in 0..N {
            lanes[lane].round_keys[at] = left[lane];
            lanes[lane].round_keys[at + 1] = right[lane];
        }
    }
    for at in (0..BOX_WORDS).step_by(2) {
        for lane in 0..N {
            left[lane] ^= salt(lane, ROUND_KEYS + at);
            right[lane] ^= salt(lane, ROUND_KEYS + at + 1);
        }
        (left, right) = encrypt(lanes, left, right);
        for lane in 0..N {
            let boxes = lanes[lane].boxes.as_flattened_mut();
            boxes[at] = left[lane];
            boxes[at + 1] = right[lane];
        }
    }
}

/// Encrypts one block of every lane.
#[inline(always)]
fn encrypt<const N: usize>(lanes: &[Blowfish; N], mut left: Half<N>, mut right: Half<N>) -> (Half<N>, Half<N>) {
    for lane in 0..N {
        left[lane] ^= lanes[lane].round_keys[0];
    }
    for pair in 0..8 {
        for lane in 0..N {
            right[lane] ^= mix(&lanes[lane].boxes, left[lane]) ^ lanes[lane].round_keys[2 * pair + 1];
        }
        for lane in 0..N {
            left[lane] ^= mix(&lanes[lane].boxes, right[lane]) ^ lanes[lane].round_keys[2 * pair + 2];
        }
    }
    for lane in 0..N {
        right[lane] ^= lanes[lane].round_keys[17];
    }
    (right, left)
}

/// The function F of Blowfish. The compiler sees that all indices are below 256, and checks no bounds.
#[inline(always)]
fn mix(boxes: &Boxes, half: u32) -> u32 {
    let (a, b) = ((half >> 24) as usize, (half >> 16 & 0xff) as usize);
    let (c, d) = ((half >> 8 & 0xff) as usize, (half & 0xff) as usize);
    (boxes[0][a].wrapping_add(boxes[1][b]) ^ boxes[2][c]).wrapping_add(boxes[3][d])
}

/// Encrypts [`TEXT`] 64 times and drops the last byte.
fn encrypt_text<const N: usize>(lanes: &[Blowfish; N]) -> [Digest; N] {
    let mut texts = [[0; 24]; N];
    for (block, [left, right]) in TEXT.into_iter().enumerate() {
        let (mut left, mut right) = ([left; N], [right; N]);
        for _ in 0..64 {
            (left, right) = encrypt(lanes, left, right);
        }
        for lane in 0..N {
            let text = &mut texts[lane][8 * block..][..8];
            text[..4].copy_from_slice(&left[lane].to_be_bytes());
            text[4..].copy_from_slice(&right[lane].to_be_bytes());
        }
    }
    texts.map(|[digest @ .., _]: [u8; 24]| digest)
}

#[cfg(test)]
mod tests {
    use super::{Blowfish, Zeroize};

    #[test]
    fn wiping_leaves_nothing_of_the_state() {
        let mut state = Blowfish::INITIAL;
        state.zeroize();
        assert!(state.boxes.as_flattened().iter().chain(&state.round_keys).all(|&word| word == 0));
    }
}
