//! The log of requests (`--verbose`): what each one asks for, and how it ended. It has neither the
//! token nor variables of a query, which can be names.

use std::cell::RefCell;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;

use crate::base::calendar::Day;
use crate::base::text::format_count;
use crate::collect::collectors::{Collector, FetchTarget};
use crate::system::log;

thread_local! {
    /// What the requests of this thread are for. A collector does not know the client that logs its
    /// requests, and the client does not know the collector.
    static SUBJECT: RefCell<Option<Subject>> = const { RefCell::new(None) };
}

/// What requests are for.
#[derive(Clone, Serialize, JsonSchema)]
struct Subject {
    /// The collector.
    collector: &'static str,
    /// The requested group path.
    scope: String,
    /// The first requested day.
    since: Day,
    /// The last requested day.
    until: Day,
    /// The number of the page, from 1 in each part of the work (a day, a project, a subgroup); absent
    /// if the response is not written as a raw line.
    #[serde(skip_serializing_if = "Option::is_none")]
    page: Option<u32>,
}

/// A request that ended, on standard error with `--verbose --log-format json`.
#[derive(Serialize, JsonSchema)]
#[serde(tag = "type", rename = "request")]
pub struct RequestLine {
    /// The command.
    command: &'static str,
    /// The text.
    message: String,
    /// The name of the query, or GET.
    operation: String,
    /// The HTTP status; null without a response.
    status: Option<u16>,
    /// The length of the content after decompression.
    bytes: u64,
    /// The time until its end.
    seconds: f64,
    /// The number of the attempt, from 1.
    attempt: u32,
    /// What it is for; absent if it is for no collector.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    subject: Option<Subject>,
}

/// As long as it lives, the requests of this thread are for a collector.
pub struct SubjectGuard(());

/// Logs the requests of this thread as those of a collector. `page` is the number of the first one.
pub fn requests_of(collector: &dyn Collector, target: &FetchTarget<'_>, page: Option<u32>) -> SubjectGuard {
    let FetchTarget { scope, since, until } = *target;
    let subject = Subject { collector: collector.info().name, scope: scope.to_owned(), since, until, page };
    SUBJECT.set(Some(subject));
    SubjectGuard(())
}

impl Drop for SubjectGuard {
    fn drop(&mut self) {
        SUBJECT.set(None);
    }
}

/// Counts a page of the collector of this thread.
pub fn next_page() {
    SUBJECT.with_borrow_mut(|subject| {
        if let Some(page) = subject.as_mut().and_then(|subject| subject.page.as_mut()) {
            *page += 1;
        }
    });
}

/// The response to an attempt, as far as it arrived.
#[derive(Clone, Copy, Debug, Default)]
pub struct Response {
    /// The HTTP status; `None` without a response.
    pub status: Option<u16>,
    /// The length of the content after decompression, in bytes.
    pub bytes: u64,
}

/// Logs an attempt. `operation` is the name of the query, or the kind of another request; `attempt`
/// counts from 1.
pub fn log_attempt(operation: &str, response: Response, time: Duration, attempt: u32) {
    if !log::is_verbose() {
        return;
    }
    let Response { status, bytes } = response;
    let subject = SUBJECT.with_borrow(Clone::clone);
    let seconds = (time.as_secs_f64() * 1_000.0).round() / 1_000.0;
    let asked = match &subject {
        None => operation.to_owned(),
        Some(Subject { collector, scope, since, until, page }) => {
            let days =
                if since == until { format!("on {until}") } else { format!("from {since} to {until}") };
            let page = page.map_or_else(String::new, |page| format!(", page {page}"));
            format!("{operation} for {collector} of {scope} {days}{page}")
        }
    };
    let answered = match status {
        Some(status) => format!("{status}, {} in {seconds} s", format_count(bytes, "byte")),
        None => format!("no response in {seconds} s"),
    };
    let attempts = if attempt > 1 { format!(", attempt {attempt}") } else { String::new() };
    log::write_line(&format!("{asked}: {answered}{attempts}"), |command, message| {
        let operation = operation.to_owned();
        RequestLine { command, message, operation, status, bytes, seconds, attempt, subject }
    });
}
