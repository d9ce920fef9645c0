//! The proof of an operator's keys: the digest by its definition, and what is no proof.

use crate::samples::phrase;
use alloy_primitives::{Address, B256, U256, keccak256};
use ed25519_dalek::{Signer as _, SigningKey};
use rampart_protocol::operator_keys::Registry;

const REGISTRY: Registry = Registry {
    chain_id: 1,
    service_manager: Address::repeat_byte(0x5a),
};

fn key() -> SigningKey {
    SigningKey::from_bytes(&phrase("consensus").0)
}

fn public() -> B256 {
    B256::new(key().verifying_key().to_bytes())
}

/// As the contract's header tells it (EIP-712).
#[test]
fn the_digest_is_the_contracts() {
    let (operator, checkpoint) = (Address::repeat_byte(1), Address::repeat_byte(2));
    let domain = [
        keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
        keccak256("Rampart"),
        keccak256("1"),
        B256::from(U256::from(1)),
        REGISTRY.service_manager.into_word(),
    ];
    let keys = [
        keccak256("OperatorKeys(address operator,bytes32 consensusKey,address checkpointKey)"),
        operator.into_word(),
        public(),
        checkpoint.into_word(),
    ];
    let (domain, keys) = (keccak256(domain.concat()), keccak256(keys.concat()));
    let expected = [&[0x19, 0x01][..], domain.as_slice(), keys.as_slice()];
    assert_eq!(
        REGISTRY.digest(operator, public(), checkpoint),
        keccak256(expected.concat())
    );
}

#[test]
fn only_the_keys_own_signature_for_this_registration_proves_it() {
    let (operator, checkpoint) = (Address::repeat_byte(1), Address::repeat_byte(2));
    let signature = key()
        .sign(REGISTRY.digest(operator, public(), checkpoint).as_slice())
        .to_bytes();
    assert!(REGISTRY.is_proven(operator, public(), checkpoint, &signature));
    assert!(!REGISTRY.is_proven(checkpoint, public(), checkpoint, &signature));
    assert!(!REGISTRY.is_proven(operator, public(), operator, &signature));
    assert!(!REGISTRY.is_proven(operator, phrase("no point"), checkpoint, &signature));
    for length in 0..64 {
        assert!(!REGISTRY.is_proven(operator, public(), checkpoint, &signature[..length]));
    }
    for byte in 0..64 {
        let mut damaged = signature;
        damaged[byte] ^= 1;
        assert!(!REGISTRY.is_proven(operator, public(), checkpoint, &damaged));
    }
    // Under a key of small order a signature of zeros would hold for anything.
    let mut one = [0; 32];
    one[0] = 1;
    let mut forged = [0; 64];
    forged[0] = 1;
    assert!(!REGISTRY.is_proven(operator, B256::from(one), checkpoint, &forged));
}
