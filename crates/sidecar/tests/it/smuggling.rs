//! Requests that two readers could delimit differently: the vendor sees one request for each that was authorised, or none.
//!
//! Every case is a signed request with a second one, unsigned, hidden in what could be its body or could be behind it.

use crate::buyer::Buyer;
use crate::running::Setting;

/// What the sidecar may make of a case.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Reading {
    /// The whole is refused, and nothing reaches the vendor.
    Refused,
    /// The hidden request is a part of the body, which is one that was not signed.
    Body,
    /// The body ends before the hidden request, and the connection behind it.
    Closed,
}

fn hidden(us: &str) -> String {
    format!("GET /hidden HTTP/1.1\r\nhost: {us}\r\n\r\n")
}

/// Sends a request whose signature is over an empty body, with these framing lines and bytes behind the head.
async fn judge(what: &str, lines: &str, behind: &str, reading: Reading) {
    let setting = Setting::start().await;
    let us = &setting.sidecar.authority;
    let buyer = Buyer::new(1);
    let request = buyer
        .post(us, "/v1", b"", 1)
        .confirmed_by(&setting.operators.confirm(&buyer.record));
    let mut bytes = request.raw(us, lines);
    bytes.extend_from_slice(behind.as_bytes());
    let answer = setting.sidecar.raw(&bytes).await;
    let statuses: Vec<&str> = answer
        .match_indices("HTTP/1.1 ")
        .map(|(at, _)| &answer[at + 9..at + 12])
        .collect();
    let seen = setting.vendor.seen();
    let found = match (&statuses[..], seen.len()) {
        ([] | ["400"], 0) if !answer.contains("digest_mismatch") => Reading::Refused,
        (["400", ..], 0) => Reading::Body,
        (["200"], 1) => Reading::Closed,
        _ => panic!("{what}: {answer}"),
    };
    assert_eq!(found, reading, "{what}: {answer}");
    assert!(
        seen.iter()
            .all(|seen| seen.target == "/v1" && seen.body.is_empty()),
        "{what}: {seen:?}"
    );
    assert_eq!(
        setting.sidecar.get("/.rampart/health").await.status,
        200,
        "{what}"
    );
}

#[tokio::test]
async fn a_length_and_chunks_are_read_as_chunks_and_nothing_is_read_behind_them() {
    let us = "127.0.0.1";
    let behind = format!("0\r\n\r\n{}", hidden(us));
    let length = format!("content-length: {}\r\n", behind.len());
    let chunked = "transfer-encoding: chunked\r\n";
    for lines in [format!("{length}{chunked}"), format!("{chunked}{length}")] {
        judge("length and chunks", &lines, &behind, Reading::Closed).await;
    }
    judge(
        "a length of zero and chunks",
        &format!("content-length: 0\r\n{chunked}"),
        &behind,
        Reading::Closed,
    )
    .await;
}

#[tokio::test]
async fn two_lengths_are_refused_unless_they_are_the_same() {
    let behind = hidden("127.0.0.1");
    let whole = behind.len();
    for lines in [
        format!("content-length: 0\r\ncontent-length: {whole}\r\n"),
        format!("content-length: {whole}\r\ncontent-length: 0\r\n"),
        format!("content-length: 0, {whole}\r\n"),
        format!("content-length: {whole}, {whole}\r\n"),
    ] {
        judge(&lines, &lines, &behind, Reading::Refused).await;
    }
    let same = format!("content-length: {whole}\r\ncontent-length: {whole}\r\n");
    judge("the same twice", &same, &behind, Reading::Body).await;
}

#[tokio::test]
async fn a_length_is_digits_and_nothing_else() {
    let behind = hidden("127.0.0.1");
    for length in [
        "+0",
        "-0",
        "0x0",
        "0.0",
        "0 0",
        "18446744073709551616",
        "99999999999999999999999",
        "\"0\"",
        "",
    ] {
        let lines = format!("content-length: {length}\r\n");
        judge(&lines, &lines, &behind, Reading::Refused).await;
    }
}

#[tokio::test]
async fn a_coding_that_is_not_chunked_at_the_end_is_refused() {
    let behind = format!("0\r\n\r\n{}", hidden("127.0.0.1"));
    let length = format!("content-length: {}\r\n", behind.len());
    for coding in [
        "xchunked",
        "chunkedx",
        "chunked;q=1",
        "identity",
        "gzip",
        "chunked, identity",
        "chunked, gzip",
        "\"chunked\"",
        "\x0bchunked",
        "chunked\x0b",
        "",
    ] {
        for more in ["", length.as_str()] {
            let lines = format!("transfer-encoding: {coding}\r\n{more}");
            judge(&lines, &lines, &behind, Reading::Refused).await;
        }
    }
}

/// gzip is not undone here, and chunks of chunks are forbidden (RFC 9112, section 6.1).
#[tokio::test]
async fn a_coding_before_chunked_is_refused() {
    let behind = format!("0\r\n\r\n{}", hidden("127.0.0.1"));
    for lines in [
        "transfer-encoding: gzip, chunked\r\n",
        "transfer-encoding: chunked, chunked\r\n",
        "transfer-encoding: ,chunked\r\n",
        "transfer-encoding: gzip\r\ntransfer-encoding: chunked\r\n",
        "transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n",
        "transfer-encoding: chunked\r\ntransfer-encoding: identity\r\n",
    ] {
        judge(lines, lines, &behind, Reading::Refused).await;
    }
}

