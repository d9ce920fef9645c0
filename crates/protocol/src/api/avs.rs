//! EigenLayer's AVS node API (v0.0.1): its own names and spellings.

use alloc::string::String;
use alloc::vec::Vec;

use super::named;

named! {
    /// How a backing service is.
    AvsStatus {
        /// It works.
        Up = "Up",
        /// It starts.
        Initializing = "Initializing",
        /// It does not work.
        Down = "Down",
    }
}

/// A struct of that API: its fields in snake case.
macro_rules! avs {
    ($(#[doc = $doc:literal])* $name:ident { $($(#[doc = $field_doc:literal])* $field:ident: $ty:ty,)+ }) => {
        $(#[doc = $doc])*
        #[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
        pub struct $name { $($(#[doc = $field_doc])* pub $field: $ty,)+ }

        #[cfg(feature = "openapi")]
        impl crate::shape::Shape for $name {
            fn shape(shapes: &mut crate::shape::Shapes) -> serde_json::Value {
                shapes.named(stringify!($name), |shapes| {
                    let mut schema = serde_json::json!({
                        "type": "object",
                        "description": concat!($($doc),*),
                        "required": [$(stringify!($field)),+],
                    });
                    $(
                        schema["properties"][stringify!($field)] =
                            <$ty as crate::shape::Shape>::shape(shapes);
                    )+
                    schema
                })
            }
        }
    };
}

avs! {
    /// `GET /eigen/node`
    AvsNode {
        /// Name of the software.
        node_name: String,
        /// Version of the specification.
        spec_version: String,
        /// Version of the software.
        node_version: String,
    }
}
avs! {
    /// Something that the node rests on.
    AvsService {
        /// Its id.
        id: String,
        /// Its name.
        name: String,
        /// What it does.
        description: String,
        /// How it is.
        status: AvsStatus,
    }
}
avs! {
    /// `GET /eigen/node/services`
    AvsServices {
        /// Each of them.
        services: Vec<AvsService>,
    }
}
