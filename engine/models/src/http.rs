//! HTTP clients, and what it means if a request got no answer.
//!
//! Only here are clients built. There are up to four, made when first needed: with a proxy or without, and with certificates or
//! without, for loading the system's takes milliseconds (3 to 8 for 300 files) that a local server need not cost.

use std::error::Error;
use std::io;
use std::sync::{Arc, OnceLock};

use reqwest::redirect::Policy;
use reqwest::{Client, Proxy, Url};
use rustls::{CertificateError, ClientConfig, RootCertStore};

use crate::error::ErrorKind;
use crate::fault::{Fault, excerpt};
use crate::options::{Options, Timeouts};
use crate::provider::{is_private, safe_url};
use crate::proxy::{ProxyUse, is_direct, proxy_for};

/// The clients of one [`Models`](crate::Models).
#[derive(Debug, Default)]
pub(crate) struct Http {
    options: Options,
    clients: [OnceLock<Client>; 4],
}

/// How a request gets to a URL.
#[derive(Clone, Debug)]
pub(crate) struct Route {
    pub(crate) client: Client,
    pub(crate) proxy: Option<ProxyUse>,
    pub(crate) url: Url,
}

impl Http {
    pub(crate) fn new(options: Options) -> Self {
        Http { options, clients: Default::default() }
    }

    pub(crate) fn options(&self) -> &Options {
        &self.options
    }

    /// The way to a URL.
    ///
    /// # Errors
    /// The URL or the proxy's is none, or the client cannot be made.
    pub(crate) fn route(&self, url: &str) -> Result<Route, Fault> {
        let url = Url::parse(url).map_err(|error| Fault::new(ErrorKind::Request, format!("not a URL: {error}")))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(Fault::new(ErrorKind::Request, format!("expected http or https, found {}", url.scheme())));
        }
        let proxy = proxy_for(&self.options, &url);
        let direct = is_direct(&self.options, &url);
        let certificates = url.scheme() == "https" || proxy.as_ref().is_some_and(|proxy| proxy.url.scheme() == "https");
        let slot = &self.clients[usize::from(direct) * 2 + usize::from(certificates)];
        let client = match slot.get() {
            Some(client) => client,
            None => {
                let client = self.build(direct, certificates)?;
                slot.get_or_init(|| client)
            }
        };
        Ok(Route { client: client.clone(), proxy, url })
    }

    fn build(&self, direct: bool, certificates: bool) -> Result<Client, Fault> {
        let mut builder = Client::builder()
            .user_agent(concat!("zo/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(self.options.timeouts.connect)
            .redirect(Policy::none())
            .tcp_nodelay(true);
        if direct {
            builder = builder.no_proxy();
        } else if let Some(proxy) = &self.options.proxy {
            let proxy = Proxy::all(proxy).map_err(|_| {
                let text = format!("the proxy setting is not a URL: {}", safe_url(proxy));
                Fault::new(ErrorKind::Proxy, text).hint("write it as http://HOST:PORT")
            })?;
            builder = builder.proxy(proxy);
        }
        builder = if certificates {
            // reqwest takes the process's provider and the platform's verifier; another part may have installed one already.
            let _ = rustls::crypto::ring::default_provider().install_default();
            builder.tls_backend_rustls()
        } else {
            builder.tls_backend_preconfigured(without_certificates()?)
        };
        builder.build().map_err(|error| {
            Fault::new(ErrorKind::Tls, format!("no HTTP client can be made: {}", chain(&error)))
                .hint("are the system's certificates installed (ca-certificates)?")
        })
    }
}

/// TLS that trusts nobody, for clients that only speak plain HTTP.
fn without_certificates() -> Result<ClientConfig, Fault> {
    let builder = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| Fault::new(ErrorKind::Tls, format!("no HTTP client can be made: {error}")))?;
    Ok(builder.with_root_certificates(RootCertStore::empty()).with_no_client_auth())
}

