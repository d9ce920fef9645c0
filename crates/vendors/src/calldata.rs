//! What a call says: the known functions inside calldata, through the usual ways of bundling calls.
//!
//! Decoding is lenient on purpose (dirty high bits of an address word are ignored, as most contracts do), and bounded:
//! nesting, number of calls and decoding memory. What exceeds a bound is reported, never silently left out. Functions
//! that are not known here are left to [`windows`], which finds addresses without knowing the function.

use alloy::primitives::{Address, Bytes, U256};
use alloy::sol;
use alloy::sol_types::SolInterface;
use alloy::sol_types::abi::AbiDecoderConfig;

/// Deepest nesting of bundled calls that is read.
pub const MAX_DEPTH: usize = 4;
/// Most calls that are read in one transaction.
pub const MAX_CALLS: usize = 256;
/// Most memory that decoding one call may take, bytes. ABI arrays may alias their data, so it is not the input's size.
pub const MAX_DECODED: usize = 8 << 20;

sol! {
    #![sol(extra_derives(Debug))]
    #[allow(missing_docs)]
    interface Known {
        // ERC-20, ERC-721 and ERC-1155.
        function approve(address spender, uint256 amount);
        function increaseAllowance(address spender, uint256 addedValue);
        function increaseApproval(address spender, uint256 addedValue);
        function transfer(address to, uint256 amount);
        function transferFrom(address from, address to, uint256 amount);
        function setApprovalForAll(address operator, bool approved);
        function safeTransferFrom(address from, address to, uint256 id);
        function safeTransferFrom(address from, address to, uint256 id, bytes data);
        function safeTransferFrom(address from, address to, uint256 id, uint256 amount, bytes data);
        function safeBatchTransferFrom(address from, address to, uint256[] ids, uint256[] amounts, bytes data);
        // EIP-2612, and DAI's older form.
        function permit(address owner, address spender, uint256 value, uint256 deadline, uint8 v, bytes32 r, bytes32 s);
        function permit(address holder, address spender, uint256 nonce, uint256 expiry, bool allowed, uint8 v, bytes32 r, bytes32 s);
        // Uniswap's Permit2.
        struct PermitDetails { address token; uint160 amount; uint48 expiration; uint48 nonce; }
        struct PermitSingle { PermitDetails details; address spender; uint256 sigDeadline; }
        struct PermitBatch { PermitDetails[] details; address spender; uint256 sigDeadline; }
        function approve(address token, address spender, uint160 amount, uint48 expiration);
        function permit(address owner, PermitSingle permitSingle, bytes signature);
        function permit(address owner, PermitBatch permitBatch, bytes signature);
        // Bundles of calls.
        struct Call { address target; bytes callData; }
        struct Call3 { address target; bool allowFailure; bytes callData; }
        struct Call3Value { address target; bool allowFailure; uint256 value; bytes callData; }
        function multicall(bytes[] data);
        function multicall(uint256 deadline, bytes[] data);
        function multicall(bytes32 previousBlockhash, bytes[] data);
        function aggregate(Call[] calls);
        function tryAggregate(bool requireSuccess, Call[] calls);
        function aggregate3(Call3[] calls);
        function aggregate3Value(Call3Value[] calls);
        function execute(address target, uint256 value, bytes data);
        function execTransaction(address to, uint256 value, bytes data, uint8 operation, uint256 safeTxGas, uint256 baseGas, uint256 gasPrice, address gasToken, address refundReceiver, bytes signatures);
    }
}

pub use Known::KnownCalls;

/// A known call, wherever it is nested.
#[derive(Debug)]
pub struct Call {
    /// The contract called.
    pub target: Address,
    /// Where in the transaction, such as `multicall[1].approve`.
    pub path: String,
    /// The call.
    pub call: KnownCalls,
}

/// An address that a call names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mention {
    /// The address.
    pub address: Address,
    /// Where and as what, such as `approve.spender`.
    pub path: String,
}

/// An allowance that a call grants out of its sender's tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// The token.
    pub token: Address,
    /// Who may take it.
    pub spender: Address,
    /// How much.
    pub extent: Extent,
}

