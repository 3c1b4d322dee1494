//! Connections: certificates, proxies, and where secrets are sent. All servers are on this machine.

use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use stand_in::Fault;

use crate::bench::{Bench, CommandResult, TOKEN, bare_command, lines_of, run_command};
use crate::servers::{
    Certificate, FUTURE, NOW, PAST, Server, authority, read_head, server_certificate, socks,
};

/// Options that make a test fast.
const NO_RETRIES: &[&str] = &["--retries", "0", "--timeout", "20"];

/// A secret that must not appear in output.
const SECRET: &str = "hunter2";

/// A fetch in this folder, with only the token and the group in its environment.
fn fetch(folder: &Path, url: &str, flags: &[&str]) -> Command {
    let mut command = bare_command(folder, &[&["fetch"], NO_RETRIES, flags].concat());
    command.env("DUO_TOKEN", TOKEN).env("GROUP_PATH", "acme").env("GITLAB_URL", url);
    command
}

fn assert_message(result: &CommandResult, code: i32, words: &[&str]) {
    assert_eq!(result.code, code, "{}", result.stderr);
    for word in words {
        assert!(result.stderr.contains(word), "{word:?} is not in {}", result.stderr);
    }
    let stdout = String::from_utf8_lossy(&result.stdout);
    assert!(!result.stderr.contains(SECRET) && !stdout.contains(SECRET), "{}", result.stderr);
    assert!(!result.stderr.contains(TOKEN), "{}", result.stderr);
}

#[test]
fn certificates_are_trusted_as_by_curl() {
    let folder = tempfile::tempdir().expect("a folder");
    let signer = authority("authority", NOW);
    let signed = server_certificate("localhost", NOW, Some(&signer));
    let mine = authority("localhost", NOW);
    let no_authority = server_certificate("localhost", NOW, None);
    let elsewhere = authority("gitlab.example.com", NOW);
    let leaf_elsewhere = server_certificate("gitlab.example.com", NOW, Some(&signer));
    let [expired, early] = [PAST, FUTURE].map(|valid| authority("localhost", valid));
    let [leaf_expired, leaf_early] =
        [PAST, FUTURE].map(|valid| server_certificate("localhost", valid, Some(&signer)));
    let other = authority("localhost", NOW);
    let trusted: &[(&Certificate, &Certificate)] =
        &[(&signed, &signer), (&mine, &mine), (&no_authority, &no_authority), (&signed, &signed)];
    let refused: &[(&Certificate, Option<&Certificate>, &[&str])] = &[
        (&mine, None, &["self-signed", "CA:TRUE", "--ca-file"]),
        (&mine, Some(&other), &["self-signed", "add this certificate to ca.pem"]),
        (&mine, Some(&signer), &["self-signed"]),
        (&signed, None, &["unknown authority", "--ca-file"]),
        (&signed, Some(&other), &["unknown authority", "add the authority that signed it to ca.pem"]),
        (&elsewhere, Some(&elsewhere), &["not for localhost but for", "gitlab.example.com", "GITLAB_URL"]),
        (&leaf_elsewhere, Some(&leaf_elsewhere), &["gitlab.example.com", "GITLAB_URL"]),
        (&expired, Some(&expired), &["has expired"]),
        (&leaf_expired, Some(&leaf_expired), &["has expired"]),
        (&leaf_expired, Some(&signer), &["has expired"]),
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
        run_command(fetch(folder.path(), &url, &flags), b"")
    };
    for (at, (shown, given)) in trusted.iter().enumerate() {
        let server = Server::rejecting_tokens(shown);
        let result = ask(&server, Some(given));
        assert_eq!((result.code, server.seen()), (77, 1), "{at}: {}", result.stderr);
    }
    for (at, (shown, given, words)) in refused.iter().enumerate() {
        let server = Server::rejecting_tokens(shown);
        let result = ask(&server, *given);
        assert_message(&result, 78, words);
        assert_eq!(server.seen(), 0, "{at}: a request was read");
        assert!(
            given.is_none() || !result.stderr.contains("--ca-file"),
            "advice that was followed: {}",
            result.stderr
        );
    }
}

