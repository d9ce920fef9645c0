//! Prints `{"tap_core_verify_us":n}`: microseconds of one thread to find who signed a receipt, by `tap_core` 6.0.2 as its users
//! call it.

use std::hint::black_box;
use std::time::Instant;
use tap_core::signed_message::Eip712SignedMessage;
use tap_core::{TapVersion, tap_eip712_domain};
use tap_graph::Receipt;
use thegraph_core::alloy::primitives::Address;
use thegraph_core::alloy::signers::local::PrivateKeySigner;

const TIMES: u32 = 1_000;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let domain = tap_eip712_domain(1, Address::repeat_byte(0x11), TapVersion::V1);
    let wallet = PrivateKeySigner::random();
    let mut receipts = Vec::new();
    for value in 0..TIMES {
        let receipt = Receipt::new(Address::repeat_byte(0xab), u128::from(value))?;
        receipts.push(Eip712SignedMessage::new(&domain, receipt, &wallet)?);
    }
    let begun = Instant::now();
    for receipt in &receipts {
        let signer = black_box(receipt).recover_signer(&domain)?;
        if signer != wallet.address() {
            return Err("another signer".into());
        }
    }
    let each = begun.elapsed().as_secs_f64() * 1e6 / f64::from(TIMES);
    println!("{{\"tap_core_verify_us\":{each:.1}}}");
    Ok(())
}