/// How much an allowance covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// An ERC-20 amount, out of 256 bits.
    Amount(U256),
    /// A Permit2 amount, out of 160 bits.
    Permit2(U256),
    /// Every token of a collection.
    All,
}

/// The calls of a transaction.
#[derive(Debug, Default)]
pub struct Calls {
    /// Every known call, outer before inner.
    pub calls: Vec<Call>,
    /// Whether a bound was reached, so that something was not read.
    pub truncated: bool,
}

impl Calls {
    /// Reads the calldata of a call to `target`.
    #[must_use]
    pub fn of(target: Address, data: &[u8]) -> Self {
        let mut calls = Self::default();
        calls.read(target, data, "", 0);
        calls
    }

    fn read(&mut self, target: Address, data: &[u8], prefix: &str, depth: usize) {
        if depth > MAX_DEPTH || self.calls.len() >= MAX_CALLS {
            self.truncated = true;
            return;
        }
        let config = AbiDecoderConfig::new().memory_limit(MAX_DECODED);
        let call = match KnownCalls::abi_decode_with_config(data, config) {
            Ok(call) => call,
            Err(alloy::sol_types::Error::MemoryLimitExceeded(_)) => {
                self.truncated = true;
                return;
            }
            // Not a known function, or arguments that no decoder would accept.
            Err(_) => return,
        };
        let name = KnownCalls::name_by_selector(call.selector()).unwrap_or("call");
        let path = if prefix.is_empty() {
            name.to_owned()
        } else {
            format!("{prefix}.{name}")
        };
        let inner = bundled(target, &call);
        self.calls.push(Call {
            target,
            path: path.clone(),
            call,
        });
        for (index, (target, data)) in inner.into_iter().enumerate() {
            self.read(target, &data, &format!("{path}[{index}]"), depth + 1);
        }
    }

    /// Every address that the calls name as taking or being given something, and every bundled call's target.
    #[must_use]
    pub fn mentions(&self) -> Vec<Mention> {
        self.calls.iter().flat_map(mentions).collect()
    }

    /// Every allowance that the calls grant out of `owner`'s tokens.
    #[must_use]
    pub fn grants(&self, owner: Address) -> Vec<Grant> {
        self.calls.iter().flat_map(|call| grants(call, owner)).collect()
    }
}

/// The calls that a bundle carries. Those of `multicall` run on the bundle's own contract.
fn bundled(target: Address, call: &KnownCalls) -> Vec<(Address, Bytes)> {
    let own = |data: &[Bytes]| data.iter().map(|d| (target, d.clone())).collect();
    match call {
        KnownCalls::multicall_0(c) => own(&c.data),
        KnownCalls::multicall_1(c) => own(&c.data),
        KnownCalls::multicall_2(c) => own(&c.data),
        KnownCalls::aggregate(c) => c.calls.iter().map(|c| (c.target, c.callData.clone())).collect(),
        KnownCalls::tryAggregate(c) => c.calls.iter().map(|c| (c.target, c.callData.clone())).collect(),
        KnownCalls::aggregate3(c) => c.calls.iter().map(|c| (c.target, c.callData.clone())).collect(),
        KnownCalls::aggregate3Value(c) => c.calls.iter().map(|c| (c.target, c.callData.clone())).collect(),
        KnownCalls::execute(c) => vec![(c.target, c.data.clone())],
        KnownCalls::execTransaction(c) => vec![(c.to, c.data.clone())],
        _ => Vec::new(),
    }
}

