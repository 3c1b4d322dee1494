//! The schema of a GitLab, and queries reduced to it. GitLab rejects a request because of one
//! unknown name, and the known names change from release to release.

use std::collections::{BTreeSet, HashMap, HashSet};

use graphql_parser::query::{
    Definition, Document, Field, FragmentDefinition, OperationDefinition, Query, Selection, SelectionSet,
    Type, Value, VariableDefinition, parse_query,
};

/// The types of a GitLab, as far as they were requested. `None` is a type that does not exist.
#[derive(Debug, Default)]
pub struct Schema {
    types: HashMap<String, Option<TypeInfo>>,
}

/// An object type or enumeration.
#[derive(Debug, Default)]
pub struct TypeInfo {
    /// The fields of an object.
    pub fields: HashMap<String, FieldInfo>,
    /// The values of an enumeration.
    pub values: BTreeSet<String>,
}

/// A field of an object type.
#[derive(Debug)]
pub struct FieldInfo {
    /// The name of its type, without list and non-null wrappers.
    pub type_name: String,
    /// The arguments, with the names of their types.
    pub arguments: HashMap<String, String>,
}

/// An operation that fits a schema.
#[derive(Debug)]
pub struct FittedQuery {
    /// The text to send.
    pub text: String,
    /// The variables that remain in it.
    pub variables: HashSet<String>,
}

/// Arguments that can be omitted: the order, and whether to include archived projects, which older
/// releases do not support.
const OPTIONAL_ARGUMENTS: &[&str] = &["sort", "includeArchived"];

/// The directive that marks optional fields in our queries: they and everything below them can be
/// omitted, because what is read from them is optional in a record. Without any other field a
/// record would be wrong. The directive is never sent to GitLab.
const IF_KNOWN: &str = "ifKnown";

impl Schema {
    /// Adds a type; `None` if the schema has no type of this name.
    pub fn insert(&mut self, name: &str, info: Option<TypeInfo>) {
        self.types.insert(name.to_owned(), info);
    }

    /// The values of an enumeration; `None` if it is not known.
    pub fn values(&self, name: &str) -> Option<&BTreeSet<String>> {
        self.types.get(name)?.as_ref().map(|info| &info.values)
    }

    /// Whether a type has the field; false if the type is not known.
    pub fn has_field(&self, type_name: &str, field: &str) -> bool {
        let info = self.types.get(type_name).and_then(Option::as_ref);
        info.is_some_and(|info| info.fields.contains_key(field))
    }

    /// The types needed to fit the operations of these documents that are not known yet. Empty once
    /// all are known; each added type can lead to more.
    pub fn unknown_types(&self, documents: &[&str]) -> BTreeSet<String> {
        let mut unknown = BTreeSet::new();
        for document in documents {
            let document = parse(document);
            let fragments = fragments(&document);
            for definition in &document.definitions {
                let Definition::Operation(OperationDefinition::Query(query)) = definition else { continue };
                for variable in &query.variable_definitions {
                    let name = named(&variable.var_type);
                    // Scalars are not needed; only the suffix distinguishes them from enumerations.
                    if name.ends_with("Type") || name.ends_with("Sort") {
                        self.note_unknown(name, &mut unknown);
                    }
                }
                self.unknown_below("Query", &query.selection_set, &fragments, &mut unknown);
            }
        }
        unknown
    }

    fn unknown_below(
        &self,
        name: &str,
        set: &SelectionSet<'_, String>,
        fragments: &Fragments<'_, '_>,
        unknown: &mut BTreeSet<String>,
    ) {
        let Some(info) = self.types.get(name) else {
            unknown.insert(name.to_owned());
            return;
        };
        let Some(info) = info else { return };
        for selection in &set.items {
            match selection {
                Selection::Field(field) => {
                    let Some(found) = info.fields.get(&field.name) else { continue };
                    if !field.selection_set.items.is_empty() {
                        self.unknown_below(&found.type_name, &field.selection_set, fragments, unknown);
                    }
                    for (argument, value) in &field.arguments {
                        if let (Value::Enum(_), Some(of)) = (value, found.arguments.get(argument)) {
                            self.note_unknown(of, unknown);
                        }
                    }
                }
                Selection::FragmentSpread(spread) => {
                    if let Some(fragment) = fragments.get(&spread.fragment_name) {
                        self.unknown_below(name, &fragment.selection_set, fragments, unknown);
                    }
                }
                Selection::InlineFragment(_) => {}
            }
        }
    }

    fn note_unknown(&self, name: &str, unknown: &mut BTreeSet<String>) {
        if !self.types.contains_key(name) {
            unknown.insert(name.to_owned());
        }
    }

