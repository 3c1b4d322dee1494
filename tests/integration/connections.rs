//! The way to a server: certificates, proxies, and where a secret goes. All servers are on this machine.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::bench::{Bench, Done, TOKEN, bare_command, done, lines_of};
use crate::stand_in::Fault;

/// Options that keep a test from waiting.
const AT_ONCE: &[&str] = &["--retries", "0", "--timeout", "20"];

/// A secret that must be in no output.
const HIDDEN: &str = "hunter2";

/// A server on this machine that counts connections, or requests that could be read.
struct Server {
    port: u16,
    seen: Arc<AtomicUsize>,
}

impl Server {
    /// Serves each connection on a thread of its own. It returns how much it saw.
    fn start(serve: impl Fn(TcpStream) -> usize + Send + Sync + 'static) -> Server {
        Server::counting(move |stream, counter| {
            counter.fetch_add(serve(stream), Ordering::SeqCst);
        })
    }

    /// The same, which counts itself what it sees: before it answers, so that a client with an answer was counted.
    fn counting(serve: impl Fn(TcpStream, &AtomicUsize) + Send + Sync + 'static) -> Server {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let seen = Arc::new(AtomicUsize::new(0));
        let (serve, counter) = (Arc::new(serve), Arc::clone(&seen));
        // It lives as long as the tests.
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (serve, counter) = (Arc::clone(&serve), Arc::clone(&counter));
                thread::spawn(move || serve(stream, &counter));
            }
        });
        Server { port, seen }
    }

    /// One that nobody may connect to.
    fn forbidden() -> Server {
        Server::counting(|stream, counter| {
            counter.fetch_add(1, Ordering::SeqCst);
            drop(stream);
        })
    }

    /// One that refuses every request as GitLab does for a token it does not know.
    fn refusing(certificate: &Certificate) -> Server {
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
            let Some(head) = head(&mut stream) else { return };
            // What is left unread would reset the connection, and the answer with it.
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

    fn seen(&self) -> usize {
        self.seen.load(Ordering::SeqCst)
    }
}

