//! Frames: the unit that a meter file is written in, and how a torn end is told from corruption.
//!
//! A frame is what one `fdatasync` made durable. The next frame is written only after that, so a frame that does not
//! check out can be the remains of a crash only if no sound frame follows it. Such a tail was never acknowledged and is
//! dropped; anything else is corruption, and nobody may guess what was metered in it.
//!
//! `magic (4) | payload length (u32 LE) | index (u64 LE) | checksum (8) | payload`, where the checksum is the
//! start of SHA-256 over file kind, generation, index, length and payload.

use sha2::{Digest, Sha256};

/// Bytes before the payload.
pub const HEADER: usize = 24;
/// Largest payload, bytes.
pub const MAX_PAYLOAD: usize = 1 << 20;
/// Not ASCII, so that no signature base (which is) can contain it.
const MAGIC: [u8; 4] = [0xd7, 0xa9, 0x52, 0x01];

/// Which file a frame belongs to; a frame that strays into another does not check out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stream {
    /// `b'L'` for a log, `b'S'` for a snapshot.
    pub kind: u8,
    /// Generation of the pair of files.
    pub generation: u64,
}

/// A file is damaged in a way that no crash explains.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the frame at byte {offset} is damaged and is not the torn end of the file")]
pub struct Corrupt {
    /// Where.
    pub offset: usize,
}

/// Adds a frame to `out`.
pub fn write(stream: Stream, index: u64, payload: &[u8], out: &mut Vec<u8>) {
    let length = u32::try_from(payload.len()).expect("callers cut payloads at MAX_PAYLOAD");
    out.extend_from_slice(&MAGIC);
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(&index.to_le_bytes());
    out.extend_from_slice(&checksum(stream, index, payload));
    out.extend_from_slice(payload);
}

fn checksum(stream: Stream, index: u64, payload: &[u8]) -> [u8; 8] {
    let mut hash = Sha256::new();
    hash.update([stream.kind]);
    hash.update(stream.generation.to_le_bytes());
    hash.update(index.to_le_bytes());
    hash.update((payload.len() as u64).to_le_bytes());
    hash.update(payload);
    let digest: [u8; 32] = hash.finalize().into();
    let mut short = [0; 8];
    short.copy_from_slice(&digest[..8]);
    short
}

/// The sound frame at the start of `bytes`: its index and payload.
fn parse(stream: Stream, bytes: &[u8]) -> Option<(u64, &[u8])> {
    let (header, rest) = bytes.split_at_checked(HEADER)?;
    if header[..4] != MAGIC {
        return None;
    }
    let length = usize::try_from(u32::from_le_bytes(header[4..8].try_into().ok()?)).ok()?;
    let index = u64::from_le_bytes(header[8..16].try_into().ok()?);
    if length > MAX_PAYLOAD {
        return None;
    }
    let payload = rest.get(..length)?;
    (header[16..24] == checksum(stream, index, payload)).then_some((index, payload))
}

/// The payloads at the start of a file, in order, and the length of the part that is sound.
///
/// # Errors
/// When what follows the sound part is not the torn end of the last write.
pub fn read(stream: Stream, bytes: &[u8]) -> Result<(Vec<&[u8]>, usize), Corrupt> {
    let (mut payloads, mut at) = (Vec::new(), 0);
    while at < bytes.len() {
        match parse(stream, &bytes[at..]) {
            Some((index, payload)) if index == payloads.len() as u64 => {
                payloads.push(payload);
                at += HEADER + payload.len();
            }
            Some(_) => return Err(Corrupt { offset: at }),
            None if is_torn(stream, &bytes[at..]) => break,
            None => return Err(Corrupt { offset: at }),
        }
    }
    Ok((payloads, at))
}

fn is_torn(stream: Stream, rest: &[u8]) -> bool {
    let followed =
        || (1..rest.len()).any(|at| rest[at..].starts_with(&MAGIC) && parse(stream, &rest[at..]).is_some());
    rest.len() <= HEADER + MAX_PAYLOAD && !followed()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const LOG: Stream = Stream {
        kind: b'L',
        generation: 3,
    };

    fn file() -> (Vec<u8>, [usize; 3]) {
        let (mut bytes, mut ends) = (Vec::new(), [0; 3]);
        for (index, payload) in [&b"one"[..], b"", b"three"].into_iter().enumerate() {
            write(LOG, index as u64, payload, &mut bytes);
            ends[index] = bytes.len();
        }
        (bytes, ends)
    }

    #[test]
    fn reads_what_was_written() {
        let (bytes, ends) = file();
        assert_eq!(read(LOG, &bytes), Ok((vec![&b"one"[..], b"", b"three"], ends[2])));
        assert_eq!(read(LOG, &[]), Ok((vec![], 0)));
    }

    #[test]
    fn drops_a_torn_end_wherever_it_was_torn() {
        let (bytes, ends) = file();
        for length in ends[1]..ends[2] {
            let (payloads, sound) = read(LOG, &bytes[..length]).unwrap();
            assert_eq!((payloads.len(), sound), (2, ends[1]), "torn at {length}");
        }
        let mut zeroed = bytes.clone();
        zeroed[ends[1]..].fill(0);
        assert_eq!(
            read(LOG, &zeroed).unwrap().1,
            ends[1],
            "length grew but no data arrived"
        );
    }

    #[test]
    fn refuses_damage_before_the_last_frame() {
        let (bytes, ends) = file();
        for at in 0..ends[1] {
            let mut damaged = bytes.clone();
            damaged[at] ^= 1;
            assert!(read(LOG, &damaged).is_err(), "flipped a bit of byte {at}");
        }
        assert!(
            read(LOG, &vec![0; HEADER + MAX_PAYLOAD + 1]).is_err(),
            "more than one write can tear"
        );
    }

    #[test]
    fn refuses_frames_of_another_file_or_order() {
        let (bytes, ends) = file();
        assert_eq!(
            read(Stream { generation: 4, ..LOG }, &bytes[..ends[0]])
                .unwrap()
                .1,
            0
        );
        assert_eq!(
            read(Stream { kind: b'S', ..LOG }, &bytes[..ends[0]]).unwrap().1,
            0
        );
        let swapped = [&bytes[ends[0]..ends[1]], &bytes[..ends[0]]].concat();
        assert_eq!(read(LOG, &swapped), Err(Corrupt { offset: 0 }));
    }
}
