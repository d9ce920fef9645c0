//! A consumer that signs requests. The signature base is spelled out here by hand from RFC 9421 and the profile's text,
//! without the code under test, so that both are checked against the standard.

use base64ct::{Base64, Encoding};
use ed25519_dalek::{Signer, SigningKey};
use rampart_protocol::mac::{AgreementSecret, MacKey, Side};
use rampart_protocol::{
    AccessKey, Address, Amount, B256, Confirmation, ProviderId, PurchaseId, PurchaseRecord, ServiceId,
    Timestamp,
};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// The moment at which every test begins.
pub const NOW: u64 = 1_800_000_000;

/// The name of an algorithm, and what it makes of a signature base.
type Algorithm<'a> = (&'a str, &'a dyn Fn(&[u8]) -> Vec<u8>);

pub struct Buyer {
    key: SigningKey,
    pub record: PurchaseRecord,
}

/// A request that is signed and not yet sent.
#[derive(Clone)]
pub struct Signed {
    pub method: String,
    pub target: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Buyer {
    /// A purchase of 10 requests of service 1 from provider 1, good for an hour.
    pub fn new(seed: u8) -> Self {
        let key = SigningKey::from_bytes(&[seed; 32]);
        let record = PurchaseRecord {
            id: PurchaseId(B256::repeat_byte(seed)),
            consumer: Address::repeat_byte(seed),
            provider: ProviderId(1),
            service: ServiceId(1),
            version: 1,
            fee: Amount::TOKEN,
            requests: 10,
            access_key: AccessKey(B256::from(key.verifying_key().to_bytes())),
            purchased_at: Timestamp(NOW - 10),
            expires_at: Timestamp(NOW + 3600),
        };
        Self { key, record }
    }

    pub fn with(mut self, change: impl FnOnce(&mut PurchaseRecord)) -> Self {
        change(&mut self.record);
        self
    }

    pub fn get(&self, authority: &str, target: &str, n: u64) -> Signed {
        self.sign("GET", authority, target, None, n, NOW)
    }

    pub fn post(&self, authority: &str, target: &str, body: &[u8], n: u64) -> Signed {
        self.sign("POST", authority, target, Some(body), n, NOW)
    }

    pub fn sign(
        &self,
        method: &str,
        authority: &str,
        target: &str,
        body: Option<&[u8]>,
        n: u64,
        created: u64,
    ) -> Signed {
        let sign = |base: &[u8]| self.key.sign(base).to_bytes().to_vec();
        self.prove(method, authority, target, body, n, created, ("ed25519", &sign))
    }

    /// A request by `hmac-sha256`.
    pub fn post_by_mac(&self, authority: &str, target: &str, body: &[u8], n: u64, key: &MacKey) -> Signed {
        self.post_by_mac_at(authority, target, body, n, NOW, key)
    }

    /// The same, of another moment.
    pub fn post_by_mac_at(
        &self,
        authority: &str,
        target: &str,
        body: &[u8],
        n: u64,
        created: u64,
        key: &MacKey,
    ) -> Signed {
        let sign = |base: &[u8]| key.sign(base).to_vec();
        let proof = ("hmac-sha256", &sign as &dyn Fn(&[u8]) -> Vec<u8>);
        self.prove("POST", authority, target, Some(body), n, created, proof)
    }

    /// A request for the block of the numbers `from` to `to`.
    pub fn block(&self, authority: &str, from: u64, to: u64, secret: &AgreementSecret) -> Signed {
        let body = json!({ "from": from, "key": secret.public() }).to_string();
        self.post(authority, "/.rampart/blocks", body.as_bytes(), to)
    }

    /// What the answer to it makes of `secret`.
    pub fn mac_key(&self, opened: &Value, secret: &AgreementSecret) -> MacKey {
        let theirs = opened["key"].as_str().unwrap().parse().unwrap();
        secret.agree(Side::Consumer, &theirs, self.record.id).unwrap()
    }

    #[expect(clippy::too_many_arguments, reason = "all that a request can differ in")]
    fn prove(
        &self,
        method: &str,
        authority: &str,
        target: &str,
        body: Option<&[u8]>,
        n: u64,
        created: u64,
        (algorithm, sign): Algorithm<'_>,
    ) -> Signed {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let keyid = self.record.id.0;
        let digest = body.map(|body| format!("sha-256=:{}:", Base64::encode_string(&Sha256::digest(body))));
        let covered = if digest.is_some() {
            r#" "content-digest""#
        } else {
            ""
        };
        let parameters = format!(
            r#"("@method" "@authority" "@path" "@query"{covered});created={created};expires={};keyid="{keyid:#x}";nonce="{n}";alg="{algorithm}";tag="rampart-v1""#,
            created + 60,
        );
        let mut lines = vec![
            format!(r#""@method": {method}"#),
            format!(r#""@authority": {authority}"#),
            format!(r#""@path": {path}"#),
            format!(r#""@query": ?{query}"#),
        ];
        lines.extend(
            digest
                .iter()
                .map(|digest| format!(r#""content-digest": {digest}"#)),
        );
        lines.push(format!(r#""@signature-params": {parameters}"#));
        let signature = sign(lines.join("\n").as_bytes());
        let mut headers = vec![
            ("signature-input".to_owned(), format!("rampart={parameters}")),
            (
                "signature".to_owned(),
                format!("rampart=:{}:", Base64::encode_string(&signature)),
            ),
        ];
        headers.extend(digest.map(|digest| ("content-digest".to_owned(), digest)));
        Signed {
            method: method.to_owned(),
            target: target.to_owned(),
            headers,
            body: body.unwrap_or_default().to_vec(),
        }
    }
}

impl Signed {
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn confirmed_by(self, confirmation: &Confirmation) -> Self {
        let encoded = Base64::encode_string(&confirmation.to_bytes());
        self.header("rampart-confirmation", &format!(":{encoded}:"))
    }

    /// Changes the one value of a header.
    pub fn altered(mut self, name: &str, change: impl FnOnce(&str) -> String) -> Self {
        let (_, value) = self
            .headers
            .iter_mut()
            .find(|(header, _)| header == name)
            .unwrap();
        *value = change(value);
        self
    }

    /// The request as bytes on the wire, with more header lines if need be.
    pub fn raw(&self, authority: &str, lines: &str) -> Vec<u8> {
        let mut text = format!(
            "{} {} HTTP/1.1\r\nhost: {authority}\r\n",
            self.method, self.target
        );
        for (name, value) in &self.headers {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        text.push_str(lines);
        text.push_str("\r\n");
        let mut bytes = text.into_bytes();
        bytes.extend_from_slice(&self.body);
        bytes
    }
}
