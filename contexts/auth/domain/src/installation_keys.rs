//! The keys that an installation uses, and whether a key file belongs to it.

use std::fmt::{Display, Formatter};

/// The kind of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum KeyKind {
    /// Passwords are sealed with its public half.
    Sealing,
    /// Access tokens are signed with it.
    Signing,
    /// The secrets of authenticator apps are sealed under it.
    Factors,
}

impl KeyKind {
    /// All kinds.
    pub const ALL: [Self; 3] = [Self::Sealing, Self::Signing, Self::Factors];
    /// The kinds that every installation has.
    const ALWAYS: [Self; 2] = [Self::Sealing, Self::Signing];

    /// The word that is stored and shown.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sealing => "sealing",
            Self::Signing => "signing",
            Self::Factors => "factors",
        }
    }
}

/// A key pair, without the private half. Two keys are the same if their kind and public half are: a file may give them
/// any id.
#[derive(Debug, Clone)]
pub struct InstallationKey {
    pub kind: KeyKind,
    /// The id of the key.
    pub kid: String,
    /// The public half in base64url, or the fingerprint of a key that has none.
    pub public: String,
}

impl InstallationKey {
    fn is(&self, other: &Self) -> bool {
        self.kind == other.kind && self.public == other.public
    }
}

/// A key that the database has recorded.
#[derive(Debug, Clone)]
pub struct RecordedKey {
    pub key: InstallationKey,
    /// Whether the key is no longer in use.
    pub retired: bool,
}

/// Whether a key file belongs to an installation.
#[derive(Debug, PartialEq, Eq)]
pub enum KeyFit {
    /// The database has recorded no keys yet.
    Unrecorded,
    /// The file belongs to the installation. The lists hold the ids of keys; all are empty if the file is up to date.
    Ours {
        /// Keys in the file that are not recorded yet: a rotation was interrupted.
        new: Vec<String>,
        /// Recorded keys that are not in the file: the file is an older copy.
        missing: Vec<String>,
        /// Keys in the file that are retired: the file is an older copy.
        retired: Vec<String>,
    },
    /// The file has none of the keys of one kind that the installation uses.
    Other(ForeignKeys),
}

/// A key file belongs to another installation, with the keys that show it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct ForeignKeys {
    pub kind: KeyKind,
    /// The ids of the keys in the file.
    pub found: Vec<String>,
    /// The ids of the keys that the installation uses.
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
/// Of the sealing and the signing keys, the file must have at least one that is in use. Keys are replaced one by one. So a file without
/// any of them belongs to another installation, or is too old to be of use.
#[must_use]
pub fn compare_keys(recorded: &[RecordedKey], found: &[InstallationKey]) -> KeyFit {
    if recorded.is_empty() {
        return KeyFit::Unrecorded;
    }
    let names = |keys: Vec<&InstallationKey>| keys.iter().map(|key| key.kid.clone()).collect::<Vec<_>>();
    let used = || recorded.iter().filter(|it| !it.retired).map(|it| &it.key);
    let is_found = |key: &InstallationKey| found.iter().any(|other| other.is(key));
    for kind in KeyKind::ALWAYS {
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
    fn a_file_with_a_key_in_use_of_each_kind_belongs_to_the_installation() {
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
    fn a_file_without_the_key_for_second_factors_is_an_older_copy() {
        let all = [keys(&["a"], &["s"]), vec![key(KeyKind::Factors, "f")]].concat();
        let record = recorded(all.clone(), &[]);
        assert_eq!(compare_keys(&record, &keys(&["a"], &["s"])), ours(&[], &["f"], &[]));
        assert_eq!(compare_keys(&record, &all), ours(&[], &[], &[]));
        assert_eq!(compare_keys(&recorded(keys(&["a"], &["s"]), &[]), &all), ours(&["f"], &[], &[]), "an upgrade");
    }

    #[test]
    fn the_error_for_a_foreign_file_names_both_keys() {
        let record = recorded(keys(&["a"], &["s"]), &[]);
        let KeyFit::Other(why) = compare_keys(&record, &keys(&["b"], &["s"])) else { panic!("it fits") };
        assert_eq!(why.to_string(), "its sealing key is b, the sealing key of this database is a");
        let KeyFit::Other(why) = compare_keys(&record, &keys(&["a"], &[])) else { panic!("it fits") };
        assert_eq!(why.to_string(), "its signing key is none, the signing key of this database is s");
    }

    #[test]
    fn a_key_with_the_same_id_and_another_public_half_is_foreign() {
        let record = recorded(keys(&["1"], &["1"]), &[]);
        let mut other = keys(&["1"], &["1"]);
        other[0].public = "another".to_owned();
        assert!(matches!(compare_keys(&record, &other), KeyFit::Other(_)));
    }
}
