// Checks ../vectors/eip712.json, which the Rust tests write, with implementations that share nothing with them: viem hashes,
// signs and recovers the typed data as a wallet would and rebuilds each transaction's RLP from its JSON; cast signs the same.
//
//   node script/vectors-eip712.mjs
import { execFileSync } from "node:child_process";
import { createPrivateKey, sign } from "node:crypto";
import path from "node:path";
import { fileURLToPath } from "node:url";
import {
  concat,
  hashDomain,
  hashTypedData,
  keccak256,
  numberToHex,
  recoverTypedDataAddress,
  stringToHex,
  toRlp,
} from "viem";
import { privateKeyToAccount } from "viem/accounts";
import { readVectors } from "./vectors-file.mjs";

const cast = path.join(
  path.dirname(fileURLToPath(import.meta.url)),
  "../node_modules/@foundry-rs/cast-linux-amd64/bin/cast",
);

function equal(actual, expected, what) {
  if (actual !== expected) throw new Error(`${what}: ${actual}, the vector says ${expected}`);
}

/** Type bytes of the canonical encoding (crates/protocol/src/message.rs). */
const typeBytes = [
  "RegisterProvider",
  "UpdateProvider",
  "AddStake",
  "RegisterService",
  "UpdateService",
  "Purchase",
  "ReportUsage",
  "Claim",
  "Withdraw",
  "Transfer",
  "Unbond",
  "ReleaseStake",
  "SetAutoStake",
  "RotateAccessKey",
  "Review",
  "Challenge",
  "CommitVerdict",
  "RevealVerdict",
  "ReportAvailability",
  "ClaimRewards",
  "ClaimRefund",
  "Reinstate",
  "DelegatePurchaser",
  "RevokePurchaser",
];

/** The RLP item of a field of typed data: integers without leading zeros, structs as lists, everything else its bytes. */
function rlpItem(types, type, value) {
  if (type.endsWith("[]")) return value.map((one) => rlpItem(types, type.slice(0, -2), one));
  if (types[type] !== undefined) return rlpStruct(types, type, value);
  if (type === "bool") return value ? "0x01" : "0x";
  if (type.startsWith("uint")) return BigInt(value) === 0n ? "0x" : numberToHex(BigInt(value)).replace(/^0x(.(..)*)$/, "0x0$1");
  return type === "string" ? stringToHex(value) : value;
}

function rlpStruct(types, struct, value) {
  return types[struct].map(({ name, type }) => rlpItem(types, type, value[name]));
}

function rlpOf({ types, primaryType, message }) {
  return rlpStruct(types, primaryType, message);
}

/** The typed data's message, from the JSON that nodes take: the two must say the same. */
function sameAsJson({ types, primaryType, message }, json, categories, what) {
  for (const { name, type } of types[primaryType]) {
    const value = name === "category" ? categories.indexOf(json[name]) : json[name];
    const typed = message[name];
    if (type.endsWith("[]")) {
      equal(typed.length, value.length, `${what}.${name}: how many`);
      const struct = type.slice(0, -2);
      typed.forEach((one, i) => {
        const element = { types, primaryType: struct, message: one };
        sameAsJson(element, value[i], categories, `${what}.${name}[${i}]`);
      });
      continue;
    }
    // JSON has ids and nonces as numbers: this language reads those above 2^53 rounded.
    const rounded = typeof value === "number" && !Number.isSafeInteger(value);
    equal(rounded ? Number(typed) : String(typed), rounded ? value : String(value), `${what}.${name} in JSON`);
  }
  equal(Object.keys(json).length, Object.keys(message).length, `${what}: fields in JSON`);
}

async function checkSignature(vector, account, what) {
  const { typedData, digest, signature, signer } = vector;
  equal(hashTypedData(typedData), digest, `${what}: digest by viem`);
  equal((await recoverTypedDataAddress({ ...typedData, signature })).toLowerCase(), signer, `${what}: signer by viem`);
  equal(signer, account.address, `${what}: signer`);
  equal(await privateKeyToAccount(account.privateKey).signTypedData(typedData), signature, `${what}: signature by viem`);
  const args = ["wallet", "sign", "--private-key", account.privateKey, "--data", JSON.stringify(typedData)];
  equal(execFileSync(cast, args, { encoding: "utf8" }).trim(), signature, `${what}: signature by cast`);
}

const vectors = readVectors("eip712.json");
const categories = ["general", "proactive-measures", "transaction-security", "incident-response", "user-protection"];
const { typedData: first } = vectors.transactions[0];
equal(hashDomain({ domain: first.domain, types: first.types }), vectors.domainSeparator, "domain separator");
equal(first.domain.verifyingContract, vectors.domain.settlement, "settlement");
equal(first.domain.chainId, vectors.domain.chainId, "chain id");
for (const name of ["account", "operator"]) {
  const { privateKey, address } = vectors[name];
  equal(privateKeyToAccount(privateKey).address.toLowerCase(), address, name);
}

for (const vector of vectors.transactions) {
  const { name, typedData, transaction } = vector;
  equal(typedData.primaryType, name, "primary type");
  await checkSignature(vector, vectors.account, name);
  equal(transaction.json.type, name, `${name}: type in JSON`);
  sameAsJson(typedData, transaction.json.message, categories, name);
  const typeByte = numberToHex(1 + typeBytes.indexOf(name), { size: 1 });
  const message = concat([typeByte, toRlp(rlpOf(typedData))]);
  const encoded = toRlp([message, transaction.json.signature]);
  equal(encoded, transaction.encoded, `${name}: encoding`);
  equal(keccak256(encoded), transaction.hash, `${name}: hash`);
}
equal(vectors.transactions.map(({ name }) => name).join(), typeBytes.join(), "a vector for every message");

// A delegated purchaser's signature, made anew by node's own Ed25519 (deterministic, RFC 8032): key, R and s in a row.
const pkcs8 = Buffer.from("302e020100300506032b657004220420" + vectors.purchaser.privateKey.slice(2), "hex");
const purchaserKey = createPrivateKey({ key: pkcs8, format: "der", type: "pkcs8" });
for (const { name, typedData, digest, signature, transaction } of vectors.delegated) {
  equal(hashTypedData(typedData), digest, `delegated ${name}: digest by viem`);
  const ours = concat([vectors.purchaser.publicKey, `0x${sign(null, Buffer.from(digest.slice(2), "hex"), purchaserKey).toString("hex")}`]);
  equal(ours, signature, `delegated ${name}: signature by node`);
  equal(transaction.json.signature, signature, `delegated ${name}: signature in JSON`);
  const message = concat([numberToHex(1 + typeBytes.indexOf(name), { size: 1 }), toRlp(rlpOf(typedData))]);
  equal(toRlp([message, signature]), transaction.encoded, `delegated ${name}: encoding`);
  equal(keccak256(transaction.encoded), transaction.hash, `delegated ${name}: hash`);
}

for (const vector of vectors.checkpoints) {
  await checkSignature(vector, vectors.operator, "Checkpoint");
  sameAsJson(vector.typedData, vector.json.checkpoint, categories, "Checkpoint");
  equal(toRlp([rlpOf(vector.typedData), vector.json.signature]), vector.encoded, "Checkpoint: encoding");
}
console.log(`vectors/eip712.json: ${vectors.transactions.length + vectors.delegated.length + vectors.checkpoints.length} vectors agree with viem and cast`);
