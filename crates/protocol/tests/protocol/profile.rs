//! The rampart-v1 profile as text: one form and no other.

use crate::samples::phrase;
use proptest::prelude::*;
use rampart_protocol::http_signature::{
    Algorithm, MAX_INPUT, Parameters, ProfileError, RequestParts, content_digest, parameters_of_base,
    parse_content_digest, parse_signature, signature_field,
};
use rampart_protocol::{PurchaseId, Sequence};

const KEYID: &str = "0x9cb102d5f5c3000f8787953ccec2d5a91bbe32dbdf249f6759677dd752b9d174";
const FIELD: &str = concat!(
    r#"rampart=("@method" "@authority" "@path" "@query" "content-digest");created=1792108800;expires=1792108860;"#,
    r#"keyid="0x9cb102d5f5c3000f8787953ccec2d5a91bbe32dbdf249f6759677dd752b9d174";nonce="7";alg="ed25519";tag="rampart-v1""#,
);

fn parameters() -> Parameters {
    Parameters {
        created: 1_792_108_800,
        expires: 1_792_108_860,
        purchase: PurchaseId(KEYID.parse().unwrap()),
        sequence: Sequence(7),
        has_body: true,
        algorithm: Algorithm::Ed25519,
    }
}

const fn request() -> RequestParts<'static> {
    RequestParts {
        method: "POST",
        authority: "screen.example",
        path: "/v1/screen",
        query: "dry=1",
        content_digest: Some("sha-256=:LXEWQrcmsEQBYnyp+6wy9chTD7GQPMTbAiWHF5IaSIE=:"),
    }
}

