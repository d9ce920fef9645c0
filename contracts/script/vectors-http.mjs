// Writes ../vectors/http-signatures.json: requests signed in the rampart-v1 profile of RFC 9421 by an implementation that
// shares nothing with ours (npm http-message-signatures), requests that it signs otherwise and that the profile must refuse,
// and what RFC 9421 and RFC 9530 themselves give as examples, reproduced by that implementation first.
//
//   node script/vectors-http.mjs           write the file
//   node script/vectors-http.mjs --check   exit 1 if the committed file differs
//
// The keys are the RFC's and a hash of a public phrase: for tests and for nothing else.
import { createHash, createPrivateKey, createPublicKey } from "node:crypto";
import { createSigner, createVerifier, httpbis } from "http-message-signatures";
import { keccak256, toHex } from "viem";
import { writeOrCheck } from "./vectors-file.mjs";

const sha256 = (bytes) => createHash("sha256").update(bytes).digest("base64");

function demand(condition, what) {
  if (!condition) throw new Error(`does not hold: ${what}`);
}

/** An Ed25519 key pair of a 32-byte seed (RFC 8410). */
function keyPair(seed) {
  const der = Buffer.concat([Buffer.from("302e020100300506032b657004220420", "hex"), seed]);
  const privateKey = createPrivateKey({ key: der, format: "der", type: "pkcs8" });
  const publicKey = createPublicKey(privateKey);
  return { seed: toHex(seed), privateKey, publicKey, raw: toHex(publicKey.export({ format: "der", type: "spki" }).subarray(-32)) };
}

/** Signs a request and returns its fields and the base that was signed. */
async function sign(pair, request, { name, fields, params, paramValues }) {
  const signer = createSigner(pair.privateKey, "ed25519", paramValues.keyid);
  let base;
  const key = {
    ...signer,
    sign: (data) => {
      base = data.toString("utf8");
      return signer.sign(data);
    },
  };
  const signed = await httpbis.signMessage({ key, name, fields, params, paramValues }, request);
  // The example's times are long past or far ahead: only the signature is judged.
  const verified = await httpbis.verifyMessage(
    { keyLookup: async () => ({ verify: createVerifier(pair.publicKey, "ed25519") }), tolerance: 1e13 },
    signed,
  );
  demand(verified === true, `${name} verifies where it was signed`);
  return { base, signatureInput: signed.headers["Signature-Input"], signature: signed.headers.Signature };
}

// ---- RFC 9421, appendix B.1.4 and B.2.6 ----
async function rfc9421() {
  const pair = keyPair(Buffer.from("n4Ni+HpISpVObnQMW0wOhCKROaIKqKtW/2ZYb2p9KcU=", "base64"));
  demand(
    pair.publicKey.export({ format: "der", type: "spki" }).toString("base64") ===
      "MCowBQYDK2VwAyEAJrQLj5P/89iXES9+vFgrIy29clF9CC/oPPsw3c5D0bs=",
    "the key pair of B.1.4",
  );
  const request = {
    method: "POST",
    url: "https://example.com/foo?param=Value&Pet=dog",
    headers: {
      Host: "example.com",
      Date: "Tue, 20 Apr 2021 02:07:55 GMT",
      "Content-Type": "application/json",
      "Content-Length": "18",
    },
  };
  const signed = await sign(pair, request, {
    name: "sig-b26",
    fields: ["date", "@method", "@path", "@authority", "content-type", "content-length"],
    params: ["created", "keyid"],
    paramValues: { created: new Date(1618884473 * 1000), keyid: "test-key-ed25519" },
  });
  demand(
    signed.signature ===
      "sig-b26=:wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw==:",
    "the signature of B.2.6",
  );
  return { source: "RFC 9421, B.1.4 and B.2.6", seed: pair.seed, publicKey: pair.raw, ...signed };
}

// ---- Content-Digest: RFC 9530, appendix B; RFC 9421, B.2 has the body without a line feed ----
function contentDigests() {
  const examples = [
    ["RFC 9530, B.1", '{"hello": "world"}\n', "RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg="],
    ["RFC 9530, B.2", "", "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="],
    ["the body of RFC 9421, B.2", '{"hello": "world"}', "X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE="],
  ];
  return examples.map(([source, body, digest]) => {
    demand(sha256(body) === digest, source);
    return { source, body, contentDigest: `sha-256=:${digest}:` };
  });
}

// ---- The profile ----
const fields = ["@method", "@authority", "@path", "@query"];
const params = ["created", "expires", "keyid", "nonce", "alg", "tag"];

const transaction =
  '{"chainId":"0x7a69","transaction":{"from":"0x00000000000000000000000000000000000000a1",' +
  '"to":"0x00000000000000000000000000000000000000b2","value":"0x0","data":"0x","gas":"0x5208"}}';

