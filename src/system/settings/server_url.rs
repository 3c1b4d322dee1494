//! URLs of servers that receive a secret.

use std::net::IpAddr;

use ureq::http::Uri;

use crate::base::address::canonical;
use crate::base::error::Error;

/// Parses the URL of a server that receives a secret, and returns its canonical form. `secret` is
/// what `http://` would reveal. Errors contain the name of the setting, but not its value: it may
/// contain a secret.
pub(super) fn parse(
    setting: &str,
    example: &str,
    secret: &str,
    url: &str,
    allow_http: bool,
) -> Result<String, Error> {
    let rejected =
        |why: &str| Error::Configuration(format!("{setting} {why}; set it to a URL like {example}"));
    let url = url.trim().trim_end_matches('/');
    let uri: Uri = url.parse().map_err(|_| rejected("is not a URL"))?;
    let authority = uri.authority().ok_or_else(|| rejected("contains no host"))?;
    if authority.as_str().contains('@') {
        return Err(rejected("contains a user or a secret, which is not allowed"));
    }
    if uri.query().is_some() || url.contains('#') {
        return Err(rejected("contains more than a host and a path"));
    }
    match uri.scheme_str() {
        Some("https") => {}
        Some("http") if allow_http || is_loopback(authority.host()) => {}
        Some("http") => {
            return Err(Error::Configuration(format!(
                "{setting} is http://, which would send {secret} unencrypted; use https://, or --allow-http in a network you trust"
            )));
        }
        _ => return Err(rejected("is neither https:// nor http://")),
    }
    Ok(canonical(url).into_owned())
}

/// Whether a host is this machine.
pub(super) fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || address.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}
