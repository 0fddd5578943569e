//! Auth: SQL, hashing and HTTP.
