//! How to reach a server: through which proxy, and which certificate authorities to trust.

use std::path::Path;

use ureq::http::Uri;

use super::gitlab::URL_VARIABLES;
use super::server_url::is_loopback;
use super::{
    DOTENV, Database, Environment, Instance, Token, Variable, VariableSource, not_a_path, process_variable,
};
use crate::base::error::{Error, is_not_a_path};
use crate::system::http::proxy;
use crate::system::http::{Authorities, Route};

const CA_FILE: &str = "DUO_METRICS_CA_FILE";

/// A GitLab instance, the token for it, and the route to it.
pub struct Access {
    /// The instance.
    pub instance: Instance,
    /// The token.
    pub token: Token,
    /// The route.
    pub route: Route,
}

/// The variables that decide where a secret is sent, and the variables that contain it.
struct RouteSettings<'a> {
    /// The setting of the URL, for error messages.
    setting: &'static str,
    /// The variables that can contain the URL.
    url_variables: &'a [&'static str],
    /// The variables that can contain the secret.
    secrets: &'a [&'static str],
}

/// The proxy for a URL. At most one of the two is set.
struct ProxyChoice {
    proxy: Option<Variable>,
    /// The variable that exempts the host from the proxy.
    exemption: Option<Variable>,
}

impl Environment {
    /// The GitLab instance, the token for it, and the route to it.
    pub fn gitlab(
        &self,
        url: Option<&str>,
        allow_http: bool,
        ca_file: Option<&Path>,
    ) -> Result<Access, Error> {
        let instance = self.instance(url, allow_http)?;
        let token = self.token()?;
        let url_variables = if url.is_some() { &[][..] } else { &URL_VARIABLES[..] };
        let settings = RouteSettings { setting: "GITLAB_URL", url_variables, secrets: &["DUO_TOKEN"] };
        let mut route = self.route(instance.as_str(), &settings, ca_file)?;
        if is_instance_of_job(&instance) {
            trust_authorities_of_runner(&mut route);
        }
        Ok(Access { instance, token, route })
    }

    /// The GitLab instance of the CI job and the job token, if the job runs in a pipeline that
    /// provides both. They come from the process only.
    pub fn job(&self, ca_file: Option<&Path>) -> Result<Option<Access>, Error> {
        let (Some(url), Some(token)) = (process_variable("CI_API_V4_URL"), process_variable("CI_JOB_TOKEN"))
        else {
            return Ok(None);
        };
        // The instance itself sets this URL, so its scheme is right, and http:// needs no flag.
        let url = url.trim().trim_end_matches('/').trim_end_matches("/api/v4");
        let instance = Instance::parse(url, true)?;
        let settings =
            RouteSettings { setting: "CI_API_V4_URL", url_variables: &[], secrets: &["CI_JOB_TOKEN"] };
        let mut route = self.route(instance.as_str(), &settings, ca_file)?;
        trust_authorities_of_runner(&mut route);
        Ok(Some(Access { instance, token: Token(token.trim().to_owned()), route }))
    }

    /// The route to a ClickHouse server. `url` is the flag, if it was given.
    pub fn clickhouse_route(
        &self,
        database: &Database,
        url: Option<&str>,
        ca_file: Option<&Path>,
    ) -> Result<Route, Error> {
        let url_variables = if url.is_some() { &[][..] } else { &["CLICKHOUSE_URL"] };
        let settings =
            RouteSettings { setting: "CLICKHOUSE_URL", url_variables, secrets: &["CLICKHOUSE_PASSWORD"] };
        self.route(database.url(), &settings, ca_file)
    }

    /// The route to a server.
    ///
    /// # Errors
    /// If `.env` decides where a secret of the process is sent: the author of a file in the working
    /// folder need not be the owner of the secret.
    fn route(&self, url: &str, settings: &RouteSettings<'_>, ca_file: Option<&Path>) -> Result<Route, Error> {
        let ProxyChoice { proxy, exemption } = self.proxy(url);
        let ca = if ca_file.is_some() { None } else { self.find(&[CA_FILE]) };
        let secret = self.find(settings.secrets).filter(|secret| secret.source == VariableSource::Process);
        if let Some(secret) = secret {
            let proxy = exemption.or(proxy.clone());
            for variable in [self.find(settings.url_variables), ca.clone(), proxy].into_iter().flatten() {
                if let VariableSource::Dotenv(line) = variable.source {
                    let (name, secret) = (variable.name, secret.name);
                    return Err(Error::Configuration(format!(
                        "{name} comes from {DOTENV}:{line}, but {secret} from the environment, and a file must not decide where a secret is sent; set both in {DOTENV}, or both in the environment"
                    )));
                }
            }
        }
        let authorities = match (ca_file, ca) {
            (Some(path), _) => authorities("--ca-file", path.as_os_str().to_str().unwrap_or_default(), path)?,
            (None, Some(ca)) => authorities(CA_FILE, &ca.value, Path::new(&ca.value))?,
            (None, None) => Authorities::Public,
        };
        let proxy = proxy.map(|proxy| (proxy.name.to_owned(), proxy.value));
        Ok(Route { url: url.to_owned(), setting: settings.setting, authorities, proxy })
    }

    /// Requests to this machine never use a proxy.
    fn proxy(&self, url: &str) -> ProxyChoice {
        let none = ProxyChoice { proxy: None, exemption: None };
        let uri: Option<Uri> = url.parse().ok();
        let Some((uri, host)) = uri.as_ref().and_then(|uri| Some((uri, uri.host()?))) else {
            return none;
        };
        let scheme = uri.scheme_str().unwrap_or_default();
        let port = uri.port_u16().unwrap_or(if scheme == "http" { 80 } else { 443 });
        let Some(proxy) = self.find(&proxy::variables(scheme)).filter(|_| !is_loopback(host)) else {
            return none;
        };
        match self.find(&proxy::EXEMPTIONS) {
            Some(list) if proxy::is_exempt(&list.value, host, port) => {
                ProxyChoice { proxy: None, exemption: Some(list) }
            }
            _ => ProxyChoice { proxy: Some(proxy), exemption: None },
        }
    }
}

/// Whether this is the instance that the CI job runs on.
fn is_instance_of_job(instance: &Instance) -> bool {
    let server = process_variable("CI_SERVER_URL").and_then(|url| Instance::parse(&url, true).ok());
    server.is_some_and(|server| server.authority() == instance.authority())
}

/// Trusts the certificate authority with which the runner verified the job's instance, unless the
/// user named one. GitLab Runner writes it to a file for every job (`tls-ca-file`; "Predefined
/// CI/CD variables", `CI_SERVER_TLS_CA_FILE`).
fn trust_authorities_of_runner(route: &mut Route) {
    const SETTING: &str = "CI_SERVER_TLS_CA_FILE";
    let file =
        process_variable(SETTING).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty());
    if let (Authorities::Public, Some(file)) = (&route.authorities, file) {
        route.authorities = Authorities::PublicAnd { setting: SETTING, path: file.into() };
    }
}

/// The authorities of a setting that contains a path or the certificates themselves.
fn authorities(setting: &'static str, value: &str, path: &Path) -> Result<Authorities, Error> {
    if value.contains("-----BEGIN") {
        return Ok(Authorities::Text { setting, pem: value.to_owned() });
    }
    if is_not_a_path(value) {
        return Err(not_a_path(setting));
    }
    Ok(Authorities::File { setting, path: path.to_owned() })
}