#[test]
fn all_commands_with_tls_trust_the_same_certificates() {
    let folder = tempfile::tempdir().expect("a folder");
    let mine = authority("localhost", NOW);
    std::fs::write(folder.path().join("ca.pem"), &mine.pem).expect("written");
    for arguments in [
        &["doctor", "--retries", "0"][..],
        &["run", "--retries", "0"],
        &["aggregate", "--engine", "clickhouse", "--no-load", "--retries", "0"],
        &["artifact", "--job", "a", "--path", "b", "--output", "c"],
    ] {
        for trusts in [true, false] {
            let server = Server::rejecting_tokens(&mine);
            let url = format!("https://localhost:{}", server.port);
            let mut command = bare_command(folder.path(), arguments);
            command.env("DUO_TOKEN", TOKEN).env("GROUP_PATH", "acme").env("GITLAB_URL", &url);
            command.env("CLICKHOUSE_URL", &url).env("CI_JOB_TOKEN", TOKEN).env("CI_PROJECT_ID", "7");
            command.env("CI_API_V4_URL", format!("{url}/api/v4")).env("CI_DEFAULT_BRANCH", "main");
            if trusts {
                command.arg("--ca-file").arg("ca.pem");
            }
            let result = run_command(command, b"");
            assert_eq!(server.seen() > 0, trusts, "{arguments:?}: {}", result.stderr);
            if !trusts {
                assert_message(&result, 78, &["self-signed"]);
            }
        }
    }
}

#[test]
fn the_runners_authority_is_trusted_only_for_the_gitlab_of_the_job() {
    let folder = tempfile::tempdir().expect("a folder");
    let signer = authority("authority", NOW);
    let path = folder.path().join("runner.pem");
    std::fs::write(&path, &signer.pem).expect("written");
    let server = Server::rejecting_tokens(&server_certificate("localhost", NOW, Some(&signer)));
    let url = format!("https://localhost:{}", server.port);
    let ask = |variables: &[(&str, &str)]| {
        let before = server.seen();
        let mut command = fetch(folder.path(), &url, &[]);
        command.env("CI", "true").envs(variables.iter().copied());
        (run_command(command, b""), server.seen() > before)
    };
    let file = path.to_str().expect("text");
    let (_, is_read) = ask(&[("CI_SERVER_URL", &url), ("CI_SERVER_TLS_CA_FILE", file)]);
    assert!(is_read);
    let (other, is_read) =
        ask(&[("CI_SERVER_URL", "https://gitlab.example.com"), ("CI_SERVER_TLS_CA_FILE", file)]);
    assert!(!is_read, "the authority of another GitLab");
    assert_message(&other, 78, &["unknown authority", "DUO_METRICS_CA_FILE"]);
    let (missing, is_read) = ask(&[("CI_SERVER_URL", &url), ("CI_SERVER_TLS_CA_FILE", "nothing.pem")]);
    assert!(!is_read);
    assert_message(&missing, 78, &["CI_SERVER_TLS_CA_FILE", "nothing.pem", "DUO_METRICS_CA_FILE"]);
    std::fs::write(folder.path().join("other.pem"), authority("other", NOW).pem).expect("written");
    let (_, is_read) = ask(&[
        ("CI_SERVER_URL", &url),
        ("CI_SERVER_TLS_CA_FILE", file),
        ("DUO_METRICS_CA_FILE", "other.pem"),
    ]);
    assert!(!is_read, "only the file that the user names counts");
}