const cases = [
  { name: "get without a query", method: "GET", url: "https://screen.example/", created: 1618884473, sequence: "1" },
  { name: "get with a query", method: "GET", url: "https://screen.example/v1/list?after=7&limit=20", created: 1618884473, sequence: "2" },
  { name: "query mark without a query", method: "GET", url: "https://screen.example/v1/health?", created: 1618884473, sequence: "3" },
  { name: "escapes in path and query", method: "DELETE", url: "https://screen.example/a%20b/%C3%A9?q=%26%22&q=", created: 1, sequence: "4" },
  { name: "own port", method: "GET", url: "http://127.0.0.1:8480/v1/health", created: 1792108800, sequence: "5" },
  { name: "default port and upper case host", method: "GET", url: "https://Screen.EXAMPLE:443/v1/health", created: 1792108800, sequence: "6" },
  { name: "post with a body", method: "POST", url: "https://screen.example/v1/screen", body: transaction, created: 1792108800, sequence: "7" },
  { name: "post with a body and a query", method: "POST", url: "https://screen.example/v1/screen?dry=1", body: "x", created: 1792108800, sequence: "4096" },
  { name: "put of text that is not ASCII", method: "PUT", url: "https://screen.example/notes/1", body: "Grüße: ☂\n", created: 1792108800, sequence: "10" },
  { name: "largest numbers", method: "GET", url: "https://screen.example/", created: 8640000000000 - 60, sequence: "18446744073709551615" },
];

function toRequest({ method, url, body }) {
  const headers = body === undefined ? {} : { "Content-Digest": `sha-256=:${sha256(body)}:` };
  return { method, url, headers };
}

function inProfile(purchase, { body, created, sequence }) {
  const times = { created: new Date(created * 1000), expires: new Date((created + 60) * 1000) };
  return {
    name: "rampart",
    fields: body === undefined ? fields : [...fields, "content-digest"],
    params,
    paramValues: { ...times, keyid: purchase, nonce: sequence, alg: "ed25519", tag: "rampart-v1" },
  };
}

async function accepted(pair, example) {
  const purchase = keccak256(toHex(`rampart vector purchase ${example.name}`));
  const request = toRequest(example);
  const url = new URL(example.url);
  return {
    name: example.name,
    method: example.method,
    authority: url.host,
    path: url.pathname,
    query: url.search.replace(/^\?/, ""),
    ...(example.body === undefined ? {} : { body: example.body, contentDigest: request.headers["Content-Digest"] }),
    created: example.created,
    expires: example.created + 60,
    purchase,
    sequence: example.sequence,
    ...(await sign(pair, request, inProfile(purchase, example))),
  };
}

/** Sound signatures of RFC 9421 that are not in the profile. */
async function refused(pair) {
  const example = cases[6];
  const purchase = keccak256(toHex("rampart vector purchase refused"));
  const config = inProfile(purchase, example);
  const value = (changes) => ({ ...config, paramValues: { ...config.paramValues, ...changes } });
  const variants = [
    ["another label", { ...config, name: "sig1" }],
    ["parameters in another order", { ...config, params: ["keyid", "alg", "created", "expires", "nonce", "tag"] }],
    ["no nonce", { ...config, params: params.filter((param) => param !== "nonce") }],
    ["no expires", { ...config, params: params.filter((param) => param !== "expires") }],
    ["no tag", { ...config, params: params.filter((param) => param !== "tag") }],
    ["another tag", value({ tag: "rampart-v2" })],
    ["another algorithm", value({ alg: "rsa-v1_5-sha256" })],
    ["keyid in upper case", value({ keyid: `0x${purchase.slice(2).toUpperCase()}` })],
    ["keyid without 0x", value({ keyid: purchase.slice(2) })],
    ["nonce with a leading zero", value({ nonce: "07" })],
    ["nonce zero", value({ nonce: "0" })],
    ["nonce as an integer", value({ nonce: 7 })],
    ["nonce above 64 bits", value({ nonce: "18446744073709551616" })],
    ["components in another order", { ...config, fields: ["@authority", "@method", "@path", "@query", "content-digest"] }],
    ["a component more", { ...config, fields: [...fields, "content-digest", "@scheme"] }],
    ["a component less", { ...config, fields: ["@method", "@authority", "@path", "content-digest"] }],
    ["the target as one component", { ...config, fields: ["@method", "@target-uri", "content-digest"] }],
  ];
  const signed = [];
  for (const [name, variant] of variants) {
    const { signatureInput } = await sign(pair, toRequest(example), variant);
    signed.push({ name, signatureInput });
  }
  return signed;
}

const pair = keyPair(Buffer.from(keccak256(toHex("rampart vector access key")).slice(2), "hex"));
const requests = [];
for (const example of cases) requests.push(await accepted(pair, example));
writeOrCheck("http-signatures.json", {
  description: "RFC 9421 signatures made by npm http-message-signatures, in and out of the rampart-v1 profile. See contracts/script/vectors-http.mjs.",
  rfc9421: await rfc9421(),
  contentDigests: contentDigests(),
  key: { seed: pair.seed, publicKey: pair.raw },
  requests,
  refused: await refused(pair),
});
