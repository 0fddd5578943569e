//! Several bcrypt computations in lockstep.
//!
//! Every step of the cipher loops over the lanes before the next step begins: while one lane waits
//! for its substitution boxes, the others compute. How the loops are written decides how well the
//! compiler unrolls them (`step_by` over the rounds costs a fifth of the speed): measure a change
//! with `cargo xtask bench`. Unchecked indexing was measured too and gains nothing.

use crate::pi::{self, Boxes, ROUND_KEYS};
use crate::{Cost, Digest, Job, MAX_LANES};
use std::array;
use zeroize::Zeroize;

/// "OrpheanBeholderScryDoubt", the text that is encrypted: three blocks of two halves.
const TEXT: [[u32; 2]; 3] = [[0x4f72_7068, 0x6561_6e42], [0x6568_6f6c, 0x6465_7253], [0x6372_7944, 0x6f75_6274]];

/// Words in the four boxes.
const BOX_WORDS: usize = 4 * 256;

/// A key or a salt, repeated to the length of the round keys.
type Words = [u32; ROUND_KEYS];

/// One half of a block, of every lane.
type Half<const N: usize> = [u32; N];

/// The state of one Blowfish computation.
#[derive(Clone, Copy)]
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

/// Up to [`MAX_LANES`] computations of bcrypt that share one core. Each begins when there is room, whatever the others
/// have left to do, and has its own cost.
///
/// `T` is what the caller remembers a computation by. Everything derived from a key is wiped when its computation ends,
/// or with the `Lanes`.
pub struct Lanes<T> {
    /// The box never moves, because a move would leave a copy behind. `end` copies a lane inside it, and wipes the source.
    state: Box<State>,
    /// One for each lane that computes: the first ones.
    running: Vec<Running<T>>,
}

struct State {
    blowfish: [Blowfish; MAX_LANES],
    keys: [Words; MAX_LANES],
    salts: [Words; MAX_LANES],
}

struct Running<T> {
    tag: T,
    rounds: u32,
}

impl<T> Default for Lanes<T> {
    fn default() -> Self {
        let none = [[0; ROUND_KEYS]; MAX_LANES];
        let state = State { blowfish: [Blowfish::INITIAL; MAX_LANES], keys: none, salts: none };
        Self { state: Box::new(state), running: Vec::with_capacity(MAX_LANES) }
    }
}

impl<T> Lanes<T> {
    /// The most rounds that one call of [`advance`](Self::advance) computes. With five lanes, eight rounds take
    /// some tenths of a millisecond.
    pub const STEP: u32 = 8;

    /// The number of computations that have begun and not ended.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.running.len()
    }

    /// Whether nothing is being computed.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.running.is_empty()
    }

    /// Whether every lane computes, so that none can begin.
    #[must_use]
    pub const fn is_full(&self) -> bool {
        self.running.len() == MAX_LANES
    }

    /// Begins a computation.
    ///
    /// # Panics
    /// If the lanes are full.
    pub fn begin(&mut self, cost: Cost, job: &Job<'_>, tag: T) {
        self.state.begin(self.running.len(), job);
        self.running.push(Running { tag, rounds: cost.rounds() });
    }

    /// Computes up to [`STEP`](Self::STEP) rounds of every computation, and returns their number. `finished` gets those
    /// that have ended, in any order.
    pub fn advance(&mut self, mut finished: impl FnMut(T, Digest)) -> u32 {
        let rounds = self.running.iter().map(|it| it.rounds).min().unwrap_or(0).min(Self::STEP);
        self.state.compute(self.running.len(), rounds);
        for lane in (0..self.running.len()).rev() {
            self.running[lane].rounds -= rounds;
            if self.running[lane].rounds == 0 {
                let digest = self.state.end(lane, self.running.len() - 1);
                finished(self.running.swap_remove(lane).tag, digest);
            }
        }
        rounds
    }
}

