//! JSON-RPC 2.0 as far as a firewall reads it: which calls a body holds, and errors in their form.
//!
//! Reading is strict, because the node behind may read loosely: a member besides the four of the specification, or one
//! given twice, is refused, lest the node take `Method` or a second `method` for the method that was checked here.
//! What is relayed keeps its bytes.

use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use std::borrow::Cow;

/// Error codes.
pub mod code {
    /// The body is not JSON.
    pub const PARSE: i64 = -32700;
    /// Not a request of the specification's form, or a batch that is empty or too long.
    pub const INVALID_REQUEST: i64 = -32600;
    /// This gateway does not relay the method.
    pub const METHOD: i64 = -32601;
    /// The transaction is malformed, for another chain, or not validly signed.
    pub const PARAMS: i64 = -32602;
    /// The services' votes did not suffice: the transaction was not relayed.
    pub const REFUSED: i64 = -32099;
    /// The node did not answer.
    pub const UPSTREAM: i64 = -32098;
    /// The client has used up what it may send in a time (EIP-1474).
    pub const LIMIT: i64 = -32005;
    /// No key, or a choice that the key does not allow.
    pub const ACCESS: i64 = -32096;
    /// More transactions at once than the gateway screens.
    pub const OVERLOADED: i64 = -32097;
}

/// Longest id that is read, bytes of JSON.
const MAX_ID: usize = 128;

/// An error to the client.
#[derive(Clone, Debug, PartialEq)]
pub struct RpcError {
    /// The code.
    pub code: i64,
    /// For a person.
    pub message: String,
    /// For a program.
    pub data: Option<Value>,
}

impl RpcError {
    /// An error without data.
    #[must_use]
    pub fn new(code: i64, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            data: None,
        }
    }

    /// The error with data.
    #[must_use]
    pub fn with_data(mut self, data: Value) -> Self {
        self.data = Some(data);
        self
    }

    /// The stable reason in the data, if there is one.
    #[must_use]
    pub fn reason(&self) -> Option<String> {
        Some(self.data.as_ref()?.get("reason")?.as_str()?.to_owned())
    }

    /// The response object. `id` is JSON text.
    #[must_use]
    pub fn response(&self, id: Option<&str>) -> String {
        let mut error = json!({"code": self.code, "message": self.message});
        if let Some(data) = &self.data {
            error["data"] = data.clone();
        }
        format!(
            r#"{{"jsonrpc":"2.0","id":{},"error":{error}}}"#,
            id.unwrap_or("null")
        )
    }
}

/// A call.
#[derive(Debug)]
pub struct Call<'a> {
    /// Its exact text.
    pub text: &'a str,
    /// The id as JSON text; none in a notification, which gets no response.
    pub id: Option<&'a str>,
    /// The method.
    pub method: Cow<'a, str>,
    /// The parameters as JSON text.
    pub params: Option<&'a RawValue>,
}

/// One element of a body: a call, or the error that it is answered with.
pub type Element<'a> = Result<Call<'a>, RpcError>;

/// What a body holds.
#[derive(Debug)]
pub enum Body<'a> {
    /// One call.
    Single(Element<'a>),
    /// Calls in order.
    Batch(Vec<Element<'a>>),
}

impl Body<'_> {
    /// How many calls there are.
    #[must_use]
    pub const fn calls(&self) -> usize {
        match self {
            Self::Single(_) => 1,
            Self::Batch(calls) => calls.len(),
        }
    }
}

/// Reads a body.
///
/// # Errors
/// When it is not JSON, or a batch that is empty or longer than `max_batch`.
pub fn read(body: &[u8], max_batch: usize) -> Result<Body<'_>, RpcError> {
    let first = body.iter().find(|byte| !byte.is_ascii_whitespace());
    let parse = |error: serde_json::Error| RpcError::new(code::PARSE, format!("parse error: {error}"));
    if first != Some(&b'[') {
        let text: &RawValue = serde_json::from_slice(body).map_err(parse)?;
        return Ok(Body::Single(read_call(text)));
    }
    let elements: Vec<&RawValue> = serde_json::from_slice(body).map_err(parse)?;
    if elements.is_empty() {
        return Err(RpcError::new(code::INVALID_REQUEST, "the batch is empty"));
    }
    if elements.len() > max_batch {
        let message = format!(
            "the batch has {} calls, at most {max_batch} are taken",
            elements.len()
        );
        return Err(RpcError::new(code::INVALID_REQUEST, message));
    }
    Ok(Body::Batch(elements.into_iter().map(read_call).collect()))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CallText<'a> {
    #[serde(borrow)]
    jsonrpc: Cow<'a, str>,
    #[serde(borrow)]
    method: Cow<'a, str>,
    #[serde(borrow, default)]
    params: Option<&'a RawValue>,
    // `null` is an id too, and not the same as none.
    #[serde(borrow, default, deserialize_with = "present")]
    id: Option<&'a RawValue>,
}

fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<&'de RawValue>, D::Error> {
    <&RawValue>::deserialize(deserializer).map(Some)
}

