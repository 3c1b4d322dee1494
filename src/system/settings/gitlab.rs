//! The GitLab instance, its groups, and the access token.

use std::fmt;

use super::{Environment, server_url};
use crate::base::error::Error;

/// The variables that can contain the GitLab URL; the first one that is set counts.
pub(super) const URL_VARIABLES: [&str; 2] = ["GITLAB_URL", "CI_SERVER_URL"];

const DEFAULT_URL: &str = "https://gitlab.com";

/// The access token of GitLab's API. It is never printed: neither by `Debug` nor in an error.
#[derive(Clone)]
pub struct Token(pub(super) String);

/// The URL of a GitLab instance, without a trailing slash. Unencrypted `http://` is only for this
/// machine, unless it is allowed explicitly.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instance(String);

impl Environment {
    /// The token, from `DUO_TOKEN` only.
    pub fn token(&self) -> Result<Token, Error> {
        let value = self.get("DUO_TOKEN").unwrap_or_default();
        if value.is_empty() {
            return Err(Error::Token(
                "no token; set DUO_TOKEN to a token with the scopes read_api and ai_features".to_owned(),
            ));
        }
        if value.starts_with('$') {
            return Err(Error::Token(
                "no token: DUO_TOKEN contains the name of a variable that is not set; check that the CI/CD variable exists, and that the branch is protected if the variable is".to_owned(),
            ));
        }
        if !value.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(Error::Token(
                "DUO_TOKEN contains characters that no token has; copy it again".to_owned(),
            ));
        }
        Ok(Token(value))
    }

    /// The groups from the flags, else from `GROUP_PATH`, without duplicates. At least one is
    /// required.
    pub fn groups(&self, flags: &[String]) -> Result<Vec<String>, Error> {
        let groups = self.named_groups(flags);
        if groups.is_empty() {
            return Err(Error::Usage(
                "no group; set GROUP_PATH or use --group, for example --group acme".to_owned(),
            ));
        }
        Ok(groups)
    }

    /// The groups, which can be none; see [`Environment::groups`].
    pub fn named_groups(&self, flags: &[String]) -> Vec<String> {
        let paths = match flags {
            [] => self.get("GROUP_PATH").unwrap_or_default().split(',').map(str::to_owned).collect(),
            flags => flags.to_vec(),
        };
        let mut groups: Vec<String> = Vec::new();
        for path in paths {
            let group = path.trim().trim_matches('/').to_owned();
            if !group.is_empty() && !groups.contains(&group) {
                groups.push(group);
            }
        }
        groups
    }

    /// The instance to collect from.
    pub fn instance(&self, flag: Option<&str>, allow_http: bool) -> Result<Instance, Error> {
        let url = self.url(flag).unwrap_or_else(|| DEFAULT_URL.to_owned());
        Instance::parse(&url, allow_http)
    }

    /// The instance, if one was given. Nothing is sent to it, so `http://` is allowed.
    pub fn named_instance(&self, flag: Option<&str>) -> Result<Option<Instance>, Error> {
        self.url(flag).map(|url| Instance::parse(&url, true)).transpose()
    }

    fn url(&self, flag: Option<&str>) -> Option<String> {
        flag.map(str::to_owned).or_else(|| self.find(&URL_VARIABLES).map(|variable| variable.value))
    }
}

impl Token {
    /// The value of the `Authorization` header.
    pub fn authorization(&self) -> String {
        format!("Bearer {}", self.0)
    }

    /// The value of GitLab's `JOB-TOKEN` header.
    pub fn as_job_token(&self) -> &str {
        &self.0
    }

    /// Replaces the token in a text, for example if a server repeats it.
    pub fn redact(&self, text: &str) -> String {
        text.replace(&self.0, "***")
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Token(***)")
    }
}

impl Instance {
    /// Parses a URL such as `https://gitlab.example.com` or `https://example.com/gitlab`.
    pub fn parse(url: &str, allow_http: bool) -> Result<Instance, Error> {
        server_url::parse("GITLAB_URL", "https://gitlab.example.com", "the token", url, allow_http)
            .map(Instance)
    }

    /// The URL, without a trailing slash.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Scheme, host and port.
    pub(super) fn authority(&self) -> &str {
        let host = self.0.find("://").map_or(0, |at| at + 3);
        self.0[host..].find('/').map_or(&self.0, |at| &self.0[..host + at])
    }

    /// The URL of the GraphQL API.
    pub fn endpoint(&self) -> String {
        format!("{}/api/graphql", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instances_are_canonical_and_contain_no_secret() {
        let parse = |url: &str| Instance::parse(url, false).map(|instance| instance.0);
        assert_eq!(parse("https://GitLab.Example.com/").expect("a URL"), "https://gitlab.example.com");
        assert_eq!(parse("HTTPS://example.com/Git/").expect("a URL"), "https://example.com/Git");
        assert_eq!(parse("https://gitlab.example.com:443").expect("a URL"), "https://gitlab.example.com");
        assert_eq!(parse("https://example.com:443/git").expect("a URL"), "https://example.com/git");
        assert_eq!(parse("https://example.com:4430").expect("a URL"), "https://example.com:4430");
        assert_eq!(parse("http://127.0.0.1:8080").expect("a URL"), "http://127.0.0.1:8080");
        assert!(parse("http://[::1]:80").is_ok() && parse("http://localhost").is_ok());
        for bad in [
            "",
            "gitlab.com",
            "ftp://gitlab.com",
            "http://gitlab.com",
            "http://127.0.0.1.evil.example",
            "https://",
            "https://me:hunter2@gitlab.com",
            "https://gitlab.com?private_token=hunter2",
            "https://gitlab.com/#x",
        ] {
            let error = parse(bad).expect_err(bad);
            assert_eq!(error.code(), 78, "{bad}");
            assert!(!error.to_string().contains("hunter2"), "{error}");
        }
        assert!(Instance::parse("http://gitlab.internal", true).is_ok());
    }

    #[test]
    fn a_token_is_not_printed() {
        let token = Token("glpat-secret".to_owned());
        assert_eq!(format!("{token:?}"), "Token(***)");
        assert_eq!(token.redact("bad token glpat-secret!"), "bad token ***!");
    }
}
