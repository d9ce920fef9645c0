//! An endpoint that has what an operator has, and tells other blocks.

use super::operator::{Stage, consensus_key};
use commonware_codec::{Decode as _, Encode as _};
use commonware_consensus::simplex::types::Finalization;
use commonware_cryptography::certificate::{Signers, Verifier as _};
use commonware_cryptography::keccak256::Digest;
use commonware_utils::Participant;
use rampart_client::NodeClient;
use rampart_node::engine::{Scheme, participants};
use rampart_protocol::FinalizedBlock;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// What is done to blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    Honest,
    /// One bit of the state root is another.
    Flips,
    /// One byte of the body is another.
    Rewrites,
    /// Only two of four operators signed.
    FewVotes,
    /// The block before it, with its certificate.
    Before,
    /// Its own certificate, and a child that nobody certified.
    MadeUpChild,
    /// No block at all, but bytes.
    Babbles,
}

pub const LIES: [Manner; 6] = [
    Manner::Flips,
    Manner::Rewrites,
    Manner::FewVotes,
    Manner::Before,
    Manner::MadeUpChild,
    Manner::Babbles,
];

/// A running endpoint. It ends with the runtime of its test.
pub struct Liar {
    pub url: String,
    shared: Arc<Shared>,
}

struct Shared {
    operator: SocketAddr,
    scheme: Scheme,
    manner: Mutex<Manner>,
    told: Mutex<usize>,
}

impl Liar {
    /// In front of the stage's first operator.
    pub async fn start(stage: &Stage, manner: Manner) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let keys = participants(&stage.operators).unwrap();
        let namespace = stage.operators.consensus_namespace();
        let shared = Arc::new(Shared {
            operator: stage.config.api_listen,
            scheme: Scheme::signer(&namespace, keys, consensus_key(0)).unwrap(),
            manner: Mutex::new(manner),
            told: Mutex::default(),
        });
        let own = shared.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, own.clone()));
            }
        });
        Self { url, shared }
    }

    pub fn repents(&self) {
        *self.shared.manner.lock().unwrap() = Manner::Honest;
    }

    /// How many blocks it told.
    pub fn told(&self) -> usize {
        *self.shared.told.lock().unwrap()
    }
}

async fn serve(stream: TcpStream, shared: Arc<Shared>) -> Option<()> {
    let mut stream = BufReader::new(stream);
    loop {
        let (mut path, mut length) = (None, 0);
        loop {
            let mut line = String::new();
            if stream.read_line(&mut line).await.ok()? == 0 {
                return None;
            }
            let line = line.trim();
            if path.is_none() {
                path = line.split(' ').nth(1).map(str::to_owned);
            }
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().ok()?;
            }
            if line.is_empty() {
                break;
            }
        }
        let mut body = vec![0; length];
        stream.read_exact(&mut body).await.ok()?;
        let (status, answer) = answer(&shared, &path?).await;
        let head = format!("HTTP/1.1 {status} -\r\ncontent-length: {}\r\n\r\n", answer.len());
        stream
            .write_all(&[head.as_bytes(), &answer].concat())
            .await
            .ok()?;
    }
}

async fn answer(shared: &Shared, path: &str) -> (u16, Vec<u8>) {
    let operator = NodeClient::new(vec![format!("http://{}", shared.operator)]);
    let Some(height) = path.strip_prefix("/v1/blocks/") else {
        let answer = super::http::get(shared.operator, path).await;
        return (answer.status, answer.body.to_string().into_bytes());
    };
    let height: u64 = height.parse().unwrap();
    let manner = *shared.manner.lock().unwrap();
    let asked = if manner == Manner::Before {
        height - 1
    } else {
        height
    };
    let Ok(mut block) = operator.block(asked.max(1)).await else {
        return (
            404,
            br#"{"error":{"name":"unknown_block","message":"none"}}"#.to_vec(),
        );
    };
    *shared.told.lock().unwrap() += 1;
    spoil(manner, &mut block, &shared.scheme);
    let mut bytes = block.to_bytes();
    if manner == Manner::Babbles {
        bytes.pop();
    }
    (200, bytes)
}

fn spoil(manner: Manner, block: &mut FinalizedBlock, scheme: &Scheme) {
    match manner {
        Manner::Flips => block.header.state_root.0[9] ^= 4,
        Manner::Rewrites => {
            // Where there is no body there is one now.
            block.body.observations.clear();
            match block.body.transactions.first_mut() {
                Some(first) => first.signature = [7; 65].into(),
                None => block.header.transactions_root.0[1] ^= 1,
            }
        }
        Manner::FewVotes => block.finalization = fewer(&block.finalization, scheme).into(),
        // The first block has no other before it, and is not at the height of the second.
        Manner::Before if block.header.height == 1 => block.header.height = 2,
        Manner::MadeUpChild => block.descendants.push(rampart_protocol::Header {
            parent: block.header.digest(),
            height: block.header.height + 1,
            ..block.header.clone()
        }),
        Manner::Honest | Manner::Before | Manner::Babbles => {}
    }
}

/// The certificate with two of its votes.
fn fewer(certificate: &[u8], scheme: &Scheme) -> Vec<u8> {
    let config = scheme.certificate_codec_config();
    let mut certified = Finalization::<Scheme, Digest>::decode_cfg(certificate.to_vec(), &config).unwrap();
    let signers: Vec<Participant> = certified.certificate.signers.iter().take(2).collect();
    certified.certificate.signers = Signers::new(4, signers).unwrap();
    certified.certificate.signatures.truncate(2);
    certified.encode().to_vec()
}
