//! Explains failed requests: the cause, and the setting that fixes it.

use std::fmt;
use std::io;

use rustls::CertificateError;
use ureq::http::Uri;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::NextTimeout;

use super::tls::is_self_signed_authority;

/// Why a request got no response.
#[derive(Debug, PartialEq, Eq)]
pub enum Failure {
    /// A retry may succeed.
    Transient(String),
    /// A retry fails too, until a setting changes.
    Permanent(String),
}

/// The names of a connection that messages contain.
pub(super) struct ConnectionNames {
    /// The URL of the server.
    pub(super) url: String,
    /// The host of the server.
    pub(super) host: String,
    /// The setting that contains the URL.
    pub(super) setting: &'static str,
    /// The proxy as `host:port`, and the variable that contains it.
    pub(super) proxy: Option<(String, String)>,
    /// The file or setting of the certificate authorities, if they replace the public ones.
    pub(super) authorities: Option<String>,
    /// Why the certificate authorities that the runner provides are not used.
    pub(super) unused_authorities: Option<String>,
}

impl ConnectionNames {
    /// Explains an error of a request. Messages end with the next step.
    pub(super) fn explain(&self, error: &ureq::Error) -> Failure {
        match error {
            ureq::Error::Other(other) => match other.downcast_ref::<UnresolvedHost>() {
                Some(unresolved) => self.unresolved(unresolved),
                None => self.unreachable(error.to_string()),
            },
            ureq::Error::ConnectProxyFailed(message) => self.refused_by_proxy(message),
            ureq::Error::Rustls(error) => self.untrusted(error),
            ureq::Error::Timeout(_) => self.unreachable(match &self.proxy {
                Some(_) => format!("no response in time ({error})"),
                None => format!("no response in time ({error}); check for a firewall, or whether a proxy is required (HTTPS_PROXY)"),
            }),
            ureq::Error::Io(error) => self.io(error),
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

    fn unresolved(&self, unresolved: &UnresolvedHost) -> Failure {
        let host = &unresolved.host;
        let (url, setting) = match &self.proxy {
            // The proxy itself resolves the name of the server, so this is the name of the proxy.
            Some((proxy, variable)) if *host != self.host => {
                (format!("the proxy {proxy}"), variable.as_str())
            }
            _ => (self.url.clone(), self.setting),
        };
        if unresolved.is_unknown {
            Failure::Permanent(format!(
                "cannot reach {url}: no DNS entry for {host}; check {setting}, and the DNS of this network"
            ))
        } else {
            Failure::Transient(format!(
                "cannot reach {url}: DNS lookup of {host} failed ({})",
                unresolved.why
            ))
        }
    }

    /// ureq returns the status of the proxy's response as text: `proxy server responded 407/407`.
    fn refused_by_proxy(&self, message: &str) -> Failure {
        let (proxy, variable) = match &self.proxy {
            Some((proxy, variable)) => (proxy.as_str(), variable.as_str()),
            None => ("", "HTTPS_PROXY"),
        };
        let host = &self.host;
        let status =
            message.rsplit(' ').next().and_then(|status| status.split('/').next()?.parse::<u16>().ok());
        match status {
            Some(407) => Failure::Permanent(format!(
                "the proxy {proxy} requires a user and password, or rejected them (407); set {variable} to http://USER:PASSWORD@HOST:PORT"
            )),
            Some(status @ 400..=499) => Failure::Permanent(format!(
                "the proxy {proxy} does not allow connections to {host} ({status}); have it allowed, or add {host} to NO_PROXY to bypass the proxy of {variable}"
            )),
            _ => Failure::Transient(format!(
                "cannot reach {} through the proxy {proxy}: {message}; if {host} is reachable without the proxy of {variable}, add it to NO_PROXY",
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
                "cannot connect to {url}: the server does not speak TLS; check the port and scheme of {}",
                self.setting
            ),
            error => format!("cannot connect to {url}: {error}; check {}", self.setting),
        })
    }

    fn certificate(&self, error: &CertificateError) -> String {
        use CertificateError as Is;
        let next_step = match (&self.authorities, &self.unused_authorities) {
            (Some(file), _) => format!(
                "add the authority that signed it to {file} (a proxy or firewall that inspects traffic uses its own)"
            ),
            (None, Some(why)) => {
                format!("{why}; set DUO_METRICS_CA_FILE or --ca-file to a file with the authority")
            }
            (None, None) => {
                "set DUO_METRICS_CA_FILE or --ca-file to a file with the authority that signed it".to_owned()
            }
        };
        match error {
            Is::UnknownIssuer => {
                format!("its certificate is signed by an unknown authority; {next_step}")
            }
            error if is_self_signed_authority(error) => format!(
                "its certificate is self-signed (marked as an authority, CA:TRUE) and not trusted; {}",
                match &self.authorities {
                    Some(file) => format!("add this certificate to {file}"),
                    None => "set DUO_METRICS_CA_FILE or --ca-file to a file with this certificate".to_owned(),
                }
            ),
            Is::Expired | Is::ExpiredContext { .. } => {
                "its certificate has expired; have it renewed, or correct the clock of this machine"
                    .to_owned()
            }
            Is::NotValidYet | Is::NotValidYetContext { .. } => {
                "its certificate is not valid yet; correct the clock of this machine, or wait".to_owned()
            }
            Is::NotValidForName => format!("its certificate is for another host; check {}", self.setting),
            Is::NotValidForNameContext { presented, .. } if presented.is_empty() => format!(
                "its certificate has no subjectAltName (a common name is not enough); have it reissued with the subjectAltName {}",
                self.host
            ),
            Is::NotValidForNameContext { presented, .. } => format!(
                "its certificate is not for {} but for {}; use one of these names in {}",
                self.host,
                presented.join(", "),
                self.setting
            ),
            error => format!("{error}; have its certificate reissued"),
        }
    }

    fn io(&self, error: &io::Error) -> Failure {
        use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, UnexpectedEof};
        let help = match (error.kind(), &self.proxy) {
            // A SOCKS proxy refused the connection.
            (io::ErrorKind::Other | io::ErrorKind::PermissionDenied, Some((_, variable))) => {
                format!("; if {} is reachable without the proxy of {variable}, add it to NO_PROXY", self.host)
            }
            (ConnectionRefused, Some((_, variable))) => {
                format!("; check {variable}, or add {} to NO_PROXY", self.host)
            }
            (ConnectionRefused, None) => format!("; check {}", self.setting),
            (ConnectionReset | ConnectionAborted | UnexpectedEof, None) => {
                "; check for a firewall, or whether a proxy is required (HTTPS_PROXY)".to_owned()
            }
            _ => String::new(),
        };
        self.unreachable(format!("{error}{help}"))
    }
}

/// A host name that could not be resolved.
#[derive(Debug)]
struct UnresolvedHost {
    host: String,
    /// Whether the name does not exist, as opposed to a failed lookup.
    is_unknown: bool,
    why: String,
}

impl fmt::Display for UnresolvedHost {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.why)
    }
}

