//! Faults of single responses, injected or random.

use std::time::Duration;

use fastrand::Rng;

use super::sessions::mixed;

/// A fault of one GraphQL request.
#[derive(Clone, Debug)]
pub enum Fault {
    /// No fault.
    None,
    /// An arbitrary response.
    Status {
        /// HTTP status.
        status: u16,
        /// Names and values of further headers.
        headers: Vec<(String, String)>,
        /// Value of `Content-Type`.
        content_type: String,
        /// The complete body.
        body: String,
    },
    /// 429 in plain text.
    TooManyRequests {
        /// Seconds; with it, the response has rate limit headers.
        retry_after: Option<u32>,
    },
    /// 502 with an HTML page.
    BadGateway,
    /// The correct response, but the connection is closed after half of its body.
    Reset,
    /// Half of the correct response, delivered as if it were complete.
    TruncatedJson,
    /// No response for this long, then the connection is closed.
    Hang(Duration),
    /// The correct response, but its body arrives slowly, over this duration.
    SlowBody(Duration),
    /// Not a fault: the correct response, held until this many requests have been in flight at the
    /// same time (at most 10 s).
    HoldUntilConcurrent(usize),
    /// 200 with partial data and a `Timeout on ...` for each connection.
    TimeoutAnswer,
    /// 200, but some nodes of usage events are null, with an error for each. GitLab does this for
    /// events that a newer release has stored and that this one has no name for. Affects about
    /// every fifth event.
    NamelessEvents,
    /// 503 in JSON: a database statement timed out.
    RequestTimedOut,
    /// 401, as if the token had been revoked.
    Unauthorized,
}

/// Random faults. Whether a request fails depends on the seed, its body and how often that body
/// arrived before, but not on the order of different requests, so concurrent clients get the same
/// faults.
#[derive(Clone, Debug)]
pub struct RandomFaults {
    /// The seed of all faults.
    pub seed: u64,
    /// Share of requests (0 to 1) for each fault; the sum is at most 1.
    pub kinds: Vec<(f64, Fault)>,
}

impl RandomFaults {
    /// All transient faults in equal parts, for this share of requests (0 to 1), with short delays.
    pub fn mixed(seed: u64, share: f64) -> RandomFaults {
        let faults = [
            Fault::TooManyRequests { retry_after: Some(0) },
            Fault::TooManyRequests { retry_after: None },
            Fault::BadGateway,
            Fault::Reset,
            Fault::TruncatedJson,
            Fault::Hang(Duration::from_millis(50)),
            Fault::SlowBody(Duration::from_millis(50)),
            Fault::TimeoutAnswer,
            Fault::RequestTimedOut,
        ];
        let each = share / faults.len() as f64;
        RandomFaults { seed, kinds: faults.into_iter().map(|fault| (each, fault)).collect() }
    }

    /// The fault for a body (by its [`digest`]) that arrived this many times before.
    pub(super) fn fault_for(&self, digest: u64, before: u64) -> Fault {
        let mut draw = Rng::with_seed(self.seed ^ mixed(digest ^ mixed(before + 1))).f64();
        for (share, fault) in &self.kinds {
            if draw < *share {
                return fault.clone();
            }
            draw -= share;
        }
        Fault::None
    }
}

/// FNV-1a hash of bytes, the same in every run.
pub(super) fn digest(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |digest, byte| {
        (digest ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}