    /// The operation without the optional parts that the schema lacks. The error names a missing
    /// part that is required.
    pub fn fit(&self, document: &str, operation: &str) -> Result<FittedQuery, String> {
        let document = parse(document);
        let fragments = fragments(&document);
        let mut query = document
            .definitions
            .iter()
            .find_map(|definition| match definition {
                Definition::Operation(OperationDefinition::Query(query))
                    if query.name.as_deref() == Some(operation) =>
                {
                    Some(query.clone())
                }
                _ => None,
            })
            .expect("every operation is in its document");
        query.selection_set = self.fit_set("Query", &query.selection_set, &fragments, false)?;
        let mut used = HashSet::new();
        variables_of(&query.selection_set, &mut used);
        query.variable_definitions.retain(|variable| used.contains(&variable.name));
        self.check_variables(&query.variable_definitions)?;
        let document: Document<'_, String> = Document {
            definitions: vec![Definition::Operation(OperationDefinition::Query(Query { ..query }))],
        };
        Ok(FittedQuery { text: document.to_string(), variables: used })
    }

    fn fit_set<'a>(
        &self,
        name: &str,
        set: &SelectionSet<'a, String>,
        fragments: &Fragments<'_, 'a>,
        is_optional: bool,
    ) -> Result<SelectionSet<'a, String>, String> {
        let info = self.types.get(name).and_then(Option::as_ref).ok_or_else(|| format!("no type {name}"))?;
        let mut items = Vec::new();
        for selection in &set.items {
            match selection {
                Selection::Field(field) => {
                    let fitted = self.fit_field(name, info, field, fragments, is_optional)?;
                    items.extend(fitted.map(Selection::Field));
                }
                // Fragments are inlined, so that the operation is self-contained.
                Selection::FragmentSpread(spread) => {
                    let fragment =
                        fragments.get(&spread.fragment_name).expect("every fragment is in its document");
                    items.extend(self.fit_set(name, &fragment.selection_set, fragments, is_optional)?.items);
                }
                Selection::InlineFragment(_) => return Err("inline fragments are not supported".to_owned()),
            }
        }
        Ok(SelectionSet { span: set.span, items })
    }

    fn fit_field<'a>(
        &self,
        name: &str,
        info: &TypeInfo,
        field: &Field<'a, String>,
        fragments: &Fragments<'_, 'a>,
        is_optional: bool,
    ) -> Result<Option<Field<'a, String>>, String> {
        let is_leaf = field.selection_set.items.is_empty();
        let is_optional = is_optional || field.directives.iter().any(|directive| directive.name == IF_KNOWN);
        let Some(known) = info.fields.get(&field.name) else {
            return if is_optional { Ok(None) } else { Err(format!("no field {name}.{}", field.name)) };
        };
        let mut fitted = field.clone();
        fitted.directives.retain(|directive| directive.name != IF_KNOWN);
        fitted.arguments.clear();
        for (argument, value) in &field.arguments {
            let is_known = known.arguments.get(argument).is_some_and(|of| match value {
                Value::Enum(value) => self.values(of).is_none_or(|values| values.contains(value)),
                _ => true,
            });
            if is_known {
                fitted.arguments.push((argument.clone(), value.clone()));
            } else if !OPTIONAL_ARGUMENTS.contains(&argument.as_str()) {
                return Err(format!("{name}.{} has no argument {argument}", field.name));
            }
        }
        if !is_leaf {
            fitted.selection_set =
                self.fit_set(&known.type_name, &field.selection_set, fragments, is_optional)?;
            if fitted.selection_set.items.is_empty() {
                if is_optional {
                    return Ok(None);
                }
                return Err(format!("{name}.{} has none of the requested fields", field.name));
            }
        }
        Ok(Some(fitted))
    }

    fn check_variables(&self, variables: &[VariableDefinition<'_, String>]) -> Result<(), String> {
        let missing = variables
            .iter()
            .map(|variable| named(&variable.var_type))
            .find(|name| matches!(self.types.get(*name), Some(None)));
        missing.map_or(Ok(()), |name| Err(format!("no type {name}")))
    }
}

type Fragments<'d, 'a> = HashMap<String, &'d FragmentDefinition<'a, String>>;

/// Parses a document of a collector.
fn parse(document: &str) -> Document<'_, String> {
    parse_query(document).expect("the queries of the collectors are valid; a test checks it")
}

fn fragments<'d, 'a>(document: &'d Document<'a, String>) -> Fragments<'d, 'a> {
    let fragments = document.definitions.iter().filter_map(|definition| match definition {
        Definition::Fragment(fragment) => Some((fragment.name.clone(), fragment)),
        Definition::Operation(_) => None,
    });
    fragments.collect()
}

fn named<'t>(of: &'t Type<'_, String>) -> &'t str {
    match of {
        Type::NamedType(name) => name,
        Type::ListType(of) | Type::NonNullType(of) => named(of),
    }
}