/// Not generic, so that these functions are compiled with this crate, which debug builds optimise, too.
impl State {
    fn begin(&mut self, lane: usize, job: &Job<'_>) {
        let Self { blowfish, keys, salts } = self;
        blowfish[lane] = Blowfish::INITIAL;
        repeat(job.key.iter().chain(&[0]), &mut keys[lane]);
        repeat(job.salt.iter(), &mut salts[lane]);
        let salt = salts[lane];
        expand(array::from_mut(&mut blowfish[lane]), array::from_ref(&keys[lane]), |_, word| salt[word % 4]);
    }

    /// Computes rounds of the first `width` lanes.
    fn compute(&mut self, width: usize, rounds: u32) {
        match width {
            1 => self.compute_together::<1>(rounds),
            2 => self.compute_together::<2>(rounds),
            3 => self.compute_together::<3>(rounds),
            4 => self.compute_together::<4>(rounds),
            _ => self.compute_together::<MAX_LANES>(rounds),
        }
    }

    fn compute_together<const N: usize>(&mut self, rounds: u32) {
        let Some(lanes) = self.blowfish.first_chunk_mut::<N>() else { return };
        let (Some(keys), Some(salts)) = (self.keys.first_chunk::<N>(), self.salts.first_chunk::<N>()) else { return };
        for _ in 0..rounds {
            expand(lanes, keys, |_, _| 0);
            expand(lanes, salts, |_, _| 0);
        }
    }

    /// The digest of a lane that has computed its rounds. Moves the last lane that computes to its place, and wipes the
    /// last.
    fn end(&mut self, lane: usize, last: usize) -> Digest {
        let digest = encrypt_text(&self.blowfish[lane]);
        self.blowfish.copy_within(last..=last, lane);
        self.keys.copy_within(last..=last, lane);
        self.salts.copy_within(last..=last, lane);
        self.blowfish[last].zeroize();
        self.keys[last].zeroize();
        digest
    }
}

impl Zeroize for State {
    fn zeroize(&mut self) {
        self.blowfish.zeroize();
        self.keys.zeroize();
    }
}

impl<T> Drop for Lanes<T> {
    fn drop(&mut self) {
        self.state.zeroize();
    }
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
fn encrypt_text(lane: &Blowfish) -> Digest {
    let mut text = [0; 24];
    for (bytes, [left, right]) in text.as_chunks_mut::<8>().0.iter_mut().zip(TEXT) {
        let (mut left, mut right) = ([left], [right]);
        for _ in 0..64 {
            (left, right) = encrypt(array::from_ref(lane), left, right);
        }
        bytes[..4].copy_from_slice(&left[0].to_be_bytes());
        bytes[4..].copy_from_slice(&right[0].to_be_bytes());
    }
    let [digest @ .., _] = text;
    digest
}

#[cfg(test)]
mod tests {
    use super::{Cost, Job, Lanes, MAX_LANES, State, Zeroize as _};

    fn is_wiped(state: &State, lane: usize) -> bool {
        let words = state.blowfish[lane].boxes.as_flattened().iter().chain(&state.blowfish[lane].round_keys);
        words.chain(&state.keys[lane]).all(|&word| word == 0)
    }

    #[test]
    fn a_lane_is_wiped_when_its_computation_ends_and_when_another_takes_its_place() {
        let mut lanes = Lanes::default();
        let job = Job { key: b"secret", salt: [7; 16] };
        for cost in [4, 5, 6] {
            lanes.begin(Cost::try_from(cost).expect("a cost of bcrypt"), &job, ());
        }
        for left in (0..3).rev() {
            while lanes.len() > left {
                lanes.advance(|(), _| {});
            }
            assert!(!(0..left).any(|lane| is_wiped(&lanes.state, lane)));
            assert!((left..3).all(|lane| is_wiped(&lanes.state, lane)), "{left} are left");
        }
    }

    #[test]
    fn wiping_leaves_nothing_of_any_lane() {
        let mut lanes = Lanes::default();
        for _ in 0..MAX_LANES {
            lanes.begin(Cost::try_from(4).expect("a cost of bcrypt"), &Job { key: b"secret", salt: [7; 16] }, ());
        }
        lanes.state.zeroize();
        assert!((0..MAX_LANES).all(|lane| is_wiped(&lanes.state, lane)));
    }
}
