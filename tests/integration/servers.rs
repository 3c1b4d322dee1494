//! Servers with TLS or as proxies, and certificates, on this machine.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// A server on this machine that counts connections or readable requests.
pub(crate) struct Server {
    pub(crate) port: u16,
    seen: Arc<AtomicUsize>,
}

impl Server {
    /// Serves each connection in its own thread. `serve` returns how many requests it read.
    pub(crate) fn start(serve: impl Fn(TcpStream) -> usize + Send + Sync + 'static) -> Server {
        Server::counting(move |stream, counter| {
            counter.fetch_add(serve(stream), Ordering::SeqCst);
        })
    }

    /// The same, but `serve` counts before it responds, so that each client with a response was
    /// counted.
    fn counting(serve: impl Fn(TcpStream, &AtomicUsize) + Send + Sync + 'static) -> Server {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let seen = Arc::new(AtomicUsize::new(0));
        let (serve, counter) = (Arc::new(serve), Arc::clone(&seen));
        // The thread runs until the tests end.
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (serve, counter) = (Arc::clone(&serve), Arc::clone(&counter));
                thread::spawn(move || serve(stream, &counter));
            }
        });
        Server { port, seen }
    }

    /// A server that closes each connection. Tests assert that there is none.
    pub(crate) fn closing() -> Server {
        Server::counting(|stream, counter| {
            counter.fetch_add(1, Ordering::SeqCst);
            drop(stream);
        })
    }

    /// A server that responds to each request like GitLab to an unknown token.
    pub(crate) fn rejecting_tokens(certificate: &Certificate) -> Server {
        let chain = vec![CertificateDer::from(certificate.der.clone())];
        let key = PrivateKeyDer::try_from(certificate.key.clone()).expect("a key");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .expect("a certificate and its key");
        let config = Arc::new(config);
        Server::counting(move |stream, counter| {
            let connection = ServerConnection::new(Arc::clone(&config)).expect("a connection");
            let mut stream = StreamOwned::new(connection, stream);
            let Some(head) = read_head(&mut stream) else { return };
            // Unread bytes would reset the connection and discard the response.
            let length = head.lines().find_map(|line| {
                line.to_ascii_lowercase().strip_prefix("content-length:")?.trim().parse().ok()
            });
            let _ = stream.read_exact(&mut vec![0; length.unwrap_or(0)]);
            counter.fetch_add(1, Ordering::SeqCst);
            let body = r#"{"message":"401 Unauthorized"}"#;
            let _ = write!(
                stream,
                "HTTP/1.1 401 Unauthorized\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
                body.len()
            );
        })
    }

    pub(crate) fn seen(&self) -> usize {
        self.seen.load(Ordering::SeqCst)
    }
}

/// The head of a request.
pub(crate) fn read_head(stream: &mut impl Read) -> Option<String> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read(&mut byte) {
            Ok(1) => head.push(byte[0]),
            _ => return None,
        }
    }
    String::from_utf8(head).ok()
}

/// A certificate and its key.
pub(crate) struct Certificate {
    pub(crate) pem: String,
    der: Vec<u8>,
    key: Vec<u8>,
    issuer: Issuer<'static, KeyPair>,
}

/// Options of a certificate.
struct CertificateOptions {
    host: &'static str,
    is_authority: bool,
    valid: Years,
}

/// The years at whose starts a certificate becomes valid and expires.
#[derive(Clone, Copy)]
pub(crate) struct Years {
    from: i32,
    to: i32,
}

/// The years of a valid certificate.
pub(crate) const NOW: Years = Years { from: 2020, to: 2120 };
/// The years of an expired certificate.
pub(crate) const PAST: Years = Years { from: 2020, to: 2021 };
/// The years of a certificate that is not valid yet.
pub(crate) const FUTURE: Years = Years { from: 2119, to: 2120 };