fn variables_of(set: &SelectionSet<'_, String>, used: &mut HashSet<String>) {
    fn of_value(value: &Value<'_, String>, used: &mut HashSet<String>) {
        match value {
            Value::Variable(name) => {
                used.insert(name.clone());
            }
            Value::List(values) => values.iter().for_each(|value| of_value(value, used)),
            Value::Object(fields) => fields.values().for_each(|value| of_value(value, used)),
            _ => {}
        }
    }
    for selection in &set.items {
        if let Selection::Field(field) = selection {
            field.arguments.iter().for_each(|(_, value)| of_value(value, used));
            variables_of(&field.selection_set, used);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCUMENT: &str = "
        query Things($scope: ID!, $kind: ThingType!, $after: String) {
          group(fullPath: $scope) { things(kind: $kind, sort: NEWEST, after: $after) { nodes { ...Thing } } }
        }
        query Names($scope: ID!) { group(fullPath: $scope) { names { text } } }
        fragment Thing on Thing { id size @ifKnown duration @ifKnown stats @ifKnown { lines } extent @ifKnown { lines } }";

    fn field(of: &str, arguments: &[(&str, &str)]) -> FieldInfo {
        let arguments = arguments.iter().map(|(name, of)| ((*name).to_owned(), (*of).to_owned())).collect();
        FieldInfo { type_name: of.to_owned(), arguments }
    }

    fn object(fields: Vec<(&str, FieldInfo)>) -> Option<TypeInfo> {
        let fields = fields.into_iter().map(|(name, field)| (name.to_owned(), field)).collect();
        Some(TypeInfo { fields, values: BTreeSet::new() })
    }

    fn values(values: &[&str]) -> Option<TypeInfo> {
        Some(TypeInfo {
            values: values.iter().map(|value| (*value).to_owned()).collect(),
            ..TypeInfo::default()
        })
    }

    fn schema() -> Schema {
        let mut schema = Schema::default();
        let things =
            field("ThingConnection", &[("kind", "ThingType"), ("sort", "ThingSort"), ("after", "String")]);
        schema.insert("Query", object(vec![("group", field("Group", &[("fullPath", "ID")]))]));
        schema.insert("Group", object(vec![("things", things)]));
        schema.insert("ThingConnection", object(vec![("nodes", field("Thing", &[]))]));
        schema.insert(
            "Thing",
            object(vec![
                ("id", field("ID", &[])),
                ("size", field("Int", &[])),
                ("extent", field("Extent", &[])),
            ]),
        );
        schema.insert("Extent", object(vec![("width", field("Int", &[]))]));
        schema.insert("ThingType", values(&["SMALL"]));
        schema.insert("ThingSort", values(&["NEWEST"]));
        schema
    }

    fn single_line(fitted: &FittedQuery) -> String {
        fitted.text.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn keeps_only_fields_of_the_schema() {
        let fitted = schema().fit(DOCUMENT, "Things").expect("it can be fitted");
        assert_eq!(
            single_line(&fitted),
            "query Things($scope: ID!, $kind: ThingType!, $after: String) { group(fullPath: $scope) { \
             things(kind: $kind, sort: NEWEST, after: $after) { nodes { id size } } } }"
        );
        assert!(fitted.variables.contains("kind"));
        assert!(
            schema().fit(&DOCUMENT.replace("duration @ifKnown", "duration"), "Things").is_err(),
            "an unmarked field is required"
        );
    }

    #[test]
    fn omits_an_unknown_order_but_requires_filters() {
        let mut older = schema();
        older.insert("ThingSort", values(&["OLDEST"]));
        assert!(!single_line(&older.fit(DOCUMENT, "Things").expect("it can be fitted")).contains("sort"));
        older.insert("Group", object(vec![("things", field("ThingConnection", &[("after", "String")]))]));
        let error = older.fit(DOCUMENT, "Things").expect_err("without the filter the answer would be wrong");
        assert_eq!(error, "Group.things has no argument kind");
        assert_eq!(schema().fit(DOCUMENT, "Names").expect_err("it is not there"), "no field Group.names");
        older.insert("Group", None);
        assert_eq!(older.fit(DOCUMENT, "Things").expect_err("it is not there"), "no type Group");
    }

    #[test]
    fn finds_unknown_types_step_by_step() {
        let full = schema();
        let mut schema = Schema::default();
        let mut rounds = Vec::new();
        loop {
            let unknown = schema.unknown_types(&[DOCUMENT]);
            if unknown.is_empty() {
                break;
            }
            for name in &unknown {
                let known = full.types.get(name).and_then(Option::as_ref);
                let info = known.map(|info| TypeInfo {
                    fields: info
                        .fields
                        .iter()
                        .map(|(name, field)| {
                            (
                                name.clone(),
                                FieldInfo {
                                    type_name: field.type_name.clone(),
                                    arguments: field.arguments.clone(),
                                },
                            )
                        })
                        .collect(),
                    values: info.values.clone(),
                });
                schema.insert(name, info);
            }
            rounds.push(unknown.into_iter().collect::<Vec<_>>().join(" "));
        }
        assert_eq!(rounds, ["Query ThingType", "Group", "ThingConnection ThingSort", "Thing", "Extent"]);
        assert_eq!(
            schema.fit(DOCUMENT, "Things").expect("fits").text,
            full.fit(DOCUMENT, "Things").expect("fits").text
        );
    }
}
