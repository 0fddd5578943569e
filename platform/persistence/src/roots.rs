//! The root certificates that PostgreSQL's certificate is checked against.

use crate::OpenError;
use crate::database_url::without_address;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use rustls::RootCertStore;
use rustls_native_certs::{CertificateResult, load_native_certs};
use sqlx::ConnectOptions as _;
use sqlx::postgres::{PgConnectOptions, PgSslMode};

/// Adds the system's root certificates, if the URL asks to check the certificate and names no roots. By itself, sqlx trusts no others than the named ones, since the crate `webpki-roots` is empty here.
///
/// # Errors
/// [`OpenError::Unfit`] when the system has no root certificates, or its roots were to prove no name: anyone can get a
/// certificate from a public CA.
pub(crate) fn with_roots(options: PgConnectOptions) -> Result<PgConnectOptions, OpenError> {
    let verifies = matches!(options.get_ssl_mode(), PgSslMode::VerifyCa | PgSslMode::VerifyFull);
    if !verifies || without_address(&options).to_url_lossy().query_pairs().any(|(key, _)| key == "sslrootcert") {
        return Ok(options);
    }
    if matches!(options.get_ssl_mode(), PgSslMode::VerifyCa) {
        let why = "sslmode=verify-ca in DATABASE_URL needs the file of your own CA in sslrootcert: write \
             sslmode=verify-full for a certificate of a public CA";
        return Err(OpenError::Unfit(why.to_owned()));
    }
    let (roots, errors) = roots_of_the_system();
    if roots.is_empty() {
        return Err(OpenError::Unfit(format!(
            "this system has no root certificates to check PostgreSQL's certificate against: install them \
             (ca-certificates), correct SSL_CERT_FILE, or name a file in sslrootcert in DATABASE_URL{errors}"
        )));
    }
    Ok(options.ssl_root_cert_from_pem(roots.into_bytes()))
}

/// The root certificates of the system, or of `SSL_CERT_FILE`, in PEM, and the errors of reading them. It leaves out those
/// that rustls does not take, because sqlx would fail on them.
fn roots_of_the_system() -> (String, String) {
    let mut accepted = RootCertStore::empty();
    let CertificateResult { certs: mut certificates, errors, .. } = load_native_certs();
    certificates.retain(|certificate| accepted.add(certificate.clone()).is_ok());
    let pem =
        |der| format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", BASE64_STANDARD.encode(der));
    (certificates.iter().map(pem).collect(), errors.iter().map(|error| format!("; {error}")).collect())
}

#[cfg(test)]
mod tests {
    use super::{roots_of_the_system, with_roots};
    use crate::OpenError;
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
    fn the_roots_of_the_system_are_trusted_only_if_none_are_named_and_the_name_is_checked() {
        let of_the_system = roots("postgres://u:p@localhost/d?sslmode=verify-full").unwrap();
        assert!(of_the_system.starts_with("-----BEGIN CERTIFICATE-----"), "{of_the_system}");
        let without_name: PgConnectOptions = "postgres://u:p@localhost/d?sslmode=verify-ca".parse().unwrap();
        let Err(OpenError::Unfit(why)) = with_roots(without_name) else { panic!("any public certificate would do") };
        assert!(why.contains("verify-full"), "{why}");
        for mode in ["verify-ca", "verify-full"] {
            let named = roots(&format!("postgres://u:p@localhost/d?sslmode={mode}&sslrootcert=/ca.pem"));
            assert_eq!(named.as_deref(), Some("file: /ca.pem"));
        }
        assert_eq!(roots("postgres://u:p@localhost/d?sslmode=require"), None, "nothing is checked");
    }

    #[test]
    fn the_roots_of_the_system_are_pem() {
        let (pem, errors) = roots_of_the_system();
        assert_eq!(errors, "");
        let read: Vec<_> = CertificateDer::pem_slice_iter(pem.as_bytes()).map(Result::unwrap).collect();
        assert!(read.len() == pem.matches("BEGIN").count() && !read.is_empty(), "{}", read.len());
    }
}
