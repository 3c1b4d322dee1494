//! A small HTTP/1.1 server on the loopback interface, with one thread per connection.
//!
//! Server libraries do not allow the faults that it has to simulate: truncated responses,
//! connections closed in the middle of a body, slow bodies, and no response at all.

use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// Maximum size of a request head or body; for more, the connection is closed.
const MAX_REQUEST_BYTES: usize = 4 << 20;

/// A complete request.
pub(super) struct Call {
    pub(super) method: String,
    /// Path with its query string.
    pub(super) target: String,
    headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

impl Call {
    /// Value of a header, unless it is missing or empty.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let header = self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        header.map(|(_, value)| value.trim()).filter(|value| !value.is_empty())
    }
}

/// A response, and how it is delivered.
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) content_type: String,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
    pub(super) delivery: Delivery,
}

/// How a response is delivered.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Delivery {
    Complete,
    /// Half of the announced body, then the connection is closed.
    TruncatedBody,
    /// No response for this long, then the connection is closed.
    Silence(Duration),
    /// The head at once, and the body in chunks over this duration.
    Trickle(Duration),
    /// Complete, but only after this many requests have been in flight at the same time.
    HeldUntilConcurrent(usize),
}

/// The running server. Dropping it closes every connection.
pub(super) struct Server {
    address: SocketAddr,
    shared: Arc<ServerState>,
    listening: Option<JoinHandle<()>>,
}

struct ServerState {
    stopping: AtomicBool,
    /// Wakes waiting threads when the server stops.
    stopped: (Mutex<bool>, Condvar),
    connections: Mutex<HashMap<u64, TcpStream>>,
    next_connection: AtomicU64,
    /// Until then, every connection is closed immediately.
    down_until: Mutex<Option<Instant>>,
    in_flight: AtomicUsize,
    most_in_flight: AtomicUsize,
}

impl ServerState {
    fn is_down(&self) -> bool {
        let until = self.down_until.lock().expect("no panic while held");
        until.is_some_and(|until| Instant::now() < until)
    }

    fn hang_up(&self) {
        for connection in self.connections.lock().expect("no panic while held").values() {
            // It may be closed already.
            drop(connection.shutdown(Shutdown::Both));
        }
    }

    /// Waits for the duration or until the server stops.
    fn wait(&self, duration: Duration) {
        let (stopped, wake) = &self.stopped;
        let stopped = stopped.lock().expect("no panic while the flag is held");
        drop(wake.wait_timeout_while(stopped, duration, |stopped| !*stopped));
    }

    /// Waits until this many requests have been in flight at the same time, at most 10 s.
    fn gather(&self, requests: usize) {
        let begin = Instant::now();
        while self.most_in_flight.load(Ordering::SeqCst) < requests
            && begin.elapsed() < Duration::from_secs(10)
        {
            self.wait(Duration::from_millis(1));
        }
    }
}

