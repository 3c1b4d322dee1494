//! HTTP connections: proxies, certificate authorities, and explanations of failures.

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
use self::failure::{ConnectionNames, NamingResolver};
pub use self::route::{Authorities, Route};
use self::tls::TlsConnector;
use crate::base::error::{Error, display_path};
use crate::system::text_file;

/// An HTTP client for one server, which explains failed requests.
pub struct Connection {
    agent: Agent,
    names: ConnectionNames,
}

impl Connection {
    /// A client for this route. `timeout` limits a request including its response. Nothing is sent
    /// yet.
    pub fn new(route: &Route, timeout: Duration) -> Result<Connection, Error> {
        let uri: Uri = route
            .url
            .parse()
            .map_err(|_| Error::Configuration(format!("{} is not a URL; check it", route.setting)))?;
        let proxy = match &route.proxy {
            Some((variable, value)) => Some((variable, proxy::parse(variable, value)?)),
            None => None,
        };
        let Tls { connector: tls, authorities, unused_authorities } = tls(&route.authorities)?;
        let names = ConnectionNames {
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
            // A redirect would send the token to another address.
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

    /// The HTTP client.
    pub fn agent(&self) -> &Agent {
        &self.agent
    }

    /// Explains an error of a request that got no response.
    pub fn explain(&self, error: &ureq::Error) -> Failure {
        self.names.explain(error)
    }
}

/// TLS with certain authorities.
struct Tls {
    connector: TlsConnector,
    /// The file or setting of the authorities, if they replace the public ones.
    authorities: Option<String>,
    /// Why the authorities that the runner provides are not used.
    unused_authorities: Option<String>,
}

fn tls(authorities: &Authorities) -> Result<Tls, Error> {
    let unusable = |source: &str| {
        Error::Configuration(format!(
            "{source} contains no usable certificate; check that it contains a CA certificate"
        ))
    };
    match authorities {
        Authorities::Public => {
            let connector = TlsConnector::new(true, Vec::new()).ok_or_else(|| unusable("this program"))?;
            Ok(Tls { connector, authorities: None, unused_authorities: None })
        }
        Authorities::Text { setting, pem } => {
            let given = parse_certificates(pem.as_bytes(), setting)?;
            let connector = TlsConnector::new(false, given).ok_or_else(|| unusable(setting))?;
            Ok(Tls { connector, authorities: Some((*setting).to_owned()), unused_authorities: None })
        }
        Authorities::File { setting, path } => {
            let given = read_certificates(path, setting)?;
            let name = display_path(path);
            let connector = TlsConnector::new(false, given).ok_or_else(|| unusable(&name))?;
            Ok(Tls { connector, authorities: Some(name), unused_authorities: None })
        }
        // The runner always provides this file, even if the public authorities are enough: an
        // unusable file must not break the connection.
        Authorities::PublicAnd { setting, path } => {
            let (given, unused_authorities) = match read_certificates(path, setting) {
                Ok(given) => (given, None),
                Err(error) => (Vec::new(), Some(format!("{setting} is not usable: {error}"))),
            };
            let connector = TlsConnector::new(true, given).ok_or_else(|| unusable(setting))?;
            Ok(Tls { connector, authorities: None, unused_authorities })
        }
    }
}

fn read_certificates(path: &Path, setting: &str) -> Result<Vec<CertificateDer<'static>>, Error> {
    let pem = text_file::read_bytes(path)?;
    parse_certificates(&pem, &format!("{} ({setting})", display_path(path)))
}

/// Parses PEM certificates. Errors contain `source`, but nothing of the text.
fn parse_certificates(pem: &[u8], source: &str) -> Result<Vec<CertificateDer<'static>>, Error> {
    let certificates: Vec<_> = CertificateDer::pem_slice_iter(pem).filter_map(Result::ok).collect();
    if certificates.is_empty() {
        return Err(Error::Configuration(format!(
            "{source} contains no PEM certificate; it has to begin with a line -----BEGIN CERTIFICATE-----"
        )));
    }
    Ok(certificates)
}
