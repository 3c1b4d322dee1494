//! GitLab's static checks of a query and its variables, with the messages of the graphql-ruby
//! library.

use std::collections::HashSet;

use apollo_compiler::ast::{
    Definition, Document, Field, OperationDefinition, OperationType, Selection, Type, Value as Literal,
};
use apollo_compiler::executable::Operation;
use apollo_compiler::parser::SourceSpan;
use apollo_compiler::schema::{ExtendedType, FieldDefinition};
use apollo_compiler::validation::Valid;
use apollo_compiler::{Name, Schema};
use chrono::{DateTime, NaiveDate, Utc};
use serde_json::{Map, Value, json};

/// GitLab reports at most this many errors.
pub(super) const MAX_ERRORS: usize = 5;

/// All errors of a document, in document order, variables last.
pub(super) fn errors(schema: &Valid<Schema>, document: &Document) -> Vec<Value> {
    let mut fragments_used = HashSet::new();
    let mut errors = Vec::new();
    for definition in &document.definitions {
        match definition {
            Definition::OperationDefinition(operation) => {
                let mut check = Check::new(schema, document, operation_path(operation));
                check.variable_types(operation);
                match schema.root_operation(operation.operation_type) {
                    Some(root) => check.selections(root, &operation.selection_set),
                    None => check.no_root(operation),
                }
                check.spread_fragments(&mut fragments_used);
                check.variable_uses(operation);
                errors.append(&mut check.errors);
            }
            Definition::FragmentDefinition(fragment) => {
                let path = vec![format!("fragment {}", fragment.name)];
                let mut check = Check::new(schema, document, path);
                check.condition(&fragment.type_condition);
                if schema.types.contains_key(&fragment.type_condition) {
                    check.selections(&fragment.type_condition, &fragment.selection_set);
                }
                errors.append(&mut check.errors);
            }
            _ => {}
        }
    }
    for definition in &document.definitions {
        if let Definition::FragmentDefinition(fragment) = definition
            && !fragments_used.contains(fragment.name.as_str())
        {
            errors.push(json!({
                "message": format!("Fragment {} was defined, but not used", fragment.name),
                "locations": locations(document, fragment.name.location()),
                "path": [format!("fragment {}", fragment.name)],
                "extensions": { "code": "useAndDefineFragment", "fragmentName": fragment.name },
            }));
        }
    }
    errors
}

/// The errors of the values of an operation's variables, with which the request is rejected.
pub(super) fn variable_errors(
    schema: &Valid<Schema>,
    operation: &Operation,
    values: &Map<String, Value>,
) -> Vec<Value> {
    let mut errors = Vec::new();
    for variable in &operation.variables {
        let value = match values.get(variable.name.as_str()) {
            Some(value) => value,
            None if variable.default_value.is_some() => continue,
            None => &Value::Null,
        };
        let mut problems = Vec::new();
        find_problems(schema, &variable.ty, value, &mut Vec::new(), &mut problems);
        if problems.is_empty() {
            continue;
        }
        let mut message =
            format!("Variable ${} of type {} was provided invalid value", variable.name, variable.ty);
        let inner: Vec<String> = problems
            .iter()
            .filter(|(path, _)| !path.is_empty())
            .map(|(path, explanation)| {
                let path: Vec<String> = path.iter().map(ToString::to_string).collect();
                format!("{} ({explanation})", path.join("."))
            })
            .collect();
        if !inner.is_empty() {
            message = format!("{message} for {}", inner.join(", "));
        }
        let problems: Vec<Value> = problems
            .into_iter()
            .map(|(path, explanation)| json!({ "path": path, "explanation": explanation }))
            .collect();
        errors.push(json!({
            "message": message,
            "extensions": { "value": value, "problems": problems },
        }));
    }
    errors
}

/// A `Time` argument: a timestamp, or a day, which means its 00:00 UTC.
pub(super) fn moment(text: &str) -> Option<DateTime<Utc>> {
    if let Ok(moment) = DateTime::parse_from_rfc3339(text) {
        return Some(moment.to_utc());
    }
    day(text).map(super::organization::start_of)
}

