//! The releases the stand-in can play, and the table of what came and went between them.

use std::collections::HashSet;
use std::fmt;
use std::str::FromStr;

use apollo_compiler::ast::{Definition, Document, FieldDefinition, InputValueDefinition};
use apollo_compiler::{Name, Node};

use super::catalogue::{CATALOGUE, camel_case};

/// A release by its two numbers, as 18.11.
pub(super) type Version = (u8, u8);

/// A release of GitLab: an older one lacks what came later, and has what is gone since.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Release {
    V17_5,
    V17_11,
    V18_2,
    V18_7,
    V19_1,
    /// 19.5 while it was made.
    Newest,
}

impl Release {
    /// From the oldest to the newest.
    pub const ALL: [Release; 6] =
        [Release::V17_5, Release::V17_11, Release::V18_2, Release::V18_7, Release::V19_1, Release::Newest];

    /// What `metadata` answers.
    pub fn version(self) -> &'static str {
        match self {
            Release::V17_5 => "17.5.5-ee",
            Release::V17_11 => "17.11.7-ee",
            Release::V18_2 => "18.2.8-ee",
            Release::V18_7 => "18.7.4-ee",
            Release::V19_1 => "19.1.3-ee",
            Release::Newest => "19.5.0-ee",
        }
    }

    /// True if the release has a name for the usage event.
    pub fn names(self, event: &str) -> bool {
        CATALOGUE.iter().any(|known| known.name == event && known.since <= self.number())
    }

    fn number(self) -> Version {
        match self {
            Release::V17_5 => (17, 5),
            Release::V17_11 => (17, 11),
            Release::V18_2 => (18, 2),
            Release::V18_7 => (18, 7),
            Release::V19_1 => (19, 1),
            Release::Newest => (19, 5),
        }
    }
}

impl fmt::Display for Release {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Release::Newest => formatter.write_str("newest"),
            release => write!(formatter, "{}.{}", release.number().0, release.number().1),
        }
    }
}

impl FromStr for Release {
    type Err = String;

    fn from_str(text: &str) -> Result<Release, String> {
        Release::ALL.into_iter().find(|release| release.to_string() == text).ok_or_else(|| {
            let known = Release::ALL.map(|release| release.to_string());
            format!("no such release; there are {}", known.join(", "))
        })
    }
}

/// When something was there.
enum Life {
    Since(Version),
    /// The second release is the first one without it.
    Between(Version, Version),
    Until(Version),
    /// It stays, but is marked from this release on.
    DeprecatedSince(Version),
}

use Life::{Between, DeprecatedSince, Since, Until};

