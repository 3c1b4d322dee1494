//! The route to a server: its URL, the proxy on the way, and the certificate authorities to trust.

use std::path::PathBuf;

/// A server, and the settings that decide how it is reached.
#[derive(Clone)]
pub struct Route {
    /// Its address, without a trailing slash.
    pub url: String,
    /// The setting that holds the address.
    pub setting: &'static str,
    /// Who vouches for its certificate.
    pub authorities: Authorities,
    /// The variable that names a proxy, and its value, which may hold a password.
    pub proxy: Option<(String, String)>,
}

/// Who vouches for the certificate of a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Authorities {
    /// The public certificate authorities.
    Public,
    /// The certificates in a file, in place of the public authorities.
    File {
        /// The flag or variable that names the file.
        setting: &'static str,
        /// The file.
        path: PathBuf,
    },
    /// The certificates that a setting itself holds, in place of the public authorities.
    Text {
        /// The flag or variable.
        setting: &'static str,
        /// Its value.
        pem: String,
    },
    /// The public authorities, and the certificates in a file as far as it can be read.
    PublicAnd {
        /// The variable that names the file.
        setting: &'static str,
        /// The file.
        path: PathBuf,
    },
}
