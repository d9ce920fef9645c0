//! Clients that load a server: threads with a connection each, whose requests were made beforehand.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// What came of some requests.
pub struct Outcome {
    seconds: f64,
    /// Milliseconds each, ascending.
    latencies: Vec<f64>,
}

impl Outcome {
    pub fn answers(&self) -> usize {
        self.latencies.len()
    }

    pub fn per_second(&self) -> f64 {
        self.answers() as f64 / self.seconds
    }

    /// Milliseconds that this part of the requests did not exceed.
    pub fn percentile(&self, part: f64) -> f64 {
        self.latencies[((self.answers() - 1) as f64 * part) as usize]
    }
}

/// Sends requests as fast as the answers come.
pub fn closed(address: SocketAddr, requests: Vec<Vec<u8>>, connections: usize, status: u16) -> Outcome {
    send(address, &requests, connections, status, None)
}

/// Sends requests at a fixed rate a second. A latency counts from when a request was due, so that an answer that comes late
/// makes those behind it late too (no coordinated omission).
pub fn open(address: SocketAddr, requests: Vec<Vec<u8>>, connections: usize, rate: f64) -> Outcome {
    send(address, &requests, connections, 200, Some(rate))
}

fn send(
    address: SocketAddr,
    requests: &[Vec<u8>],
    connections: usize,
    status: u16,
    rate: Option<f64>,
) -> Outcome {
    let next = AtomicUsize::new(0);
    let begun = Instant::now();
    let mut latencies: Vec<f64> = std::thread::scope(|scope| {
        let clients: Vec<_> = (0..connections)
            .map(|_| scope.spawn(|| client(address, requests, &next, status, begun, rate)))
            .collect();
        clients
            .into_iter()
            .flat_map(|client| client.join().unwrap())
            .collect()
    });
    let seconds = begun.elapsed().as_secs_f64();
    latencies.sort_by(f64::total_cmp);
    Outcome { seconds, latencies }
}

fn client(
    address: SocketAddr,
    requests: &[Vec<u8>],
    next: &AtomicUsize,
    status: u16,
    begun: Instant,
    rate: Option<f64>,
) -> Vec<f64> {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_nodelay(true).unwrap();
    let (mut latencies, mut buffer) = (Vec::new(), Vec::with_capacity(8192));
    loop {
        let index = next.fetch_add(1, Ordering::Relaxed);
        let Some(request) = requests.get(index) else {
            return latencies;
        };
        let due = match rate {
            None => Instant::now(),
            Some(rate) => begun + Duration::from_secs_f64(index as f64 / rate),
        };
        if let Some(left) = due.checked_duration_since(Instant::now()) {
            std::thread::sleep(left);
        }
        stream.write_all(request).unwrap();
        let answered = answer(&mut stream, &mut buffer);
        assert_eq!(answered, status, "{}", String::from_utf8_lossy(&buffer));
        latencies.push(due.elapsed().as_secs_f64() * 1e3);
    }
}

/// Reads one answer with a `Content-Length`; its bytes stay in `buffer`. Returns its status.
pub fn answer(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> u16 {
    buffer.clear();
    let mut chunk = [0; 8192];
    let mut whole = None;
    loop {
        if whole.is_none()
            && let Some(end) = buffer.windows(4).position(|bytes| bytes == b"\r\n\r\n")
        {
            whole = Some(end + 4 + content_length(&buffer[..end]));
        }
        if whole.is_some_and(|length| buffer.len() >= length) {
            return std::str::from_utf8(&buffer[9..12]).unwrap().parse().unwrap();
        }
        let read = stream.read(&mut chunk).unwrap();
        assert!(
            read > 0,
            "the server closed the connection: {}",
            String::from_utf8_lossy(buffer)
        );
        buffer.extend_from_slice(&chunk[..read]);
    }
}

fn content_length(head: &[u8]) -> usize {
    let head = std::str::from_utf8(head).unwrap().to_ascii_lowercase();
    let (_, rest) = head.split_once("content-length:").unwrap();
    rest.lines().next().unwrap().trim().parse().unwrap()
}
