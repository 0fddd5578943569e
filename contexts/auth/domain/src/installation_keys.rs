//! Which keys an installation uses, and whether a key file is one of its own.

use std::fmt::{Display, Formatter};

/// What a key is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum KeyKind {
    /// Passwords are sealed to it.
    Sealing,
    /// Access tokens are signed with it.
    Signing,
}

impl KeyKind {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Sealing, Self::Signing];

    /// As stored and shown.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sealing => "sealing",
            Self::Signing => "signing",
        }
    }
}

/// A key pair, by its public half. Two keys are the same when that is: files may give any name.
#[derive(Debug, Clone)]
pub struct InstallationKey {
    /// What it is for.
    pub kind: KeyKind,
    /// Its name.
    pub kid: String,
    /// Its public half, in base64url.
    pub public: String,
}

impl InstallationKey {
    fn is(&self, other: &Self) -> bool {
        self.kind == other.kind && self.public == other.public
    }
}

/// A key as the database has it.
#[derive(Debug, Clone)]
pub struct RecordedKey {
    /// The key.
    pub key: InstallationKey,
    /// Whether it is no longer in use.
    pub retired: bool,
}

/// How a key file fits an installation.
#[derive(Debug, PartialEq, Eq)]
pub enum KeyFit {
    /// The database has recorded no keys yet.
    Unrecorded,
    /// It is the installation's. All three are empty when nothing has changed since it was copied.
    Ours {
        /// In the file, and not recorded yet: a rotation was cut short.
        new: Vec<String>,
        /// Recorded, and not in the file: an older copy.
        missing: Vec<String>,
        /// In the file, and retired: an older copy.
        retired: Vec<String>,
    },
    /// It has none of the keys of this kind that the installation uses.
    Other(ForeignKeys),
}

/// The keys of a file that is not the installation's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct ForeignKeys {
    /// Of which kind.
    pub kind: KeyKind,
    /// The names of those in the file.
    pub found: Vec<String>,
    /// The names of those that the installation uses.
    pub recorded: Vec<String>,
}

impl Display for ForeignKeys {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        let Self { kind, found, recorded } = self;
        let names = |names: &[String]| if names.is_empty() { "none".to_owned() } else { names.join(", ") };
        let kind = kind.as_str();
        write!(f, "its {kind} key is {}, the {kind} key of this database is {}", names(found), names(recorded))
    }
}

/// Compares the keys of a file with those that the database has recorded.
///
/// Of each kind one key in use must be in the file. Keys are replaced one by one, so that a file which has none of
/// them belongs to another installation, or is so old that nothing can be done with it.
#[must_use]
pub fn compare_keys(recorded: &[RecordedKey], found: &[InstallationKey]) -> KeyFit {
    if recorded.is_empty() {
        return KeyFit::Unrecorded;
    }
    let names = |keys: Vec<&InstallationKey>| keys.iter().map(|key| key.kid.clone()).collect::<Vec<_>>();
    let used = || recorded.iter().filter(|it| !it.retired).map(|it| &it.key);
    let is_found = |key: &InstallationKey| found.iter().any(|other| other.is(key));
    for kind in KeyKind::ALL {
        if !used().any(|key| key.kind == kind && is_found(key)) {
            return KeyFit::Other(ForeignKeys {
                kind,
                found: names(found.iter().filter(|key| key.kind == kind).collect()),
                recorded: names(used().filter(|key| key.kind == kind).collect()),
            });
        }
    }
    let standing = |key: &InstallationKey| recorded.iter().find(|it| it.key.is(key)).map(|it| it.retired);
    KeyFit::Ours {
        new: names(found.iter().filter(|key| standing(key).is_none()).collect()),
        missing: names(used().filter(|key| !is_found(key)).collect()),
        retired: names(found.iter().filter(|key| standing(key) == Some(true)).collect()),
    }
}

#[cfg(test)]
mod tests {
    use super::{InstallationKey, KeyFit, KeyKind, RecordedKey, compare_keys};

    fn key(kind: KeyKind, kid: &str) -> InstallationKey {
        InstallationKey { kind, kid: kid.to_owned(), public: format!("public half of {kid}") }
    }

    fn keys(sealing: &[&str], signing: &[&str]) -> Vec<InstallationKey> {
        let sealing = sealing.iter().map(|kid| key(KeyKind::Sealing, kid));
        sealing.chain(signing.iter().map(|kid| key(KeyKind::Signing, kid))).collect()
    }

    fn recorded(keys: Vec<InstallationKey>, retired: &[&str]) -> Vec<RecordedKey> {
        keys.into_iter().map(|key| RecordedKey { retired: retired.contains(&&*key.kid), key }).collect()
    }

    fn ours(new: &[&str], missing: &[&str], retired: &[&str]) -> KeyFit {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        KeyFit::Ours { new: owned(new), missing: owned(missing), retired: owned(retired) }
    }

    #[test]
    fn a_file_is_the_installations_when_it_shares_a_key_in_use_of_each_kind() {
        let record = recorded(keys(&["a"], &["s", "t", "u"]), &["s"]);
        assert_eq!(compare_keys(&[], &keys(&["a"], &["t"])), KeyFit::Unrecorded);
        assert_eq!(compare_keys(&record, &keys(&["a"], &["t", "u"])), ours(&[], &[], &[]));
        assert_eq!(compare_keys(&record, &keys(&["a"], &["s", "t"])), ours(&[], &["u"], &["s"]), "an older copy");
        assert_eq!(compare_keys(&record, &keys(&["a", "b"], &["t", "u", "v"])), ours(&["b", "v"], &[], &[]));
        for (sealing, signing) in [("b", "t"), ("a", "v"), ("a", "s"), ("b", "v")] {
            let fit = compare_keys(&record, &keys(&[sealing], &[signing]));
            assert!(matches!(fit, KeyFit::Other(_)), "{sealing} and {signing}: {fit:?}");
        }
    }

    #[test]
    fn a_file_that_is_not_the_installations_is_told_by_both_names() {
        let record = recorded(keys(&["a"], &["s"]), &[]);
        let KeyFit::Other(why) = compare_keys(&record, &keys(&["b"], &["s"])) else { panic!("it fits") };
        assert_eq!(why.to_string(), "its sealing key is b, the sealing key of this database is a");
        let KeyFit::Other(why) = compare_keys(&record, &keys(&["a"], &[])) else { panic!("it fits") };
        assert_eq!(why.to_string(), "its signing key is none, the signing key of this database is s");
    }

    #[test]
    fn a_name_alone_makes_no_key_the_installations() {
        let record = recorded(keys(&["1"], &["1"]), &[]);
        let mut other = keys(&["1"], &["1"]);
        other[0].public = "another".to_owned();
        assert!(matches!(compare_keys(&record, &other), KeyFit::Other(_)));
    }
}