/// The head of a request.
fn head(stream: &mut impl Read) -> Option<String> {
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
struct Certificate {
    pem: String,
    der: Vec<u8>,
    key: Vec<u8>,
    issuer: Issuer<'static, KeyPair>,
}

/// What a certificate is like.
struct Wish {
    host: &'static str,
    calls_itself_authority: bool,
    valid: (i32, i32),
}

const NOW: (i32, i32) = (2020, 2120);
const PAST: (i32, i32) = (2020, 2021);
const FUTURE: (i32, i32) = (2119, 2120);

/// A certificate by this authority, else self-signed.
fn certificate(wish: &Wish, by: Option<&Certificate>) -> Certificate {
    let key = KeyPair::generate().expect("a key");
    let mut params = CertificateParams::new(vec![wish.host.to_owned()]).expect("a name");
    params.distinguished_name.push(rcgen::DnType::CommonName, wish.host);
    params.is_ca = match wish.calls_itself_authority {
        true => IsCa::Ca(BasicConstraints::Unconstrained),
        false => IsCa::ExplicitNoCa,
    };
    params.not_before = date_time_ymd(wish.valid.0, 1, 1);
    params.not_after = date_time_ymd(wish.valid.1, 1, 1);
    let made = match by {
        Some(authority) => params.signed_by(&key, &authority.issuer),
        None => params.self_signed(&key),
    };
    let made = made.expect("a certificate");
    Certificate {
        pem: made.pem(),
        der: made.der().to_vec(),
        key: key.serialize_der(),
        issuer: Issuer::new(params, key),
    }
}

fn own(host: &'static str, valid: (i32, i32)) -> Certificate {
    certificate(&Wish { host, calls_itself_authority: true, valid }, None)
}

fn leaf(host: &'static str, valid: (i32, i32), by: Option<&Certificate>) -> Certificate {
    certificate(&Wish { host, calls_itself_authority: false, valid }, by)
}

/// A fetch in this folder, with nothing in its environment but the token and the group.
fn fetch(folder: &Path, url: &str, flags: &[&str]) -> Command {
    let mut command = bare_command(folder, &[&["fetch"], AT_ONCE, flags].concat());
    command.env("DUO_TOKEN", TOKEN).env("GROUP_PATH", "acme").env("GITLAB_URL", url);
    command
}

fn assert_said(result: &Done, code: i32, words: &[&str]) {
    assert_eq!(result.code, code, "{}", result.stderr);
    for word in words {
        assert!(result.stderr.contains(word), "{word:?} is not in {}", result.stderr);
    }
    let stdout = String::from_utf8_lossy(&result.stdout);
    assert!(!result.stderr.contains(HIDDEN) && !stdout.contains(HIDDEN), "{}", result.stderr);
    assert!(!result.stderr.contains(TOKEN), "{}", result.stderr);
}

#[test]
fn a_certificate_is_trusted_as_curl_trusts_it_and_no_other() {
    let folder = tempfile::tempdir().expect("a folder");
    let authority = own("authority", NOW);
    let signed = leaf("localhost", NOW, Some(&authority));
    let mine = own("localhost", NOW);
    let no_authority = leaf("localhost", NOW, None);
    let elsewhere = own("gitlab.example.com", NOW);
    let leaf_elsewhere = leaf("gitlab.example.com", NOW, Some(&authority));
    let [expired, early] = [PAST, FUTURE].map(|valid| own("localhost", valid));
    let [leaf_expired, leaf_early] = [PAST, FUTURE].map(|valid| leaf("localhost", valid, Some(&authority)));
    let other = own("localhost", NOW);
    let trusted: &[(&Certificate, &Certificate)] =
        &[(&signed, &authority), (&mine, &mine), (&no_authority, &no_authority), (&signed, &signed)];
    let refused: &[(&Certificate, Option<&Certificate>, &[&str])] = &[
        (&mine, None, &["self-signed", "CA:TRUE", "--ca-file"]),
        (&mine, Some(&other), &["self-signed", "add this very certificate to ca.pem"]),
        (&mine, Some(&authority), &["self-signed"]),
        (&signed, None, &["unknown authority", "--ca-file"]),
        (&signed, Some(&other), &["unknown authority", "add the authority that signed it to ca.pem"]),
        (&elsewhere, Some(&elsewhere), &["not for localhost but for", "gitlab.example.com", "GITLAB_URL"]),
        (&leaf_elsewhere, Some(&leaf_elsewhere), &["gitlab.example.com", "GITLAB_URL"]),
        (&expired, Some(&expired), &["has expired"]),
        (&leaf_expired, Some(&leaf_expired), &["has expired"]),
        (&leaf_expired, Some(&authority), &["has expired"]),
        (&early, Some(&early), &["not valid yet", "clock"]),
        (&leaf_early, Some(&leaf_early), &["not valid yet"]),
    ];
    let ask = |server: &Server, given: Option<&Certificate>| {
        let url = format!("https://localhost:{}", server.port);
        let mut flags = Vec::new();
        if let Some(given) = given {
            std::fs::write(folder.path().join("ca.pem"), &given.pem).expect("written");
            flags.extend(["--ca-file", "ca.pem"]);
        }
        done(fetch(folder.path(), &url, &flags), b"")
    };
    for (at, (shown, given)) in trusted.iter().enumerate() {
        let server = Server::refusing(shown);
        let result = ask(&server, Some(given));
        assert_eq!((result.code, server.seen()), (77, 1), "{at}: {}", result.stderr);
    }
    for (at, (shown, given, words)) in refused.iter().enumerate() {
        let server = Server::refusing(shown);
        let result = ask(&server, *given);
        assert_said(&result, 78, words);
        assert_eq!(server.seen(), 0, "{at}: a request was read");
        assert!(
            given.is_none() || !result.stderr.contains("--ca-file"),
            "advice that was followed: {}",
            result.stderr
        );
    }
}

#[test]
fn every_command_that_speaks_tls_trusts_alike() {
    let folder = tempfile::tempdir().expect("a folder");
    let mine = own("localhost", NOW);
    std::fs::write(folder.path().join("ca.pem"), &mine.pem).expect("written");
    for arguments in [
        &["doctor", "--retries", "0"][..],
        &["run", "--retries", "0"],
        &["aggregate", "--engine", "clickhouse", "--no-load", "--retries", "0"],
        &["artifact", "--job", "a", "--path", "b", "--output", "c"],
    ] {
        for trusts in [true, false] {
            let server = Server::refusing(&mine);
            let url = format!("https://localhost:{}", server.port);
            let mut command = bare_command(folder.path(), arguments);
            command.env("DUO_TOKEN", TOKEN).env("GROUP_PATH", "acme").env("GITLAB_URL", &url);
            command.env("CLICKHOUSE_URL", &url).env("CI_JOB_TOKEN", TOKEN).env("CI_PROJECT_ID", "7");
            command.env("CI_API_V4_URL", format!("{url}/api/v4")).env("CI_DEFAULT_BRANCH", "main");
            if trusts {
                command.arg("--ca-file").arg("ca.pem");
            }
            let result = done(command, b"");
            assert_eq!(server.seen() > 0, trusts, "{arguments:?}: {}", result.stderr);
            if !trusts {
                assert_said(&result, 78, &["self-signed"]);
            }
        }
    }
}

#[test]
fn the_authority_of_the_runner_is_trusted_for_the_gitlab_of_the_job_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let authority = own("authority", NOW);
    let path = folder.path().join("runner.pem");
    std::fs::write(&path, &authority.pem).expect("written");
    let server = Server::refusing(&leaf("localhost", NOW, Some(&authority)));
    let url = format!("https://localhost:{}", server.port);
    let ask = |variables: &[(&str, &str)]| {
        let before = server.seen();
        let mut command = fetch(folder.path(), &url, &[]);
        command.env("CI", "true").envs(variables.iter().copied());
        (done(command, b""), server.seen() > before)
    };
    let file = path.to_str().expect("text");
    let (_, is_read) = ask(&[("CI_SERVER_URL", &url), ("CI_SERVER_TLS_CA_FILE", file)]);
    assert!(is_read);
    let (other, is_read) =
        ask(&[("CI_SERVER_URL", "https://gitlab.example.com"), ("CI_SERVER_TLS_CA_FILE", file)]);
    assert!(!is_read, "the authority of another GitLab");
    assert_said(&other, 78, &["unknown authority", "DUO_METRICS_CA_FILE"]);
    let (missing, is_read) = ask(&[("CI_SERVER_URL", &url), ("CI_SERVER_TLS_CA_FILE", "nothing.pem")]);
    assert!(!is_read);
    assert_said(&missing, 78, &["CI_SERVER_TLS_CA_FILE", "nothing.pem", "DUO_METRICS_CA_FILE"]);
    std::fs::write(folder.path().join("other.pem"), own("other", NOW).pem).expect("written");
    let (_, is_read) = ask(&[
        ("CI_SERVER_URL", &url),
        ("CI_SERVER_TLS_CA_FILE", file),
        ("DUO_METRICS_CA_FILE", "other.pem"),
    ]);
    assert!(!is_read, "what the user names counts alone");
}