fn mentions(call: &Call) -> Vec<Mention> {
    let named: Vec<(Address, &str)> = match &call.call {
        KnownCalls::approve_0(c) => vec![(c.spender, "spender")],
        KnownCalls::approve_1(c) => vec![(c.token, "token"), (c.spender, "spender")],
        KnownCalls::increaseAllowance(c) => vec![(c.spender, "spender")],
        KnownCalls::increaseApproval(c) => vec![(c.spender, "spender")],
        KnownCalls::setApprovalForAll(c) => vec![(c.operator, "operator")],
        KnownCalls::transfer(c) => vec![(c.to, "to")],
        KnownCalls::transferFrom(c) => vec![(c.from, "from"), (c.to, "to")],
        KnownCalls::safeTransferFrom_0(c) => vec![(c.from, "from"), (c.to, "to")],
        KnownCalls::safeTransferFrom_1(c) => vec![(c.from, "from"), (c.to, "to")],
        KnownCalls::safeTransferFrom_2(c) => vec![(c.from, "from"), (c.to, "to")],
        KnownCalls::safeBatchTransferFrom(c) => vec![(c.from, "from"), (c.to, "to")],
        KnownCalls::permit_0(c) => vec![(c.owner, "owner"), (c.spender, "spender")],
        KnownCalls::permit_1(c) => vec![(c.holder, "holder"), (c.spender, "spender")],
        KnownCalls::permit_2(c) => vec![(c.owner, "owner"), (c.permitSingle.spender, "spender")],
        KnownCalls::permit_3(c) => vec![(c.owner, "owner"), (c.permitBatch.spender, "spender")],
        KnownCalls::execTransaction(c) => {
            vec![
                (c.to, "to"),
                (c.gasToken, "gasToken"),
                (c.refundReceiver, "refundReceiver"),
            ]
        }
        bundle => bundled(call.target, bundle)
            .into_iter()
            .filter(|(target, _)| *target != call.target)
            .map(|(target, _)| (target, "target"))
            .collect(),
    };
    named
        .into_iter()
        .map(|(address, role)| Mention {
            address,
            path: format!("{}.{role}", call.path),
        })
        .collect()
}

fn grants(call: &Call, owner: Address) -> Vec<Grant> {
    let grant = |token, spender, extent| Grant {
        token,
        spender,
        extent,
    };
    match &call.call {
        KnownCalls::approve_0(c) => vec![grant(call.target, c.spender, Extent::Amount(c.amount))],
        KnownCalls::increaseAllowance(c) => vec![grant(call.target, c.spender, Extent::Amount(c.addedValue))],
        KnownCalls::increaseApproval(c) => vec![grant(call.target, c.spender, Extent::Amount(c.addedValue))],
        KnownCalls::approve_1(c) => vec![grant(c.token, c.spender, Extent::Permit2(U256::from(c.amount)))],
        KnownCalls::setApprovalForAll(c) if c.approved => vec![grant(call.target, c.operator, Extent::All)],
        KnownCalls::permit_0(c) if c.owner == owner => {
            vec![grant(call.target, c.spender, Extent::Amount(c.value))]
        }
        KnownCalls::permit_1(c) if c.holder == owner && c.allowed => {
            vec![grant(call.target, c.spender, Extent::Amount(U256::MAX))]
        }
        KnownCalls::permit_2(c) if c.owner == owner => {
            let details = &c.permitSingle.details;
            vec![grant(
                details.token,
                c.permitSingle.spender,
                Extent::Permit2(U256::from(details.amount)),
            )]
        }
        KnownCalls::permit_3(c) if c.owner == owner => c
            .permitBatch
            .details
            .iter()
            .map(|d| {
                grant(
                    d.token,
                    c.permitBatch.spender,
                    Extent::Permit2(U256::from(d.amount)),
                )
            })
            .collect(),
        _ => Vec::new(),
    }
}