#[test]
fn the_field_reads_as_it_is_written() {
    assert_eq!(parameters().to_field(), FIELD);
    assert_eq!(Parameters::from_field(FIELD), Ok(parameters()));
    let bare = FIELD.replace(r#" "content-digest""#, "");
    let without_body = Parameters {
        has_body: false,
        algorithm: Algorithm::Ed25519,
        ..parameters()
    };
    assert_eq!(Parameters::from_field(&bare), Ok(without_body));
    let by_mac = Parameters {
        algorithm: Algorithm::HmacSha256,
        ..parameters()
    };
    let field = FIELD.replace("ed25519", "hmac-sha256");
    assert_eq!(
        (by_mac.to_field(), Parameters::from_field(&field)),
        (field, Ok(by_mac))
    );
}

#[test]
fn every_other_form_of_signature_input_is_refused() {
    let upper = KEYID.to_ascii_uppercase().replace("0X", "0x");
    let (short, long) = (&KEYID[..65], format!("{KEYID}0"));
    let table: Vec<(&str, &str, &str)> = vec![
        // What is wrong, what is replaced, by what.
        ("another label", "rampart=(", "sig1=("),
        ("an upper-case label", "rampart=(", "Rampart=("),
        ("no label", "rampart=(", "("),
        ("a space before the label", "rampart=(", " rampart=("),
        ("a space after the equals sign", "rampart=(", "rampart= ("),
        (
            "a space after the opening bracket",
            "(\"@method\"",
            "( \"@method\"",
        ),
        ("two spaces between components", "\" \"@path\"", "\"  \"@path\""),
        ("a tab between components", "\" \"@path\"", "\"\t\"@path\""),
        (
            "components in another order",
            "\"@method\" \"@authority\"",
            "\"@authority\" \"@method\"",
        ),
        ("a component less", " \"@query\"", ""),
        (
            "a component more",
            "\"content-digest\")",
            "\"content-digest\" \"date\")",
        ),
        ("a component twice", "\"@query\"", "\"@query\" \"@query\""),
        (
            "an upper-case component",
            "\"content-digest\"",
            "\"Content-Digest\"",
        ),
        (
            "a component with a parameter",
            "\"content-digest\"",
            "\"content-digest\";sf",
        ),
        ("a component of the response", "\"@query\"", "\"@status\""),
        (
            "content-digest first",
            "(\"@method\" \"@authority\" \"@path\" \"@query\" \"content-digest\")",
            "(\"content-digest\" \"@method\" \"@authority\" \"@path\" \"@query\")",
        ),
        (
            "no components",
            "(\"@method\" \"@authority\" \"@path\" \"@query\" \"content-digest\")",
            "()",
        ),
        ("no created", ";created=1792108800", ""),
        ("no expires", ";expires=1792108860", ""),
        ("no nonce", ";nonce=\"7\"", ""),
        ("no alg", ";alg=\"ed25519\"", ""),
        ("no tag", ";tag=\"rampart-v1\"", ""),
        (
            "expires before created",
            ";created=1792108800;expires=1792108860",
            ";expires=1792108860;created=1792108800",
        ),
        (
            "created twice",
            ";created=1792108800",
            ";created=1792108800;created=1792108800",
        ),
        ("nonce twice", ";nonce=\"7\"", ";nonce=\"7\";nonce=\"7\""),
        (
            "tag twice",
            ";tag=\"rampart-v1\"",
            ";tag=\"rampart-v1\";tag=\"rampart-v1\"",
        ),
        (
            "nonce after alg",
            ";nonce=\"7\";alg=\"ed25519\"",
            ";alg=\"ed25519\";nonce=\"7\"",
        ),
        ("a space after a semicolon", ";expires", "; expires"),
        ("a space before a semicolon", ";expires", " ;expires"),
        ("a parameter in upper case", ";created=", ";Created="),
        ("created with a leading zero", "=1792108800", "=01792108800"),
        ("created with a sign", "=1792108800", "=+1792108800"),
        ("negative created", "=1792108800", "=-1792108800"),
        ("created as a decimal", "=1792108800", "=1792108800.0"),
        ("created as a string", "=1792108800", "=\"1792108800\""),
        ("created as a date", "=1792108800", "=@1792108800"),
        ("created empty", "=1792108800", "="),
        ("created above 64 bits", "=1792108800", "=18446744073709551616"),
        ("created in other digits", "=1792108800", "=١٧٩٢١٠٨٨٠٠"),
        ("expires with a leading zero", "=1792108860", "=00"),
        ("expires above 64 bits", "=1792108860", "=99999999999999999999"),
        ("nonce zero", "\"7\"", "\"0\""),
        ("nonce with a leading zero", "\"7\"", "\"07\""),
        ("nonce with a sign", "\"7\"", "\"+7\""),
        ("nonce empty", "\"7\"", "\"\""),
        ("nonce with a space", "\"7\"", "\" 7\""),
        ("nonce as an integer", "\"7\"", "7"),
        ("nonce in hexadecimal", "\"7\"", "\"0x7\""),
        ("nonce above 64 bits", "\"7\"", "\"18446744073709551616\""),
        ("nonce with an escape", "\"7\"", "\"7\\\"\""),
        ("keyid in upper case", KEYID, &upper),
        ("keyid without 0x", KEYID, &KEYID[2..]),
        ("keyid with 0X", "\"0x9cb1", "\"0X9cb1"),
        ("keyid too short", KEYID, short),
        ("keyid too long", KEYID, &long),
        ("keyid not hexadecimal", "\"0x9cb1", "\"0xgcb1"),
        ("keyid empty", KEYID, ""),
        (
            "keyid as a byte sequence",
            "\"0x9cb102d5f5c3000f8787953ccec2d5a91bbe32dbdf249f6759677dd752b9d174\"",
            ":nLEC1fXDAA+Hh5U8zsLVqRu+Mtvfr2dZZ33XUrnRdA==:",
        ),
        ("another algorithm", "\"ed25519\"", "\"rsa-v1_5-sha256\""),
        ("algorithm in upper case", "\"ed25519\"", "\"Ed25519\""),
        ("algorithm as a token", "\"ed25519\"", "ed25519"),
        ("another tag", "\"rampart-v1\"", "\"rampart-v2\""),
        ("a parameter more", ";tag=\"rampart-v1\"", ";tag=\"rampart-v1\";x"),
        (
            "a second signature",
            ";tag=\"rampart-v1\"",
            ";tag=\"rampart-v1\", sig2=();created=1",
        ),
        ("a line break", ";alg", "\n;alg"),
        ("a space at the end", "\"rampart-v1\"", "\"rampart-v1\" "),
        ("a NUL at the end", "\"rampart-v1\"", "\"rampart-v1\"\0"),
    ];
    for (why, from, to) in table {
        assert_eq!(FIELD.matches(from).count(), 1, "{why}: {from} is there once");
        let field = FIELD.replacen(from, to, 1);
        assert!(
            matches!(Parameters::from_field(&field), Err(ProfileError::Input(_))),
            "{why}: {field}"
        );
    }
    assert!(Parameters::from_field("").is_err());
    assert!(Parameters::from_field(&format!("{FIELD}, {FIELD}")).is_err());
}

#[test]
fn no_truncation_and_no_other_character_reads_as_the_same_parameters() {
    for end in 0..FIELD.len() {
        assert!(Parameters::from_field(&FIELD[..end]).is_err(), "cut to {end}");
    }
    for at in 0..FIELD.len() {
        for byte in (0..128u8).filter(|byte| *byte != FIELD.as_bytes()[at]) {
            let mut field = FIELD.as_bytes().to_vec();
            field[at] = byte;
            let field = String::from_utf8(field).unwrap();
            if let Ok(read) = Parameters::from_field(&field) {
                assert_ne!(read, parameters(), "{field}");
                assert_eq!(read.to_field(), field);
            }
        }
    }
}

#[test]
fn a_long_field_is_refused_unread() {
    let largest = Parameters {
        created: u64::MAX,
        expires: u64::MAX,
        sequence: Sequence(u64::MAX),
        ..parameters()
    };
    assert!(largest.to_field().len() <= MAX_INPUT);
    assert_eq!(Parameters::from_field(&largest.to_field()), Ok(largest));
    let long = format!("{FIELD}{}", " ".repeat(MAX_INPUT));
    assert_eq!(
        Parameters::from_field(&long),
        Err(ProfileError::Input("longer than 512 bytes"))
    );
}

#[test]
fn the_base_covers_a_digest_exactly_when_the_parameters_say_so() {
    let without = Parameters {
        has_body: false,
        algorithm: Algorithm::Ed25519,
        ..parameters()
    };
    let bodiless = RequestParts {
        content_digest: None,
        ..request()
    };
    assert!(parameters().signature_base(&request()).is_ok());
    assert!(without.signature_base(&bodiless).is_ok());
    assert!(parameters().signature_base(&bodiless).is_err());
    assert!(without.signature_base(&request()).is_err());
}

/// With a line break in a component, two requests would have one base, and so one signature.
#[test]
fn components_that_would_forge_a_line_of_the_base_are_refused() {
    let forged = "/v1/list\n\"@query\": ?\n\"x\": y";
    let none = |request: RequestParts<'_>| {
        assert_eq!(
            parameters().signature_base(&request),
            Err(ProfileError::Component)
        );
    };
    for bad in [forged, "\n", "a\rb", "a\tb", "\0", "\u{7f}", "é"] {
        none(RequestParts {
            method: bad,
            ..request()
        });
        none(RequestParts {
            authority: bad,
            ..request()
        });
        none(RequestParts {
            path: bad,
            ..request()
        });
        none(RequestParts {
            query: bad,
            ..request()
        });
        none(RequestParts {
            content_digest: Some(bad),
            ..request()
        });
    }
}