#[test]
fn a_pasted_certificate_is_read_and_no_text_in_place_of_a_path_is_repeated() {
    let bench = Bench::new(20, 3);
    let mine = own("localhost", NOW);
    let server = Server::refusing(&mine);
    let url = format!("https://localhost:{}", server.port);
    let mut command = fetch(bench.folder(), &url, &[]);
    command.env("DUO_METRICS_CA_FILE", &mine.pem);
    assert_eq!((done(command, b"").code, server.seen()), (77, 1));
    assert_eq!(done(fetch(bench.folder(), &url, &["--ca-file", &mine.pem]), b"").code, 77);

    let long = format!("{HIDDEN}{}", "x".repeat(5_000));
    let lines = format!("first\n{HIDDEN}\n");
    let key = format!("-----BEGIN PRIVATE KEY-----\n{HIDDEN}\n-----END PRIVATE KEY-----\n");
    let key_in_one_line = key.replace('\n', " ");
    for text in [&long, &lines, &key, &key_in_one_line] {
        for name in
            ["DUO_METRICS_CA_FILE", "DUO_METRICS_HISTORY", "DUO_METRICS_PRICES", "DUO_METRICS_OUTPUT_DIR"]
        {
            let mut command = bench.command(&["fetch"]);
            command.env(name, text);
            assert_said(&done(command, b""), 78, &[name]);
        }
        assert_said(&bench.run(&["fetch", "--ca-file", text]), 78, &["--ca-file"]);
        // What looks like a flag is refused as one before it is taken for a path.
        if text.starts_with('-') {
            continue;
        }
        for arguments in [
            &["normalize", "--map", text][..],
            &["normalize", "--dead-letter", &format!("/dev/null/{text}")],
            &["fetch", "--collector-file", text],
            &["aggregate", "--prices", text],
            &["aggregate", "--history", &format!("/dev/null/{text}")],
            &["fetch", "--output-dir", &format!("/dev/null/{text}")],
            &["fetch", "--state", &format!("/dev/null/{text}")],
            &["dashboard", "--theme", text],
            &["dashboard", "--site", &format!("/dev/null/{text}")],
            &["landing", "--site", &format!("/dev/null/{text}")],
            &["export", "--people", &format!("/dev/null/{text}")],
            &["export", "--people", "people.csv", "--hold", text],
            &["lint", text],
        ] {
            let metrics = br#"{"type":"coverage","collector":"seats","instance":"https://x.example","scope":"a","day":"2026-10-30","status":"complete","rows":0,"fetched_at":"2026-10-30T03:00:00Z","reason":null}
"#;
            let result = bench.pipe(arguments, metrics);
            assert_ne!(result.code, 0, "{:?}", &arguments[..2]);
            assert!(!result.stderr.contains(HIDDEN), "{:?}: {}", &arguments[..2], result.stderr);
        }
    }
}