/// Every twenty bytes in a row of the calldata, wherever they stand: calls inside of calls are shifted by their selector,
/// and packed encodings by anything, so a mention that matters need not lie on a word's boundary.
pub fn windows(data: &[u8]) -> impl Iterator<Item = Address> {
    data.windows(20).map(Address::from_slice)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use alloy::sol_types::SolCall;

    const TOKEN: Address = Address::repeat_byte(0xaa);
    const SPENDER: Address = Address::repeat_byte(0xbb);

    fn approve() -> Vec<u8> {
        Known::approve_0Call {
            spender: SPENDER,
            amount: U256::MAX,
        }
        .abi_encode()
    }

    #[test]
    fn finds_an_approval_and_who_is_approved() {
        let calls = Calls::of(TOKEN, &approve());
        assert_eq!(
            calls.mentions(),
            [Mention {
                address: SPENDER,
                path: "approve.spender".into()
            }]
        );
        let grant = Grant {
            token: TOKEN,
            spender: SPENDER,
            extent: Extent::Amount(U256::MAX),
        };
        assert_eq!(calls.grants(Address::ZERO), [grant]);
    }

    #[test]
    fn finds_an_approval_inside_nested_bundles() {
        let inner = Known::aggregate3Call {
            calls: vec![Known::Call3 {
                target: TOKEN,
                allowFailure: true,
                callData: approve().into(),
            }],
        };
        let outer = Known::multicall_0Call {
            data: vec![Bytes::new(), inner.abi_encode().into()],
        };
        let calls = Calls::of(Address::repeat_byte(1), &outer.abi_encode());
        let paths: Vec<_> = calls.mentions().into_iter().map(|m| m.path).collect();
        assert_eq!(
            paths,
            [
                "multicall[1].aggregate3.target",
                "multicall[1].aggregate3[0].approve.spender"
            ]
        );
        assert_eq!(calls.grants(Address::ZERO)[0].token, TOKEN);
        assert!(!calls.truncated);
    }

    #[test]
    fn says_when_nesting_exceeds_the_bound() {
        let mut data = approve();
        for _ in 0..=MAX_DEPTH {
            data = Known::multicall_0Call {
                data: vec![data.into()],
            }
            .abi_encode();
        }
        let calls = Calls::of(TOKEN, &data);
        assert!(calls.truncated && calls.grants(Address::ZERO).is_empty());
    }

    #[test]
    fn says_when_there_are_more_calls_than_the_bound() {
        let data = Known::multicall_0Call {
            data: vec![approve().into(); MAX_CALLS + 1],
        };
        let calls = Calls::of(TOKEN, &data.abi_encode());
        assert!(calls.truncated);
        assert_eq!(calls.calls.len(), MAX_CALLS);
    }

    #[test]
    fn an_array_that_aliases_its_data_does_not_take_memory_without_bound() {
        // multicall(bytes[]) whose 4096 offsets all point at the same 64 KiB.
        let (entries, size) = (4096_usize, 65_536_usize);
        let word = |n: usize| U256::from(n).to_be_bytes::<32>();
        let mut data = Known::multicall_0Call::SELECTOR.to_vec();
        data.extend(word(32));
        data.extend(word(entries));
        for _ in 0..entries {
            data.extend(word(entries * 32));
        }
        data.extend(word(size));
        data.extend(vec![0; size]);
        let calls = Calls::of(TOKEN, &data);
        assert!(calls.calls.len() <= MAX_CALLS);
        assert!(calls.truncated);
    }

    #[test]
    fn ignores_dirty_high_bits_of_an_address_as_contracts_do() {
        let mut data = approve();
        data[4] = 0xff;
        assert_eq!(Calls::of(TOKEN, &data).mentions()[0].address, SPENDER);
    }

    #[test]
    fn reads_nothing_from_unknown_or_short_calldata() {
        for data in [
            &[][..],
            &[1, 2, 3],
            &[0xde, 0xad, 0xbe, 0xef, 0, 0],
            &approve()[..20],
        ] {
            let calls = Calls::of(TOKEN, data);
            assert!(calls.calls.is_empty() && !calls.truncated);
        }
    }

    #[test]
    fn finds_addresses_anywhere_in_unknown_functions() {
        let mut data = approve();
        data[0] ^= 0xff;
        assert!(windows(&data).any(|address| address == SPENDER));
        // One byte further, as packed encodings have it.
        data.insert(4, 7);
        assert!(windows(&data).any(|address| address == SPENDER));
        assert_eq!(windows(&data[..19]).count(), 0);
    }

    proptest::proptest! {
        #[test]
        fn any_calldata_is_read_within_the_bounds(which in 0..KnownCalls::COUNT, mut data: Vec<u8>) {
            let selector = KnownCalls::selector_at(which).unwrap();
            data.splice(0..0, selector);
            let calls = Calls::of(TOKEN, &data);
            proptest::prop_assert!(calls.calls.len() <= MAX_CALLS);
            proptest::prop_assert!(calls.mentions().len() <= 3 * MAX_CALLS + data.len());
        }
    }
}
