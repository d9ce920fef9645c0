//! The JSON of the node's HTTP API, shared by the server and its clients. Amounts are decimal strings of base units,
//! byte strings are 0x-hex, times are Unix seconds.
//!
//! With the feature `openapi` every type tells its JSON Schema ([`crate::shape`]), from the same declaration that serde
//! reads.

mod account;
mod avs;
mod events;
mod judging;
mod market;
mod node;
mod operators;
mod submission;

pub use account::*;
pub use avs::*;
pub use events::*;
pub use judging::*;
pub use market::*;
pub use node::*;
pub use operators::*;
pub use submission::*;

use serde::{Deserialize, Serialize};

/// A number that is no amount of tokens: evidence, stake, a parameter's value. Its unit is the field's. JSON shows it as
/// a decimal string, since it may exceed a double.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Quantity(#[serde(with = "crate::units::decimal")] pub u128);

impl core::fmt::Display for Quantity {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        core::fmt::Display::fmt(&self.0, f)
    }
}

/// An enum whose JSON is a name.
macro_rules! named {
    ($(#[doc = $doc:literal])* $name:ident { $($(#[doc = $variant_doc:literal])* $variant:ident = $text:literal,)+ }) => {
        $(#[doc = $doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
        pub enum $name { $($(#[doc = $variant_doc])* #[serde(rename = $text)] $variant,)+ }

        impl $name {
            /// The name that JSON uses.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }
        }

        impl core::fmt::Display for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.pad(self.name())
            }
        }

        #[cfg(feature = "openapi")]
        impl crate::shape::Shape for $name {
            fn shape(shapes: &mut crate::shape::Shapes) -> serde_json::Value {
                shapes.names(stringify!($name), concat!($($doc),*), &[$($text),+])
            }
        }
    };
}
pub(crate) use named;

/// A struct of the API: its fields in camel case.
macro_rules! json {
    ($(#[doc = $doc:literal])* $name:ident {
        $($(#[doc = $field_doc:literal])* $(#[serde($($serde:tt)*)])? $field:ident: $ty:ty,)+
    }) => {
        $(#[doc = $doc])*
        #[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
        #[serde(rename_all = "camelCase")]
        pub struct $name { $($(#[doc = $field_doc])* $(#[serde($($serde)*)])? pub $field: $ty,)+ }

        #[cfg(feature = "openapi")]
        crate::shape::declared!($name [$($doc)*] $($field: $ty [$($field_doc)*] [$($($serde)*)?],)+);
    };
}
pub(crate) use json;