impl Server {
    /// Listens on the port (0: any free port) and responds to requests with `answer`.
    pub(super) fn start<F>(port: u16, answer: F) -> io::Result<Server>
    where
        F: Fn(&Call) -> Reply + Send + Sync + 'static,
    {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
        let address = listener.local_addr()?;
        let shared = Arc::new(ServerState {
            stopping: AtomicBool::new(false),
            stopped: (Mutex::new(false), Condvar::new()),
            connections: Mutex::new(HashMap::new()),
            next_connection: AtomicU64::new(0),
            down_until: Mutex::new(None),
            in_flight: AtomicUsize::new(0),
            most_in_flight: AtomicUsize::new(0),
        });
        let answer = Arc::new(answer);
        let listening = thread::Builder::new().name("stand-in".to_string()).spawn({
            let shared = Arc::clone(&shared);
            move || listen(&listener, &shared, &answer)
        })?;
        Ok(Server { address, shared, listening: Some(listening) })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(super) fn most_in_flight(&self) -> usize {
        self.shared.most_in_flight.load(Ordering::SeqCst)
    }

    pub(super) fn down_for(&self, duration: Duration) {
        *self.shared.down_until.lock().expect("no panic while held") = Some(Instant::now() + duration);
        self.shared.hang_up();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shared.stopping.store(true, Ordering::SeqCst);
        let (stopped, wake) = &self.shared.stopped;
        *stopped.lock().expect("no panic while the flag is held") = true;
        wake.notify_all();
        // A last connection wakes the listener.
        drop(TcpStream::connect(self.address));
        if let Some(listening) = self.listening.take() {
            // A panic was already printed.
            drop(listening.join());
        }
        self.shared.hang_up();
    }
}

fn listen<F>(listener: &TcpListener, shared: &Arc<ServerState>, answer: &Arc<F>)
where
    F: Fn(&Call) -> Reply + Send + Sync + 'static,
{
    for connection in listener.incoming() {
        if shared.stopping.load(Ordering::SeqCst) {
            return;
        }
        let Ok(connection) = connection else {
            continue;
        };
        if shared.is_down() {
            continue;
        }
        let Ok(handle) = connection.try_clone() else {
            continue;
        };
        let number = shared.next_connection.fetch_add(1, Ordering::Relaxed);
        shared.connections.lock().expect("no panic while held").insert(number, handle);
        let (shared, answer) = (Arc::clone(shared), Arc::clone(answer));
        let name = format!("stand-in-{number}");
        let spawned = thread::Builder::new().name(name).spawn(move || {
            // A client may disconnect at any time.
            drop(serve_connection(connection, &shared, &*answer));
            shared.connections.lock().expect("no panic while held").remove(&number);
        });
        drop(spawned);
    }
}

fn serve_connection(
    connection: TcpStream,
    shared: &ServerState,
    answer: &dyn Fn(&Call) -> Reply,
) -> io::Result<()> {
    connection.set_nodelay(true)?;
    let mut writer = connection.try_clone()?;
    let mut reader = Reader { stream: connection, read_ahead: Vec::new() };
    while let Some(call) = reader.call(&mut writer)? {
        if shared.is_down() {
            break;
        }
        let in_flight = shared.in_flight.fetch_add(1, Ordering::SeqCst) + 1;
        shared.most_in_flight.fetch_max(in_flight, Ordering::SeqCst);
        let reply = answer(&call);
        let keep_alive = !call.header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"));
        let message = message(&reply, keep_alive);
        // The end of the message is written after the counter is decremented: a client that has
        // received it can send the next request before this thread continues.
        let written = match reply.delivery {
            Delivery::Complete => Ok(&message[..]),
            Delivery::HeldUntilConcurrent(requests) => {
                shared.gather(requests);
                Ok(&message[..])
            }
            Delivery::TruncatedBody => Ok(&message[..message.len() - reply.body.len().div_ceil(2)]),
            Delivery::Silence(duration) => {
                shared.wait(duration);
                Ok(&[][..])
            }
            Delivery::Trickle(duration) => {
                let head = message.len() - reply.body.len();
                trickle(&mut writer, shared, &message, head, duration)
            }
        };
        shared.in_flight.fetch_sub(1, Ordering::SeqCst);
        writer.write_all(written?)?;
        let complete = matches!(
            reply.delivery,
            Delivery::Complete | Delivery::Trickle(_) | Delivery::HeldUntilConcurrent(_)
        );
        if !keep_alive || !complete {
            break;
        }
    }
    writer.shutdown(Shutdown::Both)
}

/// Writes head and body except for the last chunk, which it returns.
fn trickle<'a>(
    writer: &mut TcpStream,
    shared: &ServerState,
    message: &'a [u8],
    head: usize,
    duration: Duration,
) -> io::Result<&'a [u8]> {
    const CHUNKS: usize = 16;
    let (head, body) = message.split_at(head);
    writer.write_all(head)?;
    let mut chunks = body.chunks(body.len().div_ceil(CHUNKS).max(1)).peekable();
    while let Some(chunk) = chunks.next() {
        shared.wait(duration / CHUNKS as u32);
        if chunks.peek().is_none() {
            return Ok(chunk);
        }
        writer.write_all(chunk)?;
    }
    Ok(&[])
}

