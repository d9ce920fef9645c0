//! The OpenAPI document against the operator that serves it.

use super::http::{self, request};
use super::schema::faults;
use serde_json::Value;
use std::collections::BTreeMap;
use std::net::SocketAddr;

/// What stands for the parameters of a path, by the path's beginning and the parameter's name; what exists where it can.
pub type Values<'a> = BTreeMap<(&'a str, &'a str), String>;

fn fill(path: &str, values: &Values<'_>) -> String {
    let mut filled = path.to_owned();
    while let Some(start) = filled.find('{') {
        let end = start + filled[start..].find('}').unwrap();
        let name = filled[start + 1..end].to_owned();
        let value = values
            .iter()
            .find(|((beginning, parameter), _)| path.starts_with(beginning) && *parameter == name);
        let (_, value) = value.unwrap_or_else(|| panic!("no value for {name} in {path}"));
        filled.replace_range(start..=end, value);
    }
    filled
}

/// The document of an operator.
pub async fn document(api: SocketAddr) -> Value {
    let answer = http::get(api, "/openapi.json").await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.body["openapi"], "3.1.0");
    answer.body
}

/// Every path names its parameters, and every reference leads somewhere.
pub fn is_sound(document: &Value) {
    let mut ids = std::collections::BTreeSet::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for operation in methods.as_object().unwrap().values() {
            assert!(ids.insert(operation["operationId"].to_string()), "{path} twice");
            let named = operation["parameters"].as_array().unwrap().iter();
            let named: Vec<&str> = named
                .filter(|parameter| parameter["in"] == "path")
                .map(|parameter| parameter["name"].as_str().unwrap())
                .collect();
            let in_path: Vec<&str> = path
                .split('/')
                .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
                .collect();
            assert_eq!(named, in_path, "{path}");
            assert!(!operation["summary"].as_str().unwrap().is_empty());
        }
    }
    references(document, document);
}

fn references(document: &Value, part: &Value) {
    match part {
        Value::Object(fields) => {
            if let Some(reference) = fields.get("$ref").and_then(Value::as_str) {
                let found = document.pointer(reference.trim_start_matches('#'));
                assert!(found.is_some_and(Value::is_object), "{reference}");
            }
            fields.values().for_each(|field| references(document, field));
        }
        Value::Array(items) => items.iter().for_each(|item| references(document, item)),
        _ => {}
    }
}

/// Asks every documented route and checks status and answer. Returns the routes that answered 200.
pub async fn answers_match(api: SocketAddr, values: &Values<'_>) -> Vec<String> {
    let document = document(api).await;
    is_sound(&document);
    let mut answered = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            if path == "/v1/events" {
                continue; // It does not end; it has its own tests.
            }
            let query = if path == "/v1/withdrawals" {
                format!("?recipient={}", values[&("/v1/accounts", "address")])
            } else if path == "/v1/purchases" {
                format!("?consumer={}", values[&("/v1/accounts", "address")])
            } else {
                String::new()
            };
            let target = fill(path, values) + &query;
            let answer = request(api, &method.to_uppercase(), &target, &[], b"").await;
            assert_ne!(answer.name(), "unknown_route", "{method} {path} is not served");
            assert_ne!(answer.name(), "method_not_allowed", "{method} {path}");
            check(&document, operation, &target, &answer);
            if answer.status == 200 {
                answered.push(path.clone());
            }
            let wrong = request(api, "DELETE", &target, &[], b"").await;
            wrong.is_error(405, "method_not_allowed");
        }
    }
    answered
}

fn check(document: &Value, operation: &Value, target: &str, answer: &http::Answer) {
    let mut response = &operation["responses"][answer.status.to_string()];
    if let Some(reference) = response["$ref"].as_str() {
        response = document.pointer(reference.trim_start_matches('#')).unwrap();
    }
    assert!(
        response.is_object(),
        "{target}: {} is not documented",
        answer.status
    );
    let schema = &response["content"]["application/json"]["schema"];
    if schema.is_object() {
        let faults = faults(document, schema, &answer.body);
        assert!(faults.is_empty(), "{target}: {faults:#?}");
    }
}

/// Whether a request's body is what the document says.
pub fn takes(document: &Value, path: &str, body: &Value) -> Vec<String> {
    let operation = &document["paths"][path]["post"];
    let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
    faults(document, schema, body)
}