#[test]
fn signature_and_content_digest_have_one_form() {
    let signature: [u8; 64] = core::array::from_fn(|i| u8::try_from(i).unwrap());
    let field = signature_field(&signature);
    assert_eq!(parse_signature(&field), Ok(signature));
    let digest = content_digest(b"body");
    assert!(parse_content_digest(&digest).is_ok());

    let base64 = &field["rampart=:".len()..field.len() - 1];
    // The last character before the padding carries four unused bits; they must be zero.
    let padding_bits = format!("rampart=:{}x==:", &base64[..base64.len() - 3]);
    let bad_signatures = [
        String::new(),
        base64.into(),
        format!("sig1=:{base64}:"),
        format!("rampart={base64}"),
        format!("rampart=:{base64}"),
        format!("rampart=:{base64}: "),
        format!(" rampart=:{base64}:"),
        format!("rampart=:{base64}:, rampart=:{base64}:"),
        format!("rampart=:{base64}:;x=1"),
        format!("rampart=:{}:", base64.trim_end_matches('=')),
        format!("rampart=:{}=:", base64.trim_end_matches('=')),
        format!("rampart=:{base64}=:"),
        format!("rampart=:{}:", base64.replace(['+', '/', 'A'], "_")),
        format!("rampart=:{}AAAA{base64}:", ""),
        format!("rampart=:{}:", &base64[4..]),
        "rampart=::".into(),
        "rampart=:".into(),
        padding_bits,
    ];
    for bad in bad_signatures {
        assert_eq!(parse_signature::<64>(&bad), Err(ProfileError::Signature), "{bad}");
    }
    let base64 = &digest["sha-256=:".len()..digest.len() - 1];
    let sha512 =
        "sha-512=:WZDPaVn/7XgHaAy8pmojAkGWoRx2UFChF41A2svX+TaPm+AbwAgBWnrIiYllu7BNNyealdVLvRwEmTHWXvJwew==:";
    let bad_digests = [
        String::new(),
        sha512.into(),
        format!("{digest}, {sha512}"),
        format!("{sha512}, {digest}"),
        format!("SHA-256=:{base64}:"),
        format!("sha-256={base64}"),
        format!("sha-256=:{}:", base64.trim_end_matches('=')),
        format!("sha-256=:{base64}:;q=1"),
        format!("{digest},"),
    ];
    for bad in bad_digests {
        assert_eq!(
            parse_content_digest(&bad),
            Err(ProfileError::ContentDigest),
            "{bad}"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_parameters_survive_field_value_and_base(
        created: u64, expires: u64, sequence in 1..=u64::MAX, purchase: [u8; 32], has_body: bool,
        path in "/[!-~]{0,40}", query in "[!-~]{0,40}",
    ) {
        let parameters = Parameters {
            created,
            expires,
            purchase: PurchaseId(purchase.into()),
            sequence: Sequence(sequence),
            has_body,
            algorithm: Algorithm::Ed25519,
        };
        prop_assert_eq!(Parameters::from_field(&parameters.to_field()), Ok(parameters));
        prop_assert_eq!(Parameters::from_value(&parameters.to_value()), Ok(parameters));
        let digest = content_digest(path.as_bytes());
        let request = RequestParts {
            path: &path,
            query: &query,
            content_digest: has_body.then_some(digest.as_str()),
            ..request()
        };
        let base = parameters.signature_base(&request).unwrap();
        prop_assert_eq!(parameters_of_base(&base), Ok(parameters));
        prop_assert_eq!(base.lines().count(), if has_body { 6 } else { 5 });
        prop_assert!(!base.ends_with('\n'));
    }

    #[test]
    fn noise_is_never_read_and_never_panics(noise in "\\PC{0,200}") {
        prop_assert!(Parameters::from_field(&noise).is_err());
        prop_assert!(parameters_of_base(&noise).is_err());
        prop_assert!(parse_signature::<64>(&noise).is_err());
        prop_assert!(parse_content_digest(&noise).is_err());
    }
}

#[test]
fn a_base_without_parameters_on_its_last_line_is_no_voucher() {
    let base = parameters().signature_base(&request()).unwrap();
    let value = parameters().to_value();
    for bad in [
        String::new(),
        value.clone(),
        format!("{base}\n"),
        format!("{base}\n\"x\": y"),
        format!("\"@signature-params\":{value}"),
        format!("\"@signature-params\": {value} "),
        format!(" \"@signature-params\": {value}"),
        base.replace('\n', "\r\n")
            .replace("\"@signature-params\": ", "\"@signature-params\": \r"),
    ] {
        assert!(parameters_of_base(&bad).is_err(), "{bad}");
    }
    assert_eq!(parameters_of_base(&base), Ok(parameters()));
    assert_ne!(phrase("purchase"), parameters().purchase.0);
}