/// An address of this machine that does not count as one, so that a proxy is used for it: the system connects it to itself.
fn seemingly_remote(port: u16) -> String {
    format!("http://0.0.0.0:{port}")
}

#[test]
fn a_proxy_that_cannot_be_used_ends_the_command_and_the_token_goes_nowhere() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::forbidden();
    let url = seemingly_remote(server.port);
    for variable in ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"] {
        for value in [
            "ftp://me:hunter2@127.0.0.1:1",
            "socks6://me:hunter2@127.0.0.1:1",
            "http://me:hunter2@127.0.0.1:99999",
            "http://me:hunter2@127.0.0.1:port",
            "me:hunter2@",
            "127.0.0.1 hunter2",
            "$HTTP_PROXY",
        ] {
            let mut command = fetch(folder.path(), &url, &["--allow-http"]);
            command.env(variable, value);
            assert_said(&done(command, b""), 78, &[variable, "http://proxy.example.com:3128"]);
        }
    }
    #[cfg(unix)]
    {
        use std::os::unix::ffi::OsStrExt;
        let mut command = fetch(folder.path(), &url, &["--allow-http"]);
        command.env("http_proxy", std::ffi::OsStr::from_bytes(b"http://\xff.example"));
        assert_said(&done(command, b""), 78, &["http_proxy"]);
    }
    assert_eq!(server.seen(), 0, "somebody connected past the proxy");
    // Blanks around a value are none of it: this proxy is asked, and is not there.
    let mut command = fetch(folder.path(), &url, &["--allow-http"]);
    command.env("http_proxy", format!(" socks5://me:{HIDDEN}@127.0.0.1:1\n"));
    assert_said(&done(command, b""), 75, &["through the proxy 127.0.0.1:1 (http_proxy)", "NO_PROXY"]);
    assert_eq!(server.seen(), 0, "somebody connected past the proxy");
}

