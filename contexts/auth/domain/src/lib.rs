//! Auth: credentials and the rules of passwords.