/// Why a request got no answer at all.
pub(crate) fn no_answer(error: &reqwest::Error, route: &Route, timeouts: &Timeouts) -> Fault {
    let host = route.url.host_str().unwrap_or_default().to_string();
    let said = chain(error);
    if let Some(tls) = tls_error(error) {
        return tls_fault(tls, &host);
    }
    if let Some(proxy) = &route.proxy
        && (error.is_connect() || said.contains("tunnel error"))
    {
        return proxy_fault(proxy, &said);
    }
    if error.is_dns() {
        let temporary = said.contains("emporary") || said.contains("try again");
        let fault = Fault::new(ErrorKind::Address, format!("cannot resolve {host}: {}", last_cause(error)))
            .hint("check the name in the base URL, and that this machine is online");
        return Fault { temporary, ..fault };
    }
    if error.is_connect() && error.is_timeout() {
        return Fault::new(
            ErrorKind::ConnectTimeout,
            format!("no connection within {} s", timeouts.connect.as_secs_f32()),
        )
        .hint("check that this machine is online and that no firewall is in between")
        .temporary();
    }
    if error.is_connect() {
        let fault = Fault::new(ErrorKind::Connect, format!("cannot connect: {}", last_cause(error))).temporary();
        return if is_private(&host) {
            fault // the usual hint knows what should run there
        } else {
            fault.hint("check the base URL, and that this machine is online")
        };
    }
    if error.is_builder() {
        return Fault::new(ErrorKind::Request, format!("the request cannot be built: {said}"));
    }
    // The request may have arrived before the connection broke.
    Fault::new(ErrorKind::Connect, format!("the connection broke before an answer: {}", last_cause(error)))
        .temporary()
        .sent()
}

fn proxy_fault(proxy: &ProxyUse, said: &str) -> Fault {
    let (shown, from) = (proxy.shown(), &proxy.from);
    if said.contains("authorization required") {
        let text = format!("the proxy {shown} wants a user name and a password");
        return Fault::new(ErrorKind::Proxy, text)
            .hint(format!("write them into {from}: http://USER:PASSWORD@HOST:PORT"));
    }
    let text = if said.contains("tunnel error: unsuccessful") || said.contains("unexpected end of file") {
        format!("the proxy {shown} refuses the connection")
    } else {
        format!("cannot reach the proxy {shown}: {}", said.rsplit(": ").next().unwrap_or(said))
    };
    Fault::new(ErrorKind::Proxy, text)
        .hint(format!("the proxy comes from {from}: correct it, or except the host with NO_PROXY"))
}

fn tls_fault(error: &rustls::Error, host: &str) -> Fault {
    let hint = match error {
        rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer) => {
            "nobody this system trusts has signed the certificate: behind a company's proxy its certificate must be installed in the system; \
             a server of your own can be reached by http:// in a private network"
        }
        rustls::Error::InvalidCertificate(
            CertificateError::Expired
            | CertificateError::ExpiredContext { .. }
            | CertificateError::NotValidYet
            | CertificateError::NotValidYetContext { .. },
        ) => "is this machine's clock right? else the server must renew its certificate",
        rustls::Error::InvalidCertificate(
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
        ) => "the certificate is another host's: check the name in the base URL",
        rustls::Error::InvalidMessage(_) => {
            "the server does not speak TLS on that port: does the base URL begin with http://?"
        }
        _ => "check the base URL, or what intercepts the connection",
    };
    Fault::new(ErrorKind::Tls, format!("no secure connection to {host}: {error}")).hint(hint)
}

fn tls_error<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a rustls::Error> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(tls) = error.downcast_ref::<rustls::Error>() {
            return Some(tls);
        }
        // An io::Error hides what it wraps: its source is the source of that.
        let inner = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        if let Some(tls) = inner.and_then(|inner| tls_error(inner)) {
            return Some(tls);
        }
        next = error.source();
    }
    None
}

/// An error and its causes on one line, without the URL.
fn chain(error: &(dyn Error + 'static)) -> String {
    let mut parts: Vec<String> = Vec::new();
    let mut next = error.source();
    while let Some(cause) = next {
        let text = cause.to_string();
        if !parts.last().is_some_and(|last| last.contains(&text)) {
            parts.push(text);
        }
        next = cause.source();
    }
    if parts.is_empty() { excerpt(&error.to_string()) } else { parts.join(": ") }
}

/// The innermost cause, which says most.
pub(crate) fn last_cause(error: &(dyn Error + 'static)) -> String {
    let mut last = error;
    while let Some(cause) = last.source() {
        last = cause;
    }
    let text = last.to_string();
    if error.source().is_none() { excerpt(&text) } else { text }
}
