//! Files of the REST API, with the token of a CI job: artifacts and packages.

use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;

use ureq::Body;
use ureq::http::{Response, header};

use super::{AttemptError, Client, MAX_ANSWER_BYTES, permanent, rate_limited, server_error, transient};
use crate::base::error::Error;
use crate::collect::collectors::Fault;
use crate::collect::gitlab::graphql_error;
use crate::collect::request_log::Response as LoggedResponse;
use crate::system::files::AtomicFile;

/// The maximum size of a downloaded file, in bytes. The history of 20,000 people over three years
/// has less than 1 GB.
const MAX_DOWNLOAD_BYTES: u64 = 4 << 30;

/// The header with the token of a CI job.
const JOB_TOKEN: &str = "JOB-TOKEN";

impl Client {
    /// Downloads a file to `place`. Returns false and writes nothing on 404. If GitLab keeps the
    /// file in object storage, it redirects there; the token is not sent to that address.
    ///
    /// # Errors
    /// [`Fault::Denied`] if GitLab refuses the file (401 or 403).
    pub fn download(&self, path: &str, place: &Path) -> Result<bool, Fault> {
        let url = self.api(path);
        self.with_retry("GET", |logged| Ok((self.download_once(&url, place, logged)?, None)))
    }

    /// Uploads a file as the content of a path.
    ///
    /// # Errors
    /// [`Fault::Denied`] if GitLab does not accept the file: with a status below 500, except 429.
    pub fn upload(&self, path: &str, file: &Path) -> Result<(), Fault> {
        let url = self.api(path);
        self.with_retry("PUT", |logged| Ok((self.upload_once(&url, file, logged)?, None)))
    }

    /// Whether a path of the REST API exists for the token of the job.
    ///
    /// # Errors
    /// [`Fault::Denied`] on 401 or 403.
    pub fn exists(&self, path: &str) -> Result<bool, Fault> {
        let url = self.api(path);
        self.with_retry("GET", |logged| {
            let response = self.get_as_job(&url)?;
            logged.status = Some(response.status().as_u16());
            Ok((self.is_found(&url, &response)?, None))
        })
    }

    fn api(&self, path: &str) -> String {
        format!("{}/api/v4/{path}", self.instance)
    }

    fn get_as_job(&self, url: &str) -> Result<Response<Body>, AttemptError> {
        let request = self.connection.agent().get(url).header(JOB_TOKEN, self.token.as_job_token());
        request.call().map_err(|error| self.transport(&error))
    }

    fn download_once(
        &self,
        url: &str,
        place: &Path,
        logged: &mut LoggedResponse,
    ) -> Result<bool, AttemptError> {
        let mut response = self.get_as_job(url)?;
        logged.status = Some(response.status().as_u16());
        if let Some(storage) = self.storage_url(&response) {
            response = self.get_from_storage(&storage)?;
        } else if !self.is_found(url, &response)? {
            return Ok(false);
        }
        logged.bytes = self.save(&mut response, place)?;
        Ok(true)
    }

    /// Whether the response has the file (200) or there is none (404).
    fn is_found(&self, url: &str, response: &Response<Body>) -> Result<bool, AttemptError> {
        let status = response.status().as_u16();
        // The file itself may be a web page.
        let another = if status == 200 { None } else { self.foreign_response_error(url, response, b"") };
        match (another, status) {
            (Some(failure), _) => Err(failure),
            (None, 200) => Ok(true),
            (None, 404) => Ok(false),
            (None, 401 | 403) => {
                Err(permanent(Fault::Denied(format!("GitLab rejected the job token ({status})"))))
            }
            (None, 429) => Err(rate_limited(response.headers())),
            (None, 500..=599) => Err(server_error(status, "no file", response.headers())),
            (None, _) => {
                Err(permanent(Fault::Answer(format!("GitLab returned status {status} instead of the file"))))
            }
        }
    }

    /// The address of the file in object storage, if the response redirects to it. It contains a
    /// signature, so no message may contain it.
    fn storage_url(&self, response: &Response<Body>) -> Option<String> {
        let location = response.headers().get(header::LOCATION)?.to_str().ok()?;
        let is_redirect = matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308);
        // Only a signed address (S3, Google and Azure): a login page in front of GitLab redirects too.
        let query = location.split_once('?').map(|(_, query)| query.to_ascii_lowercase());
        let mut names =
            query.iter().flat_map(|query| query.split('&')).filter_map(|pair| pair.split('=').next());
        let is_signed = names.any(|name| name.ends_with("signature") || name == "sig");
        let is_encrypted = location.starts_with("https://") || self.instance.starts_with("http://");
        (is_redirect && is_signed && is_encrypted).then(|| location.to_owned())
    }

    fn get_from_storage(&self, url: &str) -> Result<Response<Body>, AttemptError> {
        let failed = |what: &str| {
            transient(format!(
                "the object storage that GitLab redirects to {what}; check that this machine can reach it"
            ))
        };
        let response = self.connection.agent().get(url).call().map_err(|_| failed("does not answer"))?;
        match response.status().as_u16() {
            200 => Ok(response),
            status => Err(failed(&format!("returned {status}"))),
        }
    }

    /// Saves the content, and returns its number of bytes.
    fn save(&self, response: &mut Response<Body>, place: &Path) -> Result<u64, AttemptError> {
        let sink = |error| permanent(Fault::Sink(error));
        let mut file = AtomicFile::create(place).map_err(sink)?;
        let mut reader = response.body_mut().as_reader();
        let (mut bytes, mut total) = (vec![0; 1 << 16], 0);
        loop {
            let length = reader.read(&mut bytes).map_err(|error| self.transport(&ureq::Error::Io(error)))?;
            if length == 0 {
                break;
            }
            total += length as u64;
            if total > MAX_DOWNLOAD_BYTES {
                return Err(permanent(Fault::Answer("GitLab returned a file larger than 4 GiB".to_owned())));
            }
            file.write_all(&bytes[..length]).map_err(|error| sink(Error::writing(error)))?;
        }
        file.commit().map_err(sink)?;
        Ok(total)
    }

    fn upload_once(&self, url: &str, file: &Path, logged: &mut LoggedResponse) -> Result<(), AttemptError> {
        let content = File::open(file).map_err(Error::file("read", file));
        let content = content.map_err(|error| permanent(Fault::Sink(error)))?;
        let request = self.connection.agent().put(url).header(JOB_TOKEN, self.token.as_job_token());
        let request = request.header(header::CONTENT_TYPE, "application/octet-stream");
        let mut response = request.send(&content).map_err(|error| self.transport(&error))?;
        let status = response.status().as_u16();
        logged.status = Some(status);
        if matches!(status, 200 | 201) {
            return Ok(());
        }
        if let Some(failure) = self.foreign_response_error(url, &response, b"") {
            return Err(failure);
        }
        let mut text = Vec::new();
        // The status is enough if the explanation cannot be read.
        let _ = response.body_mut().as_reader().take(MAX_ANSWER_BYTES).read_to_end(&mut text);
        let summary = graphql_error::summary(&self.redacted(&text));
        match status {
            429 => Err(rate_limited(response.headers())),
            500..=599 => Err(server_error(status, &summary, response.headers())),
            status => {
                Err(permanent(Fault::Denied(format!("GitLab did not accept the file ({status}): {summary}"))))
            }
        }
    }
}
