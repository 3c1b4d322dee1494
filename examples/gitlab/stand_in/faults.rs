//! What can go wrong: one answer at a time, by a script or by chance.

use std::time::Duration;

use fastrand::Rng;

use super::sessions::mixed;

/// One answer gone wrong, for one GraphQL request.
#[derive(Clone, Debug)]
pub enum Fault {
    /// None at all: this request is answered as usual.
    None,
    /// Any answer.
    Status { status: u16, headers: Vec<(String, String)>, content_type: String, body: String },
    /// 429 in plain text; with the rate limit headers only if `retry_after` (seconds) is given.
    TooManyRequests { retry_after: Option<u32> },
    /// 502 with a page of HTML.
    BadGateway,
    /// The right answer, but the connection is closed after half of its body.
    Reset,
    /// Half of the right answer, announced and delivered as if it were whole.
    TruncatedJson,
    /// Silence for this long, then the connection is closed.
    Hang(Duration),
    /// The right answer, whole, but its body takes this long to trickle in.
    SlowBody(Duration),
    /// No fault: the right answer, held back until so many requests have been under way at once (or 10 s are over).
    Gather(usize),
    /// 200 with what could be answered in time and a `Timeout on ...` for every connection.
    TimeoutAnswer,
    /// 200, but the server cannot name some of the usage events: those nodes are null, with an error for each.
    /// So GitLab does with events that a newer release has stored. About every fifth event is meant.
    NamelessEvents,
    /// 503 in JSON: the database gave up.
    RequestTimedOut,
    /// 401, as if the token had been revoked in between.
    Unauthorized,
}

/// Faults by chance. Whether a request meets one is settled by the seed, its body and how often that body has come
/// before, and not by the order in which different requests arrive: several clients at once change nothing.
#[derive(Clone, Debug)]
pub struct Trouble {
    pub seed: u64,
    /// Faults and the share of the requests that meet each, from 0 to 1; together not more than 1.
    pub kinds: Vec<(f64, Fault)>,
}

impl Trouble {
    /// Every passing fault there is, in equal parts, for this share of the requests (0 to 1). The waits are short.
    pub fn mixed(seed: u64, share: f64) -> Trouble {
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
        Trouble { seed, kinds: faults.into_iter().map(|fault| (each, fault)).collect() }
    }

    /// What happens to a body (by its [`digest`]) that has come so often before.
    pub(super) fn strike(&self, digest: u64, before: u64) -> Fault {
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

/// A number for some bytes, the same in every run.
pub(super) fn digest(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |digest, byte| {
        (digest ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}