/// A certificate issued by this authority, or self-signed.
fn certificate(options: &CertificateOptions, by: Option<&Certificate>) -> Certificate {
    let key = KeyPair::generate().expect("a key");
    let mut params = CertificateParams::new(vec![options.host.to_owned()]).expect("a name");
    params.distinguished_name.push(rcgen::DnType::CommonName, options.host);
    params.is_ca =
        if options.is_authority { IsCa::Ca(BasicConstraints::Unconstrained) } else { IsCa::ExplicitNoCa };
    params.not_before = date_time_ymd(options.valid.from, 1, 1);
    params.not_after = date_time_ymd(options.valid.to, 1, 1);
    let issued = match by {
        Some(authority) => params.signed_by(&key, &authority.issuer),
        None => params.self_signed(&key),
    };
    let issued = issued.expect("a certificate");
    Certificate {
        pem: issued.pem(),
        der: issued.der().to_vec(),
        key: key.serialize_der(),
        issuer: Issuer::new(params, key),
    }
}

/// A self-signed certificate of an authority.
pub(crate) fn authority(host: &'static str, valid: Years) -> Certificate {
    certificate(&CertificateOptions { host, is_authority: true, valid }, None)
}

/// A server certificate, issued by this authority or self-signed.
pub(crate) fn server_certificate(host: &'static str, valid: Years, by: Option<&Certificate>) -> Certificate {
    certificate(&CertificateOptions { host, is_authority: false, valid }, by)
}

/// A SOCKS proxy that connects all names to this port, and its requests: version, user and target.
pub(crate) fn socks(port: u16) -> (Server, Arc<Mutex<BTreeSet<String>>>) {
    let requests = Arc::new(Mutex::new(BTreeSet::new()));
    let log = Arc::clone(&requests);
    let server = Server::start(move |mut stream| {
        let description = socks_request(&mut stream).expect("a request of SOCKS");
        log.lock().expect("no panic while held").insert(description);
        let target = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).expect("the server is there");
        let (mut from, mut to) = (target.try_clone().expect("a handle"), target);
        let mut back = stream.try_clone().expect("a handle");
        thread::spawn(move || {
            let _ = std::io::copy(&mut from, &mut back);
            let _ = back.shutdown(Shutdown::Both);
        });
        let _ = std::io::copy(&mut stream, &mut to);
        let _ = to.shutdown(Shutdown::Both);
        1
    });
    (server, requests)
}

/// Serves the handshake of SOCKS 4a or 5 and returns the request.
fn socks_request(stream: &mut TcpStream) -> std::io::Result<String> {
    let take = |stream: &mut TcpStream, length: usize| {
        let mut bytes = vec![0; length];
        stream.read_exact(&mut bytes).map(|()| bytes)
    };
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).map_err(std::io::Error::other);
    if take(stream, 1)?[0] == 4 {
        take(stream, 7)?;
        let mut name = Vec::new();
        for expected_ends in [1, 2] {
            while name.iter().filter(|byte| **byte == 0).count() < expected_ends {
                name.extend(take(stream, 1)?);
            }
        }
        stream.write_all(&[0, 90, 0, 0, 0, 0, 0, 0])?;
        return Ok(format!("4 {}", text(name)?.replace('\0', "")));
    }
    let methods = usize::from(take(stream, 1)?[0]);
    let with_password = take(stream, methods)?.contains(&2);
    let mut user = String::new();
    stream.write_all(&[5, if with_password { 2 } else { 0 }])?;
    if with_password {
        take(stream, 1)?;
        for _ in 0..2 {
            let length = usize::from(take(stream, 1)?[0]);
            user = format!("{user}{}:", text(take(stream, length)?)?);
        }
        stream.write_all(&[1, 0])?;
    }
    let request = take(stream, 4)?;
    assert_eq!(request[3], 3, "a name, not an address");
    let length = usize::from(take(stream, 1)?[0]);
    let name = text(take(stream, length)?)?;
    take(stream, 2)?;
    stream.write_all(&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0])?;
    Ok(format!("5 {user}{name}"))
}
