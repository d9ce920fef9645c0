#![allow(clippy::unwrap_used)]
use super::*;
use alloy::primitives::Bytes;
use alloy::rpc::json_rpc::ErrorPayload;

#[test]
fn what_pools_say_of_a_transaction_that_they_know_is_no_failure() {
    for (message, refused) in [
        ("already known", Some(Refused::Known)),
        ("AlreadyKnown", Some(Refused::Known)),
        (
            "nonce too low: next nonce 8, tx nonce 7",
            Some(Refused::NonceUsed),
        ),
        ("replacement transaction underpriced", Some(Refused::Underpriced)),
        ("insufficient funds for gas * price + value", None),
    ] {
        let error = TransportError::ErrorResp(ErrorPayload {
            code: -32000,
            message: message.into(),
            data: None,
        });
        assert_eq!(refusal(&error), refused, "{message}");
    }
}

#[test]
fn what_is_on_its_way_survives_and_a_damaged_or_foreign_file_counts_as_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("outgoing.json");
    let (account, other) = (Address::repeat_byte(1), Address::repeat_byte(2));
    let file = FlightFile::new(&path, account, 5);
    assert_eq!(file.load(), None);
    let flight = Flight {
        call: Call {
            subject: B256::repeat_byte(1),
            to: other,
            data: Bytes::from_static(&[7]),
        },
        nonce: 3,
        gas: 9,
        fees: Fees {
            max: u128::from(u64::MAX) * 3,
            tip: 1,
        },
        hashes: vec![B256::repeat_byte(4)],
        raw: Bytes::from_static(&[8, 9]),
    };
    file.store(Some(&flight)).unwrap();
    assert_eq!(file.load(), Some(flight));
    assert_eq!(FlightFile::new(&path, other, 5).load(), None);
    assert_eq!(FlightFile::new(&path, account, 6).load(), None);
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replace("\"nonce\":3", "\"nonce\":4")).unwrap();
    assert_eq!(file.load(), None);
    file.store(None).unwrap();
    assert_eq!(file.load(), None);
}