/// Everything that not all releases have: a field, an argument or an enum value, and its life. Milestones that are
/// only known between two releases are the later one. Types need no entry, they go with the last field that
/// answers or takes them; usage events, their counters and their sort orders follow from the catalogue.
const TABLE: &[(&str, Life)] = &[
    ("Query.addOnPurchase", Until((19, 0))),
    ("Query.aiUsageData", Since((18, 7))),
    ("Query.subscriptionUsage", Since((18, 5))),
    ("Group.aiMetricsBasic", Between((18, 5), (19, 5))),
    ("Project.aiMetricsBasic", Between((18, 5), (19, 5))),
    ("Group.aiUserMetrics(sort:)", Since((18, 8))),
    ("Project.aiUserMetrics(sort:)", Since((18, 8))),
    ("Group.analytics", Since((18, 11))),
    ("Project.analytics", Since((18, 11))),
    ("AiUsageData.all", Since((18, 2))),
    ("AiUsageData.all(events:)", Since((18, 6))),
    ("AiUsageData.all(userIds:)", Since((18, 6))),
    ("AiUsageData.codeSuggestionEvents(events:)", Since((18, 6))),
    ("AiUsageData.codeSuggestionEvents(userIds:)", Since((18, 6))),
    ("AiMetrics.duoProAssignedUsersCount", Until((18, 0))),
    ("AiMetrics.duoProAssignedUsersCount", DeprecatedSince((17, 6))),
    ("AiMetrics.duoAssignedUsersCount", Between((17, 6), (19, 0))),
    ("AiMetrics.codeSuggestionsAcceptedCount", DeprecatedSince((18, 0))),
    ("AiMetrics.codeSuggestionsContributorsCount", DeprecatedSince((18, 0))),
    ("AiMetrics.codeSuggestionsShownCount", DeprecatedSince((18, 0))),
    ("AiMetrics.codeSuggestions", Since((18, 0))),
    ("AiMetrics.codeSuggestions(languages:)", Since((18, 5))),
    ("AiMetrics.codeSuggestions(ideNames:)", Since((18, 7))),
    ("codeSuggestionMetrics.acceptedLinesOfCode", Since((18, 5))),
    ("codeSuggestionMetrics.shownLinesOfCode", Since((18, 5))),
    ("codeSuggestionMetrics.languages", Since((18, 5))),
    ("codeSuggestionMetrics.ideNames", Since((18, 7))),
    ("AiMetrics.rootCauseAnalysisUsersCount", Since((18, 1))),
    ("AiMetrics.agentPlatform", Since((18, 8))),
    ("AiMetrics.chat", Since((18, 8))),
    ("AiMetrics.codeReview", Since((18, 8))),
    ("AiMetrics.mcp", Since((18, 8))),
    ("AiMetrics.troubleshoot", Since((18, 8))),
    ("AiUserMetrics.codeSuggestionsAcceptedCount", DeprecatedSince((18, 7))),
    ("AiUserMetrics.duoChatInteractionsCount", DeprecatedSince((18, 7))),
    ("AiUserMetrics.troubleshootJob", DeprecatedSince((19, 1))),
    // The groups of the features came together, and their sums with them.
    ("AiUserMetrics.lastDuoActivityOn", Since((18, 8))),
    ("AiUserMetrics.totalEventCount", Since((18, 8))),
    ("AiUserMetrics.agentPlatform", Since((18, 8))),
    ("AiUserMetrics.chat", Since((18, 8))),
    ("AiUserMetrics.codeReview", Since((18, 8))),
    ("AiUserMetrics.codeSuggestions", Since((18, 8))),
    ("AiUserMetrics.mcp", Since((18, 8))),
    ("AiUserMetrics.troubleshootJob", Since((18, 8))),
    // After 17.1, and not before the next release played here.
    ("MergeRequest.closedAt", Since((17, 11))),
    ("Group.mergeRequests(search:)", Since((17, 11))),
    ("Project.mergeRequests(search:)", Since((17, 11))),
    ("GitlabSubscriptionsAddOnType.DUO_CORE", Since((18, 0))),
];

/// Makes of the schema with everything that ever was the one of a release.
pub(super) fn cut(document: &mut Document, release: Release) {
    for (coordinate, _) in TABLE {
        assert!(edit(document, coordinate, Edit::Find), "{coordinate} is not in the schema");
    }
    let now = release.number();
    for (coordinate, life) in TABLE {
        let verdict = match *life {
            Since(first) if now < first => Edit::Remove,
            Between(first, gone) if now < first || gone <= now => Edit::Remove,
            Until(gone) if gone <= now => Edit::Remove,
            DeprecatedSince(first) if now < first => Edit::Unmark,
            _ => continue,
        };
        // An argument may have gone with its field.
        edit(document, coordinate, verdict);
    }
    cut_events(document, now);
    prune(document);
}

#[derive(Clone, Copy, PartialEq)]
enum Edit {
    Find,
    Remove,
    /// Takes off `@deprecated`.
    Unmark,
}

