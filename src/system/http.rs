//! How servers are reached: through which proxy, with whose certificates, and why they are not.

mod failure;
pub mod proxy;
mod route;
mod tls;

use std::path::Path;
use std::time::Duration;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use ureq::Agent;
use ureq::http::Uri;
use ureq::unversioned::transport::{ConnectProxyConnector, Connector, SocksConnector, TcpConnector};

pub use self::failure::Failure;
use self::failure::{Names, NamingResolver};
pub use self::route::{Authorities, Route};
use self::tls::TlsConnector;
use crate::base::error::{Error, shown};

/// What sends requests to one server, and explains why one failed.
pub struct Connection {
    agent: Agent,
    names: Names,
}

impl Connection {
    /// A connection by this route, which gives up on a request and its answer after `timeout`. Nothing is sent yet.
    pub fn new(route: &Route, timeout: Duration) -> Result<Connection, Error> {
        let uri: Uri =
            route.url.parse().map_err(|_| Error::Configuration(format!("{} is not a URL", route.setting)))?;
        let proxy = match &route.proxy {
            Some((variable, value)) => Some((variable, proxy::parse(variable, value)?)),
            None => None,
        };
        let (tls, authorities, unused_authorities) = tls(&route.authorities)?;
        let names = Names {
            url: route.url.clone(),
            host: uri.host().unwrap_or_default().to_owned(),
            setting: route.setting,
            proxy: proxy
                .as_ref()
                .map(|(variable, proxy)| (format!("{}:{}", proxy.host(), proxy.port()), (*variable).clone())),
            authorities,
            unused_authorities,
        };
        let config = Agent::config_builder()
            .http_status_as_error(false)
            // A redirect would take what opens the server to another address.
            .max_redirects(0)
            .max_redirects_will_error(false)
            .timeout_global(Some(timeout))
            .proxy(proxy.map(|(_, proxy)| proxy))
            .user_agent(concat!("duo-metrics/", env!("CARGO_PKG_VERSION")))
            .build();
        let connector =
            ().chain(SocksConnector::default())
                .chain(ConnectProxyConnector::default())
                .chain(TcpConnector::default())
                .chain(tls);
        Ok(Connection { agent: Agent::with_parts(config, connector, NamingResolver::default()), names })
    }

    /// What sends requests.
    pub fn agent(&self) -> &Agent {
        &self.agent
    }

    /// What it means that a request got no response.
    pub fn explain(&self, error: &ureq::Error) -> Failure {
        self.names.explain(error)
    }
}

/// TLS by these authorities; what messages call them where they replace the public ones; and why others are not used.
fn tls(authorities: &Authorities) -> Result<(TlsConnector, Option<String>, Option<String>), Error> {
    let unusable = |what: &str| Error::Configuration(format!("{what} holds no certificate that can be used"));
    match authorities {
        Authorities::Public => {
            let tls = TlsConnector::new(true, Vec::new()).ok_or_else(|| unusable("this program"))?;
            Ok((tls, None, None))
        }
        Authorities::Text { setting, pem } => {
            let given = certificates(pem.as_bytes(), setting)?;
            let tls = TlsConnector::new(false, given).ok_or_else(|| unusable(setting))?;
            Ok((tls, Some((*setting).to_owned()), None))
        }
        Authorities::File { setting, path } => {
            let given = certificates_of(path, setting)?;
            let name = shown(path);
            let tls = TlsConnector::new(false, given).ok_or_else(|| unusable(&name))?;
            Ok((tls, Some(name), None))
        }
        // The runner names the file for everybody, also where the public authorities are enough: it must not be in the way.
        Authorities::PublicAnd { setting, path } => {
            let (given, unused) = match certificates_of(path, setting) {
                Ok(given) => (given, None),
                Err(error) => (Vec::new(), Some(format!("{setting} is of no use: {error}"))),
            };
            let tls = TlsConnector::new(true, given).ok_or_else(|| unusable(setting))?;
            Ok((tls, None, unused))
        }
    }
}

fn certificates_of(path: &Path, setting: &str) -> Result<Vec<CertificateDer<'static>>, Error> {
    let pem = std::fs::read(path).map_err(Error::file("read", path))?;
    certificates(&pem, &format!("{} ({setting})", shown(path)))
}

/// The certificates of a text in PEM form. `what` names the text in errors, which repeat nothing of it.
fn certificates(pem: &[u8], what: &str) -> Result<Vec<CertificateDer<'static>>, Error> {
    let certificates: Vec<_> = CertificateDer::pem_slice_iter(pem).filter_map(Result::ok).collect();
    match certificates.is_empty() {
        true => Err(Error::Configuration(format!(
            "{what} holds no certificate in PEM form, which begins with -----BEGIN CERTIFICATE----- on a line of its own"
        ))),
        false => Ok(certificates),
    }
}