/// A SOCKS proxy that leads every name to this port, and the requests it got: version, user and target.
fn socks(port: u16) -> (Server, Arc<Mutex<BTreeSet<String>>>) {
    let asked = Arc::new(Mutex::new(BTreeSet::new()));
    let log = Arc::clone(&asked);
    let server = Server::start(move |mut stream| {
        let what = socks_request(&mut stream).expect("a request of SOCKS");
        log.lock().expect("no panic while held").insert(what);
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
    (server, asked)
}

/// Serves the handshake of SOCKS 4a or 5 and returns what was asked for.
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

#[test]
fn a_socks_proxy_serves_the_whole_collection() {
    let bench = Bench::new(20, 3);
    let port = bench.gitlab.url().rsplit(':').next().and_then(|port| port.parse().ok()).expect("a port");
    for (value, expected) in [
        ("socks5h://127.0.0.1", "5 gitlab.invalid"),
        ("socks5h://me:hunter%322@127.0.0.1", "5 me:hunter22:gitlab.invalid"),
        ("socks4a://127.0.0.1", "4 gitlab.invalid"),
    ] {
        let (proxy, asked) = socks(port);
        let mut command = bench.command(&[
            "fetch",
            "--allow-http",
            "--url",
            "http://gitlab.invalid",
            "--since",
            "2026-10-30",
        ]);
        command.env("ALL_PROXY", format!("{value}:{}", proxy.port));
        let result = done(command, b"");
        assert_eq!(result.code, 0, "{value}: {}", result.stderr);
        assert!(lines_of(&result.stdout, "coverage").len() > 3);
        let asked = asked.lock().expect("no panic while held");
        assert_eq!(asked.iter().map(String::as_str).collect::<Vec<_>>(), [expected]);
    }
}

#[test]
fn the_variables_of_a_proxy_are_those_of_curl_and_no_proxy_exempts() {
    let folder = tempfile::tempdir().expect("a folder");
    // It closes each connection, so that nothing is ever answered.
    let proxy = Server::forbidden();
    let address = format!("127.0.0.1:{}", proxy.port);
    let is_asked = |url: &str, variables: &[(&str, &str)]| {
        let before = proxy.seen();
        let mut command = fetch(folder.path(), url, &["--allow-http"]);
        command.envs(variables.iter().copied());
        let result = done(command, b"");
        assert_ne!(result.code, 0);
        (proxy.seen() > before, result)
    };
    let (http, https) = ("http://gitlab.corp.invalid", "https://gitlab.corp.invalid");
    for (url, variables, expected) in [
        (https, &[("https_proxy", &*address)][..], true),
        (https, &[("HTTPS_PROXY", &address)], true),
        (https, &[("all_proxy", &address)], true),
        (https, &[("http_proxy", &address)], false),
        (https, &[("HTTP_PROXY", &address)], false),
        (http, &[("HTTP_PROXY", &address)], true),
        (http, &[("https_proxy", &address)], false),
        (http, &[("ALL_PROXY", &address), ("HTTPS_PROXY", "ftp://x")], true),
        (https, &[("ALL_PROXY", "ftp://x"), ("https_proxy", &address)], true),
        (https, &[("https_proxy", ""), ("HTTPS_PROXY", &address)], true),
        (https, &[("https_proxy", &address), ("NO_PROXY", "localhost, corp.invalid")], false),
        (https, &[("https_proxy", &address), ("no_proxy", ".corp.invalid")], false),
        (https, &[("https_proxy", &address), ("no_proxy", "other.invalid"), ("NO_PROXY", "*")], true),
        (https, &[("https_proxy", "ftp://x"), ("NO_PROXY", "*")], false),
        (http, &[("http_proxy", &address), ("NO_PROXY", "orp.invalid")], true),
    ] {
        let (asked, result) = is_asked(url, variables);
        assert_eq!(asked, expected, "{url} {variables:?}: {}", result.stderr);
    }
    let server = Server::forbidden();
    let (asked, _) = is_asked(&format!("http://localhost:{}", server.port), &[("http_proxy", &address)]);
    assert!(!asked && server.seen() > 0, "what is on this machine needs no proxy");
}

#[test]
fn what_a_proxy_a_gateway_or_a_redirect_refuses_is_named_with_what_helps() {
    let bench = Bench::new(20, 3);
    for (status, code, words) in [
        (407, 78, ["USER:PASSWORD", "https_proxy"]),
        (403, 78, ["lets nothing through to gitlab.invalid", "NO_PROXY"]),
        (502, 75, ["through the proxy 127.0.0.1", "NO_PROXY"]),
    ] {
        let proxy = Server::start(move |mut stream| {
            let _ = head(&mut stream);
            let _ = write!(stream, "HTTP/1.1 {status} x\r\nContent-Length: 0\r\n\r\n");
            1
        });
        let mut command = fetch(bench.folder(), "https://gitlab.invalid", &[]);
        command.env("https_proxy", format!("http://me:{HIDDEN}@127.0.0.1:{}", proxy.port));
        assert_said(&done(command, b""), code, &words);
    }
    let answer = |status, location: Option<&str>, content_type: &str| Fault::Status {
        status,
        headers: location.map(|location| ("Location".to_owned(), location.to_owned())).into_iter().collect(),
        content_type: content_type.to_owned(),
        body: "<html><title>Blocked by policy</title></html>".to_owned(),
    };
    for (fault, words) in [
        (
            answer(301, Some("https://new.example.com/api/graphql"), "text/html"),
            &[
                "redirects to https://new.example.com/api/graphql",
                "set GITLAB_URL to https://new.example.com",
            ][..],
        ),
        (
            answer(302, Some("https://sso.example.com/login?state=hunter2"), "text/html"),
            &["redirects to https://sso.example.com/login", "gateway"],
        ),
        (answer(403, None, "text/html"), &["gateway or firewall", "403: Blocked by policy", "HTTPS_PROXY"]),
        (answer(401, None, "text/html"), &["gateway or firewall", "401: Blocked by policy"]),
        (answer(200, None, "text/html"), &["web page (Blocked by policy)", "GITLAB_URL"]),
    ] {
        bench.gitlab.inject([fault]);
        assert_said(&bench.run(&["fetch"]), 78, words);
    }
    let speechless = Server::start(|mut stream| {
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
        1
    });
    let url = format!("https://localhost:{}", speechless.port);
    assert_said(&done(fetch(bench.folder(), &url, &[]), b""), 78, &["does not speak TLS", "GITLAB_URL"]);
}

#[test]
fn a_dotenv_file_does_not_decide_where_a_secret_of_the_environment_goes() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::forbidden();
    let url = format!("http://127.0.0.1:{}", server.port);
    let call = |dotenv: &str, variables: &[(&str, &str)], arguments: &[&str]| {
        std::fs::write(folder.path().join(".env"), dotenv).expect("written");
        let mut command = bare_command(folder.path(), arguments);
        command.envs(variables.iter().copied());
        done(command, b"")
    };
    let fetch = [&["fetch"], AT_ONCE].concat();
    let count = [&["aggregate", "--engine", "clickhouse", "--no-load"], AT_ONCE].concat();
    let token = ("DUO_TOKEN", TOKEN);
    let (group, remote) = (("GROUP_PATH", "acme"), ("GITLAB_URL", "https://gitlab.invalid"));
    let password = ("CLICKHOUSE_PASSWORD", HIDDEN);
    for (dotenv, variables, arguments, names) in [
        (
            format!("# x\nGITLAB_URL={url}\n"),
            &[token, group][..],
            &fetch,
            ["GITLAB_URL", ".env:2", "DUO_TOKEN"],
        ),
        (format!("CI_SERVER_URL={url}\n"), &[token, group], &fetch, ["CI_SERVER_URL", ".env:1", "DUO_TOKEN"]),
        (
            "DUO_METRICS_CA_FILE=x.pem".to_owned(),
            &[token, group, remote],
            &fetch,
            ["DUO_METRICS_CA_FILE", ".env:1", "DUO_TOKEN"],
        ),
        (
            format!("https_proxy={url}\n"),
            &[token, group, remote],
            &fetch,
            ["https_proxy", ".env:1", "DUO_TOKEN"],
        ),
        (
            "NO_PROXY=*\n".to_owned(),
            &[token, group, remote, ("HTTPS_PROXY", &url)],
            &fetch,
            ["NO_PROXY", ".env:1", "DUO_TOKEN"],
        ),
        (
            format!("CLICKHOUSE_URL={url}\n"),
            &[password],
            &count,
            ["CLICKHOUSE_URL", ".env:1", "CLICKHOUSE_PASSWORD"],
        ),
        (
            "DUO_METRICS_CA_FILE=x.pem".to_owned(),
            &[password, ("CLICKHOUSE_URL", "https://c.invalid")],
            &count,
            ["DUO_METRICS_CA_FILE", ".env:1", "CLICKHOUSE_PASSWORD"],
        ),
    ] {
        assert_said(&call(&dotenv, variables, arguments), 78, &names);
    }
    assert_eq!(server.seen(), 0, "a secret was on its way");
    // The same file with the secret in it, and an address that the user gave, go.
    let both = format!("GITLAB_URL={url}\nDUO_TOKEN={TOKEN}\nCLICKHOUSE_URL={url}\n");
    assert_eq!(call(&both, &[group], &fetch).code, 75);
    assert_eq!(call(&format!("{both}CLICKHOUSE_PASSWORD=x"), &[], &count).code, 75);
    assert_eq!(call(&both, &[], &count).code, 75, "without a password there is no secret");
    assert_eq!(call("GITLAB_URL=https://x.invalid", &[token, group, ("GITLAB_URL", &url)], &fetch).code, 75);
    assert_eq!(
        call("GITLAB_URL=https://x.invalid", &[token, group], &[&fetch[..], &["--url", &url]].concat()).code,
        75
    );
    assert_eq!(call(&format!("DUO_TOKEN={TOKEN}"), &[group, ("GITLAB_URL", &url)], &fetch).code, 75);
    assert_eq!(server.seen(), 6);
    let artifact = ["artifact", "--job", "a", "--path", "b", "--output", "c"];
    let result = call(
        &format!("CI_API_V4_URL={url}/api/v4\nCI_PROJECT_ID=1\nCI_DEFAULT_BRANCH=x\n"),
        &[("CI_JOB_TOKEN", TOKEN)],
        &artifact,
    );
    assert_eq!(
        (result.code, server.seen()),
        (0, 6),
        "variables of a job come from no file: {}",
        result.stderr
    );
}

#[test]
fn a_dotenv_file_substitutes_nothing_and_its_faults_are_named_by_line() {
    let bench = Bench::new(20, 3);
    let call = |dotenv: &[u8]| {
        std::fs::write(bench.path(".env"), dotenv).expect("written");
        let mut command = bare_command(bench.folder(), &["fetch", "--since", "2026-10-30"]);
        command.env("DUO_METRICS_NOW", "2026-11-01T03:00:00Z");
        done(command, b"")
    };
    let good = format!("DUO_TOKEN={TOKEN}\nGROUP_PATH=acme\nGITLAB_URL={}\n", bench.gitlab.url());
    for (dotenv, code) in [
        (good.clone().into_bytes(), 0),
        ([b"\xef\xbb\xbf", good.replace('\n', "\r\n").as_bytes()].concat(), 0),
        (good.encode_utf16().flat_map(u16::to_be_bytes).collect(), 78),
        ([0xff, 0xfe].into_iter().chain(good.encode_utf16().flat_map(u16::to_le_bytes)).collect(), 0),
        ([b"# Schl\xfcssel\n", good.as_bytes()].concat(), 0),
        // Of other programs, which may substitute.
        (format!("OTHER=${{HOME}}/x\n{good}").into_bytes(), 0),
    ] {
        let result = call(&dotenv);
        assert_eq!(result.code, code, "{}", result.stderr);
        assert!(code == 0 || result.stderr.contains("UTF-16"), "{}", result.stderr);
    }
    for (line, words) in [
        (&b"this is no setting"[..], &[".env:4", "NAME=value"][..]),
        (b"DUO_METRICS_HISTORY=${HOME}/hunter2", &[".env:4", "DUO_METRICS_HISTORY", "single quotes"]),
        (b"CLICKHOUSE_PASSWORD=hunter2$x", &[".env:4", "CLICKHOUSE_PASSWORD", "$"]),
        (b"https_proxy=\"$hunter2\"", &[".env:4", "https_proxy", "$"]),
        (b"GROUP_PATH=\xfchunter2", &[".env:4", "UTF-8"]),
        (b"GROUP_PATH=\"hunter2", &[".env:4", "quotation mark"]),
    ] {
        assert_said(&call(&[good.as_bytes(), line].concat()), 78, words);
    }
    // Each line would be twice as long as the one before.
    let nested: String = (1..60).map(|n| format!("DUO_X{n}=${{DUO_X{0}}}${{DUO_X{0}}}\n", n - 1)).collect();
    assert_said(&call(format!("DUO_X0=x\n{nested}{good}").as_bytes()), 78, &[".env:2", "DUO_X1"]);
    std::fs::remove_file(bench.path(".env")).expect("it was there");
    std::fs::create_dir(bench.path(".env")).expect("a folder");
    let result = done(bare_command(bench.folder(), &["fetch"]), b"");
    assert_said(&result, 78, &["cannot read .env"]);
}

#[test]
fn every_setting_is_trimmed_alike() {
    let bench = Bench::new(20, 3);
    let mut plain = bench.command(&["run", "--site", "plain"]);
    let mut padded = bench.command(&["run", "--site", "padded"]);
    for (name, value) in [
        ("DUO_METRICS_DAYS", "3"),
        ("DUO_METRICS_UNTIL", "2026-10-30"),
        ("DUO_METRICS_JOBS", "2"),
        ("DUO_METRICS_COLLECTORS", "usage_events,seats"),
        ("DUO_METRICS_NOW", "2026-11-01T03:00:00Z"),
        ("ENABLE_DUO_METRICS", "true"),
        ("ENABLE_PROJECT_METRICS", "false"),
        ("DUO_METRICS_PSEUDONYM_KEY", "0123456789abcdef"),
        ("DUO_METRICS_OUTPUT_DIR", "raw"),
        ("DUO_TOKEN", TOKEN),
        ("GROUP_PATH", "acme"),
        ("GITLAB_URL", &bench.gitlab.url()),
    ] {
        plain.env(name, value);
        padded.env(name, format!(" {value}\r\n"));
    }
    let (plain, padded) = (done(plain, b""), done(padded, b""));
    assert_eq!((plain.code, padded.code), (0, 0), "{}", padded.stderr);
    assert_eq!(plain.stderr.replace("plain", "padded"), padded.stderr);
    let raw = bench.fetch(&["--collector", "usage_events"]);
    let records = |key: &str| {
        let mut command = bench.command(&["normalize"]);
        command.env("DUO_METRICS_PSEUDONYM_KEY", key);
        done(command, &raw)
    };
    let plain = records("0123456789abcdef");
    assert!(plain.code == 0 && plain.stdout == records("\t0123456789abcdef\r\n").stdout);
    assert_said(&records(" \n"), 2, &["DUO_METRICS_PSEUDONYM_KEY"]);
}

#[test]
fn waiting_for_a_server_is_said_at_once_and_in_the_form_of_the_log() {
    let folder = tempfile::tempdir().expect("a folder");
    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port").local_addr().expect("one").port();
    let url = format!("http://127.0.0.1:{port}");
    let call = |arguments: &[&str]| {
        let waits = ["--retries", "2", "--retry-wait", "0.02"];
        let mut command = bare_command(folder.path(), &[arguments, &waits].concat());
        command.env("DUO_TOKEN", TOKEN).env("GROUP_PATH", "acme").env("GITLAB_URL", &url);
        done(command, b"")
    };
    for arguments in [
        &["fetch"][..],
        &["run"],
        &["doctor"],
        &["aggregate", "--engine", "clickhouse", "--no-load", "--clickhouse-url", &url],
    ] {
        let result = call(arguments);
        let lines: Vec<&str> = result.stderr.lines().filter(|line| line.contains("; retrying (")).collect();
        let [second, third] = lines[..] else { panic!("{}", result.stderr) };
        assert!(second.contains(&url) && second.ends_with("retrying (2 of 3) in 0.02 s"), "{second}");
        assert!(third.ends_with("retrying (3 of 3) in 0.04 s"), "{third}");
        assert_eq!(result.code, 75);
    }
    let result = call(&["fetch", "--log-format", "json"]);
    let notices: Vec<serde_json::Value> = result
        .stderr
        .lines()
        .filter(|line| line.contains("retrying"))
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    assert_eq!(notices.len(), 2, "{}", result.stderr);
    for notice in notices {
        assert_eq!((&notice["type"], &notice["command"]), (&"notice".into(), &"fetch".into()));
        assert!(notice["message"].as_str().is_some_and(|text| text.contains("of 3) in")), "{notice}");
    }
}

#[test]
fn doctor_shows_each_check_when_it_is_done() {
    let bench = Bench::new(20, 3);
    bench.gitlab.inject([Fault::Hang(Duration::from_secs(600))]);
    let mut command = bench.command(&["doctor", "--timeout", "30", "--retries", "0"]);
    let mut doctor = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("it starts");
    let mut lines = BufReader::new(doctor.stdout.take().expect("it was piped")).lines();
    let shown: Vec<String> = lines.by_ref().take(2).map(|line| line.expect("text")).collect();
    // The first query is not answered: what is shown by now was known before.
    let is_running = doctor.try_wait().expect("a child").is_none();
    doctor.kill().expect("a child");
    doctor.wait().expect("a child");
    assert!(shown[0].starts_with("ok    gitlab: ") && shown[1].starts_with("ok    token: "), "{shown:?}");
    assert!(is_running && lines.next().is_none(), "more was shown, so all of it came at the end");
}

#[test]
fn files_that_people_write_are_read_in_the_encodings_of_their_editors() {
    let bench = Bench::new(20, 3);
    let raw = bench.fetch(&["--collector", "seats"]);
    let map = r#"{"collector":"seats","record":"event","fields":{}}"#;
    let prices = r#"{"m":{"input_cost_per_token":0.000001,"output_cost_per_token":0.000002}}"#;
    let theme = r##"{"title":"Ä"}"##;
    let encodings: [fn(&str) -> Vec<u8>; 3] = [
        |text| text.as_bytes().to_vec(),
        |text| [b"\xef\xbb\xbf", text.as_bytes()].concat(),
        |text| "\u{feff}".encode_utf16().chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect(),
    ];
    let results = encodings.map(|encoded| {
        std::fs::create_dir_all(bench.path("theme")).expect("a folder");
        for (name, text) in
            [("map.json", map), ("prices.json", prices), ("theme/theme.json", theme), ("hold", "u1\nu2\n")]
        {
            std::fs::write(bench.path(name), encoded(text)).expect("written");
        }
        [
            bench.pipe(&["normalize", "--map", "map.json"], &raw),
            bench.pipe(&["aggregate", "--prices", "prices.json"], b""),
            bench.pipe(&["dashboard", "--theme", "theme"], b""),
            bench.pipe(&["export", "--people", "people.csv", "--hold", "hold"], &bench.normalize(&raw)),
        ]
        .map(|result| (result.code, result.stderr))
    });
    assert_eq!(results[0], results[1]);
    assert_eq!(results[0], results[2]);
    for (name, arguments) in [
        ("map.json", &["normalize", "--map", "map.json"][..]),
        ("prices.json", &["aggregate", "--prices", "prices.json"]),
        ("theme/theme.json", &["dashboard", "--theme", "theme"]),
        ("hold", &["export", "--people", "people.csv", "--hold", "hold"]),
    ] {
        std::fs::write(bench.path(name), b"{\n\"x\": \"\xfc\"}").expect("written");
        assert_said(&bench.pipe(arguments, b""), 78, &[&format!("{name}:2 is not UTF-8")]);
    }
}