/// A `Date` argument. Of a timestamp, the day.
pub(super) fn day(text: &str) -> Option<NaiveDate> {
    NaiveDate::parse_from_str(text, "%Y-%m-%d")
        .ok()
        .or_else(|| DateTime::parse_from_rfc3339(text).ok().map(|moment| moment.date_naive()))
}

type Problem = (Vec<usize>, String);

fn find_problems(
    schema: &Valid<Schema>,
    ty: &Type,
    value: &Value,
    path: &mut Vec<usize>,
    problems: &mut Vec<Problem>,
) {
    if value.is_null() {
        if ty.is_non_null() {
            problems.push((path.clone(), "Expected value to not be null".to_string()));
        }
        return;
    }
    match (ty, value) {
        (Type::List(item) | Type::NonNullList(item), Value::Array(values)) => {
            for (index, value) in values.iter().enumerate() {
                path.push(index);
                find_problems(schema, item, value, path, problems);
                path.pop();
            }
        }
        // A single value is accepted as a list of one.
        (Type::List(item) | Type::NonNullList(item), value) => {
            find_problems(schema, item, value, path, problems);
        }
        (Type::Named(name) | Type::NonNullNamed(name), value) => {
            if let Some(explanation) = scalar_problem(schema, name, value) {
                problems.push((path.clone(), explanation));
            }
        }
    }
}

fn scalar_problem(schema: &Valid<Schema>, ty: &Name, value: &Value) -> Option<String> {
    if let Some(ExtendedType::InputObject(definition)) = schema.types.get(ty) {
        let Some(values) = value.as_object() else {
            return Some(format!("Expected {value} to be a key-value object."));
        };
        if let Some(name) = values.keys().find(|name| !definition.fields.contains_key(name.as_str())) {
            return Some(format!("Field is not defined on {ty} ({name})"));
        }
        let mut problems = Vec::new();
        for (name, field) in &definition.fields {
            let value = values.get(name.as_str()).unwrap_or(&Value::Null);
            find_problems(schema, &field.ty, value, &mut Vec::new(), &mut problems);
        }
        return problems.into_iter().next().map(|(_, explanation)| explanation);
    }
    if let Some(ExtendedType::Enum(definition)) = schema.types.get(ty) {
        let known = value.as_str().is_some_and(|value| definition.values.contains_key(value));
        let names: Vec<&str> = definition.values.keys().map(Name::as_str).collect();
        return (!known).then(|| format!("Expected {value} to be one of: {}", names.join(", ")));
    }
    let fits = match ty.as_str() {
        "Int" => value.as_i64().is_some_and(|number| i32::try_from(number).is_ok()),
        "Float" => value.is_number(),
        "Boolean" => value.is_boolean(),
        "String" => value.is_string(),
        "Date" | "ISO8601Date" => value.as_str().is_some_and(|text| day(text).is_some()),
        "Time" | "ISO8601DateTime" => value.as_str().is_some_and(|text| moment(text).is_some()),
        "JSON" => true,
        _ => value.is_string() || value.is_i64() || value.is_u64(),
    };
    (!fits).then(|| format!("Could not coerce value {value} to {ty}"))
}

fn operation_path(operation: &OperationDefinition) -> Vec<String> {
    let kind = operation.operation_type.name();
    vec![match &operation.name {
        Some(name) => format!("{kind} {name}"),
        None => kind.to_string(),
    }]
}

fn locations(document: &Document, location: Option<SourceSpan>) -> Value {
    let place = location.and_then(|location| location.line_column(&document.sources));
    match place {
        Some(place) => json!([{ "line": place.line, "column": place.column }]),
        None => json!([]),
    }
}

/// The checks of one operation or fragment.
struct Check<'a> {
    schema: &'a Valid<Schema>,
    document: &'a Document,
    path: Vec<String>,
    errors: Vec<Value>,
    /// Uses of variables, in document order.
    used: Vec<Use<'a>>,
    spread: Vec<&'a str>,
}

struct Use<'a> {
    variable: &'a Name,
    location: Option<SourceSpan>,
    path: Vec<String>,
    argument: &'a Name,
    expected: &'a Type,
    has_default: bool,
}

