// Checks ../vectors/eip712.json, which the Rust tests write, with implementations that share nothing with them: viem hashes,
// signs and recovers the typed data as a wallet would and rebuilds each transaction's RLP from its JSON; cast signs the same.
//
//   node script/vectors-eip712.mjs
import { execFileSync } from "node:child_process";
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
];

/** The RLP item of a field of typed data: integers without leading zeros, everything else its bytes. */
function rlpItem(type, value) {
  if (type === "bool") return value ? "0x01" : "0x";
  if (type.startsWith("uint")) return BigInt(value) === 0n ? "0x" : numberToHex(BigInt(value)).replace(/^0x(.(..)*)$/, "0x0$1");
  return type === "string" ? stringToHex(value) : value;
}

function rlpOf({ types, primaryType, message }) {
  return types[primaryType].map(({ name, type }) => rlpItem(type, message[name]));
}

/** The typed data's message, from the JSON that nodes take: the two must say the same. */
function sameAsJson(typedData, json, categories, what) {
  for (const { name } of typedData.types[typedData.primaryType]) {
    const value = name === "category" ? categories.indexOf(json[name]) : json[name];
    const typed = typedData.message[name];
    // JSON has ids and nonces as numbers: this language reads those above 2^53 rounded.
    const rounded = typeof value === "number" && !Number.isSafeInteger(value);
    equal(rounded ? Number(typed) : String(typed), rounded ? value : String(value), `${what}.${name} in JSON`);
  }
  equal(Object.keys(json).length, Object.keys(typedData.message).length, `${what}: fields in JSON`);
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

for (const vector of vectors.checkpoints) {
  await checkSignature(vector, vectors.operator, "Checkpoint");
  sameAsJson(vector.typedData, vector.json.checkpoint, categories, "Checkpoint");
  equal(toRlp([rlpOf(vector.typedData), vector.json.signature]), vector.encoded, "Checkpoint: encoding");
}
console.log(`vectors/eip712.json: ${vectors.transactions.length + vectors.checkpoints.length} vectors agree with viem and cast`);
