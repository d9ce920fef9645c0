// How a script writes a file of ../vectors, or checks that the committed one is what it would write.
//
//   node script/NAME.mjs           write the file
//   node script/NAME.mjs --check   exit 1 if the committed file differs
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

const folder = path.join(path.dirname(fileURLToPath(import.meta.url)), "..", "..", "vectors");

/** The parsed content of a vectors file. */
export function readVectors(name) {
  return JSON.parse(readFileSync(path.join(folder, name), "utf8"));
}

/** Writes `value` to the file, or compares with it, as the command line asks. */
export function writeOrCheck(name, value) {
  const target = path.join(folder, name);
  const text = `${JSON.stringify(value, null, 2)}\n`;
  const args = process.argv.slice(2);
  if (args.length === 0) {
    writeFileSync(target, text);
    console.log(`vectors/${name}`);
  } else if (args.length === 1 && args[0] === "--check") {
    if (!existsSync(target) || readFileSync(target, "utf8") !== text) {
      console.error(`vectors/${name} is not what its script writes.`);
      process.exitCode = 1;
    } else {
      console.log(`vectors/${name} is what its script writes`);
    }
  } else {
    console.error(`usage: node ${path.relative(process.cwd(), process.argv[1])} [--check]`);
    process.exitCode = 2;
  }
}
