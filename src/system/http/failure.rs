//! Why a server is not reached, in words that name the cause and the setting that helps.

use std::fmt;
use std::io;

use rustls::CertificateError;
use ureq::http::Uri;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::NextTimeout;

use super::tls::is_self_signed_authority;

/// How a request failed that got no response.
#[derive(Debug, PartialEq, Eq)]
pub enum Failure {
    /// The next attempt may succeed.
    Transient(String),
    /// It cannot, before a setting changes.
    Permanent(String),
}

/// Whom a request was for, and what was in between, as far as messages name it.
pub(super) struct Names {
    /// Address of the server.
    pub(super) url: String,
    /// Its host.
    pub(super) host: String,
    /// The setting that holds the address.
    pub(super) setting: &'static str,
    /// The proxy as `host:port`, and the variable that names it.
    pub(super) proxy: Option<(String, String)>,
    /// What vouches for certificates in place of the public authorities, as messages name it.
    pub(super) authorities: Option<String>,
    /// Why the authorities of the job's own GitLab are not trusted, though the runner names a file with them.
    pub(super) unused_authorities: Option<String>,
}

impl Names {
    /// What an error of a request means. Texts end with what helps.
    pub(super) fn explain(&self, error: &ureq::Error) -> Failure {
        match error {
            ureq::Error::Other(other) => match other.downcast_ref::<Unresolved>() {
                Some(unresolved) => self.unresolved(unresolved),
                None => self.unreachable(error.to_string()),
            },
            ureq::Error::ConnectProxyFailed(said) => self.refused_by_proxy(said),
            ureq::Error::Rustls(error) => self.untrusted(error),
            ureq::Error::Timeout(_) => self.unreachable(match &self.proxy {
                Some(_) => format!("no answer in time ({error})"),
                None => format!("no answer in time ({error}); a firewall may be in the way, or a proxy be needed (HTTPS_PROXY)"),
            }),
            ureq::Error::Io(error) => self.broken(error),
            ureq::Error::BadUri(_) | ureq::Error::Tls(_) | ureq::Error::InvalidProxyUrl => {
                Failure::Permanent(format!("cannot connect to {}: {error}; check {}", self.url, self.setting))
            }
            error => self.unreachable(error.to_string()),
        }
    }

    fn unreachable(&self, why: String) -> Failure {
        let through = match &self.proxy {
            Some((proxy, variable)) => format!(" through the proxy {proxy} ({variable})"),
            None => String::new(),
        };
        Failure::Transient(format!("cannot reach {}{through}: {why}", self.url))
    }

    fn unresolved(&self, unresolved: &Unresolved) -> Failure {
        let host = &unresolved.host;
        let (url, setting) = match &self.proxy {
            // The proxy looks up the server's name itself, unless its name is the one that is not found.
            Some((proxy, variable)) if *host != self.host => {
                (format!("the proxy {proxy}"), variable.as_str())
            }
            _ => (self.url.clone(), self.setting),
        };
        match unresolved.is_unknown {
            true => Failure::Permanent(format!(
                "cannot reach {url}: no host has the name {host}; check {setting}, and that this network knows the name"
            )),
            false => Failure::Transient(format!(
                "cannot reach {url}: the name {host} cannot be looked up ({})",
                unresolved.why
            )),
        }
    }

    /// ureq puts the status of the proxy's answer into words: `proxy server responded 407/407`.
    fn refused_by_proxy(&self, said: &str) -> Failure {
        let (proxy, variable) = match &self.proxy {
            Some((proxy, variable)) => (proxy.as_str(), variable.as_str()),
            None => ("", "HTTPS_PROXY"),
        };
        let host = &self.host;
        let status = said.rsplit(' ').next().and_then(|status| status.split('/').next()?.parse::<u16>().ok());
        match status {
            Some(407) => Failure::Permanent(format!(
                "the proxy {proxy} wants a user and a password (407), or others; write them into {variable} as http://USER:PASSWORD@HOST:PORT"
            )),
            Some(status @ 400..=499) => Failure::Permanent(format!(
                "the proxy {proxy} lets nothing through to {host} ({status}); have it allowed there, or name {host} in NO_PROXY to go without the proxy of {variable}"
            )),
            _ => Failure::Transient(format!(
                "cannot reach {} through the proxy {proxy}: {said}; if {host} is reached without the proxy of {variable}, name it in NO_PROXY",
                self.url
            )),
        }
    }

