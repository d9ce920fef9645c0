//! What the receipts of others cost to check, on one thread: x402's exact scheme on EVM is an EIP-3009
//! `TransferWithAuthorization`, signed by EIP-712; whoever verifies it hashes the typed data and recovers the signer
//! (libsecp256k1). Its look at the chain, which it needs too, is not counted.

use alloy_primitives::{Address, B256, U256, keccak256};
use alloy_sol_types::{Eip712Domain, SolStruct, eip712_domain, sol};
use ed25519_dalek::{Signer, SigningKey};
use k256::ecdsa::SigningKey as WalletKey;
use rampart_protocol::AccessKey;
use rampart_protocol::ed25519::{self, Signed};
use std::hint::black_box;
use std::time::Instant;

sol! {
    struct TransferWithAuthorization {
        address from;
        address to;
        uint256 value;
        uint256 validAfter;
        uint256 validBefore;
        bytes32 nonce;
    }
}

/// Microseconds of one thread.
pub struct Checks {
    pub x402_us: f64,
    pub ed25519_us: f64,
}

const TIMES: u32 = 2_000;

pub fn measure() -> Checks {
    Checks {
        x402_us: x402(),
        ed25519_us: ed25519(),
    }
}

fn x402() -> f64 {
    let domain: Eip712Domain = eip712_domain! {
        name: "USD Coin",
        version: "2",
        chain_id: 8453,
        verifying_contract: Address::repeat_byte(0x83),
    };
    let key = WalletKey::from_slice(keccak256("payer").as_slice()).unwrap();
    let payer = Address::from_private_key(&key);
    let signed: Vec<_> = (0..TIMES)
        .map(|n| {
            let authorization = TransferWithAuthorization {
                from: payer,
                to: Address::repeat_byte(2),
                value: U256::from(10_000),
                validAfter: U256::ZERO,
                validBefore: U256::from(2_000_000_000),
                nonce: B256::from(U256::from(n)),
            };
            let hash = authorization.eip712_signing_hash(&domain);
            let (signature, recovery) = key.sign_prehash_recoverable(hash.as_slice()).unwrap();
            (
                authorization,
                alloy_primitives::Signature::from((signature, recovery)),
            )
        })
        .collect();
    let begun = Instant::now();
    for (authorization, signature) in &signed {
        let hash = black_box(authorization).eip712_signing_hash(&domain);
        let signer = signature.recover_address_from_prehash(&hash).unwrap();
        assert_eq!(signer, authorization.from);
    }
    begun.elapsed().as_secs_f64() * 1e6 / f64::from(TIMES)
}

fn ed25519() -> f64 {
    let key = SigningKey::from_bytes(&keccak256("consumer").0);
    let public = AccessKey(B256::from(key.verifying_key().to_bytes()));
    let signed: Vec<_> = (0..TIMES)
        .map(|n| {
            let message = [n.to_be_bytes(); 100].concat();
            let signature = key.sign(&message).to_bytes();
            (message, signature)
        })
        .collect();
    let begun = Instant::now();
    for (message, signature) in &signed {
        let signed = Signed {
            key: &public,
            message,
            signature,
        };
        assert!(ed25519::verify(black_box(&signed)));
    }
    begun.elapsed().as_secs_f64() * 1e6 / f64::from(TIMES)
}
