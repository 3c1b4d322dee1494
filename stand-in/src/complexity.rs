//! GitLab's complexity of a query, by GitLab's rules, calculated before execution.

use apollo_compiler::ExecutableDocument;
use apollo_compiler::collections::IndexMap;
use apollo_compiler::executable::{Directive, Field, Operation, Selection, SelectionSet, Value as Literal};
use serde_json::{Map, Value};

/// Maximum depth of fields for an authenticated user.
pub(super) const MAX_DEPTH: usize = 20;
/// Maximum depth of fields without a token.
pub(super) const MAX_DEPTH_ANONYMOUS: usize = 15;

/// Maximum and default number of nodes of a page.
pub(super) const MAX_PAGE_SIZE: usize = 100;

/// Complexity of an operation with its variables.
pub(super) fn score(
    document: &ExecutableDocument,
    operation: &Operation,
    variables: &Map<String, Value>,
) -> u64 {
    let pricing = Pricing { document, operation, variables };
    pricing.selections(&[&operation.selection_set])
}

/// Number of fields on the longest path from the root, without introspection.
pub(super) fn depth(document: &ExecutableDocument, selections: &SelectionSet) -> usize {
    let depths = selections.selections.iter().map(|selection| match selection {
        Selection::Field(field) if field.name.starts_with("__") => 0,
        Selection::Field(field) => 1 + depth(document, &field.selection_set),
        Selection::InlineFragment(inline) => depth(document, &inline.selection_set),
        Selection::FragmentSpread(spread) => match spread.fragment_def(document) {
            Some(fragment) => depth(document, &fragment.selection_set),
            None => 0,
        },
    });
    depths.max().unwrap_or(0)
}

struct Pricing<'a> {
    document: &'a ExecutableDocument,
    operation: &'a Operation,
    variables: &'a Map<String, Value>,
}

impl<'a> Pricing<'a> {
    fn selections(&self, sets: &[&'a SelectionSet]) -> u64 {
        // A repeated response key counts once; each alias counts.
        let mut fields = IndexMap::default();
        for set in sets {
            self.collect(set, &mut fields);
        }
        fields.values().map(|(parent, fields)| self.field(parent, fields)).sum()
    }

    fn collect(&self, set: &'a SelectionSet, fields: &mut IndexMap<&'a str, (&'a str, Vec<&'a Field>)>) {
        for selection in &set.selections {
            if self.is_left_out(selection) {
                continue;
            }
            match selection {
                Selection::Field(field) => fields
                    .entry(field.response_key().as_str())
                    .or_insert_with(|| (set.ty.as_str(), Vec::new()))
                    .1
                    .push(field),
                Selection::InlineFragment(inline) => self.collect(&inline.selection_set, fields),
                Selection::FragmentSpread(spread) => {
                    if let Some(fragment) = spread.fragment_def(self.document) {
                        self.collect(&fragment.selection_set, fields);
                    }
                }
            }
        }
    }

    fn is_left_out(&self, selection: &Selection) -> bool {
        let condition = |directive: &Directive| {
            let argument = directive.specified_argument_by_name("if")?;
            self.value(argument)?.as_bool()
        };
        let directives = selection.directives();
        directives.get("skip").and_then(|skip| condition(skip)) == Some(true)
            || directives.get("include").and_then(|include| condition(include)) == Some(false)
    }

    fn field(&self, parent: &str, fields: &[&'a Field]) -> u64 {
        let field = fields[0];
        let sets: Vec<&SelectionSet> = fields.iter().map(|field| &field.selection_set).collect();
        let children = self.selections(&sets);
        let mut cost = 1 + children;
        match (parent, field.name.as_str()) {
            ("Group", "descendantGroups") => return 5 + children,
            ("Group", "projects") => cost += 10,
            // Reads the repository.
            ("MergeRequest", "diffStatsSummary") => cost += 1,
            _ => {}
        }
        if !field.ty().inner_named_type().ends_with("Connection") {
            return cost;
        }
        if self.argument(field, "sort").is_some() {
            cost += 1;
        }
        if self.argument(field, "search").is_some() {
            cost += 5;
        }
        if self.argument(field, "iid").is_some() || self.argument(field, "iids").is_some() {
            return cost;
        }
        let asked = ["first", "last"].into_iter().filter_map(|name| self.argument(field, name)?.as_u64());
        let nodes = asked.fold(MAX_PAGE_SIZE as u64, u64::min);
        // One hundredth per node, rounded down.
        cost + cost * nodes / 100
    }

    fn argument(&self, field: &Field, name: &str) -> Option<Value> {
        let value = self.value(field.specified_argument_by_name(name)?)?;
        (!value.is_null()).then_some(value)
    }

    fn value(&self, literal: &Literal) -> Option<Value> {
        match literal {
            Literal::Variable(name) => match self.variables.get(name.as_str()) {
                Some(value) => Some(value.clone()),
                None => {
                    let variable = self.operation.variables.iter().find(|known| known.name == *name)?;
                    self.value(variable.default_value.as_ref()?)
                }
            },
            Literal::Null => Some(Value::Null),
            Literal::Boolean(value) => Some(Value::Bool(*value)),
            Literal::Int(number) => number.as_str().parse::<i64>().ok().map(Value::from),
            // Of other values, only their presence matters.
            _ => Some(Value::Bool(true)),
        }
    }
}
