//! Requests to the GraphQL endpoint: token, body, checks, response and injected fault.

use std::cell::Cell;

use apollo_compiler::executable::Operation;
use apollo_compiler::{ExecutableDocument, validation::Valid};
use serde_json::{Map, Value, json};

use super::complexity::{self, MAX_DEPTH, MAX_DEPTH_ANONYMOUS};
use super::errors;
use super::http::{Call, Delivery, Reply};
use super::resolvers::{QueryContext, Role};
use super::validation::variable_errors;
use super::{Fault, Outcome, State};

/// Responds to an HTTP request to `/api/graphql`, or simulates the fault.
pub(super) fn reply(shared: &State, call: &Call, role: Option<Role>, fault: &Fault) -> Reply {
    if let Some(reply) = replacement(shared, fault) {
        record_faulted(shared, call, &reply);
        return reply;
    }
    let query = Query::read(&call.body);
    let Some(role) = role else {
        shared.log_request(String::new(), Value::Null, 401, Outcome::Unauthorized);
        return shared.json(401, &errors::body(errors::INVALID_TOKEN));
    };
    let query = match query {
        Ok(query) => query,
        Err(message) => {
            let outcome = Outcome::Rejected(vec![message.to_string()]);
            shared.log_request(String::new(), Value::Null, 422, outcome);
            return shared.json(422, &errors::body(message));
        }
    };
    let Some((mut outcome, body)) = query.execute(shared, call, role, fault) else {
        let reply = shared.json(503, &errors::body(errors::REQUEST_TIMED_OUT));
        record_faulted(shared, call, &reply);
        return reply;
    };
    let mut reply = shared.response(200, "application/json; charset=utf-8", body);
    match fault {
        Fault::Reset => reply.delivery = Delivery::TruncatedBody,
        Fault::SlowBody(duration) => reply.delivery = Delivery::Trickle(*duration),
        Fault::HoldUntilConcurrent(requests) => reply.delivery = Delivery::HeldUntilConcurrent(*requests),
        Fault::TruncatedJson => reply.body.truncate(reply.body.len() / 2),
        _ => {}
    }
    // A query that GitLab would reject is an error of the client even if there was a fault.
    if !matches!(
        (fault, &outcome),
        (Fault::None | Fault::HoldUntilConcurrent(_), _) | (_, Outcome::Rejected(_))
    ) {
        outcome = Outcome::Fault;
    }
    shared.log_request(query.name(shared), Value::Object(query.variables), 200, outcome);
    reply
}

/// Logs a request whose response was replaced by a fault.
pub(super) fn record_faulted(shared: &State, call: &Call, reply: &Reply) {
    let (operation, variables) = match Query::read(&call.body) {
        Ok(query) => (query.name(shared), Value::Object(query.variables)),
        Err(_) => (String::new(), Value::Null),
    };
    let status = match reply.delivery {
        Delivery::Silence(_) => 0,
        _ => reply.status,
    };
    shared.log_request(operation, variables, status, Outcome::Fault);
}

/// The response of a fault that does not depend on the query.
fn replacement(shared: &State, fault: &Fault) -> Option<Reply> {
    Some(match fault {
        Fault::None
        | Fault::Reset
        | Fault::TruncatedJson
        | Fault::SlowBody(_)
        | Fault::HoldUntilConcurrent(_)
        | Fault::TimeoutAnswer
        | Fault::NamelessEvents => return None,
        Fault::Status { status, headers, content_type, body } => {
            let mut reply = shared.response(*status, content_type, body.clone().into_bytes());
            reply.headers.extend(headers.iter().cloned());
            reply
        }
        Fault::TooManyRequests { retry_after } => {
            let mut reply = shared.response(429, "text/plain", b"Retry later\n".to_vec());
            if let Some(seconds) = retry_after {
                let reset = shared.organization.now().timestamp() + i64::from(*seconds);
                let headers = [
                    ("RateLimit-Limit", "2000".to_string()),
                    ("RateLimit-Name", "throttle_authenticated_api".to_string()),
                    ("RateLimit-Observed", "2001".to_string()),
                    ("RateLimit-Remaining", "0".to_string()),
                    ("RateLimit-Reset", reset.to_string()),
                    ("Retry-After", seconds.to_string()),
                ];
                reply.headers.extend(headers.map(|(name, value)| (name.to_string(), value)));
            }
            reply
        }
        Fault::BadGateway => shared.response(502, "text/html", errors::BAD_GATEWAY_PAGE.as_bytes().to_vec()),
        Fault::Hang(duration) => {
            let mut reply = shared.response(200, "text/plain", Vec::new());
            reply.delivery = Delivery::Silence(*duration);
            reply
        }
        Fault::RequestTimedOut => shared.json(503, &errors::body(errors::REQUEST_TIMED_OUT)),
        Fault::Unauthorized => shared.json(401, &errors::body(errors::INVALID_TOKEN)),
    })
}

/// The body of a request.
struct Query {
    text: String,
    variables: Map<String, Value>,
    operation_name: Option<String>,
}

