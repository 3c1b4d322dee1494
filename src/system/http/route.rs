//! The route to a server: its URL, the proxy on the way, and the certificate authorities to trust.

use std::path::PathBuf;

/// A server, and the settings that decide how it is reached.
#[derive(Clone)]
pub struct Route {
    /// The URL, without a trailing slash.
    pub url: String,
    /// The setting that contains the URL.
    pub setting: &'static str,
    /// The certificate authorities to trust.
    pub authorities: Authorities,
    /// The variable that contains the proxy, and its value, which can contain a password.
    pub proxy: Option<(String, String)>,
}

/// The certificate authorities to trust for a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Authorities {
    /// The public certificate authorities.
    Public,
    /// The certificates in a file, instead of the public authorities.
    File {
        /// The flag or variable that contains the path.
        setting: &'static str,
        /// The file.
        path: PathBuf,
    },
    /// The certificates in the setting itself, instead of the public authorities.
    Text {
        /// The flag or variable.
        setting: &'static str,
        /// Its value.
        pem: String,
    },
    /// The public authorities, and the certificates in a file if it is readable.
    PublicAnd {
        /// The variable that contains the path.
        setting: &'static str,
        /// The file.
        path: PathBuf,
    },
}