#[test]
fn accepts_a_pasted_certificate_and_never_repeats_an_invalid_path() {
    let bench = Bench::new(20, 3);
    let mine = authority("localhost", NOW);
    let server = Server::rejecting_tokens(&mine);
    let url = format!("https://localhost:{}", server.port);
    let mut command = fetch(bench.folder(), &url, &[]);
    command.env("DUO_METRICS_CA_FILE", &mine.pem);
    assert_eq!((run_command(command, b"").code, server.seen()), (77, 1));
    assert_eq!(run_command(fetch(bench.folder(), &url, &["--ca-file", &mine.pem]), b"").code, 77);

    let long = format!("{SECRET}{}", "x".repeat(5_000));
    let lines = format!("first\n{SECRET}\n");
    let key = format!("-----BEGIN PRIVATE KEY-----\n{SECRET}\n-----END PRIVATE KEY-----\n");
    let key_in_one_line = key.replace('\n', " ");
    for text in [&long, &lines, &key, &key_in_one_line] {
        for name in
            ["DUO_METRICS_CA_FILE", "DUO_METRICS_HISTORY", "DUO_METRICS_PRICES", "DUO_METRICS_OUTPUT_DIR"]
        {
            let mut command = bench.command(&["fetch"]);
            command.env(name, text);
            assert_message(&run_command(command, b""), 78, &[name]);
        }
        assert_message(&bench.run(&["fetch", "--ca-file", text]), 78, &["--ca-file"]);
        // A text that looks like a flag is rejected as one.
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
            assert!(!result.stderr.contains(SECRET), "{:?}: {}", &arguments[..2], result.stderr);
        }
    }
}

/// A URL of this machine that is not recognized as local, so that a proxy is used: the system
/// connects it to itself.
fn url_that_looks_remote(port: u16) -> String {
    format!("http://0.0.0.0:{port}")
}

#[test]
fn an_unusable_proxy_is_an_error_and_the_token_is_not_sent() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::closing();
    let url = url_that_looks_remote(server.port);
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
            assert_message(&run_command(command, b""), 78, &[variable, "http://proxy.example.com:3128"]);
        }
    }
    #[cfg(unix)]
    {
        use std::os::unix::ffi::OsStrExt;
        let mut command = fetch(folder.path(), &url, &["--allow-http"]);
        command.env("http_proxy", std::ffi::OsStr::from_bytes(b"http://\xff.example"));
        assert_message(&run_command(command, b""), 78, &["http_proxy"]);
    }
    assert_eq!(server.seen(), 0, "a connection bypassed the proxy");
    // Spaces around a value are trimmed: this proxy is used, and is unreachable.
    let mut command = fetch(folder.path(), &url, &["--allow-http"]);
    command.env("http_proxy", format!(" socks5://me:{SECRET}@127.0.0.1:1\n"));
    assert_message(
        &run_command(command, b""),
        75,
        &["through the proxy 127.0.0.1:1 (http_proxy)", "NO_PROXY"],
    );
    assert_eq!(server.seen(), 0, "a connection bypassed the proxy");
}

#[test]
fn fetches_through_a_socks_proxy() {
    let bench = Bench::new(20, 3);
    let port = bench.gitlab.url().rsplit(':').next().and_then(|port| port.parse().ok()).expect("a port");
    for (value, expected) in [
        ("socks5h://127.0.0.1", "5 gitlab.invalid"),
        ("socks5h://me:hunter%322@127.0.0.1", "5 me:hunter22:gitlab.invalid"),
        ("socks4a://127.0.0.1", "4 gitlab.invalid"),
    ] {
        let (proxy, requests) = socks(port);
        let mut command = bench.command(&[
            "fetch",
            "--allow-http",
            "--url",
            "http://gitlab.invalid",
            "--since",
            "2026-10-30",
        ]);
        command.env("ALL_PROXY", format!("{value}:{}", proxy.port));
        let result = run_command(command, b"");
        assert_eq!(result.code, 0, "{value}: {}", result.stderr);
        assert!(lines_of(&result.stdout, "coverage").len() > 3);
        let requests = requests.lock().expect("no panic while held");
        assert_eq!(requests.iter().map(String::as_str).collect::<Vec<_>>(), [expected]);
    }
}

