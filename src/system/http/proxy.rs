//! The proxy for a request, from the same variables and with the same rules as curl
//! (curl.1, "ENVIRONMENT"; `Curl_check_noproxy` in lib/noproxy.c of curl 7.88).

use std::net::IpAddr;

use ureq::Proxy;
use ureq::http::Uri;
use ureq::http::uri::Authority;

use crate::base::error::Error;

/// The variables with hosts to connect to directly; the first one that is set counts.
pub const EXEMPTIONS: [&str; 2] = ["no_proxy", "NO_PROXY"];

/// The supported proxy schemes. With `socks5h` and `socks4a`, the proxy resolves the host name.
const SCHEMES: [&str; 7] = ["http", "https", "socks", "socks4", "socks4a", "socks5", "socks5h"];

/// The variables with the proxy for URLs of this scheme; the first one that is set counts. curl
/// reads `http_proxy` in lower case only, because a web server sets `HTTP_PROXY` from a request
/// header; this program does not run as a CGI script.
pub fn variables(scheme: &str) -> [&'static str; 4] {
    match scheme {
        "http" => ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"],
        _ => ["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"],
    }
}

/// Whether a variable affects the proxy.
pub fn is_variable(name: &str) -> bool {
    EXEMPTIONS.contains(&name) || ["http", "https"].iter().any(|scheme| variables(scheme).contains(&name))
}

/// Parses the value of a proxy variable. The error contains the variable but not its value, which
/// can contain a password.
pub(super) fn parse(variable: &str, value: &str) -> Result<Proxy, Error> {
    let rejected = |why: &str| {
        Error::Configuration(format!(
            "{variable} {why}; set it to a URL like http://proxy.example.com:3128, or add the host to NO_PROXY to bypass the proxy"
        ))
    };
    let (scheme, rest) = value.split_once("://").unwrap_or(("http", value));
    let url = format!("{}://{rest}", scheme.to_ascii_lowercase());
    let not_a_proxy = || rejected("is not the URL of a proxy");
    let uri: Uri = url.parse().map_err(|_| not_a_proxy())?;
    if !uri.scheme_str().is_some_and(|scheme| SCHEMES.contains(&scheme)) {
        return Err(rejected(&format!("has an unsupported scheme (supported: {})", SCHEMES.join(", "))));
    }
    let authority = uri.authority().ok_or_else(not_a_proxy)?;
    // The URL parser ignores an invalid port, and the default port would be used.
    if !is_host(authority.host()) || !has_valid_port(authority) {
        return Err(not_a_proxy());
    }
    Proxy::new(&url).map_err(|_| not_a_proxy())
}

/// Whether this can be a host name or IP address. A value such as `$HTTPS_PROXY`, the name of a
/// variable that is not set, is neither.
fn is_host(text: &str) -> bool {
    let is_valid = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:[]".contains(&byte);
    !text.is_empty() && text.bytes().all(is_valid)
}

fn has_valid_port(authority: &Authority) -> bool {
    let host_and_port = authority.as_str().rsplit('@').next().unwrap_or_default();
    match host_and_port.strip_prefix(authority.host()) {
        Some("") => true,
        Some(rest) => {
            rest.strip_prefix(':').and_then(|port| port.parse().ok()).is_some_and(|port: u16| port > 0)
        }
        None => false,
    }
}

/// Whether a `NO_PROXY` list exempts a host. In addition to curl's rules, `*.example.com` means
/// `.example.com`, and `example.com:8443` exempts only that port, as in Go and Python.
pub fn is_exempt(list: &str, host: &str, port: u16) -> bool {
    if list.trim() == "*" {
        return true;
    }
    let host = host.trim_start_matches('[').trim_end_matches(']').trim_end_matches('.');
    let address: Option<IpAddr> = host.parse().ok();
    list.split([',', ' ', '\t', '\r', '\n']).filter(|entry| !entry.is_empty()).any(|entry| match address {
        Some(address) => covers_address(entry, address, port),
        None => covers_name(entry, host, port),
    })
}

fn covers_name(entry: &str, host: &str, port: u16) -> bool {
    let Some(entry) = without_port(entry, port) else { return false };
    let entry = entry.strip_prefix('*').filter(|rest| rest.starts_with('.')).unwrap_or(entry);
    let entry = entry.strip_prefix('.').unwrap_or(entry).trim_end_matches('.').to_ascii_lowercase();
    let host = host.to_ascii_lowercase();
    !entry.is_empty()
        && host.strip_suffix(&entry).is_some_and(|before| before.is_empty() || before.ends_with('.'))
}

