//! How servers are reached: certificates, proxies, redirects.

use std::path::Path;
use std::time::Duration;

use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};
use ureq::{Agent, Proxy};

use crate::error::Error;

/// What sends requests to a server. It trusts the public certificate authorities, or those of `ca_file` in their place,
/// and gives up on a request and its answer after so long.
pub fn agent(is_loopback: bool, timeout: Duration, ca_file: Option<&Path>) -> Result<Agent, Error> {
    let mut tls = TlsConfig::builder();
    if let Some(path) = ca_file {
        tls = tls.root_certs(RootCerts::from(certificates(path)?));
    }
    Ok(Agent::config_builder()
        .http_status_as_error(false)
        // A redirect would take what opens the server to another address.
        .max_redirects(0)
        .max_redirects_will_error(false)
        .timeout_global(Some(timeout))
        .proxy(proxy(is_loopback)?)
        .user_agent(concat!("duo-metrics/", env!("CARGO_PKG_VERSION")))
        .tls_config(tls.build())
        .build()
        .new_agent())
}

/// The proxy of the environment. Nothing that is for this machine leaves it, and a setting that cannot be used is
/// not passed over: it may be there to keep traffic from going another way.
fn proxy(is_loopback: bool) -> Result<Option<Proxy>, Error> {
    if is_loopback {
        return Ok(None);
    }
    for name in ["ALL_PROXY", "HTTPS_PROXY", "HTTP_PROXY"] {
        for name in [name.to_owned(), name.to_lowercase()] {
            let Some(value) = std::env::var(&name).ok().filter(|value| !value.is_empty()) else { continue };
            if Proxy::new(&value).is_err() {
                return Err(Error::Configuration(format!(
                    "{name} is not the address of a proxy that can be used; write it like http://proxy.example.com:3128"
                )));
            }
        }
    }
    Ok(Proxy::try_from_env())
}

fn certificates(path: &Path) -> Result<Vec<Certificate<'static>>, Error> {
    let pem = std::fs::read(path).map_err(Error::file("read", path))?;
    let certificates: Vec<Certificate<'static>> = parse_pem(&pem)
        .filter_map(|item| match item {
            Ok(PemItem::Certificate(certificate)) => Some(certificate),
            _ => None,
        })
        .collect();
    match certificates.is_empty() {
        true => Err(Error::Configuration(format!(
            "{} holds no certificate in PEM form; check --ca-file",
            path.display()
        ))),
        false => Ok(certificates),
    }
}
