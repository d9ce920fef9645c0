//! One of several clients of a consumer: it uses its own blocks of every purchase's numbers, one request at a time, and tells
//! the ledger what came of each. It signs each request, or opens its blocks for requests by MAC.

use super::buyer::Buyer;
use super::ledger::{Ledger, Outcome};
use super::sidecar::AUTHORITY;
use super::vendor;
use rampart_protocol::PurchaseId;
use rampart_protocol::Sequence;
use rampart_protocol::mac::{AgreementSecret, MacKey};
use rampart_protocol::request_block::{OpenBlock, PATH};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Clients of one purchase.
pub const CLIENTS: u64 = 4;
/// Numbers that one client takes in a row.
const BLOCK: u64 = 8;
/// How far a client goes beyond what was bought.
const BEYOND: u64 = 2 * BLOCK;
/// Of so many requests, one is sent a second time.
const REPLAY: u32 = 20;
/// Longest wait for an answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// A purchase, and what proves it.
pub struct Bought {
    pub buyer: Buyer,
    pub confirmation: rampart_protocol::Confirmation,
}

/// Where the purchases come from: the n-th of a consumer.
pub type Shop = dyn Fn(usize) -> Arc<Bought> + Send + Sync;

/// How a client's requests are proven.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Each by `ed25519`.
    Singly,
    /// By `hmac-sha256` under a block, while the sidecar lives that opened it.
    Blocks,
}

pub struct Client {
    place: u64,
    mode: Mode,
    shop: Arc<Shop>,
    ledger: Arc<Mutex<Ledger>>,
    random: StdRng,
    bought: Arc<Bought>,
    /// How many purchases it has used up.
    purchases: usize,
    /// How many of its numbers of this purchase it has taken.
    taken: u64,
    /// Numbers to be sent again, and their purchases.
    again: VecDeque<(Arc<Bought>, u64)>,
    last: Option<(Arc<Bought>, u64)>,
    secret: AgreementSecret,
    /// The keys of blocks by their purchases and first numbers; a sidecar that is killed takes them with it.
    keys: BTreeMap<(PurchaseId, u64), MacKey>,
}

impl Client {
    /// The client at `place` of [`CLIENTS`].
    pub fn new(place: u64, mode: Mode, shop: Arc<Shop>, ledger: Arc<Mutex<Ledger>>, seed: u64) -> Self {
        let bought = shop(0);
        let mut random = StdRng::seed_from_u64(seed);
        Self {
            place,
            mode,
            shop,
            ledger,
            secret: AgreementSecret::new(random.random()),
            keys: BTreeMap::new(),
            random,
            bought,
            purchases: 0,
            taken: 0,
            again: VecDeque::new(),
            last: None,
        }
    }

    /// Sends requests until a connection breaks.
    pub async fn work(mut self, address: SocketAddr) -> Self {
        self.keys.clear();
        let Ok(mut stream) = TcpStream::connect(address).await else {
            return self;
        };
        loop {
            let (bought, n, fresh) = self.choose();
            let asks =
                fresh && self.mode == Mode::Blocks && n % BLOCK == 1 && n <= bought.buyer.record.requests;
            if asks && !self.open(&mut stream, &bought, n).await {
                self.again.push_back((bought, n));
                return self;
            }
            if !self.send(&mut stream, bought, n).await {
                return self;
            }
        }
    }

    /// Sends what it does not know the end of until it knows: the rest of its block, too.
    pub async fn settle(mut self, address: SocketAddr) -> Self {
        self.keys.clear();
        while !self.taken.is_multiple_of(BLOCK) {
            let rest = (Arc::clone(&self.bought), number(self.place, self.taken));
            self.again.push_back(rest);
            self.taken += 1;
        }
        let mut stream = TcpStream::connect(address).await.unwrap();
        while let Some((bought, n)) = self.again.pop_front() {
            assert!(self.send(&mut stream, bought, n).await, "nobody kills it now");
        }
        self
    }

    /// Asks for a block; whether the connection is still good.
    async fn open(&mut self, stream: &mut TcpStream, bought: &Bought, from: u64) -> bool {
        let record = &bought.buyer.record;
        let to = (from + BLOCK - 1).min(record.requests);
        {
            let mut ledger = self.ledger.lock().unwrap();
            ledger.open(*record);
            ledger.hold(record.id, from, to);
        }
        let asked = OpenBlock {
            from: Sequence(from),
            key: self.secret.public(),
        };
        let body = serde_json::to_vec(&asked).unwrap();
        let request = bought
            .buyer
            .sign("POST", AUTHORITY, PATH, Some(&body), to, now())
            .confirmed_by(&bought.confirmation)
            .raw(AUTHORITY, &format!("content-length: {}\r\n", body.len()));
        let Some(answer) = ask(stream, &request).await else {
            return false;
        };
        assert!(
            answer.head.starts_with("HTTP/1.1 201 "),
            "{}{}",
            answer.head,
            answer.body
        );
        let opened = serde_json::from_str(&answer.body).unwrap();
        self.keys
            .insert((record.id, from), bought.buyer.mac_key(&opened, &self.secret));
        true
    }