/// Edits `Type.field`, `Type.field(argument:)` or `Enum.VALUE`; false if there is no such thing.
fn edit(document: &mut Document, coordinate: &str, edit: Edit) -> bool {
    let (ty, member) = coordinate.split_once('.').expect("a type and a member");
    let (member, argument) = match member.split_once('(') {
        Some((member, argument)) => (member, Some(argument.trim_end_matches(":)"))),
        None => (member, None),
    };
    let mut definitions = document.definitions.iter_mut();
    match definitions.find(|definition| definition.name().is_some_and(|name| name == ty)) {
        Some(Definition::ObjectTypeDefinition(object)) => {
            let fields = &mut object.make_mut().fields;
            let Some(place) = fields.iter().position(|field| field.name == member) else {
                return false;
            };
            let Some(argument) = argument else {
                match edit {
                    Edit::Find => {}
                    Edit::Remove => drop(fields.remove(place)),
                    Edit::Unmark => {
                        fields[place].make_mut().directives.retain(|mark| mark.name != "deprecated");
                    }
                }
                return true;
            };
            let arguments = &mut fields[place].make_mut().arguments;
            let found = arguments.iter().any(|known| known.name == argument);
            if edit == Edit::Remove {
                arguments.retain(|known| known.name != argument);
            }
            found
        }
        Some(Definition::EnumTypeDefinition(definition)) => {
            let values = &mut definition.make_mut().values;
            let found = values.iter().any(|known| known.value == member);
            if edit == Edit::Remove {
                values.retain(|known| known.value != member);
            }
            found
        }
        _ => false,
    }
}

/// Takes away the events to come: their names, counters and sort orders, and those of features without events.
fn cut_events(document: &mut Document, now: Version) {
    let unnamed: Vec<_> = CATALOGUE.iter().filter(|event| now < event.since).collect();
    let is_to_come = |feature: &str| {
        let mut events = CATALOGUE.iter().filter(|event| event.feature == feature);
        events.all(|event| now < event.since)
    };
    for definition in &mut document.definitions {
        match definition {
            Definition::EnumTypeDefinition(definition)
                if matches!(definition.name.as_str(), "AiUsageEventType" | "AiUserMetricsSort") =>
            {
                definition.make_mut().values.retain(|value| {
                    let name = value.value.as_str();
                    let name = name.strip_suffix("_ASC").or(name.strip_suffix("_DESC")).unwrap_or(name);
                    let feature = name.strip_suffix("_TOTAL_COUNT").map(str::to_lowercase);
                    !unnamed.iter().any(|event| event.name == name)
                        && !feature.is_some_and(|feature| is_to_come(&feature))
                });
            }
            Definition::ObjectTypeDefinition(definition) if definition.name == "AiUserMetrics" => {
                definition.make_mut().fields.retain(|field| {
                    !unnamed.iter().any(|event| {
                        camel_case(event.feature) == field.name.as_str() && is_to_come(event.feature)
                    })
                });
            }
            Definition::ObjectTypeDefinition(definition) if definition.name.ends_with("Metrics") => {
                definition
                    .make_mut()
                    .fields
                    .retain(|field| !unnamed.iter().any(|event| event.is_counted_by(&field.name)));
            }
            _ => {}
        }
    }
}

/// Takes away the types that nothing leads to any more.
fn prune(document: &mut Document) {
    let mut reached: HashSet<Name> = HashSet::new();
    let mut waiting = vec![Name::new_static("Query").expect("a name")];
    while let Some(name) = waiting.pop() {
        if !reached.insert(name.clone()) {
            continue;
        }
        let inputs = |inputs: &[Node<InputValueDefinition>]| -> Vec<Name> {
            inputs.iter().map(|input| input.ty.inner_named_type().clone()).collect()
        };
        let fields = |fields: &[Node<FieldDefinition>]| -> Vec<Name> {
            let arguments = fields.iter().flat_map(|field| inputs(&field.arguments));
            arguments.chain(fields.iter().map(|field| field.ty.inner_named_type().clone())).collect()
        };
        for definition in document.definitions.iter().filter(|definition| definition.name() == Some(&name)) {
            match definition {
                Definition::ObjectTypeDefinition(object) => {
                    waiting.extend(fields(&object.fields));
                    waiting.extend(object.implements_interfaces.iter().cloned());
                }
                Definition::InterfaceTypeDefinition(interface) => waiting.extend(fields(&interface.fields)),
                Definition::InputObjectTypeDefinition(input) => waiting.extend(inputs(&input.fields)),
                _ => {}
            }
        }
    }
    document.definitions.retain(|definition| definition.name().is_none_or(|name| reached.contains(name)));
}
