//! The bytes of one value of every type. A failure here is a change of format: other processes, stored blocks and signatures
//! out there do not know it, so it needs a new version, not a new expectation.

use crate::samples;
use alloy_primitives::{b256, hex, keccak256};
use alloy_rlp::encode;
use rampart_protocol::{Amount, Body, ExitArchive, OperatorSet};

#[test]
fn messages() {
    let expected = [
        "01f38e5068697368696e672057617463689868747470733a2f2f7068697368696e672e6578616d706c65893635c9adc5dea00000\
         80",
        "02f501925068697368696e6720576174636820e298829f68747470733a2f2f6170692e7068697368696e672e6578616d706c652f\
         763201",
        "03d30290ffffffffffffffffffffffffffffffff7f",
        "04f8d00102b83a53637265656e732061207472616e73616374696f6e3a2073696d756c6174696f6e2c20226c697374732220616e\
         6420617070726f76616c732e0a9f68747470733a2f2f73637265656e2e7068697368696e672e6578616d706c65a02c4db3caf703\
         4c0aa2da8773320c5746bb9112927f27eba3a73196d515d061e182271088ad78ebc5ac620000830151808401e13380d9c6050102\
         82012cd188ffffffffffffffff84ffffffff818080a08b7ca4e4cb32141d7f0b27d0c736f11f895458172ffb7b1b4c50dc10e079\
         8b3e02",
        "05f85003808080a0000000000000000000000000000000000000000000000000000000000000000081800180820100c0a0000000\
         00000000000000000000000000000000000000000000000000000000000103",
        "06f84894617ea5eaebc327ac3993fcbd86e06ee1fbc661f801030788ad78ebc5ac620000a00ee1c1ebbad460e9852f11711f4f60\
         7315198348f0a7527acd0ebfb11c950307846b49d20004",
        "07f895a090272221f7835fa4ade33044389ae3978ffde5ef8f81ca7d770fedd8ee166433821000a622406d6574686f64223a2047\
         45540a22407369676e61747572652d706172616d73223a202829b8405a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a\
         5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a8720000000000001",
        "08d288ffffffffffffffff88ffffffffffffffff",
        "09e2941cdee81a17df6901d9a23f1ef3a96ee6c66338bd8902fb474098f67c0000820100",
        "0ad894366b021cc4d5847a2ad90ffa829cec5fec19836d81fa05",
        "0bcc01893627e8f712373c000006",
        "0cc20107",
        "0dc6018303d09008",
        "0ef843a090272221f7835fa4ade33044389ae3978ffde5ef8f81ca7d770fedd8ee166433a0dfd49dd15006acb386980151c35b2a\
         84bafcde4289a63d2380301510ff833af509",
        "0ff875a090272221f7835fa4ade33044389ae3978ffde5ef8f81ca7d770fedd8ee166433881bc16d674ec80000a8546872656520\
         6f6620666f7572206b6e6f776e20647261696e657273207061737365642e20e298b9a02fcd8a90f20b477707585d9b9f5c42b61c\
         99bce67ce4e82243c5bac8770239f20a",
        "10f84ca090272221f7835fa4ade33044389ae3978ffde5ef8f81ca7d770fedd8ee166433881bc16d674ec80000a0000000000000\
         00000000000000000000000000000000000000000000000000000b",
        "11f844a005f632b6239c96c83bb16d650b3368b966dcd530f760a816c27591147fde6b9f01a06ffc88cb73fda4745b357b04c7d3\
         7648d56bbbd72bd06a1b8228529b66ecf71d0c",
        "12f845a005f632b6239c96c83bb16d650b3368b966dcd530f760a816c27591147fde6b9f0201a090ef4ce46a125bec9594a54753\
         18d7833eacfe0f7a73be8d711c56bf6422cf210d",
        "13e68203e880a0761164e4804c27e37a1e992a930cd0d07930bca85d35dfcd00ae4cba83330b990e",
        "14d69431b499182abf78adf9970580eeac5b45188d932d0f",
        "15e2a0c2017d5616647aa67c77cec70d51bdcdb40b19b979598e6afd75815083ba024f10",
        "16c482012c11",
        "17f1a050017bfb2e3ac28e3c38ccee5e739b693542d8aee93cd179137a021627f317ad893635c9adc5dea00000846b49d201\
         12",
        "18e2a0eadedbfc2c7e2c8d341e69158de9630e822ce8f1fbca5c1863034f5bdaee2f2413",
    ];
    let messages = samples::messages();
    for (message, expected) in messages.iter().zip(expected) {
        assert_eq!(hex::encode(message.to_bytes()), expected, "{}", message.name());
    }
    assert_eq!(messages.len(), expected.len());
}

