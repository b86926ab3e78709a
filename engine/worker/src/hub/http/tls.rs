//! TLS to a hub: the system's certificates, and those of a file.

use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::Verifier;

use super::{OpenHubError, bad_authority};

/// How to speak TLS; whom it trusts matters only if it is `used`.
pub(super) fn config(used: bool, authority: Option<&Path>) -> Result<ClientConfig, OpenHubError> {
    let setup = |error: rustls::Error| OpenHubError::Setup(error.to_string());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder =
        ClientConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions().map_err(setup)?;
    if !used {
        return Ok(builder.with_root_certificates(RootCertStore::empty()).with_no_client_auth());
    }
    let verifier = match authority {
        None => Verifier::new(provider).map_err(setup)?,
        Some(path) => {
            let certificates = certificates(path)?;
            Verifier::new_with_extra_roots(certificates, provider).map_err(|error| bad_authority(path, error))?
        }
    };
    let mut config = builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier)).with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, OpenHubError> {
    let read: Result<Vec<_>, _> = CertificateDer::pem_file_iter(path).and_then(Iterator::collect);
    let certificates = read.map_err(|error| bad_authority(path, error))?;
    if certificates.is_empty() {
        return Err(bad_authority(path, "it has none"));
    }
    Ok(certificates)
}