#[test]
fn proxy_variables_work_as_in_curl_and_no_proxy_exempts_hosts() {
    let folder = tempfile::tempdir().expect("a folder");
    // It closes each connection without a response.
    let proxy = Server::closing();
    let address = format!("127.0.0.1:{}", proxy.port);
    let is_asked = |url: &str, variables: &[(&str, &str)]| {
        let before = proxy.seen();
        let mut command = fetch(folder.path(), url, &["--allow-http"]);
        command.envs(variables.iter().copied());
        let result = run_command(command, b"");
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
        let (is_requested, result) = is_asked(url, variables);
        assert_eq!(is_requested, expected, "{url} {variables:?}: {}", result.stderr);
    }
    let server = Server::closing();
    let (is_requested, _) =
        is_asked(&format!("http://localhost:{}", server.port), &[("http_proxy", &address)]);
    assert!(!is_requested && server.seen() > 0, "local servers need no proxy");
}

#[test]
fn errors_of_proxies_gateways_and_redirects_name_the_fix() {
    let bench = Bench::new(20, 3);
    for (status, code, words) in [
        (407, 78, ["USER:PASSWORD", "https_proxy"]),
        (403, 78, ["does not allow connections to gitlab.invalid", "NO_PROXY"]),
        (502, 75, ["through the proxy 127.0.0.1", "NO_PROXY"]),
    ] {
        let proxy = Server::start(move |mut stream| {
            let _ = read_head(&mut stream);
            let _ = write!(stream, "HTTP/1.1 {status} x\r\nContent-Length: 0\r\n\r\n");
            1
        });
        let mut command = fetch(bench.folder(), "https://gitlab.invalid", &[]);
        command.env("https_proxy", format!("http://me:{SECRET}@127.0.0.1:{}", proxy.port));
        assert_message(&run_command(command, b""), code, &words);
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
        assert_message(&bench.run(&["fetch"]), 78, words);
    }
    let speechless = Server::start(|mut stream| {
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
        1
    });
    let url = format!("https://localhost:{}", speechless.port);
    assert_message(
        &run_command(fetch(bench.folder(), &url, &[]), b""),
        78,
        &["does not speak TLS", "GITLAB_URL"],
    );
}

#[test]
fn a_dotenv_file_cannot_redirect_a_secret_of_the_environment() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::closing();
    let url = format!("http://127.0.0.1:{}", server.port);
    let call = |dotenv: &str, variables: &[(&str, &str)], arguments: &[&str]| {
        std::fs::write(folder.path().join(".env"), dotenv).expect("written");
        let mut command = bare_command(folder.path(), arguments);
        command.envs(variables.iter().copied());
        run_command(command, b"")
    };
    let fetch = [&["fetch"], NO_RETRIES].concat();
    let count = [&["aggregate", "--engine", "clickhouse", "--no-load"], NO_RETRIES].concat();
    let token = ("DUO_TOKEN", TOKEN);
    let (group, remote) = (("GROUP_PATH", "acme"), ("GITLAB_URL", "https://gitlab.invalid"));
    let password = ("CLICKHOUSE_PASSWORD", SECRET);
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
        assert_message(&call(&dotenv, variables, arguments), 78, &names);
    }
    assert_eq!(server.seen(), 0, "a secret was sent");
    // The secret in the same file, or a URL from the user, is accepted.
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
        "job variables are not read from a file: {}",
        result.stderr
    );
}