#[tokio::test]
async fn fields_whose_names_are_disguised_are_refused() {
    let behind = format!("0\r\n\r\n{}", hidden("127.0.0.1"));
    for lines in [
        "transfer-encoding : chunked\r\n",
        " transfer-encoding: chunked\r\n",
        "transfer-encoding\t: chunked\r\n",
        "transfer\0-encoding: chunked\r\n",
        "x: y\r\n transfer-encoding: chunked\r\n",
        "transfer-encoding:\r\n chunked\r\n",
        "transfer-encoding: chun\r\n ked\r\n",
        "x: y\rtransfer-encoding: chunked\r\n",
        "transfer-encoding: chunked\r\r\n",
    ] {
        judge(lines, lines, &behind, Reading::Refused).await;
    }
}

/// A line may end in a line feed alone (RFC 9112, section 2.2); what the vendor gets is written anew, by the rules.
#[tokio::test]
async fn bare_line_feeds_are_one_request_or_none() {
    let setting = Setting::start().await;
    let us = &setting.sidecar.authority;
    let buyer = Buyer::new(1);
    let request = buyer
        .get(us, "/v1", 1)
        .confirmed_by(&setting.operators.confirm(&buyer.record));
    let head = String::from_utf8(request.raw(us, "content-length: 0\r\n")).unwrap();
    let bytes = format!("{}{}", head.replace("\r\n", "\n"), hidden(us));
    let answer = setting.sidecar.raw(bytes.as_bytes()).await;
    let statuses: Vec<&str> = answer
        .match_indices("HTTP/1.1 ")
        .map(|(at, _)| &answer[at + 9..at + 12])
        .collect();
    assert!(matches!(statuses[..], ["400"] | ["200", "402"]), "{answer}");
    assert!(setting.vendor.seen().iter().all(|seen| seen.target == "/v1"));
    // In the framing of chunks there is no such licence.
    let behind = format!("0\n\n{}", hidden("127.0.0.1"));
    judge(
        "line feeds in chunks",
        "transfer-encoding: chunked\r\n",
        &behind,
        Reading::Refused,
    )
    .await;
}

#[tokio::test]
async fn chunk_sizes_that_are_none_are_refused() {
    for size in [
        "-1",
        "+0",
        "0x0",
        "g",
        "",
        " ",
        "10000000000000000",
        "ffffffffffffffffff",
        "fffffffffffffffff0",
    ] {
        let behind = format!("{size}\r\n\r\n{}", hidden("127.0.0.1"));
        judge(
            &format!("a chunk of {size:?}"),
            "transfer-encoding: chunked\r\n",
            &behind,
            Reading::Refused,
        )
        .await;
    }
}

#[tokio::test]
async fn a_chunk_of_nearly_all_the_memory_there_could_be_is_refused_by_its_size() {
    let setting = Setting::start().await;
    let us = &setting.sidecar.authority;
    let buyer = Buyer::new(1);
    let request = buyer
        .post(us, "/v1", b"", 1)
        .confirmed_by(&setting.operators.confirm(&buyer.record));
    for size in ["ffffffffffffffff", "7fffffffffffffff", "186a1"] {
        let mut bytes = request.raw(us, "transfer-encoding: chunked\r\n");
        bytes.extend_from_slice(format!("{size}\r\n").as_bytes());
        bytes.extend_from_slice(&[b'x'; 100_001]);
        let answer = setting.sidecar.raw(&bytes).await;
        assert!(
            answer.starts_with("HTTP/1.1 413") || answer.starts_with("HTTP/1.1 400"),
            "{size}: {answer}"
        );
    }
    assert!(setting.vendor.seen().is_empty());
}

#[tokio::test]
async fn extensions_and_trailers_of_chunks_are_bounded() {
    let setting = Setting::start().await;
    let us = &setting.sidecar.authority;
    let buyer = Buyer::new(1);
    let request = buyer
        .post(us, "/v1", b"", 1)
        .confirmed_by(&setting.operators.confirm(&buyer.record));
    let extension = format!("0;{}\r\n\r\n", "x".repeat(1 << 20));
    let extensions = format!("1;{}\r\nx\r\n", "x".repeat(1000)).repeat(1000);
    let trailers = format!("0\r\n{}\r\n", "x: y\r\n".repeat(10_000));
    let trailer = format!("0\r\nx: {}\r\n\r\n", "y".repeat(1 << 20));
    for behind in [extension, extensions, trailers, trailer] {
        let mut bytes = request.raw(us, "transfer-encoding: chunked\r\n");
        bytes.extend_from_slice(behind.as_bytes());
        let answer = setting.sidecar.raw(&bytes).await;
        assert!(
            answer.is_empty() || answer.starts_with("HTTP/1.1 4"),
            "{}: {answer}",
            &behind[..40]
        );
    }
    assert!(setting.vendor.seen().is_empty());
}
