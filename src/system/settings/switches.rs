//! The switches of the dashboards.

use super::Environment;
use crate::base::error::Error;
use crate::model::topic::Topic;

/// The switch of a dashboard and of the collectors for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Switch {
    /// Switched on.
    On,
    /// Switched off: an existing dashboard is removed.
    Off,
    /// Set to a value that is neither `true` nor `false`: not on, but no reason to remove a
    /// dashboard.
    NotOn,
    /// Not set.
    Unset,
}

/// The switches of both dashboards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Switches {
    /// The Duo dashboard.
    pub duo: Switch,
    /// The project dashboard.
    pub project: Switch,
}

impl Environment {
    /// The switches, from flags or variables.
    pub fn switches(&self, duo: Switch, project: Switch) -> Result<Switches, Error> {
        let duo = self.switch(duo, "ENABLE_DUO_METRICS")?;
        let project = self.switch(project, "ENABLE_PROJECT_METRICS")?;
        Ok(Switches { duo, project })
    }

    fn switch(&self, flag: Switch, name: &'static str) -> Result<Switch, Error> {
        if flag != Switch::Unset {
            return Ok(flag);
        }
        match self.get(name).as_deref() {
            None => Ok(Switch::Unset),
            Some("true") => Ok(Switch::On),
            Some(value) if value.trim_matches(['"', '\'']) != value => Err(Error::Usage(format!(
                "{name} contains quotation marks; set it to true or false without them"
            ))),
            Some("false") => Ok(Switch::Off),
            Some(_) => Ok(Switch::NotOn),
        }
    }
}

impl Switches {
    /// Whether to create the dashboard of this topic. If no switch is set, as in most local runs,
    /// Duo is on.
    pub fn is_on(self, topic: Topic) -> bool {
        match (topic, self.duo, self.project) {
            (Topic::Duo, Switch::Unset, Switch::Unset) => true,
            (Topic::Duo, duo, _) => duo == Switch::On,
            (Topic::Project, _, project) => project == Switch::On,
        }
    }

    /// Whether the dashboard of this topic is switched off, so that an existing one has to be
    /// removed.
    pub fn is_off(self, topic: Topic) -> bool {
        match topic {
            Topic::Duo => self.duo == Switch::Off,
            Topic::Project => self.project == Switch::Off,
        }
    }

    /// Fails if no dashboard is on.
    pub fn check(self) -> Result<Switches, Error> {
        if self.is_on(Topic::Duo) || self.is_on(Topic::Project) {
            return Ok(self);
        }
        Err(Error::Usage(
            "nothing is switched on; set ENABLE_DUO_METRICS or ENABLE_PROJECT_METRICS to exactly true, or use --duo or --project".to_owned(),
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn duo_is_on_by_default_and_an_explicit_switch_overrides_that() {
        use Switch::{Off, On, Unset};
        let on = |duo, project| {
            let switches = Switches { duo, project };
            (switches.is_on(Topic::Duo), switches.is_on(Topic::Project), switches.check().is_ok())
        };
        assert_eq!(on(Unset, Unset), (true, false, true));
        assert_eq!(on(On, Unset), (true, false, true));
        assert_eq!(on(Unset, On), (false, true, true));
        assert_eq!(on(On, On), (true, true, true));
        assert_eq!(on(Off, Unset), (false, false, false));
        assert_eq!(on(Unset, Off), (false, false, false));
        assert_eq!(on(Off, On), (false, true, true));
    }
}
