//! Server-sent events as text (HTML Standard, 9.2.6), bounded: the few lines that the standard needs.

/// Longest event that is read, bytes; a node's are far below.
const MAX_EVENT: usize = 64 * 1024;

/// A byte order mark, which may stand before a stream and means nothing there.
const MARK: &[u8] = b"\xef\xbb\xbf";

/// One event, or an id alone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Message {
    /// Its id, if it has one.
    pub(crate) id: Option<String>,
    /// Its kind; empty for none.
    pub(crate) event: String,
    /// Its data; empty for none.
    pub(crate) data: String,
}

/// Takes bytes in any pieces and gives messages.
#[derive(Clone, Debug, Default)]
pub(crate) struct Parser {
    bytes: Vec<u8>,
    /// What of `bytes` is read.
    read: usize,
    message: Message,
    started: bool,
}

impl Parser {
    /// Takes bytes; `false` when an event is longer than any that is read.
    #[must_use]
    pub(crate) fn push(&mut self, bytes: &[u8]) -> bool {
        self.bytes.drain(..self.read);
        self.read = 0;
        self.bytes.extend_from_slice(bytes);
        // All whole messages are taken before more bytes come, so what is left is of one.
        self.bytes.len() - bytes.len() + self.message.data.len() <= MAX_EVENT
    }

    /// The next message, once it is whole. An id without data is a message here, unlike in a browser.
    pub(crate) fn message(&mut self) -> Option<Message> {
        while let Some(line) = self.line() {
            if line.is_empty() {
                let message = std::mem::take(&mut self.message);
                if message.id.is_some() || !message.data.is_empty() {
                    return Some(message);
                }
                continue;
            }
            self.field(&line);
        }
        None
    }

    /// A line without its end, which is LF, CR LF, or a CR that something follows.
    fn line(&mut self) -> Option<String> {
        if !self.started {
            if self.bytes.len() < MARK.len() && MARK.starts_with(&self.bytes) {
                return None;
            }
            self.started = true;
            if self.bytes.starts_with(MARK) {
                self.read = MARK.len();
            }
        }
        let rest = &self.bytes[self.read..];
        let end = rest.iter().position(|byte| matches!(byte, b'\n' | b'\r'))?;
        let length = match (rest[end], rest.get(end + 1)) {
            (b'\r', None) => return None,
            (b'\r', Some(b'\n')) => end + 2,
            _ => end + 1,
        };
        let line = String::from_utf8_lossy(&rest[..end]).into_owned();
        self.read += length;
        Some(line)
    }

    fn field(&mut self, line: &str) {
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match name {
            "event" => value.clone_into(&mut self.message.event),
            "data" => {
                if !self.message.data.is_empty() {
                    self.message.data.push('\n');
                }
                self.message.data.push_str(value);
            }
            "id" if !value.contains('\0') => self.message.id = Some(value.to_owned()),
            // Comments have no name; `retry` is the reader's own affair.
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(pieces: &[&[u8]]) -> Vec<Message> {
        let mut parser = Parser::default();
        let mut messages = Vec::new();
        for piece in pieces {
            assert!(parser.push(piece));
            while let Some(message) = parser.message() {
                messages.push(message);
            }
        }
        messages
    }

    fn message(id: &str, event: &str, data: &str) -> Message {
        Message {
            id: (!id.is_empty()).then(|| id.to_owned()),
            event: event.to_owned(),
            data: data.to_owned(),
        }
    }

    const STREAM: &[u8] =
        b": hello\n\nid: 1-0\nevent: block\ndata: {\"a\":\ndata: 1}\n\n:\n\nid:2-9\n\n\ndata: x\n\n";

    #[test]
    fn messages_are_the_same_in_whatever_pieces_they_come() {
        let whole = [
            message("1-0", "block", "{\"a\":\n1}"),
            message("2-9", "", ""),
            message("", "", "x"),
        ];
        assert_eq!(all(&[STREAM]), whole);
        for split in 1..STREAM.len() {
            assert_eq!(all(&[&STREAM[..split], &STREAM[split..]]), whole, "{split}");
        }
        let bytes: Vec<&[u8]> = STREAM.chunks(1).collect();
        assert_eq!(all(&bytes), whole);
    }

    #[test]
    fn every_line_end_and_a_byte_order_mark_are_known() {
        let stream = b"\xef\xbb\xbfid: 1-0\r\ndata: a\r\n\r\nid: 1-1\rdata: b\r\r\n";
        assert_eq!(all(&[stream]), [message("1-0", "", "a"), message("1-1", "", "b")]);
    }

    #[test]
    fn a_byte_order_mark_counts_at_the_beginning_only() {
        let stream = b"\n\xef\xbb\xbfdata: a\ndata: b\n\n";
        let pieces: Vec<&[u8]> = stream.chunks(1).collect();
        assert_eq!(all(&pieces), [message("", "", "b")]);
        assert_eq!(all(&[stream]), all(&pieces));
    }

    #[test]
    fn an_event_without_an_end_is_given_up() {
        let mut parser = Parser::default();
        let piece = [b'x'; 1024];
        let taken = (0..1000).take_while(|_| {
            let taken = parser.push(&piece);
            assert_eq!(parser.message(), None);
            taken
        });
        assert!(taken.count() < 100);
    }
}
