// A client of a sidecar that shares nothing with ours: npm http-message-signatures signs (RFC 9421), Node's own cryptography agrees
// on keys, Node's own HTTP sends. What it must produce is in crates/sidecar/README.md, "Two ways to sign".
import { createHash, createPrivateKey, createPublicKey, diffieHellman, generateKeyPairSync, hkdfSync } from "node:crypto";
import http from "node:http";
import { createSigner, httpbis } from "http-message-signatures";

const hex = (text) => Buffer.from(text.replace(/^0x/, ""), "hex");
// The DER of an Ed25519 private key and of an X25519 public key, up to their 32 bytes (RFC 8410).
const ED25519_PRIVATE = hex("302e020100300506032b657004220420");
const X25519_PUBLIC = hex("302a300506032b656e032100");
const raw = (key) => key.export({ format: "der", type: "spki" }).subarray(-32);

export async function read(stream) {
  const chunks = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks).toString("utf8");
}

/** Signs by `ed25519` with the access key of this seed, in hexadecimal. */
export function accessKey(seed) {
  const der = Buffer.concat([ED25519_PRIVATE, hex(seed.trim())]);
  return { alg: "ed25519", ...createSigner(createPrivateKey({ key: der, format: "der", type: "pkcs8" }), "ed25519") };
}

/** One side of the agreement on a key for `hmac-sha256`. */
export class Agreement {
  #pair = generateKeyPairSync("x25519");

  get public() {
    return `0x${raw(this.#pair.publicKey).toString("hex")}`;
  }

  /** Signs by `hmac-sha256` under the key agreed with a sidecar for a purchase. */
  macKey(sidecars, purchase) {
    const theirs = createPublicKey({ key: Buffer.concat([X25519_PUBLIC, hex(sidecars)]), format: "der", type: "spki" });
    const shared = diffieHellman({ privateKey: this.#pair.privateKey, publicKey: theirs });
    const info = Buffer.concat([Buffer.from("rampart-v1 hmac-sha256"), hex(purchase), hex(this.public), hex(sidecars)]);
    const key = Buffer.from(hkdfSync("sha256", shared, Buffer.alloc(0), info, 32));
    return { alg: "hmac-sha256", ...createSigner(key, "hmac-sha256") };
  }
}

/**
 * Sends a request under a purchase's number `nonce`. `connect` says where to, if not to the URL's host. `confirmation` is needed until
 * the sidecar knows the purchase, in base64.
 */
export async function send({ url, method, body, key, purchase, nonce, confirmation, created = Math.floor(Date.now() / 1000), connect = {} }) {
  const headers = confirmation === undefined ? {} : { "Rampart-Confirmation": `:${confirmation}:` };
  const fields = ["@method", "@authority", "@path", "@query"];
  if (body !== undefined) {
    headers["Content-Digest"] = `sha-256=:${createHash("sha256").update(body).digest("base64")}:`;
    headers["Content-Length"] = String(Buffer.byteLength(body));
    fields.push("content-digest");
  }
  const params = ["created", "expires", "keyid", "nonce", "alg", "tag"];
  const times = { created: new Date(created * 1000), expires: new Date((created + 60) * 1000) };
  const paramValues = { ...times, keyid: purchase, nonce: String(nonce), alg: key.alg, tag: "rampart-v1" };
  const signed = await httpbis.signMessage({ key, name: "rampart", fields, params, paramValues }, { method, url, headers });
  const { host, hostname, port, pathname, search } = new URL(url);
  return new Promise((resolve, reject) => {
    const options = { host: hostname, port, ...connect, method, path: `${pathname}${search}` };
    const request = http.request({ ...options, headers: { ...signed.headers, Host: host } }, async (response) => {
      const { "rampart-refusal": refusal = null, "rampart-used": used = null } = response.headers;
      resolve({ status: response.statusCode, refusal, used, body: await read(response) });
    });
    request.on("error", reject);
    request.end(body);
  });
}
