// One call on a purchase that `rampart consumer buy` made, for docs/provide.md:
//
//   node contracts/script/call.mjs PURCHASE.json NUMBER METHOD URL [BODY]
//
// The answer's body goes to standard output, its status and what is used to standard error; exit code 1 unless it was served.
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { accessKey, send } from "./rampart-v1.mjs";

const [file, nonce, method, url, body] = process.argv.slice(2);
const { record, confirmation, accessKeyFile } = JSON.parse(readFileSync(file, "utf8"));
const answer = await send({
  url,
  method,
  body,
  nonce,
  purchase: record.id,
  key: accessKey(readFileSync(join(dirname(file), accessKeyFile), "utf8")),
  confirmation: Buffer.from(confirmation.slice(2), "hex").toString("base64"),
});
console.error(`${answer.status} ${answer.refusal ?? ""} ${answer.used ?? ""}`);
console.log(answer.body);
process.exitCode = answer.status < 400 ? 0 : 1;
