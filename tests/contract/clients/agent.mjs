#!/usr/bin/env node
// A complete agent in one file, for Node 20.11 and newer, without packages. It does what the
// page OTHER_LANGUAGES.md says; "step 7" is a section there. Three parts: what an agent computes,
// what it decides (from a state to the next one, without side effects), and what it does. Beside
// it, vectors.mjs checks the first two against the test vectors.
//
// Left out: a second device key (DPoP-Previous-Key). Node itself takes NODE_EXTRA_CA_CERTS for a
// private CA and, from version 24 on, HTTPS_PROXY with NODE_USE_ENV_PROXY=1.
import * as crypto from "node:crypto";
import * as fs from "node:fs";
import * as http from "node:http";
import * as https from "node:https";
import * as net from "node:net";
import * as os from "node:os";
import { text } from "node:stream/consumers";
import { isDeepStrictEqual } from "node:util";

const HELP = `agent run             work until killed, with one line of JSON for each step
agent step            take one step now: a login where it is due, else a validation
agent vectors FOLDER  check this program against the test vectors
LICENSING_URL, LICENSING_ISSUER  the service, and the issuer of its leases
AGENT_FOLDER          for this agent's files; known_shared.json can be put there, too
ID_TOKEN              the token of a person, when a login is due
AGENT_MACHINE         the machine as JSON, if not as the system tells it
AGENT_ENVIRONMENT     production, if not set
AGENT_CLOCK_AHEAD     for tests: seconds that are added to the machine's clock`;

// ---- What an agent computes --------------------------------------------------------------------

const b64url = (data) => Buffer.from(data).toString("base64url");
const sha256 = (data) => crypto.createHash("sha256").update(data).digest("base64url");
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);

function attempt(work) {
  try {
    return work();
  } catch {
    return null;
  }
}

/** JSON.parse does not tell 1.9e9 from 1900000000: makes texts of such numbers. */
const withoutFractions = (json) =>
  json.replace(/("(?:[^"\\]|\\.)*")|-?\d+[.eE][\d.eE+-]+/g, (part, text) => text ?? `"${part}"`);

/** JSON.parse takes the last of two members with one name, and another reader the first. */
function parse(text) {
  const [value, open] = [JSON.parse(text), []];
  for (const [token, colon] of text.matchAll(/"(?:[^"\\]|\\.)*"(\s*:)?|[{}]/g)) {
    if (token === "{") open.push(new Set());
    if (token === "}") open.pop();
    if (!colon) continue;
    const [names, name] = [open.at(-1), JSON.parse(token.slice(0, -colon.length))];
    if (names.has(name)) throw new SyntaxError("a name occurs twice");
    names.add(name);
  }
  return value;
}

