//! The private decoders of what endpoints answer, for the fuzz targets (`crates/fuzz`). No part of the API.

use alloy::rpc::json_rpc::ResponsePacket;

/// An endpoint's answer, or the text of the error that a log would show.
///
/// # Errors
/// When it is no JSON-RPC.
pub fn answer(body: &[u8], status: u16) -> Result<ResponsePacket, String> {
    crate::transport::decode(body, status, (200..300).contains(&status)).map_err(|error| error.to_string())
}
