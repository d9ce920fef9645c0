// Writes ../vectors/contracts-settlement.json: what a checkpoint, an operator set and a withdrawal tree look like to an
// implementation that shares no code with the contract (Solidity) or with the ledger (Rust): viem's EIP-712, secp256k1 and
// keccak, and a tree written out here. test/SettlementVectors.t.sol and the Rust tests read it.
//
//   node script/vectors.mjs           write the file
//   node script/vectors.mjs --check   exit 1 if the committed file differs
//
// The private keys are hashes of public phrases. They are for tests and for nothing else.
import { concat, encodeAbiParameters, hashDomain, hashTypedData, keccak256, toHex } from "viem";
import { privateKeyToAccount } from "viem/accounts";
import { writeOrCheck } from "./vectors-file.mjs";

const domain = {
  name: "Rampart",
  version: "1",
  chainId: 59144,
  verifyingContract: "0x5e771e00000000000000000000000000000000a1",
};
const types = {
  Checkpoint: [
    { name: "epoch", type: "uint64" },
    { name: "height", type: "uint64" },
    { name: "stateRoot", type: "bytes32" },
    { name: "withdrawalsRoot", type: "bytes32" },
    { name: "exitRoot", type: "bytes32" },
    { name: "inboxCount", type: "uint64" },
    { name: "nextOperatorSet", type: "bytes32" },
  ],
};
const domainTypes = [
  { name: "name", type: "string" },
  { name: "version", type: "string" },
  { name: "chainId", type: "uint256" },
  { name: "verifyingContract", type: "address" },
];

const phrase = (text) => keccak256(toHex(`rampart vector ${text}`));

/** Operators in the order of their seats. */
function operatorSet(name, weights) {
  const operators = weights.map((weight, i) => {
    const privateKey = phrase(`${name} operator ${i}`);
    return { privateKey, address: privateKeyToAccount(privateKey).address.toLowerCase(), weight };
  });
  operators.sort((a, b) => (a.address < b.address ? -1 : 1));
  const seats = operators.map(({ address, weight }) => concat([address, toHex(BigInt(weight), { size: 12 })]));
  return { operators, seats, operatorSetHash: keccak256(concat(seats)) };
}

/** A checkpoint with the signatures of the positions given. */
async function signed(set, positions, checkpoint) {
  const digest = hashTypedData({ domain, types, primaryType: "Checkpoint", message: checkpoint });
  const signatures = [];
  for (const i of positions) signatures.push(await privateKeyToAccount(set.operators[i].privateKey).sign({ hash: digest }));
  const signers = positions.reduce((bits, i) => bits | (1n << BigInt(i)), 0n);
  const rootsHash = keccak256(concat([checkpoint.stateRoot, checkpoint.withdrawalsRoot, checkpoint.exitRoot]));
  return { checkpoint, digest, rootsHash, signers: signers.toString(), signatures: concat(signatures) };
}

const pairHash = (a, b) => keccak256(concat(BigInt(a) <= BigInt(b) ? [a, b] : [b, a]));

function withdrawal(index, amount) {
  const recipient = `0x${phrase(`recipient ${index}`).slice(26)}`;
  const parameters = [{ type: "uint64" }, { type: "address" }, { type: "uint128" }];
  const encoded = encodeAbiParameters(parameters, [BigInt(index), recipient, BigInt(amount)]);
  return { index, recipient, amount, leaf: keccak256(keccak256(encoded)) };
}

/** The tree of the first `size` withdrawals: its root and the proof of each. An odd node rises unhashed. */
function tree(withdrawals, size) {
  let level = withdrawals.slice(0, size).map(({ leaf }, i) => ({ hash: leaf, below: [i] }));
  const proofs = level.map(() => []);
  while (level.length > 1) {
    const above = [];
    for (let i = 0; i < level.length; i += 2) {
      const [left, right] = [level[i], level[i + 1]];
      if (right === undefined) {
        above.push(left);
        continue;
      }
      left.below.forEach((leaf) => proofs[leaf].push(right.hash));
      right.below.forEach((leaf) => proofs[leaf].push(left.hash));
      above.push({ hash: pairHash(left.hash, right.hash), below: [...left.below, ...right.below] });
    }
    level = above;
  }
  return { size, root: level[0]?.hash ?? `0x${"00".repeat(32)}`, proofs };
}

async function vectors() {
  const genesis = operatorSet("genesis", ["1", "1", "1", "1"]);
  // The largest weights of the ledger: their sum does not fit 64 bits.
  const largest = ((1n << 64n) - 1n).toString();
  const heavy = operatorSet("heavy", ["1", largest, largest, largest]);

  const amounts = ["1", "1000000000000000000", ((1n << 128n) - 1n).toString()];
  const withdrawals = Array.from({ length: 17 }, (_, i) => withdrawal(i, amounts[i % amounts.length]));
  const trees = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 15, 16, 17].map((size) => tree(withdrawals, size));

  const checkpoints = [
    await signed(genesis, [0, 1, 3], {
      epoch: 0,
      height: 1,
      stateRoot: phrase("state 1"),
      withdrawalsRoot: `0x${"00".repeat(32)}`,
      exitRoot: `0x${"00".repeat(32)}`,
      inboxCount: 0,
      nextOperatorSet: genesis.operatorSetHash,
    }),
    await signed(genesis, [1, 2, 3], {
      epoch: 1,
      height: 4294967296,
      stateRoot: phrase("state 2"),
      withdrawalsRoot: trees.at(-1).root,
      exitRoot: phrase("exit 2"),
      inboxCount: 0,
      nextOperatorSet: heavy.operatorSetHash,
    }),
    await signed(heavy, [0, 1, 2, 3], {
      // The largest that the contract keeps.
      epoch: 2 ** 40 - 1,
      height: Number.MAX_SAFE_INTEGER,
      stateRoot: phrase("state 3"),
      withdrawalsRoot: trees.at(-1).root,
      exitRoot: phrase("exit 3"),
      inboxCount: 0,
      nextOperatorSet: heavy.operatorSetHash,
    }),
  ];
  return {
    description: "Checkpoints accepted one after the other, their operator sets, and withdrawal trees. See contracts/script/vectors.mjs.",
    domain: {
      chainId: domain.chainId,
      settlement: domain.verifyingContract,
      separator: hashDomain({ domain, types: { EIP712Domain: domainTypes } }),
    },
    operatorSets: [genesis, heavy],
    checkpoints: checkpoints.map((checkpoint, i) => ({ operatorSet: [0, 0, 1][i], ...checkpoint })),
    withdrawals,
    trees,
  };
}

writeOrCheck("contracts-settlement.json", await vectors());
