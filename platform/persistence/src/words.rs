//! The words in braces of [`sql!`](crate::sql), which the compiler replaces by the text of each dialect. The macro calls
//! these functions.

/// A dialect of SQL.
#[derive(Clone, Copy)]
pub enum Dialect {
    Postgres,
    Sqlite,
}

const SQLITE_NOW: &str = "cast(unixepoch('subsec') * 1000000 as integer)";
/// Each word, its text for PostgreSQL and its text for SQLite.
const WORDS: [(&str, &str, &str); 6] = [
    ("now", "now()", SQLITE_NOW),
    ("clock", "clock_timestamp()", SQLITE_NOW),
    ("for update", "for update", ""),
    ("for update skip locked", "for update skip locked", ""),
    ("least", "least", "min"),
    ("greatest", "greatest", "max"),
];
/// Each unit of time, what follows the amount for PostgreSQL, and for SQLite.
const UNITS: [(&str, &str, &str); 4] = [
    ("us", " * interval '1 us')", " * 1)"),
    ("s", " * interval '1 s')", " * 1000000)"),
    ("min", " * interval '1 min')", " * 60000000)"),
    ("d", " * interval '1 d')", " * 86400000000)"),
];

/// The length of the expanded text, in bytes.
#[must_use]
pub const fn length(texts: &[&str], dialect: Dialect) -> usize {
    write::<0>(texts, dialect).length
}

/// The expanded text. `N` is its [`length`].
#[must_use]
pub const fn expand<const N: usize>(texts: &[&str], dialect: Dialect) -> [u8; N] {
    write::<N>(texts, dialect).bytes
}

/// The bytes of an expanded text as a text again.
#[must_use]
pub const fn text(bytes: &[u8]) -> &str {
    match str::from_utf8(bytes) {
        Ok(text) => text,
        Err(_) => panic!("texts consist of whole characters, and so do words"),
    }
}

const fn write<const N: usize>(texts: &[&str], dialect: Dialect) -> Buffer<N> {
    let mut buffer = Buffer { bytes: [0; N], length: 0 };
    let mut n = 0;
    while n < texts.len() {
        if n > 0 {
            buffer.push(b" ");
        }
        buffer.push_expanded(texts[n].as_bytes(), dialect);
        n += 1;
    }
    buffer
}

/// Holds the first `N` bytes that are pushed, and counts all of them.
struct Buffer<const N: usize> {
    bytes: [u8; N],
    length: usize,
}

impl<const N: usize> Buffer<N> {
    const fn push(&mut self, mut text: &[u8]) {
        while let [first, rest @ ..] = text {
            if self.length < N {
                self.bytes[self.length] = *first;
            }
            self.length += 1;
            text = rest;
        }
    }

    const fn push_expanded(&mut self, mut text: &[u8], dialect: Dialect) {
        while let [first, rest @ ..] = text {
            text = match first {
                b'{' => {
                    let (word, rest) = rest.split_at(find(rest, b'}'));
                    self.push_word(word, dialect);
                    rest.split_at(1).1
                }
                b'}' => panic!("no `{{` stands before a `}}` in this SQL"),
                _ => {
                    self.push(&[*first]);
                    rest
                }
            };
        }
    }

    const fn push_word(&mut self, word: &[u8], dialect: Dialect) {
        if let Some(text) = look_up(&WORDS, word, dialect) {
            return self.push(text);
        }
        if let [b'0'..=b'9' | b'$', ..] = word {
            let (amount, unit) = word.split_at(find(word, b' '));
            if let Some(text) = look_up(&UNITS, unit.split_at(1).1, dialect) {
                self.push(b"(");
                self.push(amount);
                return self.push(text);
            }
        }
        if let [b'i', b'n', b' ', parameter @ ..] = word
            && let [b'$', _, ..] = parameter
        {
            let (before, after): (&[u8], &[u8]) = match dialect {
                Dialect::Postgres => (b"= any(", b")"),
                Dialect::Sqlite => (b"in (select unhex(value) from json_each(", b"))"),
            };
            self.push(before);
            self.push(parameter);
            return self.push(after);
        }
        refuse(word)
    }
}

const fn look_up(table: &[(&str, &'static str, &'static str)], word: &[u8], dialect: Dialect) -> Option<&'static [u8]> {
    let mut n = 0;
    while n < table.len() {
        let (name, postgres, sqlite) = table[n];
        if is_equal(name.as_bytes(), word) {
            let text = match dialect {
                Dialect::Postgres => postgres,
                Dialect::Sqlite => sqlite,
            };
            return Some(text.as_bytes());
        }
        n += 1;
    }
    None
}

const fn is_equal(mut one: &[u8], mut other: &[u8]) -> bool {
    while let ([a, rest_of_one @ ..], [b, rest_of_other @ ..]) = (one, other) {
        if *a != *b {
            return false;
        }
        (one, other) = (rest_of_one, rest_of_other);
    }
    one.is_empty() && other.is_empty()
}

/// The position of a byte, which MUST be there.
const fn find(text: &[u8], byte: u8) -> usize {
    let mut n = 0;
    while n < text.len() {
        if text[n] == byte {
            return n;
        }
        n += 1;
    }
    match byte {
        b'}' => panic!("a `{{` in this SQL is not closed"),
        _ => refuse(text),
    }
}

const fn refuse(word: &[u8]) -> ! {
    let mut why = Buffer { bytes: [0; 500], length: 0 };
    why.push(b"`{");
    why.push(word.split_at(if word.len() < 100 { word.len() } else { 100 }).0);
    why.push(b"}` is not a word of `sql!`. The words are");
    let mut n = 0;
    while n < WORDS.len() {
        why.push(b" {");
        why.push(WORDS[n].0.as_bytes());
        why.push(b"}");
        n += 1;
    }
    why.push(b" {in $1} and lengths of time like {15 s} or {$2 us}, in us, s, min or d.");
    panic!("{}", text(why.bytes.split_at(why.length).0))
}