/// Head and body in one buffer, so that one write sends both.
fn message(reply: &Reply, keep_alive: bool) -> Vec<u8> {
    let mut head = format!("HTTP/1.1 {} {}\r\n", reply.status, reason(reply.status));
    for (name, value) in &reply.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    let connection = if keep_alive { "keep-alive" } else { "close" };
    head.push_str(&format!(
        "Content-Type: {}\r\nContent-Length: {}\r\nConnection: {connection}\r\n\r\n",
        reply.content_type,
        reply.body.len()
    ));
    let mut message = head.into_bytes();
    message.extend_from_slice(&reply.body);
    message
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        301 => "Moved Permanently",
        302 => "Found",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        422 => "Unprocessable Content",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        _ => "Unknown",
    }
}

struct Reader {
    stream: TcpStream,
    read_ahead: Vec<u8>,
}

impl Reader {
    /// The next request; `None` at the end of the connection.
    fn call(&mut self, writer: &mut TcpStream) -> io::Result<Option<Call>> {
        let (mut call, length) = loop {
            match head(&self.read_ahead)? {
                Some(found) => break found,
                None if !self.read_more()? => return Ok(None),
                None => {}
            }
        };
        self.read_ahead.drain(..length);
        if call.header("expect").is_some() {
            writer.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
        }
        let chunked =
            call.header("transfer-encoding").is_some_and(|value| value.eq_ignore_ascii_case("chunked"));
        call.body = if chunked {
            self.chunks()?
        } else {
            let length = call.header("content-length").unwrap_or("0");
            let length = length.parse().map_err(|_| invalid("content length"))?;
            self.exactly(length)?
        };
        Ok(Some(call))
    }

    fn chunks(&mut self) -> io::Result<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let (start, size) = loop {
                match httparse::parse_chunk_size(&self.read_ahead) {
                    Ok(httparse::Status::Complete(found)) => break found,
                    Ok(httparse::Status::Partial) if self.read_more()? => {}
                    _ => return Err(invalid("chunk size")),
                }
            };
            self.read_ahead.drain(..start);
            let size = usize::try_from(size).map_err(|_| invalid("chunk size"))?;
            body.extend(self.exactly(size)?);
            self.exactly(2)?;
            if size == 0 {
                return Ok(body);
            }
            if body.len() > MAX_REQUEST_BYTES {
                return Err(invalid("body"));
            }
        }
    }

    fn exactly(&mut self, length: usize) -> io::Result<Vec<u8>> {
        if length > MAX_REQUEST_BYTES {
            return Err(invalid("body"));
        }
        while self.read_ahead.len() < length {
            if !self.read_more()? {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        Ok(self.read_ahead.drain(..length).collect())
    }

    fn read_more(&mut self) -> io::Result<bool> {
        let mut buffer = [0; 8 << 10];
        let count = self.stream.read(&mut buffer)?;
        self.read_ahead.extend_from_slice(&buffer[..count]);
        if self.read_ahead.len() > MAX_REQUEST_BYTES {
            return Err(invalid("request"));
        }
        Ok(count > 0)
    }
}

/// The request head at the start of the bytes and its length; `None` if it is incomplete.
fn head(bytes: &[u8]) -> io::Result<Option<(Call, usize)>> {
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut request = httparse::Request::new(&mut headers);
    let status = request.parse(bytes).map_err(|_| invalid("request head"))?;
    let httparse::Status::Complete(length) = status else {
        return Ok(None);
    };
    let call = Call {
        method: request.method.unwrap_or_default().to_string(),
        target: request.path.unwrap_or_default().to_string(),
        headers: request
            .headers
            .iter()
            .map(|header| {
                let value = String::from_utf8_lossy(header.value).into_owned();
                (header.name.to_string(), value)
            })
            .collect(),
        body: Vec::new(),
    };
    Ok(Some((call, length)))
}

fn invalid(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("{what} not understood"))
}
