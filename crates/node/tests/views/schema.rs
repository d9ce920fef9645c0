//! Whether an answer is what its JSON Schema says. Stricter than the standard: a property that no schema declares is a fault, and
//! so is a keyword that this file does not know, so that none is passed over.

use serde_json::Value;
use std::collections::BTreeSet;

const KNOWN: [&str; 13] = [
    "$ref",
    "type",
    "format",
    "description",
    "properties",
    "required",
    "items",
    "enum",
    "const",
    "allOf",
    "oneOf",
    "minimum",
    "anyOf",
];

/// Every fault, each with the place in the answer.
pub fn faults(document: &Value, schema: &Value, answer: &Value) -> Vec<String> {
    let mut checker = Checker {
        document,
        faults: Vec::new(),
    };
    checker.check(schema, answer, "");
    checker.undeclared(schema, answer, "");
    checker.faults
}

/// Whether a part of a schema fits: what it leaves to other parts is no fault.
fn fits(document: &Value, schema: &Value, answer: &Value) -> bool {
    let mut checker = Checker {
        document,
        faults: Vec::new(),
    };
    checker.check(schema, answer, "");
    checker.faults.is_empty()
}

struct Checker<'a> {
    document: &'a Value,
    faults: Vec<String>,
}

impl<'a> Checker<'a> {
    fn resolve(&self, schema: &'a Value) -> &'a Value {
        let Some(reference) = schema["$ref"].as_str() else {
            return schema;
        };
        let pointer = reference
            .strip_prefix('#')
            .expect("a reference into the document");
        let found = self.document.pointer(pointer);
        found.unwrap_or_else(|| panic!("{reference} leads nowhere"))
    }

    fn fault(&mut self, at: &str, what: impl core::fmt::Display) {
        self.faults.push(format!("{at}: {what}"));
    }

    fn check(&mut self, schema: &'a Value, answer: &Value, at: &str) {
        let schema = self.resolve(schema);
        for keyword in schema.as_object().expect("a schema is an object").keys() {
            let known =
                KNOWN.contains(&keyword.as_str()) || ["maximum", "pattern"].contains(&keyword.as_str());
            assert!(known, "{at}: the keyword {keyword} is not checked");
        }
        self.check_type(schema, answer, at);
        if let Some(names) = schema["enum"].as_array().filter(|names| !names.contains(answer)) {
            self.fault(at, format!("{answer} is none of {names:?}"));
        }
        if let Some(value) = schema.get("const").filter(|value| *value != answer) {
            self.fault(at, format!("{answer} is not {value}"));
        }
        for name in schema["required"].as_array().into_iter().flatten() {
            if answer.get(name.as_str().unwrap()).is_none() {
                self.fault(at, format!("{name} is missing"));
            }
        }
        for part in schema["allOf"].as_array().into_iter().flatten() {
            self.check(part, answer, at);
        }
        if let Some(variants) = schema["oneOf"].as_array() {
            let fitting = variants
                .iter()
                .filter(|variant| fits(self.document, variant, answer))
                .count();
            if fitting != 1 {
                self.fault(at, format!("{fitting} variants fit {answer}"));
            }
        }
        for (name, property) in schema["properties"].as_object().into_iter().flatten() {
            if let Some(value) = answer.get(name) {
                self.check(property, value, &format!("{at}/{name}"));
                self.undeclared(property, value, &format!("{at}/{name}"));
            }
        }
        if let (Some(schema), Some(items)) = (schema.get("items"), answer.as_array()) {
            for (n, item) in items.iter().enumerate() {
                self.check(schema, item, &format!("{at}/{n}"));
                self.undeclared(schema, item, &format!("{at}/{n}"));
            }
        }
    }

    fn check_type(&mut self, schema: &Value, answer: &Value, at: &str) {
        let fits = match schema["type"].as_str() {
            None => true,
            Some("object") => answer.is_object(),
            Some("array") => answer.is_array(),
            Some("string") => answer.is_string(),
            Some("boolean") => answer.is_boolean(),
            Some("integer") => answer.as_u64().is_some_and(|number| {
                schema["maximum"].as_u64().is_none_or(|most| number <= most)
                    && schema["minimum"].as_u64().is_none_or(|least| number >= least)
            }),
            Some(other) => panic!("{at}: the type {other} is not checked"),
        };
        let pattern = schema["pattern"].as_str();
        let matches = pattern.is_none_or(|pattern| answer.as_str().is_some_and(|text| like(pattern, text)));
        if !fits || !matches {
            self.fault(at, format!("{answer} does not fit {schema}"));
        }
    }

    fn undeclared(&mut self, schema: &'a Value, answer: &Value, at: &str) {
        let mut declared = BTreeSet::new();
        self.declare(schema, &mut declared);
        // What declares nothing is free.
        let free = declared.is_empty();
        for name in answer.as_object().into_iter().flatten().map(|(name, _)| name) {
            if !free && !declared.contains(name.as_str()) {
                self.fault(at, format!("{name} is not declared"));
            }
        }
    }

    fn declare(&self, schema: &'a Value, declared: &mut BTreeSet<&'a str>) {
        let schema = self.resolve(schema);
        let properties = schema["properties"].as_object().into_iter().flatten();
        declared.extend(properties.map(|(name, _)| name.as_str()));
        for part in ["allOf", "oneOf"] {
            for part in schema[part].as_array().into_iter().flatten() {
                self.declare(part, declared);
            }
        }
    }
}

/// The patterns that the documents have.
fn like(pattern: &str, text: &str) -> bool {
    let hex = |length: usize| {
        text.strip_prefix("0x")
            .is_some_and(|digits| digits.len() == length && digits.bytes().all(|b| b.is_ascii_hexdigit()))
    };
    match pattern {
        "^[0-9]{1,39}$" => (1..=39).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit()),
        "^0x[0-9a-fA-F]{40}$" => hex(40),
        "^0x[0-9a-fA-F]{64}$" => hex(64),
        "^0x[0-9a-f]{130}$" => hex(130),
        "^0x([0-9a-f]{130}|[0-9a-f]{192})$" => hex(130) || hex(192),
        "^0x([0-9a-f]{2})*$" => text.len().is_multiple_of(2) && hex(text.len() - 2),
        other => panic!("the pattern {other} is not checked"),
    }
}