    fn untrusted(&self, error: &rustls::Error) -> Failure {
        let url = &self.url;
        Failure::Permanent(match error {
            rustls::Error::InvalidCertificate(error) => {
                format!("cannot trust {url}: {}", self.certificate(error))
            }
            rustls::Error::InvalidMessage(_) => format!(
                "cannot connect to {url}: what answers there does not speak TLS; check {}: another port, or http://, may be meant",
                self.setting
            ),
            error => format!("cannot connect to {url}: {error}; check {}", self.setting),
        })
    }

    fn certificate(&self, error: &CertificateError) -> String {
        use CertificateError as Is;
        let other_authority = match (&self.authorities, &self.unused_authorities) {
            (Some(file), _) => format!(
                "add the authority that signed it to {file} (a proxy or firewall that reads traffic signs with its own)"
            ),
            (None, Some(why)) => {
                format!("{why}; name a file with the authority by DUO_METRICS_CA_FILE or --ca-file")
            }
            (None, None) => {
                "name a file with the authority that signed it by DUO_METRICS_CA_FILE or --ca-file".to_owned()
            }
        };
        match error {
            Is::UnknownIssuer => {
                format!("its certificate is signed by an unknown authority; {other_authority}")
            }
            error if is_self_signed_authority(error) => format!(
                "its certificate is self-signed (it calls itself an authority, CA:TRUE) and not one that is trusted; {}",
                match &self.authorities {
                    Some(file) => format!("add this very certificate to {file}"),
                    None => "name a file with this very certificate by DUO_METRICS_CA_FILE or --ca-file"
                        .to_owned(),
                }
            ),
            Is::Expired | Is::ExpiredContext { .. } => {
                "its certificate has expired; have it renewed, or set the clock of this machine".to_owned()
            }
            Is::NotValidYet | Is::NotValidYetContext { .. } => {
                "its certificate is not valid yet; set the clock of this machine, or wait".to_owned()
            }
            Is::NotValidForName => format!("its certificate is of another host; check {}", self.setting),
            Is::NotValidForNameContext { presented, .. } if presented.is_empty() => format!(
                "its certificate names no host (a common name alone does not count); have one made with the subjectAltName {}",
                self.host
            ),
            Is::NotValidForNameContext { presented, .. } => format!(
                "its certificate is not for {} but for {}; write one of these in {}",
                self.host,
                presented.join(", "),
                self.setting
            ),
            error => format!("{error}; have its certificate made anew"),
        }
    }

    fn broken(&self, error: &io::Error) -> Failure {
        use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, UnexpectedEof};
        let help = match (error.kind(), &self.proxy) {
            // How a SOCKS proxy refuses.
            (io::ErrorKind::Other | io::ErrorKind::PermissionDenied, Some((_, variable))) => {
                format!("; if {} is reached without the proxy of {variable}, name it in NO_PROXY", self.host)
            }
            (ConnectionRefused, Some((_, variable))) => {
                format!("; check {variable}, or name {} in NO_PROXY", self.host)
            }
            (ConnectionRefused, None) => format!("; check {}", self.setting),
            (ConnectionReset | ConnectionAborted | UnexpectedEof, None) => {
                "; a firewall may be in the way, or a proxy be needed (HTTPS_PROXY)".to_owned()
            }
            _ => String::new(),
        };
        self.unreachable(format!("{error}{help}"))
    }
}

/// A name that has no address.
#[derive(Debug)]
struct Unresolved {
    host: String,
    /// Nobody has it, as opposed to: it could not be found out.
    is_unknown: bool,
    why: String,
}

impl fmt::Display for Unresolved {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.why)
    }
}

impl std::error::Error for Unresolved {}

/// Looks names up, and keeps which name it was that has no address.
#[derive(Debug, Default)]
pub(super) struct NamingResolver(DefaultResolver);