/// A transaction is the list of the message as a byte string and the signature; `vectors/eip712.json` has them all.
#[test]
fn transactions() {
    let transaction = samples::signed(samples::messages().remove(7));
    let expected = hex!("f85894 08d288ffffffffffffffff88ffffffffffffffff b841");
    let bytes = transaction.to_bytes();
    assert_eq!(hex::encode(&bytes[..expected.len()]), hex::encode(expected));
    assert_eq!(bytes[expected.len()..], transaction.signature[..]);
    assert_eq!(
        transaction.hash(),
        b256!("b3acc8e414426803cdb85e48383228ee09f59cbef6a544093da185c7d82a74c3")
    );
}

#[test]
fn headers_and_bodies() {
    assert_eq!(
        hex::encode(encode(samples::header())),
        "f8fe0382012ca02f43ab4941e35e22c93ac2347230671672806591426884af2fe9a29d210c4ed582012ba06ccde44f9e000a36\
         b27cd86c9f1436e2566da46844133ee848abadbc551246da8301117086018bcfe5687ba01584b97f894525af9358f9894d7edb\
         50cdfc7c847f9200bdde8ed61f980a3812a00000000000000000000000000000000000000000000000000000000000000000a0\
         e1e2645cb4f2486a955e1d714476b1e298727bb76fdd96f40829720da60a424b8081ffa0a962c0f86b21bd4cad6de1448e82f9\
         d166a392e9abb3b59ddc18b632f4f96d368181a00c1e970a390b56c724e162229c26336dc88f50517dd9ef4ea8629c20c8d1a9\
         f5"
    );
    assert_eq!(
        samples::header().digest(),
        b256!("d42c9adc87ffe5b92f4d3aa4b22f20c3fefd84616fc6c7db52e54308f58b5888")
    );
    assert_eq!(
        samples::body().root(),
        b256!("fe16ba107ccd64c7c6c8e08d2c40bb71ce85bf52b7bbe0a77fc0df6f1e40eb3e")
    );
    assert!(Body::default().root().is_zero());
    assert_eq!(hex::encode(encode(Body::default())), "c2c0c0");
}

/// A finalized block is the list of what is above: header, body, headers, and a certificate as a byte string.
#[test]
fn finalized_blocks() {
    let block = samples::finalized_block();
    let parts = [
        encode(&block.header),
        encode(&block.body),
        encode(&block.descendants),
        encode(&block.finalization),
    ]
    .concat();
    let bytes = block.to_bytes();
    assert!(bytes.ends_with(&parts));
    assert_eq!(
        bytes.len(),
        parts.len() + 3,
        "the head of a list of two bytes' length"
    );
}

#[test]
fn observations() {
    let expected = [
        "01f846818194abdcfadb093dc883e4cb1ef7ea5a94a95d9adced89056bc75e2d6310000083011171a0fa986dda729c06cf5e78d0\
         4eb58d600ed6dd076bb3e5f2ff6ca8be605c6002a4",
        "02f8418182946a1850799eeb3c876eac2140d8af9100f3ad5b198408c2018083011171a0fa986dda729c06cf5e78d04eb58d600e\
         d6dd076bb3e5f2ff6ca8be605c6002a4",
        "03f84a8094f534789b5e78abb727382f3ab32c017b85bb148f89010000000000000000830186a08401312d00a0af42e278912af0\
         1f363e8eb485f5428ece60b3b1499e43ffd3b63b18e2f8f28b",
        "04f8620194f534789b5e78abb727382f3ab32c017b85bb148f940d1b73c07b3a3aad918beea01e939ecf1bff625390ffffffffff\
         ffffffffffffffffffffff8401312d01a09f9da16a61f7944f380f7cf46a8fcbfd235777aa8544822d7f806730a37f498a",
        "05f85802b001eeedd28d7265766965775f77696e646f7783093a80d9876665655f6d696e90ffffffffffffffffffffffffffffff\
         ff8401312d02a0cc311d3d1c01e8fd9efaf8c6ec26cbe17cc6bc533946c261c830fb5520f20398",
        "05eb038302c1028401312d02a0cc311d3d1c01e8fd9efaf8c6ec26cbe17cc6bc533946c261c830fb5520f20398",
        "05ed048503c382012c8401312d02a0cc311d3d1c01e8fd9efaf8c6ec26cbe17cc6bc533946c261c830fb5520f20398",
        "05f3058b04c988ffffffffffffffff8401312d02a0cc311d3d1c01e8fd9efaf8c6ec26cbe17cc6bc533946c261c830fb5520f203\
         98",
        "05f4068c05ca04886124fee993bc00008401312d02a0cc311d3d1c01e8fd9efaf8c6ec26cbe17cc6bc533946c261c830fb5520f2\
         0398",
        "05f84c07a406e2a005f632b6239c96c83bb16d650b3368b966dcd530f760a816c27591147fde6b9f018401312d02a0cc311d3d1c\
         01e8fd9efaf8c6ec26cbe17cc6bc533946c261c830fb5520f20398",
        "05f84808a007de94bec7f51a4a0b00386fe253d3f1fad31863836197886f05b59d3b2000008401312d02a0cc311d3d1c01e8fd9e\
         faf8c6ec26cbe17cc6bc533946c261c830fb5520f20398",
        "06f874818094f534789b5e78abb727382f3ab32c017b85bb148fa06a2f371d18712cb26c6c3a6888c2a07529e45a0d57dc0f283b\
         a864f87b5d030394e962d81114be8d7a594570d7c14639ba871d0998018401312d03a0bf9e8f79af880f2f79a10dfe425782a8d6\
         5abec6d8c74506cc2ac6b4ff615c6d",
    ];
    let observations = samples::observations();
    for (observation, expected) in observations.iter().zip(expected) {
        assert_eq!(hex::encode(observation.to_bytes()), expected, "{observation:?}");
    }
    assert_eq!(observations.len(), expected.len());
}