#[test]
fn a_dotenv_file_is_not_expanded_and_errors_name_the_line() {
    let bench = Bench::new(20, 3);
    let call = |dotenv: &[u8]| {
        std::fs::write(bench.path(".env"), dotenv).expect("written");
        let mut command = bare_command(bench.folder(), &["fetch", "--since", "2026-10-30"]);
        command.env("DUO_METRICS_NOW", "2026-11-01T03:00:00Z");
        run_command(command, b"")
    };
    let good = format!("DUO_TOKEN={TOKEN}\nGROUP_PATH=acme\nGITLAB_URL={}\n", bench.gitlab.url());
    for (dotenv, code) in [
        (good.clone().into_bytes(), 0),
        ([b"\xef\xbb\xbf", good.replace('\n', "\r\n").as_bytes()].concat(), 0),
        (good.encode_utf16().flat_map(u16::to_be_bytes).collect(), 78),
        ([0xff, 0xfe].into_iter().chain(good.encode_utf16().flat_map(u16::to_le_bytes)).collect(), 0),
        ([b"# Schl\xfcssel\n", good.as_bytes()].concat(), 0),
        // Variables of other programs, which may use expansion.
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
        assert_message(&call(&[good.as_bytes(), line].concat()), 78, words);
    }
    // With expansion, each line would be twice as long as the one before.
    let nested: String = (1..60).map(|n| format!("DUO_X{n}=${{DUO_X{0}}}${{DUO_X{0}}}\n", n - 1)).collect();
    assert_message(&call(format!("DUO_X0=x\n{nested}{good}").as_bytes()), 78, &[".env:2", "DUO_X1"]);
    std::fs::remove_file(bench.path(".env")).expect("it was there");
    std::fs::create_dir(bench.path(".env")).expect("a folder");
    let result = run_command(bare_command(bench.folder(), &["fetch"]), b"");
    assert_message(&result, 78, &["cannot read .env"]);
}

#[test]
fn trims_all_settings() {
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
    let (plain, padded) = (run_command(plain, b""), run_command(padded, b""));
    assert_eq!((plain.code, padded.code), (0, 0), "{}", padded.stderr);
    assert_eq!(plain.stderr.replace("plain", "padded"), padded.stderr);
    let raw = bench.fetch(&["--collector", "usage_events"]);
    let records = |key: &str| {
        let mut command = bench.command(&["normalize"]);
        command.env("DUO_METRICS_PSEUDONYM_KEY", key);
        run_command(command, &raw)
    };
    let plain = records("0123456789abcdef");
    assert!(plain.code == 0 && plain.stdout == records("\t0123456789abcdef\r\n").stdout);
    assert_message(&records(" \n"), 2, &["DUO_METRICS_PSEUDONYM_KEY"]);
}

#[test]
fn logs_at_once_that_it_waits_for_a_server() {
    let folder = tempfile::tempdir().expect("a folder");
    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port").local_addr().expect("one").port();
    let url = format!("http://127.0.0.1:{port}");
    let call = |arguments: &[&str]| {
        let waits = ["--retries", "2", "--retry-wait", "0.02"];
        let mut command = bare_command(folder.path(), &[arguments, &waits].concat());
        command.env("DUO_TOKEN", TOKEN).env("GROUP_PATH", "acme").env("GITLAB_URL", &url);
        run_command(command, b"")
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
fn doctor_prints_each_check_as_it_completes() {
    let bench = Bench::new(20, 3);
    bench.gitlab.inject([Fault::Hang(Duration::from_secs(600))]);
    let mut command = bench.command(&["doctor", "--timeout", "30", "--retries", "0"]);
    let mut doctor = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("it starts");
    let mut lines = BufReader::new(doctor.stdout.take().expect("it was piped")).lines();
    let shown: Vec<String> = lines.by_ref().take(2).map(|line| line.expect("text")).collect();
    // The first query has no response yet: the output so far comes from earlier checks.
    let is_running = doctor.try_wait().expect("a child").is_none();
    doctor.kill().expect("a child");
    doctor.wait().expect("a child");
    assert!(shown[0].starts_with("ok    gitlab: ") && shown[1].starts_with("ok    token: "), "{shown:?}");
    assert!(is_running && lines.next().is_none(), "the output appeared only at the end");
}

#[test]
fn reads_config_files_in_the_encodings_of_editors() {
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
        assert_message(&bench.pipe(arguments, b""), 78, &[&format!("{name}:2 is not UTF-8")]);
    }
}
