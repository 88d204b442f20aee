//! TLS with certificates of an authority that only the test knows, in front of the issuer.

use super::{Attempt, IssuerHandle, call, get, issuer, not_sent, summary};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd};
use rot::demo::issuer::{Fault, Rule};
use rot::world::http::TroubleKind;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::net::SocketAddr;
use std::sync::Arc;

struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    fn pem(&self) -> Vec<u8> {
        self.0.pem().into_bytes()
    }

    fn sign(
        &self,
        names: &[&str],
        change: impl Fn(&mut CertificateParams),
    ) -> (CertificateDer<'static>, PrivateKeyDer<'static>) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(
            names
                .iter()
                .map(|name| (*name).to_owned())
                .collect::<Vec<_>>(),
        )
        .unwrap();
        change(&mut params);
        let certificate = params.signed_by(&key, &self.0).unwrap();
        (
            certificate.der().clone(),
            PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
        )
    }
}

/// Takes TLS off and passes on to the issuer; lives as long as its runtime.
struct Front {
    address: SocketAddr,
    _runtime: tokio::runtime::Runtime,
}

fn front(
    issuer: &IssuerHandle,
    (certificate, key): (CertificateDer<'static>, PrivateKeyDer<'static>),
) -> Front {
    let config = rustls::ServerConfig::builder_with_provider(Arc::new(
        rustls::crypto::ring::default_provider(),
    ))
    .with_safe_default_protocol_versions()
    .unwrap()
    .with_no_client_auth()
    .with_single_cert(vec![certificate], key)
    .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let listener = runtime
        .block_on(tokio::net::TcpListener::bind("127.0.0.1:0"))
        .unwrap();
    let (address, back) = (listener.local_addr().unwrap(), issuer.address);
    runtime.spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let Ok(mut client) = acceptor.accept(stream).await else {
                    return;
                };
                let mut server = tokio::net::TcpStream::connect(back).await.unwrap();
                let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
            });
        }
    });
    Front {
        address,
        _runtime: runtime,
    }
}

#[test]
fn only_a_trusted_certificate_for_the_name_is_accepted() {
    let issuer = issuer(Vec::new());
    let (ours, other) = (Authority::new(), Authority::new());
    let good = || ours.sign(&["127.0.0.1", "localhost"], |_| {});
    let expired = ours.sign(&["127.0.0.1"], |params| {
        (params.not_before, params.not_after) =
            (date_time_ymd(2020, 1, 1), date_time_ymd(2021, 1, 1));
    });
    let early = ours.sign(&["127.0.0.1"], |params| {
        (params.not_before, params.not_after) =
            (date_time_ymd(2200, 1, 1), date_time_ymd(2201, 1, 1));
    });
    for (name, certificate, ca, outcome, words) in [
        (
            "trusted",
            good(),
            vec![ours.pem()],
            "answered 401, 24 bytes",
            "",
        ),
        (
            "among several",
            good(),
            vec![other.pem(), ours.pem()],
            "answered 401, 24 bytes",
            "",
        ),
        ("without ca", good(), vec![], "", ""),
        (
            "other authority",
            good(),
            vec![other.pem()],
            "not sent, Certificate",
            "not signed by an authority",
        ),
        (
            "other name",
            ours.sign(&["api.example.com"], |_| {}),
            vec![ours.pem()],
            "not sent, Certificate",
            "for another name",
        ),
        (
            "expired",
            expired,
            vec![ours.pem()],
            "not sent, Certificate",
            "has expired",
        ),
        (
            "not yet valid",
            early,
            vec![ours.pem()],
            "not sent, Certificate",
            "not valid yet",
        ),
        (
            "not PEM",
            good(),
            vec![b"nonsense".to_vec()],
            "not sent, Client",
            "holds no certificate",
        ),
        (
            "broken PEM",
            good(),
            vec![b"-----BEGIN CERTIFICATE-----\n!!\n-----END CERTIFICATE-----\n".to_vec()],
            "not sent, Client",
            "`ca`",
        ),
    ] {
        let front = front(&issuer, certificate);
        let mut request = get(format!("https://{}/me", front.address));
        request.limits.ca = ca;
        let attempt = call(&request);
        if name == "without ca" {
            // Either the machine's authorities do not know ours, or it has none.
            assert!(
                ["not sent, Certificate", "not sent, Client"].contains(&summary(&attempt).as_str()),
                "{}",
                summary(&attempt)
            );
            continue;
        }
        assert_eq!(summary(&attempt), outcome, "{name}");
        if let Attempt::NotSent(trouble) = attempt {
            assert!(
                trouble.message.contains(words),
                "{name}: {}",
                trouble.message
            );
        }
    }
    assert_eq!(issuer.state().requests.len(), 2);
}

#[test]
fn a_session_that_breaks_off_is_unknown() {
    let ours = Authority::new();
    for (fault, outcome) in [
        (Fault::ResetBeforeReading, "unknown, Reset, no answer"),
        (Fault::ResetAfterExecuting, "unknown, Reset, no answer"),
        (Fault::TruncatedBody, "unknown, Reset, 401 with 12 bytes"),
        (Fault::GarbageStatus, "unknown, Malformed, no answer"),
    ] {
        let issuer = issuer(vec![Rule::always(fault.clone())]);
        let front = front(&issuer, ours.sign(&["127.0.0.1"], |_| {}));
        let mut request = get(format!("https://{}/me", front.address));
        request.limits.ca = vec![ours.pem()];
        assert_eq!(summary(&call(&request)), outcome, "{fault:?}");
    }
}

#[test]
fn a_server_without_tls_is_not_sent() {
    let issuer = issuer(Vec::new());
    let mut request = get(issuer.base_url.replace("http:", "https:"));
    request.limits.ca = vec![Authority::new().pem()];
    let (kind, message) = not_sent(&request);
    assert_eq!(kind, TroubleKind::Tls, "{message}");
    assert_eq!(issuer.state().requests.len(), 0);
}

/// What `ca` names is trusted alone: an authority of the system is not, however well it signs.
#[test]
fn ca_is_trusted_alone() {
    use crate::support::project::Project;
    let (system, private) = (Authority::new(), Authority::new());
    let issuer = issuer(Vec::new());
    let front = front(&issuer, system.sign(&["127.0.0.1"], |_| {}));
    let project = Project::new();
    project
        .file("system.pem", system.pem())
        .file("private.pem", private.pem());
    for (ca, outcome) in [
        ("", "answered 401"),
        ("ca \"private.pem\"", "not signed by an authority"),
        ("ca \"system.pem\"", "answered 401"),
    ] {
        let text = format!(
            "rotation r {{\n  http GET \"https://{}/me\" {{ {ca} }}\n}}\n",
            front.address
        );
        project.file("r.rot", text);
        let output = project
            .command(&["run", "r.rot"])
            .env("SSL_CERT_FILE", project.path("system.pem"))
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr).replace(['│', '\n'], " ");
        let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(said.contains(outcome), "`{ca}`: {said}");
    }
}
