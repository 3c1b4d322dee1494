//! The releases that the stand-in can simulate, and the table of their differences.

use std::collections::HashSet;
use std::fmt;
use std::str::FromStr;

use apollo_compiler::ast::{Definition, Document, FieldDefinition, InputValueDefinition};
use apollo_compiler::{Name, Node};

use super::catalog::{CATALOG, camel_case};

/// Major and minor version, for example 18.11.
pub(super) type Version = (u8, u8);

/// A release of GitLab. Older ones lack later additions and still have what was removed later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Release {
    /// 17.5.
    V17_5,
    /// 17.11.
    V17_11,
    /// 18.2.
    V18_2,
    /// 18.7.
    V18_7,
    /// 19.1.
    V19_1,
    /// 19.5, in development.
    Newest,
}

impl Release {
    /// From the oldest to the newest.
    pub const ALL: [Release; 6] =
        [Release::V17_5, Release::V17_11, Release::V18_2, Release::V18_7, Release::V19_1, Release::Newest];

    /// The version that `metadata` returns.
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

    /// Whether the release has a name for the usage event.
    pub fn has_event(self, event: &str) -> bool {
        CATALOG.iter().any(|known| known.name == event && known.since <= self.number())
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

/// The releases that have a member of the schema.
enum Availability {
    Since(Version),
    /// The second release is the first one without it.
    TimeRange(Version, Version),
    Until(Version),
    /// In all releases, but marked as deprecated since this one.
    DeprecatedSince(Version),
}

use Availability::{DeprecatedSince, Since, TimeRange, Until};

/// Fields, arguments and enum values that not all releases have. If a change is only known to be
/// between two releases, this is the later one. Types need no entry: they disappear with the last
/// field that uses them. Usage events, their counters and their sort orders follow from the
/// catalog.
const VERSIONED_MEMBERS: &[(&str, Availability)] = &[
    ("Query.addOnPurchase", Until((19, 0))),
    ("Query.aiUsageData", Since((18, 7))),
    ("Query.subscriptionUsage", Since((18, 5))),
    // Before 18.11 GitLab answered for the current month. Flows could be selected later, before the
    // next release played here.
    ("Query.subscriptionUsage(startDate:)", Since((18, 11))),
    ("Query.subscriptionUsage(endDate:)", Since((18, 11))),
    ("Query.subscriptionUsage(flowTypes:)", Since((19, 1))),
    ("GitlabSubscriptionUsage.startDate", Since((18, 11))),
    ("GitlabSubscriptionUsage.endDate", Since((18, 11))),
    ("GitlabSubscriptionUsage.dailyUsage", Since((18, 11))),
    ("GitlabSubscriptionUsage.products", Since((18, 11))),
    ("GitlabSubscriptionUsage.budgetCaps", Since((18, 11))),
    ("GitlabSubscriptionUsageUser.blockedStatus", Since((18, 11))),
    ("GitlabSubscriptionUsageUsersUsage.totalActiveUsers", Since((18, 11))),
    ("Group.aiMetricsBasic", TimeRange((18, 5), (19, 5))),
    ("Project.aiMetricsBasic", TimeRange((18, 5), (19, 5))),
    ("Group.aiUserMetrics(sort:)", Since((18, 8))),
    ("Project.aiUserMetrics(sort:)", Since((18, 8))),
    ("Group.analytics", Since((18, 11))),
    ("Project.analytics", Since((18, 11))),
    ("Project.duoWorkflowWorkflows", Since((18, 11))),
    ("DuoWorkflow.flowMetadataVersion", Since((19, 4))),
    ("DuoWorkflow.modelMetadataName", Since((19, 2))),
    ("Analytics.duoWorkflows", Since((19, 4))),
    ("AgentPlatformSessionsAggregationResponse.featuresCount", Since((19, 4))),
    ("AgentPlatformSessionsAggregationResponseDimensions.project", Since((19, 4))),
    ("AiUsageData.all", Since((18, 2))),
    ("AiUsageData.all(events:)", Since((18, 6))),
    ("AiUsageData.all(userIds:)", Since((18, 6))),
    ("AiUsageData.codeSuggestionEvents(events:)", Since((18, 6))),
    ("AiUsageData.codeSuggestionEvents(userIds:)", Since((18, 6))),
    ("AiMetrics.duoProAssignedUsersCount", Until((18, 0))),
    ("AiMetrics.duoProAssignedUsersCount", DeprecatedSince((17, 6))),
    ("AiMetrics.duoAssignedUsersCount", TimeRange((17, 6), (19, 0))),
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

/// Reduces the schema, which contains all members of all releases, to that of one release.
pub(super) fn restrict(document: &mut Document, release: Release) {
    for (coordinate, _) in VERSIONED_MEMBERS {
        assert!(edit(document, coordinate, Edit::Find), "{coordinate} is not in the schema");
    }
    let now = release.number();
    for (coordinate, availability) in VERSIONED_MEMBERS {
        let action = match *availability {
            Since(first) if now < first => Edit::Remove,
            TimeRange(first, removed) if now < first || removed <= now => Edit::Remove,
            Until(removed) if removed <= now => Edit::Remove,
            DeprecatedSince(first) if now < first => Edit::Undeprecate,
            _ => continue,
        };
        // The argument may have been removed together with its field.
        edit(document, coordinate, action);
    }
    remove_future_events(document, now);
    remove_unreachable_types(document);
}

#[derive(Clone, Copy, PartialEq)]
enum Edit {
    Find,
    Remove,
    /// Removes `@deprecated`.
    Undeprecate,
}

/// Edits `Type.field`, `Type.field(argument:)` or `Enum.VALUE`; returns false if it does not exist.
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
                    Edit::Undeprecate => {
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

/// Removes the names, counters and sort orders of events of later releases, and features without
/// events.
fn remove_future_events(document: &mut Document, now: Version) {
    let future: Vec<_> = CATALOG.iter().filter(|event| now < event.since).collect();
    let is_future = |feature: &str| {
        let mut events = CATALOG.iter().filter(|event| event.feature == feature);
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
                    !future.iter().any(|event| event.name == name)
                        && !feature.is_some_and(|feature| is_future(&feature))
                });
            }
            Definition::ObjectTypeDefinition(definition) if definition.name == "AiUserMetrics" => {
                definition.make_mut().fields.retain(|field| {
                    !future.iter().any(|event| {
                        camel_case(event.feature) == field.name.as_str() && is_future(event.feature)
                    })
                });
            }
            Definition::ObjectTypeDefinition(definition) if definition.name.ends_with("Metrics") => {
                definition
                    .make_mut()
                    .fields
                    .retain(|field| !future.iter().any(|event| event.is_counted_by(&field.name)));
            }
            _ => {}
        }
    }
}

/// Removes unreachable types.
fn remove_unreachable_types(document: &mut Document) {
    let mut reached: HashSet<Name> = HashSet::new();
    let mut queue = vec![Name::new_static("Query").expect("a name")];
    while let Some(name) = queue.pop() {
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
                    queue.extend(fields(&object.fields));
                    queue.extend(object.implements_interfaces.iter().cloned());
                }
                Definition::InterfaceTypeDefinition(interface) => queue.extend(fields(&interface.fields)),
                Definition::InputObjectTypeDefinition(input) => queue.extend(inputs(&input.fields)),
                _ => {}
            }
        }
    }
    document.definitions.retain(|definition| definition.name().is_none_or(|name| reached.contains(name)));
}