fn read_call(text: &RawValue) -> Element<'_> {
    let invalid = |reason: String| RpcError::new(code::INVALID_REQUEST, format!("invalid request: {reason}"));
    let text = text.get();
    // A derived reader would take an array for the members in order.
    if !text.starts_with('{') {
        return Err(invalid("a call is an object".to_owned()));
    }
    let call: CallText<'_> = serde_json::from_str(text).map_err(|error| invalid(error.to_string()))?;
    if call.jsonrpc != "2.0" {
        return Err(invalid("jsonrpc must be \"2.0\"".to_owned()));
    }
    let id = call.id.map(RawValue::get);
    if id.is_some_and(|id| id.len() > MAX_ID || id.starts_with(['{', '[', 't', 'f'])) {
        return Err(invalid(
            "the id must be a short string, a number or null".to_owned(),
        ));
    }
    Ok(Call {
        text,
        id,
        method: call.method,
        params: call.params,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn single(body: &str) -> Result<Call<'_>, RpcError> {
        match read(body.as_bytes(), 10)? {
            Body::Single(element) => element,
            Body::Batch(_) => Err(RpcError::new(0, "a batch")),
        }
    }

    #[test]
    fn reads_a_call_and_keeps_its_text() {
        let body =
            r#"{ "jsonrpc":"2.0", "id" : "a", "method":"eth_call","params":[{"to":"0x1"}, "latest"] }"#;
        let call = single(body).unwrap();
        assert_eq!(call.text, body);
        assert_eq!((call.id, call.method.as_ref()), (Some("\"a\""), "eth_call"));
        assert_eq!(call.params.unwrap().get(), r#"[{"to":"0x1"}, "latest"]"#);
    }

    #[test]
    fn tells_a_notification_from_a_null_id() {
        assert_eq!(single(r#"{"jsonrpc":"2.0","method":"m"}"#).unwrap().id, None);
        assert_eq!(
            single(r#"{"jsonrpc":"2.0","method":"m","id":null}"#).unwrap().id,
            Some("null")
        );
    }

    #[test]
    fn sees_through_escapes_in_the_method() {
        let call = single(r#"{"jsonrpc":"2.0","id":1,"method":"eth_sendRaw\u0054ransaction"}"#).unwrap();
        assert_eq!(call.method, "eth_sendRawTransaction");
    }

    #[test]
    fn refuses_what_a_loose_node_could_read_differently() {
        for body in [
            r#"{"jsonrpc":"2.0","id":1,"method":"eth_chainId","method":"eth_sendRawTransaction"}"#,
            r#"{"jsonrpc":"2.0","id":1,"method":"eth_chainId","Method":"eth_sendRawTransaction"}"#,
            r#"{"jsonrpc":"2.0","id":1,"method":"eth_chainId","PARAMS":[]}"#,
            r#"["2.0","eth_chainId",null,1]"#,
            r#"{"jsonrpc":"1.0","id":1,"method":"m"}"#,
            r#"{"id":1,"method":"m"}"#,
            r#"{"jsonrpc":"2.0","id":1}"#,
            r#"{"jsonrpc":"2.0","id":1,"method":7}"#,
            r#"{"jsonrpc":"2.0","id":[1],"method":"m"}"#,
            r#"{"jsonrpc":"2.0","id":true,"method":"m"}"#,
            "7",
            "null",
        ] {
            let error = match read(body.as_bytes(), 10).unwrap() {
                Body::Single(element) => element.unwrap_err(),
                Body::Batch(elements) => elements.into_iter().next().unwrap().unwrap_err(),
            };
            assert_eq!(error.code, code::INVALID_REQUEST, "{body}");
        }
    }

    #[test]
    fn refuses_what_is_no_json() {
        for body in ["", " ", "{", "[{]", "{}{}", "\u{feff}{}", "[1,2", "{\"a\":nul}"] {
            assert_eq!(read(body.as_bytes(), 10).unwrap_err().code, code::PARSE, "{body}");
        }
        assert_eq!(read(&[0xff, 0xfe], 10).unwrap_err().code, code::PARSE);
        // Nesting without end is an error, not a crash.
        assert!(read("[".repeat(100_000).as_bytes(), 10).is_err());
    }

    #[test]
    fn refuses_batches_that_are_empty_or_too_long() {
        for body in ["[]", "[1,1,1,1,1,1,1,1,1,1,1]"] {
            assert_eq!(read(body.as_bytes(), 10).unwrap_err().code, code::INVALID_REQUEST);
        }
    }

    #[test]
    fn an_error_has_the_form_of_the_specification() {
        let error = RpcError::new(code::REFUSED, "no \"way\"").with_data(json!({"a": 1}));
        let response: Value = serde_json::from_str(&error.response(Some("7"))).unwrap();
        let expected = json!({"jsonrpc": "2.0", "id": 7,
            "error": {"code": -32099, "message": "no \"way\"", "data": {"a": 1}}});
        assert_eq!(response, expected);
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(body: Vec<u8>) {
            let _ = read(&body, 10);
        }

        #[test]
        fn any_text_near_a_call_is_read_or_refused(
            method in "\\PC{0,20}", id in "[\\[{\"0-9a-z,:}\\]]{0,12}", params in "[\\[{\"0-9a-z,:}\\]]{0,20}",
        ) {
            let method = Value::from(method);
            let body = format!(r#"{{"jsonrpc":"2.0","id":{id},"method":{method},"params":{params}}}"#);
            if let Ok(Body::Single(Ok(call))) = read(body.as_bytes(), 10) {
                // What is relayed is what was read, and the id goes into an answer as it is.
                proptest::prop_assert_eq!(call.text, body.as_str());
                let answer = RpcError::new(1, "x").response(call.id);
                proptest::prop_assert!(serde_json::from_str::<Value>(&answer).is_ok());
            }
        }
    }
}