impl Resolver for NamingResolver {
    fn resolve(
        &self,
        uri: &Uri,
        config: &ureq::config::Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let host = || uri.host().unwrap_or_default().to_owned();
        self.0.resolve(uri, config, timeout).map_err(|error| match error {
            ureq::Error::Io(error) => {
                let why = error.to_string();
                ureq::Error::Other(Box::new(Unresolved { host: host(), is_unknown: is_unknown(&error), why }))
            }
            ureq::Error::HostNotFound => ureq::Error::Other(Box::new(Unresolved {
                host: host(),
                is_unknown: true,
                why: "it has no address".to_owned(),
            })),
            error => error,
        })
    }
}

/// Whether getaddrinfo says that a name does not exist (`EAI_NONAME`), and not that it could not find out (`EAI_AGAIN`).
/// The standard library passes on the words alone: those of glibc, of musl and of macOS; Windows gives a number.
fn is_unknown(error: &io::Error) -> bool {
    /// `WSAHOST_NOT_FOUND`
    const WINDOWS: i32 = 11001;
    let text = error.to_string();
    let words = ["Name or service not known", "Name does not resolve", "nodename nor servname provided"];
    words.iter().any(|word| text.contains(word)) || (cfg!(windows) && error.raw_os_error() == Some(WINDOWS))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(proxy: bool, authorities: bool) -> Names {
        Names {
            url: "https://gitlab.example.com".to_owned(),
            host: "gitlab.example.com".to_owned(),
            setting: "GITLAB_URL",
            proxy: proxy.then(|| ("proxy.example:3128".to_owned(), "https_proxy".to_owned())),
            authorities: authorities.then(|| "ca.pem".to_owned()),
            unused_authorities: None,
        }
    }

    #[test]
    fn a_name_that_does_not_exist_is_told_from_one_that_cannot_be_looked_up() {
        let lookup = "failed to lookup address information: ";
        for (words, expected) in [
            ("Name or service not known", true),
            ("Name does not resolve", true),
            ("nodename nor servname provided, or not known", true),
            ("Temporary failure in name resolution", false),
            ("Try again", false),
            ("Non-recoverable failure in name resolution", false),
        ] {
            assert_eq!(is_unknown(&io::Error::other(format!("{lookup}{words}"))), expected, "{words}");
        }
        let failure = |host: &str, is_unknown, proxy| {
            let unresolved = Unresolved { host: host.to_owned(), is_unknown, why: "why".to_owned() };
            names(proxy, false).explain(&ureq::Error::Other(Box::new(unresolved)))
        };
        let Failure::Permanent(said) = failure("gitlab.example.com", true, false) else {
            panic!("transient")
        };
        assert!(said.contains("gitlab.example.com; check GITLAB_URL"), "{said}");
        let Failure::Permanent(said) = failure("proxy.example", true, true) else { panic!("transient") };
        assert!(
            said.contains("the proxy proxy.example:3128") && said.contains("check https_proxy"),
            "{said}"
        );
        assert!(matches!(failure("gitlab.example.com", false, false), Failure::Transient(_)));
    }

    #[test]
    fn what_a_proxy_refuses_names_the_proxy_and_what_helps() {
        let failure =
            |said: &str| names(true, false).explain(&ureq::Error::ConnectProxyFailed(said.to_owned()));
        for (said, is_permanent, words) in [
            ("proxy server responded 407/407", true, ["USER:PASSWORD", "https_proxy"]),
            ("proxy server responded 403/403", true, ["proxy.example:3128", "NO_PROXY"]),
            ("proxy server responded 502/502", false, ["proxy.example:3128", "NO_PROXY"]),
            ("proxy server did not respond", false, ["proxy.example:3128", "https_proxy"]),
        ] {
            let (permanent, text) = match failure(said) {
                Failure::Permanent(text) => (true, text),
                Failure::Transient(text) => (false, text),
            };
            assert_eq!(permanent, is_permanent, "{said}");
            assert!(words.iter().all(|word| text.contains(word)), "{text}");
        }
    }

    #[test]
    fn an_unknown_authority_is_not_answered_with_advice_that_was_followed() {
        let unknown = ureq::Error::Rustls(rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer));
        let Failure::Permanent(without) = names(false, false).explain(&unknown) else { panic!("transient") };
        let Failure::Permanent(with) = names(false, true).explain(&unknown) else { panic!("transient") };
        assert!(without.contains("--ca-file"), "{without}");
        assert!(with.contains("ca.pem") && !with.contains("--ca-file"), "{with}");
    }
}
