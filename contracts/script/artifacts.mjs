// Writes artifacts/<Contract>.json, which the Rust workspace and the web app read, so that neither needs a Solidity
// compiler: ABI, creation and runtime bytecode, storage layout; nothing that depends on the machine or on what else was
// compiled along.
//
//   node script/artifacts.mjs           compile (cached) and write them
//   node script/artifacts.mjs --check   compile from nothing, compare with the committed ones, exit 1 if they differ
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const forge = path.join(root, "node_modules/@foundry-rs/forge-linux-amd64/bin/forge");
const contracts = [
  "CoreV13Adapter",
  "CoreV19Adapter",
  "DevToken",
  "GovernanceToken",
  "LeanMarket",
  "Outbox",
  "RampartGovernor",
  "RestakingVault",
  "ServiceManager",
  "Settlement",
  "TimelockController",
  "UtilityToken",
];

/** Compiles src/ and returns the folder with forge's own artifacts. */
function build(out, fresh) {
  const cache = fresh ? path.join(out, "cache") : path.join(root, "cache", "artifacts");
  const args = ["build", "--skip", "./test/**", "--out", out, "--cache-path", cache];
  const env = { ...process.env, ...(fresh ? { RAMPART_SOLC_CACHE: "off" } : {}) };
  if (!existsSync(forge)) throw new Error("forge is not installed: run `npm ci --ignore-scripts` in contracts/ (Linux x86-64)");
  const run = spawnSync(forge, fresh ? [...args, "--force"] : args, { cwd: root, env, stdio: ["ignore", 2, 2] });
  if (run.error) throw run.error;
  if (run.status !== 0) throw new Error("the contracts do not compile, see above");
}

/** Keys in alphabetical order at every level, lists as they are. */
function ordered(value) {
  if (Array.isArray(value)) return value.map(ordered);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.keys(value).sort().map((key) => [key, ordered(value[key])]));
}

/** Drops the compiler's syntax-tree numbers: they change when another file joins the compilation. */
function storageLayout(layout) {
  const named = (type) => type.replaceAll(/\)\d+(?=_storage|[,)]|$)/g, ")");
  const member = ({ label, slot, offset, type }) => ({ label, slot, offset, type: named(type) });
  const types = Object.entries(layout.types ?? {}).map(([id, type]) => {
    const { members, base, key, value, ...rest } = type;
    const references = Object.entries({ base, key, value }).filter(([, id]) => id !== undefined);
    return [
      named(id),
      {
        ...rest,
        ...Object.fromEntries(references.map(([name, id]) => [name, named(id)])),
        ...(members ? { members: members.map(member) } : {}),
      },
    ];
  });
  return { storage: layout.storage.map(member), types: Object.fromEntries(types) };
}

function trimmed(out, name) {
  const full = JSON.parse(readFileSync(path.join(out, `${name}.sol`, `${name}.json`), "utf8"));
  for (const code of [full.bytecode, full.deployedBytecode]) {
    if (Object.keys(code.linkReferences ?? {}).length > 0) throw new Error(`${name} needs linking, which no reader does`);
  }
  const artifact = {
    contractName: name,
    abi: full.abi,
    bytecode: full.bytecode.object,
    deployedBytecode: full.deployedBytecode.object,
    storageLayout: storageLayout(full.storageLayout),
  };
  return `${JSON.stringify(ordered(artifact), null, 2)}\n`;
}

function write() {
  const out = path.join(root, "out");
  build(out, false);
  mkdirSync(path.join(root, "artifacts"), { recursive: true });
  for (const name of contracts) {
    writeFileSync(path.join(root, "artifacts", `${name}.json`), trimmed(out, name));
    console.log(`artifacts/${name}.json`);
  }
}

function check() {
  const out = mkdtempSync(path.join(os.tmpdir(), "rampart-artifacts-"));
  try {
    build(out, true);
    const stale = contracts.filter((name) => {
      const file = path.join(root, "artifacts", `${name}.json`);
      return !existsSync(file) || readFileSync(file, "utf8") !== trimmed(out, name);
    });
    if (stale.length > 0) {
      console.error(`Not what the sources compile to: ${stale.map((name) => `contracts/artifacts/${name}.json`).join(", ")}.`);
      console.error("Run `npm run artifacts` in contracts/ and commit the result.");
      process.exitCode = 1;
    } else {
      console.log(`${contracts.length} artifacts are what the sources compile to`);
    }
  } finally {
    rmSync(out, { recursive: true, force: true });
  }
}

const args = process.argv.slice(2);
if (args.length > 1 || (args.length === 1 && args[0] !== "--check")) {
  console.error("usage: node script/artifacts.mjs [--check]");
  process.exit(2);
}
try {
  args.length === 0 ? write() : check();
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
}
