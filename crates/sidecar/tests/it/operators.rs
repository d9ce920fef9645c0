//! An operator set that certifies purchases as the engine does.

use commonware_codec::Encode;
use commonware_consensus::simplex::scheme::ed25519::Scheme;
use commonware_consensus::simplex::types::{Finalization, Finalize, Proposal};
use commonware_consensus::types::{Epoch, Round, View};
use commonware_cryptography::Signer;
use commonware_cryptography::ed25519::PrivateKey;
use commonware_cryptography::keccak256::Digest;
use commonware_parallel::Sequential;
use commonware_utils::non_empty;
use rampart_client::verify::participants;
use rampart_protocol::{
    Address, B256, Confirmation, Domain, Header, Operator, OperatorSet, PurchaseRecord, merkle,
};

pub struct Operators {
    keys: Vec<PrivateKey>,
    pub set: OperatorSet,
}

impl Operators {
    /// Four operators made from `seed`.
    pub fn new(seed: u64) -> Self {
        let keys: Vec<PrivateKey> = (0..4).map(|i| PrivateKey::from_seed(seed + i)).collect();
        let operators = keys
            .iter()
            .zip(1u8..)
            .map(|(key, i)| Operator {
                public_key: B256::from_slice(&key.public_key().encode()),
                checkpoint_key: Address::repeat_byte(i),
                weight: 1,
            })
            .collect();
        let domain = Domain {
            chain_id: 59144,
            settlement: Address::repeat_byte(0xaa),
        };
        let set = OperatorSet { domain, operators };
        set.validate().unwrap();
        Self { keys, set }
    }

    /// The confirmations of one block with these purchases, finalized by `signers` operators.
    pub fn confirm_by(&self, signers: usize, records: &[PurchaseRecord]) -> Vec<Confirmation> {
        let leaves: Vec<B256> = records.iter().map(PurchaseRecord::leaf).collect();
        let header = Header {
            epoch: 2,
            view: 9,
            parent_view: 8,
            height: 17,
            timestamp_ms: 1_700_000_000_000,
            confirmations_root: merkle::root(&leaves),
            ..Header::default()
        };
        let finalization = self.finalize(signers, &header);
        records
            .iter()
            .enumerate()
            .map(|(i, record)| Confirmation {
                record: *record,
                proof: merkle::proof(&leaves, i).unwrap(),
                header: header.clone(),
                descendants: Vec::new(),
                finalization: finalization.clone().into(),
            })
            .collect()
    }

    /// The confirmation of one purchase.
    pub fn confirm(&self, record: &PurchaseRecord) -> Confirmation {
        self.confirm_by(4, std::slice::from_ref(record)).remove(0)
    }

    fn finalize(&self, signers: usize, header: &Header) -> Vec<u8> {
        let namespace = self.set.consensus_namespace();
        let committee = participants(&self.set).unwrap();
        let schemes: Vec<Scheme> = self
            .keys
            .iter()
            .map(|key| Scheme::signer(&namespace, committee.clone(), key.clone()).unwrap())
            .collect();
        let round = Round::new(Epoch::new(header.epoch), View::new(header.view));
        let proposal = Proposal::new(round, View::new(header.parent_view), Digest(header.digest().0));
        let votes: Vec<_> = schemes
            .iter()
            .take(signers)
            .map(|scheme| Finalize::sign(scheme, proposal.clone()).unwrap())
            .collect();
        let certificate =
            Finalization::from_finalizes(&schemes[0], non_empty![@&votes], &Sequential).unwrap();
        certificate.encode().to_vec()
    }
}
