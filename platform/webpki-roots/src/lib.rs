//! An empty set of root certificates, in place of the published crate of this name (ADR 0021). sqlx trusts these roots
//! beside those that it is given.

use rustls::pki_types::TrustAnchor;

/// No root certificate.
pub const TLS_SERVER_ROOTS: &[TrustAnchor<'static>] = &[];