// Step 2: the machine. What is sent is digested as it is; the rest is for a comparison in step 10.
const escaped = (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
const canonical = ({ computer_name = null, mac_addresses = [], machine_id = null }) =>
  JSON.stringify({ computer_name, mac_addresses, machine_id }).replace(/[^\0-\x7e]/g, escaped);
const thumbprintOf = (machine) => sha256(canonical(machine));

const nfkc = (text) => (text ?? "").normalize("NFKC");
// JavaScript has no case folding. This differs from it for Cherokee and the dotless i only.
const foldCase = (letter) => letter.toLowerCase().toUpperCase().toLowerCase();
const fold = (text) => nfkc([...nfkc(text)].map(foldCase).join(""));
const lettersAndDigits = (text) => text.replace(/[^\p{L}\p{N}]/gu, "");
const idOf = (raw) => lettersAndDigits(fold(raw));
const macOf = (raw) => fold(raw).replace(/[\s:.-]/g, "");
const bytesOf = (uuid) => [...Buffer.from(uuid, "hex")].sort((a, b) => a - b);
const isUuid = (id) => /^[0-9a-f]{32}$/.test(id);
const inAnyOrder = (id) => (isUuid(id) ? bytesOf(id).join() : id);
const nameOf = (raw) => {
  const name = fold(raw)
    .trim()
    .replace(/[\s.]+$/, "");
  return /^\d+(\.\d+){3}$/.test(name) ? name : name.split(".")[0].trim();
};
const firstByte = (mac) => parseInt(mac.slice(0, 2), 16);
const isLocal = (mac) => (firstByte(mac) & 2) !== 0; // locally administered

/** The list of what unrelated computers share, such that it can be searched. */
function searchable({ addresses = [], given_by_software = [], ids = [], names = [] }) {
  const patterns = (list) => list.map(({ value }) => new RegExp(macOf(value).replaceAll("?", ".")));
  return {
    addresses: patterns(addresses),
    software: patterns(given_by_software),
    ids: new Set(ids.map(({ value }) => inAnyOrder(idOf(value)))),
    names: new Set(names.map(({ value }) => fold(value))),
  };
}

/** Whether all steps from a character to the next one are `isStep`, but for one of each five. */
const isRow = (text, isStep) =>
  [...text].filter((c, i) => i > 0 && !isStep(text[i - 1], c)).length <= (text.length - 2) / 5;

function counts(text) {
  const base = /^\d+$/.test(text) ? 10 : /^[0-9a-f]+$/.test(text) ? 16 : 36;
  const isNext = (a, b) => (parseInt(a, 36) + 1) % base === parseInt(b, 36);
  return /^[0-9a-z]+$/.test(text) && (isRow(text, isNext) || isRow(text, (a, b) => isNext(b, a)));
}

function isMadeUp(text) {
  const [odd, even] = [1, 0].map((at) => [...text].filter((_, i) => i % 2 === at).join(""));
  const isUniform = (t) => t.length >= 4 && (isRow(t, (a, b) => a === b) || counts(t));
  const longest = Math.min(text.length / 3, text.length - 6, 8);
  const periods = [2, 3, 4, 5, 6, 7, 8].filter((period) => period <= longest);
  return (
    new Set(text).size === 1 ||
    periods.some((period) => text.slice(period) === text.slice(0, -period)) ||
    isUniform(text) ||
    (odd === even && isUniform(odd)) || // 1122334455
    (/^(0[0-9a-f]){4,}$/.test(text) && isUniform(odd)) || // 010203040506
    (/^\D*\d{6,}$/.test(text) && counts(text.replace(/\D/g, ""))) // SN1234567890
  );
}

function isMadeUpUuid(id) {
  const bytes = isUuid(id) ? bytesOf(id) : [];
  const step = bytes[1] - bytes[0];
  const isCounted = step > 0 && bytes.every((byte, i) => byte === bytes[0] + i * step);
  return isCounted || bytes.slice(0, 5).some((byte, i) => byte === bytes[i + 11]); // 12 of 16
}

/** What of a machine counts. */
function normalised(machine, known) {
  const id = idOf(machine.machine_id);
  const isShared = !id || known.ids.has(inAnyOrder(id)) || isMadeUp(id) || isMadeUpUuid(id);
  const isListed = (mac, list) => list.some((pattern) => pattern.test(mac));
  const origin = (mac) => (isLocal(mac) ? 2 : isListed(mac, known.software) ? 1 : 0);
  const macs = [...new Set((machine.mac_addresses ?? []).map(macOf))]
    .sort()
    .filter((mac) => /^[0-9a-f]{12}$/.test(mac) && !(firstByte(mac) & 1))
    .filter((mac) => !isListed(mac, known.addresses) && !isMadeUp(mac))
    .sort((a, b) => origin(a) - origin(b))
    .slice(0, isShared ? 4 : 8)
    .sort();
  const computer_name = nameOf(machine.computer_name) || null;
  return { machine_id: isShared ? null : id, mac_addresses: macs, computer_name };
}

/** Step 10: whether two of the three components are the same. */
function isSameMachine(one, other, known) {
  const [a, b] = [normalised(one, known), normalised(other, known)];
  const name = a.computer_name === b.computer_name ? a.computer_name : null;
  const isDefault =
    name !== null &&
    (known.names.has(name) ||
      known.names.has(name.replace(/[-_. 0-9]+$/, "")) ||
      /^(ip)?[-.]?\d+([-.]\d+){3}$|:.*:/.test(name));
  const macs = a.mac_addresses.filter((mac) => b.mac_addresses.includes(mac));
  const isId = a.machine_id !== null && a.machine_id === b.machine_id;
  const isNamed = name !== null && macs.some((mac) => !isDefault || !isLocal(mac));
  return isId ? macs.length > 0 || name !== null : isNamed;
}

/** Step 5: the id of the license that a key is of, as people type and paste it; or null. */
function licenseOf(typed) {
  const alphabet = "0123456789abcdefghjkmnpqrstvwxyz";
  const text = lettersAndDigits(
    nfkc(typed)
      .toLowerCase()
      .replace(/^.*[:=]/s, ""),
  );
  const digits = [...text.replace(/o/g, "0").replace(/[il]/g, "1")].map((c) => alphabet.indexOf(c));
  const number = digits.reduce((sum, digit) => sum * 32n + BigInt(digit), 0n);
  if (digits.length !== 45 || digits.includes(-1) || number % 1021n !== 0n) return null;
  const five = (_, i) => alphabet[Number((number >> BigInt(213 - 5 * i)) & 31n)];
  return `lic_${Array.from({ length: 16 }, five).join("")}`;
}

// Steps 3 and 4: the device key, and the proof that this agent holds it.
const jwkOf = (key) => {
  const { crv, kty, x } = crypto.createPublicKey(key).export({ format: "jwk" });
  return { crv, kty, x };
};
const jwkThumbprint = (key) => sha256(JSON.stringify(jwkOf(key)));
const jws = (header, claims, key) => {
  const input = `${b64url(header)}.${b64url(claims)}`;
  return `${input}.${b64url(crypto.sign(null, Buffer.from(input), key))}`;
};
const htuOf = (address) => Object.assign(new URL(address), { search: "", hash: "" }).href;
const proofClaims = ({ jti, url, iat, credential, body, nonce }) => ({
  ...{ jti, htm: "POST", htu: htuOf(url), iat, ath: sha256(credential), htb: sha256(body) },
  ...(nonce && { nonce }),
});

// Step 7: the lease.
class LeaseError extends Error {}
const kidOf = (crv, x) => crv === "Ed25519" && sha256(JSON.stringify({ crv, kty: "OKP", x }));
const isBoolean = (value) => typeof value === "boolean";
const refuseIf = (condition, reason) => {
  if (condition) throw new LeaseError(reason);
};

function partsOf(token) {
  const parts = typeof token === "string" && token.length <= 4096 ? token.split(".") : [];
  const bytes = parts.map((part) => Buffer.from(part, "base64url"));
  refuseIf(parts.length !== 3 || bytes.some((part, i) => b64url(part) !== parts[i]), "malformed");
  const read = (json) => parse(json) && JSON.parse(withoutFractions(json));
  const [header, claims] = bytes.map((part) => attempt(() => read(utf8.decode(part))));
  refuseIf(!isObject(header) || !isObject(claims), "malformed");
  return { header, claims, signature: bytes[2], input: Buffer.from(`${parts[0]}.${parts[1]}`) };
}

/** The claims of a lease that proves what is expected; else throws a LeaseError. */
function checkLease(token, jwks, expected, now) {
  const { header, claims, signature, input } = partsOf(token);
  refuseIf(Object.keys(header).sort().join() !== "alg,kid,typ", "malformed");
  refuseIf(header.alg !== "Ed25519", "wrong_algorithm");
  refuseIf(header.typ !== "lease+jwt", "wrong_type");
  const isMeant = (key) => key?.kid === header.kid && key.kid === kidOf(key.crv, key.x);
  const jwk = jwks.keys.find(isMeant);
  refuseIf(!jwk, "unknown_key");
  const key = { key: { kty: "OKP", crv: "Ed25519", x: jwk.x }, format: "jwk" };
  refuseIf(!attempt(() => crypto.verify(null, input, key, signature)), "wrong_signature");
  const { iat, exp, iss, sub, organization_id, environment, kind, nonce } = claims;
  const texts = [sub, organization_id, environment, kind, claims.jti ?? ""];
  const isTyped = texts.every((claim) => typeof claim === "string") && isBoolean(claims.primary);
  const isTimed = [iat, exp].every(Number.isSafeInteger) && 0 <= iat && iat <= exp;
  refuseIf(!isTyped || !isTimed, "malformed");
  refuseIf(iss !== expected.issuer, "wrong_issuer");
  refuseIf(sub !== expected.license_id, "wrong_license");
  refuseIf(organization_id !== expected.organization_id, "wrong_organization");
  refuseIf(environment !== expected.environment, "wrong_environment");
  refuseIf(claims.machine_thumbprint !== expected.machine_thumbprint, "wrong_machine");
  refuseIf(nonce !== expected.nonce, "wrong_nonce");
  refuseIf(now < iat, "not_yet");
  refuseIf(now >= exp, "over");
  return claims;
}

// ---- What an agent decides ---------------------------------------------------------------------

const NEW = {
  license: null, // as of the login: {id, organization_id, license_key, device_key}
  lease: null, // the last one, for the next question: {token, nonce, machine, environment}
  works: false, // whether it works on that lease, while it is not over
  standing: null, // what the service has said last: 'confirmed', 'refused', or nothing
  next: "login", // or 'login with key', 'validate', 'fetch keys'
  asked: null, // the question that is not answered: {nonce, at}
  ...{ isNew: false, isLate: false, failures: 0, wait: 0, code: null, message: "" },
  ...{ jwks: null, dpopNonce: null, serverTime: null, time: { server: 0, clock: 0, mark: 0 } },
};
const LOGOUT = ["DETACHED", "SUSPENDED", "EXPIRED"];
const ABOUT_KEY = [
  "license_still_bound",
  "temporary_license_not_usable",
  "on_behalf_login_disabled",
];

const claimsOf = (lease) => (lease ? partsOf(lease.token).claims : {});

/** The state to tell, where the agent works on its lease or does not. */
function standing({ license, standing }, works) {
  if (works) return standing === "confirmed" ? "valid" : "grace";
  if (standing === "refused") return "refused";
  return license ? "unreachable" : "signed_out";
}

/** Steps 5 and 6: the state to store, and then the question to send; it has one nonce for ever. */
function question(state, asks, me, now, draw) {
  const isLogin = asks !== "validate";
  const asked = state.asked ?? { nonce: draw(), at: now };
  const { machine, environment } = me;
  const { license_key = null, organization_id } = asks === "login" ? {} : (state.license ?? {});
  const sent = { license_key, machine, environment, agent_version: "4.5.0.0" };
  const body = { ...sent, nonce: asked.nonce, lease: state.lease?.token ?? null };
  const path = isLogin ? "/v1/licenses" : "/v1/licenses/validate";
  const whole = isLogin ? body : { ...body, organization_id };
  return [
    { ...state, asked },
    { asks, path, body: whole, me },
  ];
}

/** Step 4: the nonce of a validation's proof while the lease is in its time. */
function link(state, now) {
  const { jti, iat, exp } = claimsOf(state.lease);
  if (!jti || now < iat || now >= exp) return null;
  return now < Math.floor((iat + exp) / 2) ? `${jti}.early` : jti;
}

/** Step 10: nothing ends, and the agent tries again. */
function failed(state, answer, { now, chance }, message, code = null) {
  const left = state.works ? claimsOf(state.lease).exp - now : 0;
  const most = left > 0 ? left / 8 : Infinity;
  const { "retry-after": after = "0", date } = answer?.headers ?? {};
  const asked = /^\d+$/.test(after) ? +after : (Date.parse(after) - Date.parse(date)) / 1000 || 0;
  const longest = Math.min(2 ** (state.failures + 1), 600, Math.max(2, most));
  const wait = Math.max(0, Math.min(asked, 1800, most)) + chance * longest;
  const isRefused = state.standing === "refused"; // until the service says something else
  const said = isRefused && code === null ? {} : { code, message };
  const failures = state.failures + 1;
  return { ...state, standing: isRefused ? "refused" : null, wait, failures, ...said };
}

/** What becomes of a state by an answer, which is null where there was none. */
function respond(state, request, answer, moment) {
  const body = attempt(() => parse(answer.body));
  if (answer === null) return failed(state, answer, moment, "The service does not answer.");
  const none = `The answer is not from the service, or was changed: status ${answer.status}.`;
  if (!isObject(body)) return failed(state, answer, moment, none);
  const at = Math.floor(Date.parse(body.server_time) / 1000) || moment.now;
  const decide = request.asks === "validate" ? validated : loggedIn;
  try {
    const after = decide(state, request, { ...answer, body, at }, moment);
    return after ?? failed(state, answer, moment, none);
  } catch (error) {
    if (!(error instanceof LeaseError)) throw error;
    const isKnown = error.message !== "unknown_key" || request.hasFetched;
    const message = `The lease in the answer is not valid: ${error.message}.`;
    if (isKnown) return failed(state, answer, moment, message);
    return { ...state, standing: null, next: "fetch keys", wait: 0, message };
  }
}

/** Takes a lease over that proves its answer. One that is over is good to be presented. */
function granted(state, { asks, body: sent, me }, license, { body, at }, moment) {
  const { nonce, environment, machine } = sent;
  const { id: license_id, organization_id } = license;
  const expected = { issuer: me.issuer, license_id, organization_id, environment, nonce };
  expected.machine_thumbprint = thumbprintOf(machine);
  const lease = { token: body.lease?.token, nonce, machine, environment };
  const taken = { ...state, license, lease, next: "validate", asked: null, wait: 0 };
  const isLogin = asks !== "validate";
  // Step 10: an answer says what time it is, but for one that somebody may have held back.
  const isOld = [state.asked.at, at].every((time) => moment.now - time > 300);
  const [now, serverTime] = isOld ? [moment.now, null] : [at, at];
  try {
    const { iat, exp } = checkLease(lease.token, state.jwks, expected, now);
    const renewal = Date.parse(body.lease.renew_after) / 1000 || (iat + exp) / 2; // step 8
    const from = Math.min(Math.max(renewal, now + 2), exp);
    const wait = isLogin || isOld ? 0 : from - now + (moment.chance * (exp - from)) / 4;
    const works = { works: true, isNew: isLogin, isLate: false, serverTime, wait };
    if (isLogin) return { ...taken, ...works, standing: null };
    return { ...taken, ...works, standing: "confirmed", failures: 0 };
  } catch (error) {
    if (error.message !== "over") throw error;
    const late = { ...taken, works: false, standing: null, isLate: !isLogin };
    const message = "The lease in the answer is over already.";
    return state.isLate ? failed(late, null, moment, message) : { ...late, code: null, message };
  }
}

/** Steps 5 and 9: what a login's answer says, or null if it is none. */
function loggedIn(state, request, answer, moment) {
  const { status, body } = answer;
  if (status === 200 || status === 201) {
    const { license, license_key } = body;
    if (typeof license_key !== "string" || licenseOf(license_key) !== license?.id) return null;
    const { id, organization_id } = license;
    const kept = { id, organization_id, license_key, device_key: request.me.device };
    const after = granted(state, request, kept, answer, moment);
    return { ...after, code: null, message: after.works ? "Logged in." : after.message };
  }
  const isGateway = status === 401 && isDeepStrictEqual(body, { message: "Unauthorized" });
  const isProblem = body.status === status && body.type === `urn:licensing:problem:${body.code}`;
  const isRefusal = status >= 400 && status < 500 && ![408, 425, 429].includes(status);
  const code = body.code ?? "unauthorized";
  if (!isRefusal || !(isGateway || isProblem) || code === "use_dpop_nonce") return null;
  const { detail } = body;
  const message = typeof detail === "string" ? detail : "The token is not accepted.";
  const pointers = Array.isArray(body.errors) ? body.errors.map((error) => error?.pointer) : [];
  const isElsewhere = state.lease && state.lease.environment !== request.me.environment;
  const isAboutKey =
    ABOUT_KEY.includes(code) ||
    (code === "not_found" && pointers.includes("/license_key")) ||
    (code === "invalid_request" && pointers.includes("/environment") && isElsewhere);
  if (request.asks === "login with key" && isAboutKey)
    return { ...state, next: "login", wait: 2, code: null, message };
  if (code === "proof_required" || pointers.includes("/headers/dpop"))
    return failed(state, answer, moment, message, code); // the way may have dropped the proof
  const wait = code === "unauthorized" ? 60 : 900 * (0.5 + moment.chance);
  return { ...state, standing: state.works ? null : "refused", wait, code, message };
}

/** Step 9: what a validation's answer says, or null if it is none. */
function validated(state, request, answer, moment) {
  const { status, body } = answer;
  const { code, action, message, valid } = body;
  if (status !== 200 || body.nonce !== request.body.nonce) return null;
  if (valid === true && code === "VALID" && action === "continue")
    return granted({ ...state, code, message }, request, state.license, answer, moment);
  const isWorded = /^\w+$/.test(code) && typeof code === "string" && typeof message === "string";
  const isKnown = action === "logout" || (action === "login" && !LOGOUT.includes(code));
  if (valid !== false || body.lease || code === "VALID" || !isWorded || !isKnown) return null;
  if (code === "PROOF_REQUIRED" || code === "PROOF_INVALID") {
    const isOther = code === "PROOF_INVALID" && state.license.device_key !== request.me.device;
    const after = failed(state, answer, moment, message, code);
    if (!isOther && state.works && moment.now < claimsOf(state.lease).exp) return after;
    return { ...after, next: "login with key", wait: state.failures === 0 ? 0 : after.wait };
  }
  const isKept = action === "logout" || code === "DISSOCIATED" || code === "MACHINE_MISMATCH";
  const after = { ...state, works: false, standing: "refused", isLate: false, code, message };
  return {
    ...{ ...after, asked: null },
    license: isKept ? state.license : null,
    next: action === "logout" ? "validate" : isKept ? "login with key" : "login",
    wait: action === "login" && !state.isNew ? 0 : 900 * (0.5 + moment.chance),
  };
}

// ---- What an agent does ------------------------------------------------------------------------

class ConfigurationError extends Error {}
const DISK = "The disk cannot be written: nothing was sent.";
const SIGN_IN = "Sign in, and start the agent with the ID token in ID_TOKEN.";

/** Step 5: a file that is whole or as before, and that nobody else can read. */
function write(path, text) {
  fs.writeFileSync(`${path}.new`, text, { mode: 0o600, flush: true });
  fs.renameSync(`${path}.new`, path);
}

/** What is in a file, or null where there is none. An error that shows the file is not shown. */
function stored(path, read) {
  if (!fs.existsSync(path)) return null;
  const text = fs.readFileSync(path, "utf8");
  const value = attempt(() => read(text));
  if (value === null) throw new ConfigurationError(`${path} is damaged.`);
  return value;
}

const stateOf = (json) => {
  const state = JSON.parse(json);
  return isObject(state?.time) ? state : null;
};

/** Step 3: the device key, which is made once. */
function deviceKey(path) {
  const kept = stored(path, crypto.createPrivateKey);
  if (kept) return kept;
  const { privateKey } = crypto.generateKeyPairSync("ed25519");
  write(path, privateKey.export({ type: "pkcs8", format: "pem" }));
  return privateKey;
}

/** Step 5: one process at a time. The system gives a socket back with its process, and no file. */
async function lock(folder) {
  const isWindows = process.platform === "win32";
  if (!isWindows) process.chdir(folder); // a socket's name has to be short
  const path = isWindows ? `\\\\.\\pipe\\${sha256(fs.realpathSync(folder))}` : "lock";
  const tried = (socket, event) =>
    new Promise((done) => socket.once(event, () => done(true)).once("error", () => done(false)));
  const id = crypto.randomUUID();
  const answer = (caller) => caller.on("error", () => {}).end(id);
  for (const isLast of [false, true]) {
    const server = net.createServer(answer).listen(path);
    if (await tried(server, "listening")) {
      server.unref(); // to close it would remove the file, whosever it is
      // Another process that saw the old file, too, may have removed this one.
      if (isLast) await new Promise((done) => setTimeout(done, 250));
      if ((await text(net.connect(path)).catch(() => null)) === id) return server;
      break;
    }
    if (isLast || (await tried(net.connect(path), "connect"))) break;
    fs.rmSync(path, { force: true }); // its process was killed
  }
  throw new ConfigurationError("Another process works with this folder.");
}

/** The text of an answer, of one MB at most: an agent needs some KB. */
async function textOf(answer) {
  const [parts, decoder] = [[], new TextDecoder()];
  let left = 1 << 20;
  for await (const part of answer) {
    left -= part.length;
    if (left < 0) throw new RangeError("too long"); // which ends the connection
    parts.push(decoder.decode(part, { stream: true }));
  }
  return parts.join("") + decoder.decode();
}

class Agent {
  constructor({ url, issuer, environment, folder, machine, ahead, token }) {
    Object.assign(this, { url, issuer, environment, machine, token });
    this.clock = () => Date.now() / 1000 + ahead;
    this.known = searchable(stored(`${folder}/known_shared.json`, JSON.parse) ?? {});
    this.key = deviceKey(`${folder}/device.pem`);
    this.file = `${folder}/state.json`;
    this.state = stored(this.file, stateOf) ?? NEW;
    this.started = { now: 0, at: performance.now() };
    this.started.now = this.now();
  }

  /** Step 10: the time, which does not go back when the clock is set back. */
  now() {
    const { server, clock, mark } = this.state.time;
    const counted = this.started.now + (performance.now() - this.started.at) / 1000;
    const shown = this.clock() < clock ? this.clock() : server + this.clock() - clock;
    return Math.floor(Math.max(mark, counted, shown));
  }

  /** Stores a state. The mark is ahead by what the process may work before it stores the next. */
  store({ serverTime, ...state }, isLast = false) {
    let time = { ...state.time, mark: this.now() };
    if (serverTime !== null) {
      time = { server: serverTime, clock: this.clock(), mark: serverTime };
      this.started = { now: serverTime, at: performance.now() };
    }
    this.state = { ...state, serverTime: null, time };
    const { iat = 0, exp = Infinity } = claimsOf(state.lease);
    const later = { ...time, mark: time.mark + (isLast ? 0 : Math.min(300, (exp - iat) / 20)) };
    write(this.file, JSON.stringify({ ...this.state, time: later }));
  }

  /** Asks once, and follows no redirection; null where nothing comes that is an answer. */
  async fetched(path, { body, headers, ...options } = {}) {
    const [url, signal] = [new URL(this.url + path), AbortSignal.timeout(30_000)];
    const { request } = url.protocol === "https:" ? https : http;
    try {
      const answer = await new Promise((answered, failed) =>
        request(url, { ...options, signal, headers: { ...headers, Connection: "close" } }, answered)
          .on("error", failed)
          .end(body),
      );
      return { status: answer.statusCode, headers: answer.headers, body: await textOf(answer) };
    } catch {
      return null;
    }
  }

  /** Steps 5 and 7: takes the keys of the service over; what is wrong, or null. */
  async fetchKeys() {
    const answer = await this.fetched("/.well-known/jwks.json");
    const jwks = answer?.status === 200 ? attempt(() => parse(answer.body)) : null;
    if (!Array.isArray(jwks?.keys)) return "The service does not answer.";
    const issuers = `leases as ${jwks.issuer}, and this agent expects those of ${this.issuer}`;
    if (jwks.issuer !== this.issuer) return `The service issues ${issuers}: correct what is wrong.`;
    this.state = { ...this.state, jwks };
    return null;
  }

  /** Step 4: sends a question with a proof, and anew where the service wants a newer nonce. */
  async post({ asks, path, body: question }) {
    const [body, isLogin] = [JSON.stringify(question), asks !== "validate"];
    const credential = isLogin ? this.token : question.license_key;
    const authorization = isLogin ? { Authorization: `Bearer ${this.token}` } : {};
    let nonce = isLogin ? null : link(this.state, this.now());
    for (const isLast of [false, false, true]) {
      if (!nonce) [nonce, this.state] = [this.state.dpopNonce, { ...this.state, dpopNonce: null }];
      const [jti, iat] = [crypto.randomUUID(), Math.floor(Date.now() / 1000)];
      const claims = proofClaims({ jti, iat, url: this.url + path, credential, body, nonce });
      const header = { alg: "Ed25519", jwk: jwkOf(this.key), typ: "dpop+jwt" };
      const DPoP = jws(JSON.stringify(header), JSON.stringify(claims), this.key);
      const headers = { "Content-Type": "application/json", DPoP, ...authorization };
      const answer = await this.fetched(path, { method: "POST", headers, body });
      const problem = attempt(() => parse(answer.body)); // the way may drop the header
      const fresh = answer?.headers["dpop-nonce"] ?? problem?.dpop_nonce;
      if (typeof fresh === "string") this.state = { ...this.state, dpopNonce: fresh };
      if (isLast || answer?.status !== 401 || problem?.code !== "use_dpop_nonce") return answer;
      nonce = null;
    }
  }

  /** One step: what to tell about it. Without a token, it validates while it has a license. */
  async step() {
    const isLogin = this.state.next !== "validate" && this.token;
    if (isLogin || this.state.license) await this.ask(isLogin ? this.state.next : "validate");
    const { license, code, message, wait } = this.state;
    const claims = this.working();
    const state = standing(this.state, claims !== null);
    const mustSignIn = this.state.next !== "validate" && !this.token;
    const patience = license ? 900 * (0.5 + Math.random()) : 60; // until it asks again
    const says = [message, mustSignIn && SIGN_IN].filter(Boolean).join(" ");
    return {
      ...{ works: claims !== null, state, code, message: says, license: license?.id ?? null },
      ...{ lease: claims?.jti ?? null, until: claims?.exp ?? null },
      wait: Math.ceil(mustSignIn ? Math.max(wait, patience) : wait),
    };
  }

  async ask(asks) {
    const me = { issuer: this.issuer, environment: this.environment, machine: this.machine() };
    me.device = jwkThumbprint(this.key);
    const moment = () => ({ now: this.now(), chance: Math.random() });
    const [asked, request] = question(this.state, asks, me, this.now(), crypto.randomUUID);
    if (attempt(() => this.store(asked) ?? true) === null) {
      this.state = failed(asked, null, moment(), DISK); // and it keeps the nonce, while it runs
      return;
    }
    const trouble = asked.jwks === null ? await this.fetchKeys() : null;
    const answer = trouble === null ? await this.post(request) : null;
    let after = respond(this.state, request, answer, moment());
    if (trouble !== null) after = { ...after, message: trouble };
    if (after.next === "fetch keys") {
      const { jwks } = this.state;
      await this.fetchKeys();
      after = respond(this.state, { ...request, hasFetched: true }, answer, moment());
      if (after.failures > asked.failures) after = { ...after, jwks }; // somebody else's keys
    }
    const isAgain = asks === "login with key" && after.next === "login";
    const isOver = after.failures <= asked.failures && !isAgain;
    if (asks !== "validate" && isOver) this.token = null; // a token is for one login
    attempt(() => this.store(after));
  }

  /** Step 10: the claims of the lease that it works on, checked like a new one. */
  working() {
    const { license, lease, works, jwks } = this.state;
    if (!works || !isSameMachine(lease.machine, this.machine(), this.known)) return null;
    const { id: license_id, organization_id } = license;
    const { issuer, environment } = this;
    const expected = { issuer, license_id, organization_id, environment, nonce: lease.nonce };
    expected.machine_thumbprint = thumbprintOf(lease.machine);
    return attempt(() => checkLease(lease.token, jwks, expected, this.now()));
  }
}

/** Step 2: the machine, as Linux and Node tell it. */
function readMachine() {
  const macs = Object.values(os.networkInterfaces())
    .flat()
    .map(({ mac }) => mac);
  return {
    machine_id: attempt(() => fs.readFileSync("/etc/machine-id", "utf8").trim()),
    mac_addresses: [...new Set(macs)].slice(0, 1024),
    computer_name: os.hostname(),
  };
}

// ---- The command line --------------------------------------------------------------------------

async function main([command, argument], env) {
  if (command === "--help") return console.log(HELP);
  if (command === "vectors" && argument)
    return (await import("./vectors.mjs")).checkVectors(argument);
  const { LICENSING_URL: url, LICENSING_ISSUER: issuer, AGENT_FOLDER: given } = env;
  if (!["run", "step"].includes(command)) throw new ConfigurationError(HELP);
  if (!URL.canParse(url) || !/^https?:/.test(url) || !issuer || !given)
    throw new ConfigurationError("Set LICENSING_URL, LICENSING_ISSUER and AGENT_FOLDER.");
  const machine = env.AGENT_MACHINE && attempt(() => parse(env.AGENT_MACHINE));
  if (env.AGENT_MACHINE && !isObject(machine))
    throw new ConfigurationError("AGENT_MACHINE is not a JSON object.");
  if (/[^\x21-\x7e]/.test(env.ID_TOKEN ?? ""))
    throw new ConfigurationError("ID_TOKEN is wrong: it has blanks or letters that no token has.");
  const ahead = env.AGENT_CLOCK_AHEAD || "0"; // no lease ends where the time is none
  if (!/^-?\d{1,12}$/.test(ahead)) throw new ConfigurationError("AGENT_CLOCK_AHEAD is no integer.");
  fs.mkdirSync(given, { recursive: true, mode: 0o700 });
  const folder = fs.realpathSync(given);
  fs.accessSync(folder, fs.constants.R_OK | fs.constants.W_OK | fs.constants.X_OK);
  await lock(folder);
  const agent = new Agent({
    ...{ url: url.replace(/\/+$/, ""), issuer, folder, token: env.ID_TOKEN || null },
    machine: machine ? () => machine : readMachine,
    ahead: Number(ahead),
    environment: env.AGENT_ENVIRONMENT || "production",
  });
  process.once("exit", () => attempt(() => agent.store(agent.state, true)));
  for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => process.exit(0));
  for (;;) {
    const told = await agent.step();
    console.log(JSON.stringify(told));
    if (command === "step") return;
    await new Promise((done) => setTimeout(done, Math.max(1, told.wait) * 1000));
  }
}

export {
  attempt,
  canonical,
  checkLease,
  claimsOf,
  htuOf,
  isSameMachine,
  jwkOf,
  jwkThumbprint,
  jws,
  licenseOf,
  link,
  macOf,
  NEW,
  normalised,
  parse,
  proofClaims,
  question,
  respond,
  searchable,
  sha256,
  standing,
  thumbprintOf,
};

if (import.meta.filename === fs.realpathSync(process.argv[1]))
  main(process.argv.slice(2), process.env).catch((error) => {
    const isOfSystem = error.syscall !== undefined; // as of a folder that cannot be written
    if (!(error instanceof ConfigurationError || isOfSystem)) throw error;
    console.error(error.message);
    process.exit(2); // at once, with no file removed that may be another process's
  });
