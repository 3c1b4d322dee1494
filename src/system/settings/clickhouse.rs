//! The ClickHouse database.

use super::{Environment, server_url};
use crate::base::error::Error;

/// A database on a ClickHouse server, and the user that connects to it. The password is never
/// printed: neither by `Debug` nor in an error.
#[derive(Clone)]
pub struct Database {
    url: String,
    name: String,
    user: Option<String>,
    password: Option<String>,
}

impl Environment {
    /// The ClickHouse server and its database.
    pub fn clickhouse(
        &self,
        url: Option<&str>,
        database: Option<&str>,
        allow_http: bool,
    ) -> Result<Database, Error> {
        let url = url.map(str::to_owned).or_else(|| self.get("CLICKHOUSE_URL")).ok_or_else(|| {
            Error::Usage(
                "no ClickHouse server; set CLICKHOUSE_URL or use --clickhouse-url, for example https://clickhouse.example.com:8443".to_owned(),
            )
        })?;
        let example = "https://clickhouse.example.com:8443";
        let secret = "personal data and the password";
        let url = server_url::parse("CLICKHOUSE_URL", example, secret, &url, allow_http)?;
        let name = database.map(str::to_owned).or_else(|| self.get("CLICKHOUSE_DATABASE"));
        Ok(Database {
            url,
            name: name.unwrap_or_else(|| "default".to_owned()),
            user: self.credential("CLICKHOUSE_USER")?,
            password: self.credential("CLICKHOUSE_PASSWORD")?,
        })
    }

    /// A variable that is sent in an HTTP header.
    fn credential(&self, name: &'static str) -> Result<Option<String>, Error> {
        match self.get(name) {
            Some(value) if value.starts_with('$') => Err(Error::Token(format!(
                "{name} contains the name of a variable that is not set; check that the CI/CD variable exists, and that the branch is protected if the variable is"
            ))),
            Some(value) if !value.bytes().all(|byte| matches!(byte, b' '..=b'~')) => Err(Error::Token(
                format!("{name} contains characters that an HTTP header cannot; use printable ASCII only"),
            )),
            value => Ok(value),
        }
    }
}

impl Database {
    /// The URL of the server, without a trailing slash.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The name of the database.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The user, if one was given.
    pub fn user(&self) -> Option<&str> {
        self.user.as_deref()
    }

    /// The password, if one was given, for the HTTP header.
    pub fn password(&self) -> Option<&str> {
        self.password.as_deref()
    }

    /// Replaces the password in a text, for example if a server repeats it.
    pub fn redact(&self, text: &str) -> String {
        match self.password() {
            Some(password) => text.replace(password, "***"),
            None => text.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    #[test]
    fn rejects_urls_with_a_secret_and_names_the_setting() {
        let environment = Environment { dotenv: HashMap::new() };
        let parse = |url: &str| environment.clickhouse(Some(url), None, false);
        assert_eq!(parse("http://localhost:8123/").expect("a URL").url(), "http://localhost:8123");
        for bad in [
            "http://clickhouse.internal:8123",
            "https://me:hunter2@c.example",
            "https://c.example/?x=hunter2",
        ] {
            let Err(error) = parse(bad) else { panic!("{bad}") };
            assert_eq!(error.code(), 78, "{bad}");
            let text = error.to_string();
            assert!(text.starts_with("CLICKHOUSE_URL ") && !text.contains("hunter2"), "{text}");
        }
    }
}
