//! The root certificates that PostgreSQL's certificate is checked against.

use crate::OpenError;
use crate::database_url::without_address;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use rustls::RootCertStore;
use sqlx::ConnectOptions as _;
use sqlx::postgres::{PgConnectOptions, PgSslMode};

/// Adds the system's root certificates, if the URL asks to check the certificate and names no roots. By itself, sqlx
/// trusts no others than the named ones, since the crate `webpki-roots` is empty here.
///
/// # Errors
/// [`OpenError::Unfit`] when the system has no root certificates.
pub(crate) fn with_roots(options: PgConnectOptions) -> Result<PgConnectOptions, OpenError> {
    let verifies = matches!(options.get_ssl_mode(), PgSslMode::VerifyCa | PgSslMode::VerifyFull);
    if !verifies || without_address(&options).to_url_lossy().query_pairs().any(|(key, _)| key == "sslrootcert") {
        return Ok(options);
    }
    let roots = roots_of_the_system();
    if roots.is_empty() {
        return Err(OpenError::Unfit(
            "this system has no root certificates to check PostgreSQL's certificate against: install them \
             (ca-certificates), or name a file in sslrootcert in DATABASE_URL"
                .to_owned(),
        ));
    }
    Ok(options.ssl_root_cert_from_pem(roots.into_bytes()))
}

/// The root certificates of the system, or of `SSL_CERT_FILE`, in PEM. It leaves out those that rustls does not take,
/// because sqlx would fail on them.
fn roots_of_the_system() -> String {
    let mut accepted = RootCertStore::empty();
    let mut certificates = rustls_native_certs::load_native_certs().certs;
    certificates.retain(|certificate| accepted.add(certificate.clone()).is_ok());
    let pem =
        |der| format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", BASE64_STANDARD.encode(der));
    certificates.iter().map(pem).collect()
}

#[cfg(test)]
mod tests {
    use super::{roots_of_the_system, with_roots};
    use rustls::pki_types::CertificateDer;
    use rustls::pki_types::pem::PemObject as _;
    use sqlx::ConnectOptions as _;
    use sqlx::postgres::PgConnectOptions;

    /// The root certificates that a URL leads to, as sqlx shows them.
    fn roots(url: &str) -> Option<String> {
        let options: PgConnectOptions = url.parse().unwrap();
        let url = with_roots(options).unwrap().to_url_lossy();
        url.query_pairs().find(|(key, _)| key == "sslrootcert").map(|(_, value)| value.into_owned())
    }

    #[test]
    fn sqlx_trusts_no_root_certificate_by_itself() {
        assert!(webpki_roots::TLS_SERVER_ROOTS.is_empty());
    }

    #[test]
    fn the_roots_of_the_system_are_trusted_only_if_none_are_named() {
        for mode in ["verify-ca", "verify-full"] {
            let of_the_system = roots(&format!("postgres://u:p@localhost/d?sslmode={mode}")).unwrap();
            assert!(of_the_system.starts_with("-----BEGIN CERTIFICATE-----"), "{of_the_system}");
            let named = roots(&format!("postgres://u:p@localhost/d?sslmode={mode}&sslrootcert=/ca.pem"));
            assert_eq!(named.as_deref(), Some("file: /ca.pem"));
        }
        assert_eq!(roots("postgres://u:p@localhost/d?sslmode=require"), None, "nothing is checked");
    }

    #[test]
    fn the_roots_of_the_system_are_pem() {
        let pem = roots_of_the_system();
        let read: Vec<_> = CertificateDer::pem_slice_iter(pem.as_bytes()).map(Result::unwrap).collect();
        assert!(read.len() == pem.matches("BEGIN").count() && !read.is_empty(), "{}", read.len());
    }
}
