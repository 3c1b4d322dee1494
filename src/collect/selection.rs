//! The collectors of a run: those that the user names, or those of the enabled dashboards.

use std::path::Path;

use crate::base::error::{Error, display_path};
use crate::base::suggestion::did_you_mean;
use crate::collect::collectors::custom::CustomCollector;
use crate::collect::collectors::members::MEMBERS;
use crate::collect::collectors::{COLLECTORS, Collector, Level, Requirement, by_name};
use crate::system::settings::{Environment, Switches};
use crate::system::text_file;

/// The collectors to run.
pub struct Selection {
    /// In the order in which the user named them, else in that of [`COLLECTORS`].
    pub collectors: Vec<&'static dyn Collector>,
    /// Whether the user named them. Then a refusal by GitLab is a gap; else it is only reported.
    pub is_named: bool,
}

impl Selection {
    /// The collectors of the flags, else of `DUO_METRICS_COLLECTORS`, else of the enabled
    /// dashboards.
    pub fn new(flags: &[String], switches: Switches, environment: &Environment) -> Result<Selection, Error> {
        let variable = environment.get("DUO_METRICS_COLLECTORS").unwrap_or_default();
        let names: Vec<&str> = match flags {
            [] => variable.split(',').map(str::trim).collect(),
            flags => flags.iter().map(String::as_str).collect(),
        };
        let names: Vec<&str> = names.into_iter().filter(|name| !name.is_empty()).collect();
        if names.is_empty() {
            let switches = switches.check()?;
            let is_default = |collector: &&'static dyn Collector| {
                let info = collector.info();
                info.requirement != Requirement::OnRequest && switches.is_on(info.topic)
            };
            let collectors = COLLECTORS.iter().copied().filter(is_default).collect();
            return Ok(Selection { collectors, is_named: false });
        }
        let mut collectors: Vec<&'static dyn Collector> = Vec::new();
        for name in names {
            let collector = by_name(name).ok_or_else(|| {
                let known: Vec<&str> = COLLECTORS.iter().map(|collector| collector.name()).collect();
                let all = format!("use one of {}", known.join(", "));
                Error::Usage(format!("unknown collector {name:?}; {}", did_you_mean(name, known, &all)))
            })?;
            if !collectors.iter().any(|other| other.name() == collector.name()) {
                collectors.push(collector);
            }
        }
        Ok(Selection { collectors, is_named: true })
    }

    /// Whether a collector is selected.
    pub fn contains(&self, name: &str) -> bool {
        self.collectors.iter().any(|collector| collector.name() == name)
    }

    /// Adds the collector of members if another one collects from the top-level group what belongs to
    /// the members of a subgroup.
    pub fn add_members(&mut self) {
        let is_of_root = |collector: &&'static dyn Collector| collector.info().level == Level::TopLevelGroup;
        if self.collectors.iter().any(is_of_root) && !self.contains(MEMBERS) {
            self.collectors.extend(by_name(MEMBERS));
        }
    }

    /// Adds the custom collector of a query file. Its name is that of the file.
    pub fn add_custom(&mut self, path: &Path) -> Result<(), Error> {
        let text = text_file::read(path)?;
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        let collector = CustomCollector::parse(&name, &text)
            .map_err(|reason| Error::Configuration(format!("cannot use {}: {reason}", display_path(path))))?;
        if by_name(&name).is_some() || self.contains(&name) {
            return Err(Error::Configuration(format!(
                "cannot use {}: a collector {name} already exists; rename the file",
                display_path(path)
            )));
        }
        // Collectors live as long as the process; there is one per file of the command line.
        self.collectors.push(Box::leak(Box::new(collector)));
        Ok(())
    }
}
