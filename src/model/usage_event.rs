//! A usage event as GitLab's API returns it, before it has an [`Origin`].

use std::borrow::Cow;

use crate::base::calendar::Timestamp;
use crate::events::aliases::Canonical;
use crate::model::event::Event;
use crate::model::record::Origin;

/// The fields of a usage event that the API returns, named as in [`Event`]. Fields that only event
/// exports have are missing. `T` is the type of the time: [`Timestamp`], or `&str` if it is not
/// parsed.
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
    /// Size of the suggestion in lines of code.
    pub lines: Option<u32>,
    /// The ids of the namespace and its ancestors, joined by slashes.
    pub namespace: Option<Cow<'a, str>>,
    /// The global id of the project: a constant prefix, which may be empty, and the rest.
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
    /// The engine that runs the model.
    pub model_engine: Option<Cow<'a, str>>,
    /// How a tool call ended.
    pub outcome: Option<&'static str>,
    /// The id that the events of one suggestion share.
    pub tracking_id: Option<Cow<'a, str>>,
}

impl<'a> UsageEvent<'a, Timestamp> {
    /// Converts it to a record.
    pub fn into_record(self, origin: Origin<'a>) -> Box<Event<'a>> {
        let (language, language_original) = self.language.map(Canonical::parts).unzip();
        let (ide, ide_original) = self.ide.map(Canonical::parts).unzip();
        let (flow, flow_version) = self.flow.unzip();
        let project = self
            .project
            .map(|(prefix, id)| if prefix.is_empty() { id } else { (prefix.to_owned() + &id).into() });
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
