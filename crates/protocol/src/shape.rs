//! The JSON Schema (2020-12, as OpenAPI 3.1 has it) of what this crate writes as JSON.
//!
//! Each type tells its own schema, from the declaration that serde reads; what is not declared by a macro of this crate is
//! listed in `known`, where the compiler checks its fields. Which routes carry them is the node's.

mod known;

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;
use serde_json::{Map, Value, json};

/// A type with a JSON Schema.
pub trait Shape {
    /// The schema, to stand where a value of the type does. Named types are put into `shapes` and referred to.
    fn shape(shapes: &mut Shapes) -> Value;
}

/// Schemas by name, as in `#/components/schemas`.
#[derive(Clone, Debug, Default)]
pub struct Shapes {
    named: BTreeMap<String, Value>,
}

/// A field of an object.
#[derive(Clone, Debug)]
pub struct Field {
    /// Its name in Rust; JSON has it in camel case.
    pub name: &'static str,
    /// What it is.
    pub doc: &'static str,
    /// What serde is told about it.
    pub serde: &'static str,
    /// The schema of its type.
    pub schema: Value,
}

/// The shape of a struct, from what its declaration says: texts, fields, and what serde is told of each.
macro_rules! declared {
    ($name:ident [$($doc:literal)*] $($field:ident: $ty:ty [$($field_doc:literal)*] [$($serde:tt)*],)+) => {
        impl crate::shape::Shape for $name {
            fn shape(shapes: &mut crate::shape::Shapes) -> serde_json::Value {
                shapes.object(stringify!($name), concat!($($doc),*), |shapes| alloc::vec![$(crate::shape::Field {
                    name: stringify!($field),
                    doc: concat!($($field_doc),*),
                    serde: stringify!($($serde)*),
                    schema: <$ty as crate::shape::Shape>::shape(shapes),
                }),+])
            }
        }
    };
}
pub(crate) use declared;

impl Shapes {
    /// All of them.
    #[must_use]
    pub fn into_components(self) -> Value {
        Value::Object(self.named.into_iter().collect())
    }

    /// A named schema; `make` is asked the first time.
    pub fn named(&mut self, name: &str, make: impl FnOnce(&mut Self) -> Value) -> Value {
        if !self.named.contains_key(name) {
            // Entered first, so that a type that contains itself ends.
            self.named.insert(name.to_string(), Value::Null);
            let schema = make(self);
            self.named.insert(name.to_string(), schema);
        }
        json!({ "$ref": format!("#/components/schemas/{name}") })
    }

    /// An enum whose values are names.
    pub fn names(&mut self, name: &str, doc: &str, names: &[&str]) -> Value {
        self.named(
            name,
            |_| json!({ "type": "string", "description": clean(doc), "enum": names }),
        )
    }

    /// An object. A field that serde may leave out is not required; one that is flattened brings its own.
    pub fn object(&mut self, name: &str, doc: &str, fields: impl FnOnce(&mut Self) -> Vec<Field>) -> Value {
        self.named(name, |shapes| object(doc, fields(shapes)))
    }
}

fn object(doc: &str, fields: Vec<Field>) -> Value {
    let (mut properties, mut required, mut parts) = (Map::new(), Vec::new(), Vec::new());
    for Field {
        name,
        doc,
        serde,
        schema,
    } in fields
    {
        if serde.contains("flatten") {
            parts.push(schema);
            continue;
        }
        let name = camel_case(name);
        if !serde.contains("skip_serializing_if") {
            required.push(Value::from(name.as_str()));
        }
        properties.insert(name, described(schema, doc));
    }
    let mut object = json!({
        "type": "object", "description": clean(doc), "properties": properties, "required": required,
    });
    if !parts.is_empty() {
        object["allOf"] = Value::Array(parts);
    }
    object
}

fn described(schema: Value, doc: &str) -> Value {
    match schema {
        Value::Object(mut schema) => {
            schema.insert("description".to_string(), clean(doc).into());
            Value::Object(schema)
        }
        other => other,
    }
}

/// One paragraph of a documentation comment as text. Links to Rust items lose their brackets.
fn clean(doc: &str) -> String {
    let text = doc.replace("[`", "`").replace("`]", "`");
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn camel_case(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    let mut upper = false;
    for letter in name.chars() {
        if letter == '_' {
            upper = true;
        } else if upper {
            out.push(letter.to_ascii_uppercase());
            upper = false;
        } else {
            out.push(letter);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::{ErrorBody, PurchaseView, ServiceView};

    #[test]
    fn an_object_tells_its_fields_as_json_has_them_and_which_may_be_absent() {
        let mut shapes = Shapes::default();
        let reference = ServiceView::shape(&mut shapes);
        assert_eq!(reference, json!({ "$ref": "#/components/schemas/ServiceView" }));
        let service = &shapes.named["ServiceView"];
        assert_eq!(
            service["properties"]["minDuration"]["description"],
            "Shortest duration on sale."
        );
        let required = service["required"].as_array().expect("a list");
        assert!(required.contains(&json!("minDuration")));
        assert!(!required.contains(&json!("openapi")));
        assert!(shapes.named.contains_key("Component"));
    }

    #[test]
    fn a_flattened_field_is_a_part_and_no_property() {
        let mut shapes = Shapes::default();
        PurchaseView::shape(&mut shapes);
        let purchase = &shapes.named["PurchaseView"];
        assert_eq!(
            purchase["allOf"],
            json!([{ "$ref": "#/components/schemas/PurchaseRecord" }])
        );
        assert_eq!(purchase["properties"].get("record"), None);
    }

    #[test]
    fn no_name_is_left_without_its_schema() {
        let mut shapes = Shapes::default();
        ErrorBody::shape(&mut shapes);
        crate::SignedTransaction::shape(&mut shapes);
        assert!(shapes.named.values().all(Value::is_object));
    }
}
