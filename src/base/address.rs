//! The canonical form of a GitLab URL, so that equivalent URLs identify the same instance.

use core::net::Ipv6Addr;
use std::borrow::Cow;
use std::fmt::Write as _;

/// The canonical form of a URL: scheme and host in lower case, no default port, no trailing slash,
/// an IPv6 host in the form of RFC 5952. The path does not change, because paths are
/// case-sensitive. Text that is not a URL, such as the `instance:…` of an event export, is returned
/// unchanged.
pub fn canonical(url: &str) -> Cow<'_, str> {
    if is_canonical(url) {
        return Cow::Borrowed(url);
    }
    let Some((scheme, rest)) = url.split_once("://") else { return Cow::Borrowed(url) };
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let scheme = scheme.to_ascii_lowercase();
    let (host, port) = split_port(authority);
    let mut address = format!("{scheme}://");
    match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')?.parse::<Ipv6Addr>().ok()) {
        Some(host) => {
            let _ = write!(address, "[{host}]");
        }
        None => address.push_str(&host.to_ascii_lowercase()),
    }
    let default_port = match scheme.as_str() {
        "https" => "443",
        "http" => "80",
        _ => "",
    };
    if !port.is_empty() && port != default_port {
        let _ = write!(address, ":{port}");
    }
    address.push_str(path.trim_end_matches('/'));
    Cow::Owned(address)
}

/// A fast check for URLs that are canonical already. It runs once per event, and may return false
/// for a canonical URL.
fn is_canonical(url: &str) -> bool {
    let Some(rest) = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://")) else {
        return false;
    };
    let host = rest.split('/').next().unwrap_or_default();
    !rest.ends_with('/')
        && host.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'-' | b'_'))
}

/// Splits host and port; the port is empty if there is none.
fn split_port(authority: &str) -> (&str, &str) {
    match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => (host, port),
        _ => (authority, ""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equivalent_urls_have_one_canonical_form() {
        for (url, expected) in [
            ("https://gitlab.example.com", "https://gitlab.example.com"),
            ("HTTPS://GitLab.Example.com/", "https://gitlab.example.com"),
            ("https://gitlab.example.com:443", "https://gitlab.example.com"),
            ("https://gitlab.example.com:443/git//", "https://gitlab.example.com/git"),
            ("https://gitlab.example.com:", "https://gitlab.example.com"),
            ("https://gitlab.example.com:8443", "https://gitlab.example.com:8443"),
            ("http://gitlab.example.com:80", "http://gitlab.example.com"),
            ("http://gitlab.example.com:443", "http://gitlab.example.com:443"),
            ("https://example.com/Git", "https://example.com/Git"),
            ("https://[2001:DB8:0:0::1]:443", "https://[2001:db8::1]"),
            ("http://[::1]:8080/", "http://[::1]:8080"),
            ("instance:4f2a", "instance:4f2a"),
            ("unknown", "unknown"),
            ("", ""),
        ] {
            assert_eq!(canonical(url), expected, "{url}");
            assert_eq!(canonical(expected), expected, "idempotent");
        }
    }
}
