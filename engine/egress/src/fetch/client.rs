//! HTTP clients that can connect to nothing but what was checked, and what it means if there is no answer.
//!
//! A client is made for each request, with the addresses it may use; the certificates, which take milliseconds to load, are shared.

use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};

use hyper_util::client::proxy::matcher::Matcher;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::redirect;
use reqwest::{Client, Proxy};
use rustls::{CertificateError, ClientConfig, RootCertStore};
use rustls_platform_verifier::Verifier;
use url::{Host, Url};

use crate::dial::CONNECT_TIMEOUT;
use crate::error::{EgressError, ErrorKind};
use crate::policy::Target;

/// What clients share.
pub(crate) struct Clients {
    /// The proxies that the environment names, if they are taken.
    proxies: Option<Matcher>,
    /// TLS with the system's certificates, whose loading takes milliseconds.
    tls: OnceLock<ClientConfig>,
}

/// How a request gets to its host.
pub(crate) enum Route {
    /// To these addresses.
    Direct(Vec<SocketAddr>),
    /// Through a proxy of the system's.
    Through(Box<SystemProxy>),
}

/// A proxy that the environment names.
pub(crate) struct SystemProxy {
    proxy: Proxy,
    /// Its host and port.
    shown: String,
    secure: bool,
}

impl Clients {
    pub(crate) fn new(system_proxy: bool) -> Self {
        Clients { proxies: system_proxy.then(Matcher::from_env), tls: OnceLock::new() }
    }

    /// The proxy that a request takes; none to this machine.
    pub(crate) fn proxy_for(&self, url: &Url, target: &Target) -> Result<Option<SystemProxy>, EgressError> {
        let Some(proxies) = &self.proxies else { return Ok(None) };
        let local = match &target.host {
            Host::Domain(name) => name.trim_end_matches('.') == "localhost",
            Host::Ipv4(address) => address.is_loopback(),
            Host::Ipv6(address) => address.to_canonical().is_loopback(),
        };
        let Ok(uri) = url.as_str().parse() else { return Ok(None) };
        let Some(found) = proxies.intercept(&uri).filter(|_| !local) else { return Ok(None) };
        let shown = found.uri().authority().map(|authority| authority.as_str()).unwrap_or_default();
        let shown = shown.rsplit('@').next().unwrap_or_default().to_string();
        let mut proxy = Proxy::all(found.uri().to_string()).map_err(|_| {
            EgressError::new(ErrorKind::Proxy, format!("the proxy {shown} of the environment cannot be used"))
                .hint("write it as http://HOST:PORT")
        })?;
        if let Some(authorization) = found.basic_auth() {
            proxy = proxy.custom_http_auth(authorization.clone());
        }
        let secure = found.uri().scheme_str() == Some("https");
        Ok(Some(SystemProxy { proxy, shown, secure }))
    }

    /// A client for one request. `unpacks`: the body is wanted as it was before it was compressed.
    pub(crate) fn build(&self, url: &Url, route: &Route, unpacks: bool) -> Result<Client, EgressError> {
        let mut builder = Client::builder()
            .user_agent(concat!("zo/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT_TIMEOUT)
            .redirect(redirect::Policy::none())
            .referer(false)
            .http1_only()
            .gzip(unpacks)
            .pool_max_idle_per_host(0)
            .tcp_nodelay(true);
        let mut secure = url.scheme() == "https";
        builder = match route {
            Route::Direct(addresses) => builder.no_proxy().dns_resolver(Arc::new(Checked(addresses.clone()))),
            Route::Through(proxy) => {
                secure |= proxy.secure;
                builder.proxy(proxy.proxy.clone())
            }
        };
        let tls = if secure { self.tls()?.clone() } else { without_certificates()? };
        builder.tls_backend_preconfigured(tls).build().map_err(|error| unmade(&chain(&error)))
    }

    fn tls(&self) -> Result<&ClientConfig, EgressError> {
        if let Some(tls) = self.tls.get() {
            return Ok(tls);
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let verifier = Verifier::new(provider.clone()).map_err(|error| unmade(&error.to_string()))?;
        let mut tls = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| unmade(&error.to_string()))?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier))
            .with_no_client_auth();
        tls.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(self.tls.get_or_init(|| tls))
    }
}

