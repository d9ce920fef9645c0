//! Sending one message and telling what became of it: what every command that changes the ledger has in common.

use crate::args::SendArgs;
use crate::output;
use crate::session::{applied, open};
use anyhow::Context;
use rampart_protocol::{Address, B256, CaseId, Message, Nonce, PurchaseId, keccak256};
use std::path::Path;

/// Signs the message that `message` makes of the account's next nonce, sends it, waits, and says at which height it was
/// applied.
pub async fn submit(send: SendArgs, message: impl FnOnce(Nonce) -> Message) -> anyhow::Result<()> {
    submit_as(send, |_, nonce| message(nonce)).await
}

/// As [`submit`], for a message that names its own signer.
pub async fn submit_as(
    send: SendArgs,
    message: impl FnOnce(Address, Nonce) -> Message,
) -> anyhow::Result<()> {
    let (session, signer) = open(&send.node, &send.key).await?;
    let message = message(signer.address(), session.nonce(&signer).await?);
    let name = message.name();
    let submitted = session.send(&signer, message, send.wait).await?;
    let height = applied(&submitted)?;
    output::print(send.output, &submitted, |_| {
        vec![format!("{name} applied at height {height}")]
    })
}

/// The keccak-256 digest of a file, which the ledger keeps in its place; zero for none.
pub fn digest(file: Option<&Path>) -> anyhow::Result<B256> {
    let Some(path) = file else {
        return Ok(B256::ZERO);
    };
    let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(keccak256(bytes))
}

/// A purchase id on the command line.
pub fn purchase_id(text: &str) -> Result<PurchaseId, String> {
    text.parse::<B256>()
        .map(PurchaseId)
        .map_err(|error| format!("a purchase's id is 32 bytes in hexadecimal: {error}"))
}

/// A case id on the command line.
pub fn case_id(text: &str) -> Result<CaseId, String> {
    text.parse::<B256>()
        .map(CaseId)
        .map_err(|error| format!("a case's id is 32 bytes in hexadecimal: {error}"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_document_is_told_by_its_keccak_digest_and_none_by_zero() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("openapi.json");
        std::fs::write(&path, "abc").unwrap();
        // Keccak-256 of "abc".
        let known = "0x4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45";
        assert_eq!(digest(Some(&path)).unwrap(), known.parse::<B256>().unwrap());
        assert_eq!(digest(None).unwrap(), B256::ZERO);
        assert!(digest(Some(&folder.path().join("missing"))).is_err());
    }

    #[test]
    fn ids_are_32_bytes_in_hexadecimal() {
        let text = format!("0x{}", "ab".repeat(32));
        assert_eq!(purchase_id(&text).unwrap().0, B256::repeat_byte(0xab));
        assert_eq!(case_id(&text).unwrap().0, B256::repeat_byte(0xab));
        for wrong in ["", "0x12", "seven"] {
            assert!(purchase_id(wrong).is_err() && case_id(wrong).is_err(), "{wrong}");
        }
    }
}
