//! TLS: rustls on ring and the system's trust store, or the authorities that the plan names, which are trusted alone. Checks cannot be turned off.
//! Built when the first `https://` request is made: a machine without certificates can still speak to loopback.

use super::{Trouble, TroubleKind};
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::Verifier;
use std::sync::{Arc, Mutex, PoisonError};

/// Configurations by the certificates that were added.
#[derive(Default)]
pub(super) struct Tls {
    built: Mutex<Vec<(Vec<Vec<u8>>, ClientConfig)>>,
}

impl Tls {
    /// The configuration for `https://`: with the authorities of `ca` alone, or with the system's where there are none.
    pub(super) fn secure(&self, ca: &[Vec<u8>]) -> Result<ClientConfig, Trouble> {
        let mut built = self.built.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, config)) = built.iter().find(|(pems, _)| pems == ca) {
            return Ok(config.clone());
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let verifier: Arc<dyn ServerCertVerifier> = if ca.is_empty() {
            let system = Verifier::new(Arc::clone(&provider)).map_err(|_| {
                client("this machine has no certificates of authorities: install its `ca-certificates`, or name a file with `ca`")
            })?;
            Arc::new(system)
        } else {
            let mut roots = RootCertStore::empty();
            for certificate in certificates(ca)? {
                roots.add(certificate).map_err(|_| unfit())?;
            }
            WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
                .build()
                .map_err(|_| unfit())?
        };
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|_| client("no version of TLS is available"))?
            .dangerous()
            // Not less strict: this is how the platform's own verifier is put in.
            .with_custom_certificate_verifier(verifier)
            .with_no_client_auth();
        built.push((ca.to_vec(), config.clone()));
        Ok(config)
    }

    /// The configuration where TLS is not used: it trusts nobody.
    pub(super) fn unused() -> Result<ClientConfig, Trouble> {
        Ok(
            ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
                .with_safe_default_protocol_versions()
                .map_err(|_| client("no version of TLS is available"))?
                .with_root_certificates(RootCertStore::empty())
                .with_no_client_auth(),
        )
    }
}

fn certificates(pems: &[Vec<u8>]) -> Result<Vec<CertificateDer<'static>>, Trouble> {
    let mut certificates = Vec::new();
    for pem in pems {
        let before = certificates.len();
        for certificate in CertificateDer::pem_slice_iter(pem) {
            certificates
                .push(certificate.map_err(|_| client("a file given with `ca` is not valid PEM"))?);
        }
        if certificates.len() == before {
            return Err(client("a file given with `ca` holds no certificate"));
        }
    }
    Ok(certificates)
}

fn unfit() -> Trouble {
    client("a certificate given with `ca` cannot serve as an authority")
}

fn client(message: &str) -> Trouble {
    Trouble {
        kind: TroubleKind::Client,
        message: message.to_owned(),
    }
}
