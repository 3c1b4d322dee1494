//! Custom collectors: a query in a file of the user. Its nodes become raw lines under the name of
//! the file; a mapping or the user's own program turns them into records (docs/extending.md).

use std::collections::BTreeSet;

use graphql_parser::query::{Definition, OperationDefinition, Selection, SelectionSet, parse_query};
use serde_json::json;

use super::{Collector, CollectorInfo, Fault, FetchTarget, GraphQl, Level, Requirement, Sink, Span, walk};
use crate::base::calendar::Day;
use crate::model::line::Record;
use crate::model::record::Origin;
use crate::model::topic::Topic;

/// A query with one connection, from a file.
#[derive(Debug)]
pub struct CustomCollector {
    info: CollectorInfo,
    operation: &'static str,
    path: Vec<String>,
}

/// The variables that `fetch` sets: the group, the first day, the midnight after the last day, and
/// the cursor.
const VARIABLES: &[&str] = &["scope", "start", "end", "after"];

impl CustomCollector {
    /// Parses a query. The error describes what it lacks.
    pub fn parse(name: &str, text: &str) -> Result<CustomCollector, String> {
        let is_valid_name = !name.is_empty()
            && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
        if !is_valid_name {
            return Err(
                "its name must consist of lowercase letters, digits and underscores, because it becomes the name of the collector"
                    .to_owned(),
            );
        }
        let document = parse_query::<String>(text).map_err(|error| {
            format!("it is not a GraphQL query: {}", error.to_string().replace('\n', " "))
        })?;
        let mut queries = document.definitions.iter().filter_map(|definition| match definition {
            Definition::Operation(OperationDefinition::Query(query)) => Some(query),
            _ => None,
        });
        let (Some(query), None) = (queries.next(), queries.next()) else {
            return Err("it must contain exactly one query".to_owned());
        };
        let operation = query.name.clone().ok_or("its query has no name; write \"query Name(…) { … }\"")?;
        let path = connection(&query.selection_set).ok_or(
            "it has no connection; one field needs \"nodes\" and \"pageInfo { endCursor hasNextPage }\"",
        )?;
        let variables: BTreeSet<String> =
            query.variable_definitions.iter().map(|variable| variable.name.clone()).collect();
        if let Some(unknown) = variables.iter().find(|name| !VARIABLES.contains(&name.as_str())) {
            return Err(format!(
                "its variable ${unknown} is unknown; available are $scope, $start, $end and $after"
            ));
        }
        if !variables.contains("after") {
            return Err("it does not use $after, so only the first page would be fetched".to_owned());
        }
        // It lives as long as the program, like the builtin collectors.
        let leak = |text: String| -> &'static str { Box::leak(text.into_boxed_str()) };
        let info = CollectorInfo {
            name: leak(name.to_owned()),
            topic: Topic::Duo,
            requirement: Requirement::Core,
            needs: "read access to the fields of its query",
            level: Level::Group,
            document: leak(text.to_owned()),
            span: if variables.contains("start") { Span::Day } else { Span::Snapshot },
            retention_days: None,
        };
        Ok(CustomCollector { info, operation: leak(operation), path })
    }
}

impl Collector for CustomCollector {
    fn info(&self) -> &CollectorInfo {
        &self.info
    }

    fn collect(
        &self,
        gitlab: &dyn GraphQl,
        target: &FetchTarget<'_>,
        _partition: &str,
        sink: &mut dyn Sink,
    ) -> Result<(), Fault> {
        let variables = json!({"scope": target.scope, "start": target.since, "end": target.until.plus(1)});
        let path: Vec<&str> = self.path.iter().map(String::as_str).collect();
        walk(gitlab, self.info.document, self.operation, variables, &path, &mut |page, answer| {
            sink.page(&page.nodes, answer)
        })
    }

    fn read<'a>(&self, _node: &'a str, _origin: Origin<'a>, _since: Day) -> Result<Record<'a>, String> {
        Err("a custom collector: turn its raw lines into records first, with --map or your own program"
            .to_owned())
    }
}

/// The path to the first field with nodes and page information. The answer has aliases instead of
/// names.
fn connection(set: &SelectionSet<'_, String>) -> Option<Vec<String>> {
    set.items.iter().find_map(|selection| {
        let Selection::Field(field) = selection else { return None };
        let has = |name: &str| {
            field
                .selection_set
                .items
                .iter()
                .any(|selection| matches!(selection, Selection::Field(field) if field.name == name))
        };
        let key = field.alias.as_ref().unwrap_or(&field.name).clone();
        if has("nodes") && has("pageInfo") {
            return Some(vec![key]);
        }
        let mut path = connection(&field.selection_set)?;
        path.insert(0, key);
        Some(path)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUERY: &str =
        "query Mine($scope: ID!, $after: String) { group(fullPath: $scope) { all: projects(after: $after) {
        nodes { name } pageInfo { endCursor hasNextPage } } } }";

    #[test]
    fn finds_the_connection_and_fetches_by_day_if_the_query_takes_days() {
        let custom = CustomCollector::parse("my_projects", QUERY).expect("it is a query");
        assert_eq!(
            (custom.info.name, custom.operation, custom.info.span),
            ("my_projects", "Mine", Span::Snapshot)
        );
        assert_eq!(custom.path, ["group", "all"]);
        let by_day = QUERY.replace("$after: String)", "$after: String, $start: Date!)");
        assert_eq!(CustomCollector::parse("x", &by_day).expect("it is a query").info.span, Span::Day);
    }

    #[test]
    fn rejects_queries_with_the_missing_part() {
        let rejected =
            |name: &str, text: &str| CustomCollector::parse(name, text).expect_err("it cannot be used");
        assert!(rejected("My Projects", QUERY).contains("lowercase letters"));
        assert!(rejected("x", "query {").contains("not a GraphQL query"));
        assert!(rejected("x", &QUERY.replace("query Mine", "query")).contains("no name"));
        assert!(rejected("x", &QUERY.replace("nodes { name }", "count")).contains("no connection"));
        assert!(
            rejected("x", &QUERY.replace("$after: String)", "$after: String, $who: ID)")).contains("$who")
        );
        assert!(
            rejected("x", &QUERY.replace(", $after: String)", ")").replace("(after: $after)", ""))
                .contains("$after")
        );
        assert!(rejected("x", &format!("{QUERY} {}", QUERY.replace("Mine", "Other"))).contains("one query"));
    }
}
