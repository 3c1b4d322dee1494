//! What GitLab tells of a usage event, by the names of the record: without where it comes from, and without what only exports
//! tell.

use std::borrow::Cow;

use crate::base::calendar::Timestamp;
use crate::events::aliases::Canonical;
use crate::model::event::Event;
use crate::model::record::Origin;

/// What a record will say of a usage event; `T` is its moment, read or as it stands in the text.
#[derive(Debug)]
pub struct UsageEvent<'a, T> {
    /// When it happened.
    pub ts: T,
    /// The event's name in lower case.
    pub event: Cow<'static, str>,
    /// The feature the event belongs to.
    pub feature: &'static str,
    /// The user's global id, or the pseudonym in its place.
    pub user: Cow<'a, str>,
    /// The user name.
    pub username: Option<Cow<'a, str>>,
    /// True for bots and service accounts.
    pub bot: bool,
    /// The programming language.
    pub language: Option<Canonical<'a>>,
    /// The editor.
    pub ide: Option<Canonical<'a>>,
    /// Size of a suggestion in lines of code.
    pub lines: Option<u32>,
    /// The path of the namespace.
    pub namespace: Option<Cow<'a, str>>,
    /// The project: what its id begins with, and the rest of it.
    pub project: Option<(&'static str, Cow<'a, str>)>,
    /// The id of the session.
    pub session: Option<Cow<'a, str>>,
    /// The flow type of that session, and its version.
    pub flow: Option<(Cow<'a, str>, Option<Cow<'a, str>>)>,
    /// Where the session runs.
    pub environment: Option<Cow<'a, str>>,
    /// The tool that was called.
    pub tool: Option<Cow<'a, str>>,
    /// The model that answered.
    pub model: Option<Cow<'a, str>>,
    /// What runs the model.
    pub model_engine: Option<Cow<'a, str>>,
    /// How a call of a tool ended.
    pub outcome: Option<&'static str>,
    /// What ties events of one suggestion together.
    pub tracking_id: Option<Cow<'a, str>>,
}

impl<'a> UsageEvent<'a, Timestamp> {
    /// The record of it.
    pub fn record(self, origin: Origin<'a>) -> Box<Event<'a>> {
        let (language, language_original) = self.language.map(Canonical::parts).unzip();
        let (ide, ide_original) = self.ide.map(Canonical::parts).unzip();
        let (flow, flow_version) = self.flow.unzip();
        let project = self
            .project
            .map(|(start, id)| if start.is_empty() { id } else { (start.to_owned() + &id).into() });
        Box::new(Event {
            event: self.event,
            feature: self.feature.into(),
            user: self.user,
            username: self.username,
            bot: self.bot,
            language,
            language_original: language_original.flatten(),
            ide,
            ide_original: ide_original.flatten(),
            lines: self.lines,
            namespace: self.namespace,
            project,
            session: self.session,
            flow,
            environment: self.environment,
            tool: self.tool,
            model: self.model,
            model_engine: self.model_engine,
            flow_version: flow_version.flatten(),
            outcome: self.outcome.map(Cow::from),
            tracking_id: self.tracking_id,
            ..Event::new(self.ts, origin)
        })
    }
}