#[test]
fn checkpoints() {
    let checkpoint = "f88d03850100000000a0e1e2645cb4f2486a955e1d714476b1e298727bb76fdd96f40829720da60a424ba0a962c0f86b21bd\
        4cad6de1448e82f9d166a392e9abb3b59ddc18b632f4f96d36a06de8d8d0fc68e6226896306936f28cbcddef4d07686874ca71646f918a\
        356ec38181a00c1e970a390b56c724e162229c26336dc88f50517dd9ef4ea8629c20c8d1a9f5";
    assert_eq!(hex::encode(encode(samples::checkpoint())), checkpoint);
    let signature = "afd2575393d9094c6233ebd4cc8f6d1172e2522c6830a22684326cf63a4adea5163bc391364ad41bea163f76f3aba1c00ae43a\
        19fad7c6fc653089022f62d5df1c";
    assert_eq!(
        hex::encode(encode(samples::signed_checkpoint())),
        format!("f8d2{checkpoint}b841{signature}")
    );
    assert_eq!(
        hex::encode(encode(samples::domain())),
        "d882e708945e771e00000000000000000000000000000000a1"
    );
}

#[test]
fn archives_of_exits() {
    let signed = samples::signed_checkpoint();
    let account = samples::purchase().consumer;
    let archive = ExitArchive::new(samples::domain(), signed.checkpoint, &[(account, Amount(0x0102))]);
    let head = [encode(samples::domain()), encode(signed.checkpoint)].concat();
    let mut expected = [
        // The head's length, and the header of its list.
        &hex!("524d504558495431 000000aa f8a8")[..],
        &head,
        &hex!("0000000000000001"),
        account.as_slice(),
        &hex!("00000000000000000000000000000102"),
    ]
    .concat();
    expected.extend(keccak256(&expected));
    let unsigned = [&expected[..], &hex!("c0")].concat();
    assert_eq!(hex::encode(archive.to_bytes()), hex::encode(unsigned));
    expected.extend(hex!("f843 b841"));
    expected.extend(signed.signature);
    let archive = archive.signed(vec![signed.signature]);
    assert_eq!(hex::encode(archive.to_bytes()), hex::encode(expected));
}

#[test]
fn records_and_confirmations() {
    assert_eq!(
        hex::encode(encode(samples::record(1))),
        "f870a07b9412339a4ef6fe141354e142c36cc56045df5a3e704fa74b32dc842c76fc7894a1d82e020e92506ea1292c37372cda5b893a58\
         4702020788ad78ebc5ac620000822710a05476c66dcce2b5a71a389b2b31157a58a534936afd5b3870e3ae7af800db5486846553f1\
         01846b49d201"
    );
    assert_eq!(
        samples::record(1).leaf(),
        b256!("88ee11be9e7a5e04eaed03ca7b344d38cd465d0fe6ba4bec7e4def94b86102ca")
    );
    // Too long to read here; its parts are above.
    assert_eq!(
        keccak256(samples::confirmation(2, 5, 1).to_bytes()),
        b256!("42b7e2f2d5374d4a74cf771a941cf34780de55b8cdac1a13b2a4a0893f3dfec3")
    );
}

#[test]
fn the_consensus_namespace() {
    let set = OperatorSet {
        domain: samples::domain(),
        operators: Vec::new(),
    };
    let expected = [
        b"rampart-consensus-v1".as_slice(),
        &hex!("000000000000e708 5e771e00000000000000000000000000000000a1"),
    ];
    assert_eq!(set.consensus_namespace(), expected.concat());
}
