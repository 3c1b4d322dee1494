//! A generic package registry on the loopback interface, with the links of releases, as GitLab has
//! them: `release/upload` and the commands of the documents talk to it.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};

/// The job token that may upload. Everyone may download.
pub(crate) const JOB_TOKEN: &str = "package-job-token-4c1e";

const PACKAGES: &str = "/api/v4/projects/7/packages/generic/duo-metrics/";

/// The server. It runs until the tests end.
pub(crate) struct PackageServer {
    address: SocketAddr,
}

impl PackageServer {
    /// Keeps the files of a version in the folder `VERSION` below this one.
    pub(crate) fn start(folder: &Path) -> PackageServer {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        let folder = folder.to_owned();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // A client that hangs up is its own problem.
                let _ = respond(&stream, &folder);
            }
        });
        PackageServer { address }
    }

    /// Address of the package of a version, as a job of the project uploads it.
    pub(crate) fn package(&self, version: &str) -> String {
        format!("http://{}{PACKAGES}{version}", self.address)
    }

    /// Address of a project with this path.
    pub(crate) fn url(&self, project: &str) -> String {
        format!("http://{}/{project}", self.address)
    }
}

fn respond(mut stream: &TcpStream, folder: &Path) -> io::Result<()> {
    let mut reader = BufReader::new(stream);
    let mut request = String::new();
    reader.read_line(&mut request)?;
    let mut words = request.split(' ');
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let (mut length, mut has_token) = (0, false);
    loop {
        let mut header = String::new();
        reader.read_line(&mut header)?;
        let Some((name, value)) = header.trim_end().split_once(": ") else { break };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.parse().unwrap_or(0),
            "job-token" => has_token = value == JOB_TOKEN,
            "expect" => stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?,
            _ => {}
        }
    }
    let mut body = Vec::new();
    reader.take(length).read_to_end(&mut body)?;
    let (status, location, content) = match (method, file(path)) {
        ("PUT", Some(_)) if !has_token => (401, None, Vec::new()),
        ("PUT", Some(file)) => {
            let file = folder.join(file);
            std::fs::create_dir_all(file.parent().expect("a folder"))?;
            std::fs::write(file, body)?;
            (201, None, Vec::new())
        }
        ("GET", Some(file)) => match std::fs::read(folder.join(file)) {
            Ok(content) => (200, None, content),
            Err(_) => (404, None, Vec::new()),
        },
        // A link of a release leads to its file in the package registry.
        ("GET", None) => {
            match path.split_once("/-/releases/").and_then(|(_, rest)| rest.split_once("/downloads/")) {
                Some((version, name)) => (302, Some(format!("{PACKAGES}{version}/{name}")), Vec::new()),
                None => (404, None, Vec::new()),
            }
        }
        _ => (405, None, Vec::new()),
    };
    let location = location.map(|location| format!("Location: {location}\r\n")).unwrap_or_default();
    let length = content.len();
    let head =
        format!("HTTP/1.1 {status} -\r\n{location}Content-Length: {length}\r\nConnection: close\r\n\r\n");
    stream.write_all(head.as_bytes())?;
    stream.write_all(&content)
}

/// The file that a path of the package registry names, below the folder.
fn file(path: &str) -> Option<PathBuf> {
    let (version, name) = path.strip_prefix(PACKAGES)?.split_once('/')?;
    (!name.contains('/') && !name.starts_with('.') && !version.starts_with('.'))
        .then(|| Path::new(version).join(name))
}