/// The addresses that were checked, whatever name is asked for.
struct Checked(Vec<SocketAddr>);

impl Resolve for Checked {
    fn resolve(&self, _: Name) -> Resolving {
        let addresses: Addrs = Box::new(self.0.clone().into_iter());
        Box::pin(std::future::ready(Ok(addresses)))
    }
}

/// TLS that trusts nobody, for clients that only speak plain HTTP.
fn without_certificates() -> Result<ClientConfig, EgressError> {
    let builder = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| unmade(&error.to_string()))?;
    Ok(builder.with_root_certificates(RootCertStore::empty()).with_no_client_auth())
}

fn unmade(why: &str) -> EgressError {
    EgressError::new(ErrorKind::Setup, format!("no HTTP client can be made: {why}"))
        .hint("are the system's certificates installed (ca-certificates)?")
}

/// Why a request got no answer.
pub(crate) fn no_answer(error: &reqwest::Error, target: &Target, route: &Route) -> EgressError {
    if let Some(tls) = find::<rustls::Error>(error) {
        return no_tls(tls, &target.host.to_string());
    }
    let said = last_cause(error);
    if let Route::Through(proxy) = route
        && (error.is_connect() || chain(error).contains("tunnel"))
    {
        let message = format!("the proxy {} cannot be reached or refuses: {said}", proxy.shown);
        return EgressError::new(ErrorKind::Proxy, message)
            .hint("it comes from the environment (HTTPS_PROXY, NO_PROXY, …)");
    }
    if error.is_connect() && error.is_timeout() {
        let message = format!("no connection to {target} within {} s", CONNECT_TIMEOUT.as_secs());
        return EgressError::new(ErrorKind::Timeout, message)
            .hint("is this machine online, and no firewall in between?");
    }
    if error.is_connect() {
        return EgressError::new(ErrorKind::Connect, format!("cannot connect to {target}: {said}"))
            .hint("is a server running there, on that port?");
    }
    match find::<hyper::Error>(error) {
        Some(hyper) if hyper.is_parse_too_large() => {
            EgressError::new(ErrorKind::TooLarge, "the head of the answer is larger than is read")
        }
        Some(hyper) if hyper.is_parse() => EgressError::new(ErrorKind::Broken, format!("no HTTP came: {said}")),
        _ if error.is_builder() => EgressError::new(ErrorKind::Request, format!("the request cannot be built: {said}")),
        _ => EgressError::new(ErrorKind::Broken, format!("the connection broke before an answer: {said}")),
    }
}

/// Why a body did not come to its end.
pub(crate) fn broken(error: &reqwest::Error, length: usize) -> EgressError {
    let said = last_cause(error);
    EgressError::new(ErrorKind::Broken, format!("the answer broke off after {length} bytes: {said}"))
}

fn no_tls(error: &rustls::Error, host: &str) -> EgressError {
    let hint = match error {
        rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer) => {
            "nobody this system trusts has signed the certificate; behind a company's proxy its certificate must be installed in the system"
        }
        rustls::Error::InvalidCertificate(
            CertificateError::Expired
            | CertificateError::ExpiredContext { .. }
            | CertificateError::NotValidYet
            | CertificateError::NotValidYetContext { .. },
        ) => "is this machine's clock right? else the server must renew its certificate",
        rustls::Error::InvalidCertificate(
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
        ) => "the certificate is another host's: check the name",
        rustls::Error::InvalidMessage(_) => "the server does not speak TLS on that port: is it http://?",
        _ => "check the URL, or what intercepts the connection",
    };
    EgressError::new(ErrorKind::Tls, format!("no secure connection to {host}: {error}")).hint(hint)
}

fn find<'a, E: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a E> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<E>() {
            return Some(found);
        }
        // An io::Error hides what it wraps: its source is the source of that.
        let inner = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        if let Some(found) = inner.and_then(|inner| find::<E>(inner)) {
            return Some(found);
        }
        next = error.source();
    }
    None
}

/// The causes of an error on one line, without the URL.
fn chain(error: &(dyn Error + 'static)) -> String {
    let causes = std::iter::successors(error.source(), |&error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

fn last_cause(error: &(dyn Error + 'static)) -> String {
    std::iter::successors(error.source(), |&error| error.source()).last().unwrap_or(error).to_string()
}