    /// The next request's purchase and number, and whether the number was never sent.
    fn choose(&mut self) -> (Arc<Bought>, u64, bool) {
        let replays = self.random.random_ratio(1, REPLAY);
        if let Some((bought, n)) = self.last.clone().filter(|_| replays) {
            return (bought, n, false);
        }
        // Now or later, so that numbers come out of order.
        if self.random.random_ratio(1, 2)
            && let Some((bought, n)) = self.again.pop_front()
        {
            return (bought, n, false);
        }
        let mut n = number(self.place, self.taken);
        if n > self.bought.buyer.record.requests + BEYOND {
            self.purchases += 1;
            self.bought = (self.shop)(self.purchases);
            self.taken = 0;
            n = number(self.place, 0);
        }
        self.taken += 1;
        (Arc::clone(&self.bought), n, true)
    }

    /// Sends one request; whether the connection is still good.
    async fn send(&mut self, stream: &mut TcpStream, bought: Arc<Bought>, n: u64) -> bool {
        let id = bought.buyer.record.id;
        self.ledger.lock().unwrap().open(bought.buyer.record);
        let target = format!("/{n}");
        let key = self.keys.get(&(id, n - (n - 1) % BLOCK));
        let signed = match key {
            Some(key) => bought
                .buyer
                .post_by_mac_at(AUTHORITY, &target, b"x", n, now(), key),
            None => bought
                .buyer
                .sign("POST", AUTHORITY, &target, Some(b"x"), n, now())
                .confirmed_by(&bought.confirmation),
        };
        let request = signed.raw(AUTHORITY, "content-length: 1\r\n");
        let outcome = match ask(stream, &request).await {
            Some(answer) => answer.outcome(&vendor::answer(id, n)),
            None => Outcome::Lost,
        };
        {
            let mut ledger = self.ledger.lock().unwrap();
            ledger.tell(id, n, outcome);
            if key.is_some() && outcome == Outcome::Failed {
                ledger.hold(id, n, n);
            }
        }
        match outcome {
            Outcome::Served => self.last = Some((bought, n)),
            Outcome::Lost | Outcome::Failed => self.again.push_back((bought, n)),
            Outcome::Replayed | Outcome::Exhausted => {}
        }
        outcome != Outcome::Lost
    }
}

/// The number of a client's `taken`-th request: every client has every [`CLIENTS`]th block.
const fn number(place: u64, taken: u64) -> u64 {
    let (round, within) = (taken / BLOCK, taken % BLOCK);
    (round * CLIENTS + place) * BLOCK + within + 1
}

struct Answer {
    head: String,
    body: String,
}

impl Answer {
    fn outcome(&self, expected: &str) -> Outcome {
        let refusal = self
            .head
            .lines()
            .find_map(|line| line.strip_prefix("rampart-refusal: "));
        match (&self.head[9..12], refusal) {
            ("200", None) if self.body == expected => Outcome::Served,
            ("500", None) => Outcome::Failed,
            // A block that is used up is forgotten, and its numbers with it.
            ("409", Some("replayed" | "unknown_block")) => Outcome::Replayed,
            ("429", Some("exhausted")) => Outcome::Exhausted,
            _ => panic!("{}{}", self.head, self.body),
        }
    }
}

/// The answer to a request; none when the connection ends before it is whole.
async fn ask(stream: &mut TcpStream, request: &[u8]) -> Option<Answer> {
    let exchange = tokio::time::timeout(PATIENCE, exchange(stream, request)).await;
    exchange.expect("an answer or an end").ok()
}

/// Writes a request and reads the whole of the answer; an error when the connection ends before.
async fn exchange(stream: &mut TcpStream, request: &[u8]) -> std::io::Result<Answer> {
    stream.write_all(request).await?;
    let (mut bytes, mut chunk) = (Vec::new(), [0; 4096]);
    loop {
        if let Some(answer) = whole(&bytes) {
            return Ok(answer);
        }
        match stream.read(&mut chunk).await? {
            0 => return Err(std::io::ErrorKind::UnexpectedEof.into()),
            read => bytes.extend_from_slice(&chunk[..read]),
        }
    }
}

fn whole(bytes: &[u8]) -> Option<Answer> {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "))
        .map_or(0, |length| length.parse().unwrap());
    let body = bytes.get(end..end + length)?;
    let body = String::from_utf8(body.to_vec()).unwrap();
    Some(Answer { head, body })
}

#[expect(
    clippy::disallowed_methods,
    reason = "this test is the program that reads the clock"
)]
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

#[test]
fn the_clients_share_the_numbers_and_have_none_in_common() {
    let mut all: Vec<u64> = (0..CLIENTS)
        .flat_map(|place| (0..5 * BLOCK).map(move |taken| number(place, taken)))
        .collect();
    all.sort_unstable();
    assert_eq!(all, (1..=5 * BLOCK * CLIENTS).collect::<Vec<_>>());
}