impl Query {
    fn read(body: &[u8]) -> Result<Query, &'static str> {
        let Ok(Value::Object(mut body)) = serde_json::from_slice(body) else {
            return Err("The request body is not a JSON object");
        };
        let text = match body.remove("query") {
            Some(Value::String(text)) => text,
            _ => String::new(),
        };
        if text.chars().count() > errors::MAX_QUERY_LENGTH {
            return Err(errors::QUERY_TOO_LARGE);
        }
        let variables = match body.remove("variables") {
            None | Some(Value::Null) => Map::new(),
            Some(Value::Object(variables)) => variables,
            // GitLab also accepts a JSON string.
            Some(Value::String(text)) if text.is_empty() => Map::new(),
            Some(Value::String(text)) => {
                serde_json::from_str(&text).map_err(|_| "Unexpected parameter: variables")?
            }
            Some(_) => return Err("Unexpected parameter: variables"),
        };
        let operation_name = match body.remove("operationName") {
            Some(Value::String(name)) if !name.is_empty() => Some(name),
            _ => None,
        };
        Ok(Query { text, variables, operation_name })
    }

    /// Name of the operation, or an empty text if it is unknown.
    fn name(&self, shared: &State) -> String {
        if let Some(name) = &self.operation_name {
            return name.clone();
        }
        let document = shared.schema.document(&self.text);
        let operation = document.as_ref().as_ref().ok().and_then(|document| self.operation(document).ok());
        operation.and_then(|operation| operation.name.as_ref()).map(ToString::to_string).unwrap_or_default()
    }

    /// Outcome and body; `None` if the server aborted the request.
    fn execute(&self, shared: &State, call: &Call, role: Role, fault: &Fault) -> Option<(Outcome, Vec<u8>)> {
        let document = shared.schema.document(&self.text);
        let document = match document.as_ref() {
            Ok(document) => document,
            Err(errors) => return Some(rejected(errors.clone())),
        };
        let operation = match self.operation(document) {
            Ok(operation) => operation,
            Err(message) => return Some(rejected(vec![json!({ "message": message })])),
        };
        let errors = variable_errors(&shared.schema.types, operation, &self.variables);
        if !errors.is_empty() {
            return Some(rejected(errors));
        }
        let score = complexity::score(document, operation, &self.variables);
        let depth = complexity::depth(document, &operation.selection_set);
        let (limit, deepest) = match role {
            Role::Anonymous => (200, MAX_DEPTH_ANONYMOUS),
            Role::Guest | Role::WebReporter | Role::Reporter | Role::Owner => (250, MAX_DEPTH),
            Role::Administrator => (300, MAX_DEPTH),
        };
        let mut errors = Vec::new();
        if score > limit {
            errors.push(json!({ "message": errors::too_complex(score, limit) }));
        }
        if depth > deepest {
            errors.push(json!({ "message": errors::too_deep(depth, deepest) }));
        }
        if !errors.is_empty() {
            return Some(rejected(errors));
        }
        let host = call.header("host").unwrap_or("127.0.0.1");
        let context = QueryContext {
            organization: &shared.organization,
            settings: &shared.settings,
            variables: &self.variables,
            heavy: &shared.heavy,
            timed_out: Cell::new(false),
            aborted: Cell::new(false),
            url: &format!("http://{host}"),
            role,
            score,
            limit,
            times_out: matches!(fault, Fault::TimeoutAnswer),
            nameless_events: matches!(fault, Fault::NamelessEvents),
        };
        let response = match context.execute(&shared.schema, document, operation) {
            Err(message) => return Some(rejected(vec![json!({ "message": message })])),
            Ok(response) => response,
        };
        if context.aborted.get() {
            return None;
        }
        // `data` comes first, as in GitLab.
        let mut body = b"{\"data\":".to_vec();
        serde_json::to_writer(&mut body, &response.data).expect("JSON into memory");
        let mut outcome = Outcome::Answered;
        if !response.errors.is_empty() {
            body.extend_from_slice(b",\"errors\":");
            serde_json::to_writer(&mut body, &response.errors).expect("JSON into memory");
            let messages = response.errors.into_iter().map(|error| error.message);
            outcome = Outcome::AnsweredWithErrors(messages.collect());
        }
        body.push(b'}');
        if context.timed_out.get() {
            outcome = Outcome::Fault;
        }
        Some((outcome, body))
    }

    fn operation<'a>(&self, document: &'a Valid<ExecutableDocument>) -> Result<&'a Operation, String> {
        let operation = document.operations.get(self.operation_name.as_deref());
        operation.map(|operation| &**operation).map_err(|_| match &self.operation_name {
            Some(name) => format!("No operation named \"{name}\""),
            None => "An operation name is required".to_string(),
        })
    }
}

fn rejected(errors: Vec<Value>) -> (Outcome, Vec<u8>) {
    let messages =
        errors.iter().filter_map(|error| error.get("message")?.as_str()).map(str::to_string).collect();
    let body = json!({ "errors": errors }).to_string().into_bytes();
    (Outcome::Rejected(messages), body)
}
