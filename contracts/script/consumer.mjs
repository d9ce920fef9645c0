// Lets the client of rampart-v1.mjs call a sidecar as the sidecar's tests tell it to.
//
// Standard input: {"port", "authority", "seed", "purchase", "confirmation", "created", "calls": [...]}, a call being {"method", "target",
// "body", "nonce", "alg"} or, for a block of numbers and the key of the hmac-sha256 calls behind it, {"from", "to"}.
// Standard output: an array of {"status", "refusal", "used", "body"}, one for each call.
import { Agreement, accessKey, read, send } from "./rampart-v1.mjs";

const { port, authority, seed, calls, ...fixed } = JSON.parse(await read(process.stdin));
const agreement = new Agreement();
const keys = { ed25519: accessKey(seed) };

const call = ({ target, alg, ...rest }) =>
  send({ url: `http://${authority}${target}`, key: keys[alg], connect: { host: "127.0.0.1", port }, ...fixed, ...rest });

async function open({ from, to }) {
  const body = JSON.stringify({ from, key: agreement.public });
  const answer = await call({ method: "POST", target: "/.rampart/blocks", body, nonce: to, alg: "ed25519" });
  if (answer.status === 201) keys["hmac-sha256"] = agreement.macKey(JSON.parse(answer.body).key, fixed.purchase);
  return answer;
}

const answers = [];
for (const each of calls) answers.push(await ("from" in each ? open(each) : call(each)));
console.log(JSON.stringify(answers));