impl std::error::Error for UnresolvedHost {}

/// ureq's resolver, whose errors do not contain the host name, with errors that do.
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
                ureq::Error::Other(Box::new(UnresolvedHost {
                    host: host(),
                    is_unknown: is_unknown_host(&error),
                    why,
                }))
            }
            ureq::Error::HostNotFound => ureq::Error::Other(Box::new(UnresolvedHost {
                host: host(),
                is_unknown: true,
                why: "no address".to_owned(),
            })),
            error => error,
        })
    }
}

/// Whether getaddrinfo returned that a name does not exist (`EAI_NONAME`), and not that the lookup
/// failed (`EAI_AGAIN`). The standard library returns only the message: that of glibc, musl or
/// macOS. Windows returns a code.
fn is_unknown_host(error: &io::Error) -> bool {
    const WSAHOST_NOT_FOUND: i32 = 11001;
    let text = error.to_string();
    let messages = ["Name or service not known", "Name does not resolve", "nodename nor servname provided"];
    messages.iter().any(|message| text.contains(message))
        || (cfg!(windows) && error.raw_os_error() == Some(WSAHOST_NOT_FOUND))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(proxy: bool, authorities: bool) -> ConnectionNames {
        ConnectionNames {
            url: "https://gitlab.example.com".to_owned(),
            host: "gitlab.example.com".to_owned(),
            setting: "GITLAB_URL",
            proxy: proxy.then(|| ("proxy.example:3128".to_owned(), "https_proxy".to_owned())),
            authorities: authorities.then(|| "ca.pem".to_owned()),
            unused_authorities: None,
        }
    }

    #[test]
    fn distinguishes_unknown_hosts_from_failed_lookups() {
        let lookup = "failed to lookup address information: ";
        for (words, expected) in [
            ("Name or service not known", true),
            ("Name does not resolve", true),
            ("nodename nor servname provided, or not known", true),
            ("Temporary failure in name resolution", false),
            ("Try again", false),
            ("Non-recoverable failure in name resolution", false),
        ] {
            assert_eq!(is_unknown_host(&io::Error::other(format!("{lookup}{words}"))), expected, "{words}");
        }
        let failure = |host: &str, is_unknown, proxy| {
            let unresolved = UnresolvedHost { host: host.to_owned(), is_unknown, why: "why".to_owned() };
            names(proxy, false).explain(&ureq::Error::Other(Box::new(unresolved)))
        };
        let Failure::Permanent(text) = failure("gitlab.example.com", true, false) else {
            panic!("transient")
        };
        assert!(text.contains("gitlab.example.com; check GITLAB_URL"), "{text}");
        let Failure::Permanent(text) = failure("proxy.example", true, true) else { panic!("transient") };
        assert!(
            text.contains("the proxy proxy.example:3128") && text.contains("check https_proxy"),
            "{text}"
        );
        assert!(matches!(failure("gitlab.example.com", false, false), Failure::Transient(_)));
    }

    #[test]
    fn refusals_of_a_proxy_name_the_proxy_and_the_next_step() {
        let failure =
            |message: &str| names(true, false).explain(&ureq::Error::ConnectProxyFailed(message.to_owned()));
        for (message, is_permanent, words) in [
            ("proxy server responded 407/407", true, ["USER:PASSWORD", "https_proxy"]),
            ("proxy server responded 403/403", true, ["proxy.example:3128", "NO_PROXY"]),
            ("proxy server responded 502/502", false, ["proxy.example:3128", "NO_PROXY"]),
            ("proxy server did not respond", false, ["proxy.example:3128", "https_proxy"]),
        ] {
            let (permanent, text) = match failure(message) {
                Failure::Permanent(text) => (true, text),
                Failure::Transient(text) => (false, text),
            };
            assert_eq!(permanent, is_permanent, "{message}");
            assert!(words.iter().all(|word| text.contains(word)), "{text}");
        }
    }

    #[test]
    fn advice_for_an_unknown_authority_considers_the_ca_file() {
        let unknown = ureq::Error::Rustls(rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer));
        let Failure::Permanent(without) = names(false, false).explain(&unknown) else { panic!("transient") };
        let Failure::Permanent(with) = names(false, true).explain(&unknown) else { panic!("transient") };
        assert!(without.contains("--ca-file"), "{without}");
        assert!(with.contains("ca.pem") && !with.contains("--ca-file"), "{with}");
    }
}
