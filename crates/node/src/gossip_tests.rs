#![allow(clippy::unwrap_used)]
use super::*;
use rampart_protocol::{Address, Amount, Message, Nonce, message::Withdraw};

fn transaction(nonce: u64) -> SignedTransaction {
    SignedTransaction {
        message: Message::from(Withdraw {
            recipient: Address::repeat_byte(2),
            amount: Amount(1),
            nonce: Nonce(nonce),
        }),
        signature: [7; 65].into(),
    }
}

fn message(transactions: &[SignedTransaction]) -> Vec<u8> {
    let payload: Vec<u8> = transactions
        .iter()
        .flat_map(SignedTransaction::to_bytes)
        .collect();
    framed(&payload)
}

#[test]
fn transactions_go_together_as_the_list_that_rlp_has() {
    let transactions: Vec<_> = (0..300).map(transaction).collect();
    let bytes = message(&transactions);
    assert_eq!(bytes, alloy_rlp::encode(&transactions));
    assert_eq!(read(&bytes).unwrap(), transactions);
    assert_eq!(read(&message(&[])).unwrap(), []);
}

#[test]
fn what_is_no_list_of_whole_transactions_is_not_taken() {
    let good = message(&[transaction(1), transaction(2)]);
    assert!(matches!(read(&good[..good.len() - 1]), Err(DecodeError::Rlp(_))));
    let mut long = good.clone();
    long.push(0);
    assert_eq!(read(&long), Err(DecodeError::Trailing(1)));
    assert!(read(&transaction(1).to_bytes()[..1]).is_err());
    // A list in whose last item the payload ends.
    let one = transaction(1).to_bytes();
    assert!(read(&framed(&one[..one.len() - 1])).is_err());
    // An item that says to be longer than any number.
    assert!(read(&framed(&[0xff; 9])).is_err());
    assert!(read(&[]).is_err());
}