fn covers_address(entry: &str, address: IpAddr, port: u16) -> bool {
    if let Ok(network) = entry.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>() {
        return network == address;
    }
    let Some((network, bits)) = entry.split_once('/') else {
        return without_port(entry, port)
            .and_then(|entry| entry.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>().ok())
            .is_some_and(|network| network == address);
    };
    let (Ok(network), Ok(bits)) = (network.parse::<IpAddr>(), bits.parse::<u32>()) else { return false };
    // curl treats /0 as the address itself.
    match (network, address) {
        (IpAddr::V4(network), IpAddr::V4(address)) if bits <= 32 => {
            let shift = if bits == 0 { 0 } else { 32 - bits };
            (network.to_bits() ^ address.to_bits()) >> shift == 0
        }
        (IpAddr::V6(network), IpAddr::V6(address)) if bits <= 128 => {
            let shift = if bits == 0 { 0 } else { 128 - bits };
            (network.to_bits() ^ address.to_bits()) >> shift == 0
        }
        _ => false,
    }
}

/// An entry without its port; `None` if it has a different port.
fn without_port(entry: &str, port: u16) -> Option<&str> {
    match entry.rsplit_once(':') {
        Some((entry, digits)) if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) => {
            digits.parse().is_ok_and(|only: u16| only == port).then_some(entry)
        }
        _ => Some(entry),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exemptions_follow_curl() {
        let host = "gitlab.corp.example";
        for list in [
            "gitlab.corp.example",
            "corp.example",
            ".corp.example",
            "*.corp.example",
            "corp.example.",
            "localhost, .corp.example",
            "localhost,127.0.0.1, corp.example , example.com",
            "localhost corp.example",
            "localhost\tcorp.example\r\n",
            "CORP.Example",
            "*",
            " * ",
            "corp.example:443",
        ] {
            assert!(is_exempt(list, host, 443), "{list:?}");
        }
        for list in [
            "",
            "orp.example",
            "gitlab.corp",
            "localhost, other.example",
            ".",
            "*corp.example",
            "localhost, *",
            ",,",
            "corp.example:8443",
            "443",
            ":443",
            "git.gitlab.corp.example",
            "10.0.0.0/8",
        ] {
            assert!(!is_exempt(list, host, 443), "{list:?}");
        }
        assert!(is_exempt(".corp.example", "corp.example", 443));
        assert!(is_exempt("corp.example", "GitLab.Corp.Example.", 443));
    }

    #[test]
    fn addresses_are_exempt_by_address_and_network() {
        for (list, host) in [
            ("10.1.2.3", "10.1.2.3"),
            ("10.0.0.0/8", "10.1.2.3"),
            ("10.1.2.3/32", "10.1.2.3"),
            ("10.1.2.3/0", "10.1.2.3"),
            ("192.168.0.0/16, 10.1.2.0/24", "10.1.2.3"),
            ("10.1.2.3:443", "10.1.2.3"),
            ("fd00::/8", "[fd00::1]"),
            ("fd00:0::1", "[fd00::1]"),
            ("[fd00::1]", "[fd00::1]"),
            ("[fd00::1]:443", "[fd00::1]"),
        ] {
            assert!(is_exempt(list, host, 443), "{list} {host}");
        }
        for (list, host) in [
            ("10.1.2.4", "10.1.2.3"),
            ("11.0.0.0/8", "10.1.2.3"),
            ("10.0.0.0/33", "10.1.2.3"),
            ("0.0.0.0/0", "10.1.2.3"),
            ("10.0.0.0/x", "10.1.2.3"),
            ("2.3", "10.1.2.3"),
            ("10.1.2.3:80", "10.1.2.3"),
            ("fe00::/8", "[fd00::1]"),
            ("fd00::/129", "[fd00::1]"),
        ] {
            assert!(!is_exempt(list, host, 443), "{list} {host}");
        }
    }

    #[test]
    fn parses_proxies_and_errors_contain_no_password() {
        for (value, host, port) in [
            ("http://proxy.example:3128", "proxy.example", 3128),
            ("proxy.example:3128", "proxy.example", 3128),
            ("proxy.example:3128/", "proxy.example", 3128),
            ("https://proxy.example", "proxy.example", 443),
            ("socks5h://proxy.example", "proxy.example", 1080),
            ("SOCKS5://me:hunter2@proxy.example:1081", "proxy.example", 1081),
            ("me:hunter%402@proxy.example:3128", "proxy.example", 3128),
            ("http://[::1]:3128", "[::1]", 3128),
        ] {
            let proxy = parse("HTTPS_PROXY", value).unwrap_or_else(|error| panic!("{value}: {error}"));
            assert_eq!((proxy.host(), proxy.port()), (host, port), "{value}");
        }
        for value in [
            "ftp://me:hunter2@proxy.example:3128",
            "quic://proxy.example",
            "socks6://hunter2@proxy.example",
            "http://me:hunter2@proxy.example:99999",
            "http://proxy.example:0",
            "http://proxy.example:port",
            "http://me:hunter2@:3128",
            "http://me:hunter 2@proxy.example",
            "http://",
            "://proxy.example",
            "$HTTPS_PROXY",
            "proxy example hunter2",
            "http://me:hunter2%ff@proxy.example",
            "\u{fffd}",
        ] {
            let error = parse("all_proxy", value).expect_err(value);
            assert_eq!(error.code(), 78, "{value}");
            let text = error.to_string();
            assert!(text.starts_with("all_proxy ") && !text.contains("hunter"), "{text}");
        }
    }
}