impl<'a> Check<'a> {
    fn new(schema: &'a Valid<Schema>, document: &'a Document, path: Vec<String>) -> Check<'a> {
        Check { schema, document, path, errors: Vec::new(), used: Vec::new(), spread: Vec::new() }
    }

    fn error(&mut self, message: String, location: Option<SourceSpan>, extensions: Value) {
        let locations = locations(self.document, location);
        self.errors.push(json!({
            "message": message,
            "locations": locations,
            "path": self.path,
            "extensions": extensions,
        }));
    }

    fn no_root(&mut self, operation: &OperationDefinition) {
        let kind = match operation.operation_type {
            OperationType::Query => "queries",
            OperationType::Mutation => "mutations",
            OperationType::Subscription => "subscriptions",
        };
        let message = format!("Schema is not configured for {kind}");
        self.error(message, None, json!({ "code": "missingRootType" }));
    }

    fn variable_types(&mut self, operation: &OperationDefinition) {
        for variable in &operation.variables {
            let ty = variable.ty.inner_named_type();
            let is_input = self.schema.types.get(ty).is_some_and(ExtendedType::is_input_type);
            if !is_input {
                self.error(
                    format!("{ty} isn't a defined input type (on ${})", variable.name),
                    variable.location(),
                    json!({
                        "code": "variableRequiresValidType",
                        "typeName": ty,
                        "variableName": variable.name,
                    }),
                );
            }
        }
    }

    fn condition(&mut self, ty: &Name) {
        if !self.schema.types.contains_key(ty) {
            self.error(
                format!("No such type {ty}, so it can't be a fragment condition"),
                ty.location(),
                json!({ "code": "undefinedType", "typeName": ty }),
            );
        }
    }

    fn selections(&mut self, parent: &Name, selections: &'a [Selection]) {
        for selection in selections {
            match selection {
                Selection::Field(field) => {
                    let key = field.alias.as_ref().unwrap_or(&field.name);
                    self.path.push(key.to_string());
                    self.field(parent, field, field.location());
                    self.path.pop();
                }
                Selection::InlineFragment(inline) => {
                    let ty = inline.type_condition.as_ref().unwrap_or(parent);
                    self.condition(ty);
                    if self.schema.types.contains_key(ty) {
                        self.path.push(format!("... on {ty}"));
                        self.selections(&ty.clone(), &inline.selection_set);
                        self.path.pop();
                    }
                }
                Selection::FragmentSpread(spread) => {
                    let known = fragment(self.document, &spread.fragment_name).is_some();
                    if !known {
                        let name = &spread.fragment_name;
                        self.error(
                            format!("Fragment {name} was used, but not defined"),
                            spread.location(),
                            json!({ "code": "useAndDefineFragment", "fragmentName": name }),
                        );
                    }
                    self.spread.push(&spread.fragment_name);
                }
            }
        }
    }

    fn field(&mut self, parent: &Name, field: &'a Field, location: Option<SourceSpan>) {
        let schema: &'a Valid<Schema> = self.schema;
        let Ok(definition) = schema.type_field(parent, &field.name) else {
            self.error(
                format!("Field '{}' doesn't exist on type '{parent}'", field.name),
                location,
                json!({
                    "code": "undefinedField",
                    "typeName": parent,
                    "fieldName": field.name,
                }),
            );
            return;
        };
        self.arguments(field, definition, location);
        let ty = definition.ty.inner_named_type();
        let is_leaf = schema.types.get(ty).is_none_or(ExtendedType::is_leaf);
        if is_leaf && !field.selection_set.is_empty() {
            self.error(
                format!(
                    "Selections can't be made on scalars (field '{}' returns {ty} but has selections)",
                    field.name
                ),
                location,
                json!({
                    "code": "selectionMismatch",
                    "nodeName": format!("field '{}'", field.name),
                    "typeName": ty,
                }),
            );
        } else if !is_leaf && field.selection_set.is_empty() {
            let name = &field.name;
            self.error(
                format!(
                    "Field must have selections (field '{name}' returns {ty} but has no selections. \
                     Did you mean '{name} {{ ... }}'?)"
                ),
                location,
                json!({
                    "code": "selectionMismatch",
                    "nodeName": format!("field '{name}'"),
                    "typeName": ty,
                }),
            );
        } else if !is_leaf {
            self.selections(ty, &field.selection_set);
        }
    }

    fn arguments(&mut self, field: &'a Field, definition: &'a FieldDefinition, location: Option<SourceSpan>) {
        for argument in &field.arguments {
            self.path.push(argument.name.to_string());
            let name = &argument.name;
            match definition.argument_by_name(name) {
                None => self.error(
                    format!("Field '{}' doesn't accept argument '{name}'", field.name),
                    argument.location(),
                    json!({
                        "code": "argumentNotAccepted",
                        "name": field.name,
                        "typeName": "Field",
                        "argumentName": name,
                    }),
                ),
                Some(expected) => {
                    let has_default = expected.default_value.is_some();
                    self.record_uses(name, &expected.ty, has_default, &argument.value);
                    if !literal_fits(self.schema, &expected.ty, &argument.value) {
                        self.error(
                            format!(
                                "Argument '{name}' on Field '{}' has an invalid value ({}). \
                                 Expected type '{}'.",
                                field.name, argument.value, expected.ty
                            ),
                            argument.location(),
                            json!({
                                "code": "argumentLiteralsIncompatible",
                                "typeName": "Field",
                                "argumentName": name,
                            }),
                        );
                    }
                }
            }
            self.path.pop();
        }
        let missing: Vec<&str> = definition
            .arguments
            .iter()
            .filter(|argument| argument.is_required())
            .map(|argument| argument.name.as_str())
            .filter(|name| !field.arguments.iter().any(|argument| argument.name == *name))
            .collect();
        if !missing.is_empty() {
            let missing = missing.join(", ");
            self.error(
                format!("Field '{}' is missing required arguments: {missing}", field.name),
                location,
                json!({
                    "code": "missingRequiredArguments",
                    "className": "Field",
                    "name": field.name,
                    "arguments": missing,
                }),
            );
        }
    }

    fn record_uses(
        &mut self,
        argument: &'a Name,
        expected: &'a Type,
        has_default: bool,
        value: &'a apollo_compiler::Node<Literal>,
    ) {
        match value.as_ref() {
            Literal::Variable(variable) => self.used.push(Use {
                variable,
                location: value.location(),
                path: self.path.clone(),
                argument,
                expected,
                has_default,
            }),
            Literal::Object(values) => {
                let schema: &'a Valid<Schema> = self.schema;
                let Some(ExtendedType::InputObject(definition)) =
                    schema.types.get(expected.inner_named_type())
                else {
                    return;
                };
                for (name, value) in values {
                    if let Some((name, field)) = definition.fields.get_key_value(name) {
                        self.record_uses(name, &field.ty, field.default_value.is_some(), value);
                    }
                }
            }
            Literal::List(items) => {
                let item = match expected {
                    Type::List(item) | Type::NonNullList(item) => item,
                    other => other,
                };
                for value in items {
                    self.record_uses(argument, item, false, value);
                }
            }
            _ => {}
        }
    }

    /// Adds the variables used in fragments, including nested ones.
    fn spread_fragments(&mut self, fragments_used: &mut HashSet<&'a str>) {
        let mut seen = HashSet::new();
        while let Some(name) = self.spread.pop() {
            if !seen.insert(name) {
                continue;
            }
            fragments_used.insert(name);
            let Some(fragment) = fragment(self.document, name) else {
                continue;
            };
            if !self.schema.types.contains_key(&fragment.type_condition) {
                continue;
            }
            let path = vec![format!("fragment {name}")];
            let mut inner = Check::new(self.schema, self.document, path);
            // Its errors are reported where the fragment is defined.
            inner.selections(&fragment.type_condition, &fragment.selection_set);
            self.used.append(&mut inner.used);
            self.spread.append(&mut inner.spread);
        }
    }

    fn variable_uses(&mut self, operation: &OperationDefinition) {
        let owner = match &operation.name {
            Some(name) => name.to_string(),
            None => format!("anonymous {}", operation.operation_type.name()),
        };
        let root = self.path.clone();
        for variable in &operation.variables {
            if !self.used.iter().any(|usage| *usage.variable == variable.name) {
                self.error(
                    format!("Variable ${} is declared by {owner} but not used", variable.name),
                    variable.location(),
                    json!({ "code": "variableNotUsed", "variableName": variable.name }),
                );
            }
        }
        for usage in std::mem::take(&mut self.used) {
            self.path = usage.path;
            let name = usage.variable;
            let declared = operation.variables.iter().find(|variable| variable.name == *name);
            let Some(declared) = declared else {
                self.error(
                    format!("Variable ${name} is used by {owner} but not declared"),
                    usage.location,
                    json!({ "code": "variableNotDefined", "variableName": name }),
                );
                continue;
            };
            let (have, want) = (&*declared.ty, usage.expected);
            let may_be_null = declared.default_value.is_none() && !usage.has_default;
            let mismatch = if have.inner_named_type() != want.inner_named_type() {
                Some("Type")
            } else if list_depth(have) != list_depth(want) && !is_single_for_list(have, want) {
                Some("List dimension")
            } else if want.is_non_null() && !have.is_non_null() && may_be_null {
                Some("Nullability")
            } else {
                None
            };
            if let Some(mismatch) = mismatch {
                self.error(
                    format!(
                        "{mismatch} mismatch on variable ${name} and argument {} ({have} / {want})",
                        usage.argument
                    ),
                    usage.location,
                    json!({
                        "code": "variableMismatch",
                        "variableName": name,
                        "typeName": have.to_string(),
                        "argumentName": usage.argument,
                        "errorMessage": format!("{mismatch} mismatch"),
                    }),
                );
            }
        }
        self.path = root;
    }
}

