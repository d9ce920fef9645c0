//! The requests of the benchmark, ready to be written to a connection.

use crate::load::answer;
use crate::operators::Operators;
use ed25519_dalek::{Signer, SigningKey};
use rampart_protocol::http_signature::{
    Algorithm, Parameters, RequestParts, content_digest, signature_field,
};
use rampart_protocol::mac::{AgreementSecret, MacKey, Side};
use rampart_protocol::request_block::{self, BlockOpened, MAX_BLOCK, OpenBlock};
use rampart_protocol::{
    AccessKey, Address, Amount, B256, ProviderId, PurchaseId, PurchaseRecord, Sequence, ServiceId, Timestamp,
};
use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::time::{SystemTime, UNIX_EPOCH};

/// A transaction to be screened, as the gateway sends it.
const BODY: &str = r#"{"chainId":"0x1","transaction":{"type":"0x2","from":"0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266","to":"0x70997970c51812dc3a010c7d01b50e0d17dc79c8","value":"0xde0b6b3a7640000","nonce":"0x7","gas":"0x5208","maxFeePerGas":"0x4a817c800","maxPriorityFeePerGas":"0x3b9aca00","input":"0x","accessList":[]}}"#;
const PATH: &str = "/v1/screen";

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

struct Bought {
    key: SigningKey,
    record: PurchaseRecord,
    next: u64,
}

/// Purchases and the operators that confirmed them.
pub struct Purchases {
    operators: Operators,
    all: Vec<Bought>,
}

impl Purchases {
    /// So many purchases of which together `requests` can be made, and some more.
    pub fn new(count: usize, requests: usize) -> Self {
        let all = (0..count)
            .map(|n| {
                let seed = rampart_protocol::keccak256((n as u64).to_be_bytes());
                let key = SigningKey::from_bytes(&seed.0);
                let record = PurchaseRecord {
                    id: PurchaseId(seed),
                    consumer: Address::repeat_byte(7),
                    provider: ProviderId(1),
                    service: ServiceId(1),
                    version: 1,
                    fee: Amount::TOKEN,
                    requests: (requests / count + 10) as u64,
                    access_key: AccessKey(B256::from(key.verifying_key().to_bytes())),
                    purchased_at: Timestamp(now() - 10),
                    expires_at: Timestamp(now() + 36_000),
                };
                Bought { key, record, next: 1 }
            })
            .collect();
        Self {
            operators: Operators::new(1),
            all,
        }
    }

    pub const fn operators(&self) -> &Operators {
        &self.operators
    }

    /// The requests that make the purchases known.
    pub fn confirmations(&self, address: SocketAddr) -> Vec<Vec<u8>> {
        let records: Vec<PurchaseRecord> = self.all.iter().map(|bought| bought.record).collect();
        let confirmations = self.operators.confirm_by(4, &records);
        confirmations
            .iter()
            .map(|confirmation| {
                let body = confirmation.to_bytes();
                let mut request = head(address, "/.rampart/confirmations", body.len(), "");
                request.extend_from_slice(&body);
                request
            })
            .collect()
    }

    /// Requests without a token.
    #[expect(clippy::unused_self, reason = "as its siblings")]
    pub fn unsigned(&self, address: SocketAddr, count: usize) -> Vec<Vec<u8>> {
        let mut request = head(address, PATH, BODY.len(), "content-type: application/json\r\n");
        request.extend_from_slice(BODY.as_bytes());
        vec![request; count]
    }

    /// Requests that the access keys sign, of one purchase after the other.
    pub fn signed(&mut self, address: SocketAddr, count: usize) -> Vec<Vec<u8>> {
        let purchases = self.all.len();
        (0..count)
            .map(|n| {
                let bought = &mut self.all[n % purchases];
                let request = bought.request(address, PATH, BODY, bought.next, None);
                bought.next += 1;
                request
            })
            .collect()
    }

    /// Requests by MAC of one purchase after the other, under blocks that are opened here and now.
    pub fn by_mac(&mut self, address: SocketAddr, count: usize) -> Vec<Vec<u8>> {
        let purchases = self.all.len();
        let secret = AgreementSecret::new(rand::random());
        let keys: Vec<Vec<MacKey>> = self
            .all
            .iter()
            .map(|bought| bought.open(address, count.div_ceil(purchases) as u64, &secret))
            .collect();
        (0..count)
            .map(|n| {
                let (bought, keys) = (&mut self.all[n % purchases], &keys[n % purchases]);
                let key = &keys[((bought.next - 1) / MAX_BLOCK) as usize];
                let request = bought.request(address, PATH, BODY, bought.next, Some(key));
                bought.next += 1;
                request
            })
            .collect()
    }
}

impl Bought {
    /// Opens blocks for so many requests; returns their keys in order.
    fn open(&self, address: SocketAddr, requests: u64, secret: &AgreementSecret) -> Vec<MacKey> {
        let mut stream = TcpStream::connect(address).unwrap();
        let (mut keys, mut from) = (Vec::new(), 1);
        while from <= requests {
            let to = (from + MAX_BLOCK - 1).min(self.record.requests);
            let asked = OpenBlock {
                from: Sequence(from),
                key: secret.public(),
            };
            let body = serde_json::to_string(&asked).unwrap();
            let request = self.request(address, request_block::PATH, &body, to, None);
            stream.write_all(&request).unwrap();
            let mut buffer = Vec::new();
            let status = answer(&mut stream, &mut buffer);
            let text = String::from_utf8(buffer).unwrap();
            assert_eq!(status, 201, "{text}");
            let (_, body) = text.split_once("\r\n\r\n").unwrap();
            let opened: BlockOpened = serde_json::from_str(body).unwrap();
            keys.push(secret.agree(Side::Consumer, &opened.key, self.record.id).unwrap());
            from = to + 1;
        }
        keys
    }

    fn request(&self, address: SocketAddr, path: &str, body: &str, n: u64, key: Option<&MacKey>) -> Vec<u8> {
        let digest = content_digest(body.as_bytes());
        let authority = address.to_string();
        let parameters = Parameters {
            created: now(),
            expires: now() + 240,
            purchase: self.record.id,
            sequence: Sequence(n),
            has_body: true,
            algorithm: match key {
                Some(_) => Algorithm::HmacSha256,
                None => Algorithm::Ed25519,
            },
        };
        let parts = RequestParts {
            method: "POST",
            authority: &authority,
            path,
            query: "",
            content_digest: Some(&digest),
        };
        let base = parameters.signature_base(&parts).unwrap();
        let signature = match key {
            Some(key) => signature_field(&key.sign(base.as_bytes())),
            None => signature_field(&self.key.sign(base.as_bytes()).to_bytes()),
        };
        let fields = format!(
            "content-type: application/json\r\ncontent-digest: {digest}\r\nsignature-input: {}\r\nsignature: {signature}\r\n",
            parameters.to_field()
        );
        let mut request = head(address, path, body.len(), &fields);
        request.extend_from_slice(body.as_bytes());
        request
    }
}

fn head(address: SocketAddr, path: &str, length: usize, fields: &str) -> Vec<u8> {
    format!("POST {path} HTTP/1.1\r\nhost: {address}\r\ncontent-length: {length}\r\n{fields}\r\n")
        .into_bytes()
}
