//! Whom we believe that a mirror is the one that it says it is.

use std::sync::Arc;
use ureq::tls::{Certificate, RootCerts};

/// The authorities that may have signed a mirror's certificate: first those that the environment variables `SSL_CERT_FILE` and
/// `SSL_CERT_DIR` name, or the system's, among which a network's own authority will be; then Mozilla's, for a system
/// that has none. And what went wrong in reading the former.
pub(crate) fn authorities() -> (Vec<RootCerts>, Option<String>) {
    let read = rustls_native_certs::load_native_certs();
    let fault = read.errors.first().map(ToString::to_string);
    let own: Vec<_> = read.certs.iter().map(|der| Certificate::from_der(der).to_owned()).collect();
    match own.is_empty() {
        true => (vec![RootCerts::WebPki], fault),
        false => (vec![RootCerts::Specific(Arc::new(own)), RootCerts::WebPki], fault),
    }
}

/// Whether a message says that a certificate was not believed.
pub(crate) fn is_about_certificates(message: &str) -> bool {
    message.contains("certificate")
}