fn fragment<'a>(document: &'a Document, name: &str) -> Option<&'a apollo_compiler::ast::FragmentDefinition> {
    document.definitions.iter().find_map(|definition| match definition {
        Definition::FragmentDefinition(fragment) if fragment.name == name => Some(&**fragment),
        _ => None,
    })
}

fn list_depth(ty: &Type) -> usize {
    match ty {
        Type::Named(_) | Type::NonNullNamed(_) => 0,
        Type::List(item) | Type::NonNullList(item) => 1 + list_depth(item),
    }
}

/// GitLab accepts a single value for a list.
fn is_single_for_list(have: &Type, want: &Type) -> bool {
    list_depth(have) == 0 && list_depth(want) == 1
}

fn literal_fits(schema: &Valid<Schema>, ty: &Type, literal: &Literal) -> bool {
    match (ty, literal) {
        (_, Literal::Variable(_)) => true,
        (ty, Literal::Null) => !ty.is_non_null(),
        (Type::List(item) | Type::NonNullList(item), Literal::List(items)) => {
            items.iter().all(|literal| literal_fits(schema, item, literal))
        }
        (Type::List(item) | Type::NonNullList(item), literal) => literal_fits(schema, item, literal),
        (Type::Named(name) | Type::NonNullNamed(name), literal) => match schema.types.get(name) {
            Some(ExtendedType::Enum(definition)) => {
                matches!(literal, Literal::Enum(value) if definition.values.contains_key(value))
            }
            Some(ExtendedType::InputObject(definition)) => match literal {
                Literal::Object(values) => {
                    let known = values.iter().all(|(name, value)| {
                        let field = definition.fields.get(name);
                        field.is_some_and(|field| literal_fits(schema, &field.ty, value))
                    });
                    let missing = definition.fields.iter().any(|(name, field)| {
                        field.is_required() && !values.iter().any(|(given, _)| given == name)
                    });
                    known && !missing
                }
                _ => false,
            },
            _ => scalar_fits(name, literal),
        },
    }
}

fn scalar_fits(ty: &Name, literal: &Literal) -> bool {
    match (ty.as_str(), literal) {
        ("Int", literal) => matches!(literal, Literal::Int(_)),
        ("Float", literal) => matches!(literal, Literal::Int(_) | Literal::Float(_)),
        ("Boolean", literal) => matches!(literal, Literal::Boolean(_)),
        ("String", literal) => matches!(literal, Literal::String(_)),
        ("Date" | "ISO8601Date", literal) => matches!(literal, Literal::String(text) if day(text).is_some()),
        ("Time" | "ISO8601DateTime", literal) => {
            matches!(literal, Literal::String(text) if moment(text).is_some())
        }
        ("JSON", _) => true,
        (_, literal) => matches!(literal, Literal::String(_) | Literal::Int(_)),
    }
}
