#!/usr/bin/env node
// A complete agent in one file, for Node 20 and newer, without packages. It follows the page
// OTHER_LANGUAGES.md from top to bottom; "step 7" is a section there.
//
// Read it in four parts: what an agent computes (steps 2 to 7), what it decides (steps 5 to 10,
// pure functions from a state to the next one), what it does (network, disk, clock), and the check
// of all this against the page's vectors.
//
// Left out: a second device key (DPoP-Previous-Key), and a proxy or a CA of its own: Node 24 takes
// HTTPS_PROXY with NODE_USE_ENV_PROXY=1, and every Node takes NODE_EXTRA_CA_CERTS.
import * as crypto from 'node:crypto';
import * as fs from 'node:fs';
import * as net from 'node:net';
import * as os from 'node:os';
import { isDeepStrictEqual } from 'node:util';

const HELP = `agent run             work until killed; one line of JSON for each step
agent step            one step now: a login where it is due, else a validation
agent vectors FOLDER  check this program against the test vectors

LICENSING_URL, LICENSING_ISSUER  the service, and what its leases name; both are required
AGENT_FOLDER         where key, license and lease are kept; required, for this agent alone
ID_TOKEN             a person's token, when a login is due
AGENT_MACHINE        the machine as JSON; else it is read from the system
AGENT_ENVIRONMENT    production, if not set
AGENT_CLOCK_AHEAD    for tests: seconds that are added to the machine's clock`;

// ---- What an agent computes --------------------------------------------------------------------

const b64url = (data) => Buffer.from(data).toString('base64url');
const sha256 = (data) => crypto.createHash('sha256').update(data).digest('base64url');
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** JSON.parse takes the last of two members with one name; whoever signed may have meant the first. */
function parse(text) {
  const value = JSON.parse(text);
  const open = [];
  for (const [token, colon] of text.matchAll(/"(?:[^"\\]|\\.)*"(\s*:)?|[{}]/g)) {
    if (token === '{') open.push(new Set());
    else if (token === '}') open.pop();
    else if (colon) {
      const name = JSON.parse(token.slice(0, -colon.length));
      if (open.at(-1).has(name)) throw new SyntaxError('a name occurs twice');
      open.at(-1).add(name);
    }
  }
  return value;
}

const isObject = (value) => typeof value === 'object' && value !== null && !Array.isArray(value);

function parsedOrNull(text) {
  try {
    return parse(text);
  } catch {
    return null;
  }
}

// Step 2: the machine. The thumbprint is of what is sent; only a comparison needs the normal form.
const canonical = ({ computer_name = null, mac_addresses = [], machine_id = null }) =>
  JSON.stringify({ computer_name, mac_addresses, machine_id }).replace(
    /[^\0-\x7f]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
const thumbprintOf = (machine) => sha256(canonical(machine));

const nfkc = (text) => text.normalize('NFKC');
// Case folding, which JavaScript lacks. It differs for Cherokee and for the dotless i only.
const folded = (text) =>
  nfkc([...nfkc(text ?? '')].map((c) => c.toLowerCase().toUpperCase().toLowerCase()).join(''));
const idOf = (raw) => folded(raw).replace(/[^\p{L}\p{N}]/gu, '');
const macOf = (raw) => folded(raw).replace(/[\s:.-]/g, '');
const bytesOf = (hex) => [...Buffer.from(hex, 'hex')].sort((a, b) => a - b);
const inAnyOrder = (id) => (/^[0-9a-f]{32}$/.test(id) ? `${bytesOf(id)}` : id);
const nameOf = (raw) => {
  const name = folded(raw).trim().replace(/[\s.]+$/, '');
  return /^\d+(\.\d+){3}$/.test(name) ? name : name.split('.')[0].trim();
};

/** The list of what unrelated computers share, ready to be searched. */
function knownShared({ addresses, given_by_software, ids, names }) {
  const patterns = (list) => list.map(({ value }) => new RegExp(macOf(value).replaceAll('?', '.')));
  return {
    addresses: patterns(addresses),
    software: patterns(given_by_software),
    ids: new Set(ids.map(({ value }) => inAnyOrder(idOf(value)))),
    names: new Set(names.map(({ value }) => folded(value))),
  };
}

/** How many of the steps from one character to the next are not as they would be in a row. */
function isRow(text, isStep) {
  const wrong = [...text].filter((c, i) => i > 0 && !isStep(text[i - 1], c)).length;
  return wrong <= Math.floor(Math.max(0, text.length - 2) / 5);
}

function isCounted(text) {
  if (!/^[0-9a-z]+$/.test(text)) return false;
  const base = /^\d+$/.test(text) ? 10 : /^[0-9a-f]+$/.test(text) ? 16 : 36;
  const next = (a, b) => (parseInt(a, 36) + 1) % base === parseInt(b, 36);
  return isRow(text, next) || isRow(text, (a, b) => next(b, a));
}

function isMadeUp(text) {
  const counts = (t) => t.length >= 4 && (isRow(t, (a, b) => a === b) || isCounted(t));
  const every = (first) => [...text].filter((_, i) => i % 2 === first).join('');
  const number = text.replace(/^[^\d]+/u, '');
  const longest = Math.min(Math.floor(text.length / 3), text.length - 6, 8);
  for (let period = 2; period <= longest; period++)
    if (text.slice(period) === text.slice(0, -period)) return true;
  return (
    new Set(text).size === 1 ||
    counts(text) ||
    (every(0) === every(1) && counts(every(0))) || // 1122334455
    (/^(0[0-9a-f]){4,}$/.test(text) && counts(every(1))) || // 010203040506
    (/^\d{6,}$/.test(number) && isCounted(number)) // SN1234567890
  );
}

function isMadeUpUuid(id) {
  if (!/^[0-9a-f]{32}$/.test(id)) return false;
  const bytes = bytesOf(id);
  const step = bytes[1] - bytes[0];
  return (
    (step > 0 && bytes.every((byte, i) => byte === bytes[0] + i * step)) ||
    bytes.slice(0, 5).some((byte, i) => byte === bytes[i + 11]) // twelve of sixteen are one
  );
}

const isLocal = (mac) => (parseInt(mac.slice(0, 2), 16) & 2) !== 0;

/** What of a machine counts. */
function normalised(machine, known) {
  const id = idOf(machine.machine_id);
  const isShared = !id || known.ids.has(inAnyOrder(id)) || isMadeUp(id) || isMadeUpUuid(id);
  const origin = (mac) => (isLocal(mac) ? 2 : known.software.some((p) => p.test(mac)) ? 1 : 0);
  const macs = [...new Set((machine.mac_addresses ?? []).map(macOf))]
    .filter((mac) => /^[0-9a-f]{12}$/.test(mac) && !(parseInt(mac.slice(0, 2), 16) & 1))
    .filter((mac) => !known.addresses.some((p) => p.test(mac)) && !isMadeUp(mac))
    .sort((a, b) => origin(a) - origin(b) || (a < b ? -1 : 1))
    .slice(0, isShared ? 4 : 8);
  return {
    machine_id: isShared ? null : id,
    mac_addresses: macs.sort(),
    computer_name: nameOf(machine.computer_name) || null,
  };
}

/** Step 10: whether two of the three components are the same. */
function isSameMachine(one, other, known) {
  const [a, b] = [normalised(one, known), normalised(other, known)];
  const macs = a.mac_addresses.filter((mac) => b.mac_addresses.includes(mac));
  const sameId = a.machine_id !== null && a.machine_id === b.machine_id;
  const name = a.computer_name !== null && a.computer_name === b.computer_name && a.computer_name;
  const isDefault = (n) =>
    known.names.has(n) ||
    known.names.has(n.replace(/[-_. 0-9]+$/, '')) ||
    /^(ip)?[-.]?\d+([-.]\d+){3}$|:.*:/.test(n);
  const namedMacs = name && isDefault(name) ? macs.filter((mac) => !isLocal(mac)) : macs;
  return sameId ? macs.length > 0 || Boolean(name) : Boolean(name) && namedMacs.length > 0;
}

/** Step 5: the license that a key is of, or null where the key is mistyped. */
function licenseOf(typed) {
  const text = nfkc(typed).toUpperCase().replace(/^.*[:=]/s, '').replace(/[^\p{L}\p{N}]/gu, '');
  const symbols = text.replaceAll('O', '0').replace(/[IL]/g, '1');
  const alphabet = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
  if (!/^[0-9A-HJKMNP-TV-Z]{45}$/.test(symbols)) return null;
  const number = [...symbols].reduce((n, c) => n * 32n + BigInt(alphabet.indexOf(c)), 0n);
  const id = Array.from({ length: 16 }, (_, i) => (number >> BigInt(213 - 5 * i)) & 31n);
  if (number % 1021n !== 0n) return null;
  return `lic_${id.map((five) => alphabet[Number(five)]).join('').toLowerCase()}`;
}

// Steps 3 and 4: the device key, and the proof that this agent holds it.
const publicJwk = (key) => {
  const { crv, kty, x } = crypto.createPublicKey(key).export({ format: 'jwk' });
  return { crv, kty, x };
};
const jwkThumbprint = (key) => sha256(JSON.stringify(publicJwk(key)));
const jws = (header, claims, key) => {
  const input = `${b64url(header)}.${b64url(claims)}`;
  return `${input}.${b64url(crypto.sign(null, Buffer.from(input), key))}`;
};

/** The URL as a proof names it: without query and fragment, and spelled as URLs are compared. */
function htuOf(address) {
  const url = new URL(address);
  [url.search, url.hash] = ['', ''];
  return url.href;
}

const proofHeader = (key) => ({ alg: 'Ed25519', jwk: publicJwk(key), typ: 'dpop+jwt' });
const proofClaims = ({ jti, url, iat, credential, body, nonce }) => ({
  ...{ jti, htm: 'POST', htu: htuOf(url), iat, ath: sha256(credential), htb: sha256(body) },
  ...(nonce === null ? {} : { nonce }),
});

// Step 7: the lease.
class LeaseError extends Error {}

const refuseIf = (condition, reason) => {
  if (condition) throw new LeaseError(reason);
};

/** The three parts of a token, unchecked but for their form. */
function partsOf(token) {
  try {
    const parts = token.split('.');
    const [header, claims, signature] = parts.map((part) => Buffer.from(part, 'base64url'));
    const isCanonical = [header, claims, signature].every((part, i) => b64url(part) === parts[i]);
    refuseIf(parts.length !== 3 || !isCanonical || token.length > 4096, 'malformed');
    const read = { header: parse(utf8.decode(header)), claims: parse(utf8.decode(claims)) };
    refuseIf(!isObject(read.header) || !isObject(read.claims), 'malformed');
    return { ...read, signature, input: Buffer.from(`${parts[0]}.${parts[1]}`) };
  } catch {
    throw new LeaseError('malformed');
  }
}

/** The claims of a lease that proves what is expected; throws a LeaseError with the reason. */
function checkLease(token, jwks, expected, now) {
  const { header, claims, signature, input } = partsOf(token);
  refuseIf(`${Object.keys(header).sort()}` !== 'alg,kid,typ', 'malformed');
  refuseIf(header.alg !== 'Ed25519', 'wrong_algorithm');
  refuseIf(header.typ !== 'lease+jwt', 'wrong_type');
  const jwk = jwks.keys.find((key) => key.kid === header.kid && key.crv === 'Ed25519');
  refuseIf(!jwk, 'unknown_key');
  const key = crypto.createPublicKey({ key: { ...jwk, kty: 'OKP' }, format: 'jwk' });
  refuseIf(!crypto.verify(null, input, key, signature), 'wrong_signature');
  refuseIf(!Number.isSafeInteger(claims.iat) || !Number.isSafeInteger(claims.exp), 'malformed');
  refuseIf(claims.iss !== expected.issuer, 'wrong_issuer');
  refuseIf(claims.sub !== expected.license_id, 'wrong_license');
  refuseIf(claims.organization_id !== expected.organization_id, 'wrong_organization');
  refuseIf(claims.environment !== expected.environment, 'wrong_environment');
  refuseIf(claims.machine_thumbprint !== expected.machine_thumbprint, 'wrong_machine');
  refuseIf(claims.nonce !== expected.nonce, 'wrong_nonce');
  refuseIf(now < claims.iat, 'not_yet');
  refuseIf(now >= claims.exp, 'over');
  return claims;
}

// ---- What an agent decides ---------------------------------------------------------------------
// A state is what is on the disk. It is never changed: each function gives another one.

const NEW = {
  license: null, // what it works with: {key, id, organization_id, device}
  key: null, // of a license that it has given up, for the next login
  lease: null, // the last one, to be presented: {token, nonce, machine, environment}
  mayWork: false, // whether the service has said nothing against that lease
  proofRefused: null, // 'later' or 'now': when a person has to log in for it
  nonces: { login: null, validate: null }, // of questions without an answer
  ...{ failures: 0, late: 0, wait: 0, said: null, contact: null, dpopNonce: null, jwks: null },
  time: { server: 0, clock: 0, mark: 0 },
};

const claimsOf = (lease) => partsOf(lease.token).claims;
const halfOf = ({ iat, exp }) => Math.floor((iat + exp) / 2);

/** What the next question is. */
function due(state, now) {
  if (!state.license || state.proofRefused === 'now') return 'login';
  return state.proofRefused && now >= claimsOf(state.lease).exp ? 'login' : 'validate';
}

/** A question, and the state to store before it is sent: one question has one nonce. */
function question(state, asks, me, draw) {
  const nonce = state.nonces[asks] ?? draw();
  const { machine, environment } = me;
  const key = asks === 'login' ? state.key : state.license.key;
  const body = {
    ...(key && { license_key: key }),
    ...(asks === 'validate' && { organization_id: state.license.organization_id }),
    ...{ machine, environment, agent_version: '1.0.0.0', nonce },
    lease: state.lease?.token ?? null,
  };
  const path = asks === 'login' ? '/v1/licenses' : '/v1/licenses/validate';
  const asked = { ...state, nonces: { ...state.nonces, [asks]: nonce }, contact: null };
  return [asked, { asks, path, body, nonce, me }];
}

/** Step 4: what a validation's proof has for a nonce, while the lease is in its time. */
function link(state, now) {
  const { jti, iat, exp } = state.lease ? claimsOf(state.lease) : {};
  if (!jti || now < iat || now >= exp) return null;
  return now < halfOf({ iat, exp }) ? `${jti}.early` : jti;
}

/** Step 10. */
function pause(state, answer, now, chance) {
  const left = state.mayWork ? claimsOf(state.lease).exp - now : 0;
  const quarter = left > 0 ? Math.floor(left / 4) : Infinity;
  const after = /^\d+$/.test(answer?.headers['retry-after']) ? +answer.headers['retry-after'] : 0;
  const longest = state.failures < 9 ? 2 << state.failures : 600;
  return Math.min(after, 1800, quarter) + chance * Math.min(longest, quarter);
}

const failed = (state, answer, now, chance, message) => ({
  ...state,
  wait: pause(state, answer, now, chance),
  failures: state.failures + 1,
  said: { kind: 'failed', code: null, message },
});

/** What becomes of a state by an answer, which is null if there was none. */
function respond(state, request, answer, now, chance) {
  const body = parsedOrNull(answer?.body ?? '');
  if (!isObject(body)) return failed(state, answer, now, chance, 'The service does not answer.');
  const at = Math.floor(Date.parse(body.server_time) / 1000) || now;
  const decide = request.asks === 'login' ? loggedIn : validated;
  try {
    return decide(state, request, { ...answer, body, at }, chance) ?? notOurs(state);
  } catch (error) {
    if (!(error instanceof LeaseError)) throw error;
    return failed(state, answer, now, chance, `The lease does not hold: ${error.message}.`);
  }
  function notOurs() {
    return failed(state, answer, now, chance, `No answer of the service: ${answer.status}.`);
  }
}

/** Takes over a lease that holds, or that is over and right in all else. */
function granted(state, request, license, { body, at }, chance) {
  const { me, nonce } = request;
  const token = body.lease?.token;
  const expected = {
    ...{ issuer: me.issuer, license_id: license.id, organization_id: license.organization_id },
    ...{ environment: me.environment, machine_thumbprint: thumbprintOf(me.machine), nonce },
  };
  const nonces = { login: request.asks === 'login' ? null : state.nonces.login, validate: null };
  const lease = { token, nonce, machine: me.machine, environment: me.environment };
  const taken = { ...state, license, key: null, lease, nonces, contact: at, proofRefused: null };
  try {
    const { iat, exp } = checkLease(token, state.jwks, expected, at);
    const from = Math.max(halfOf({ iat, exp }), at);
    const wait = request.asks === 'login' ? 0 : from - at + (chance * (exp - from)) / 4;
    return { ...taken, ...{ wait, mayWork: true, failures: 0, late: 0 } };
  } catch (error) {
    if (error.message !== 'over' || request.asks === 'login') throw error;
    const late = { ...taken, mayWork: false, late: state.late + 1 };
    const message = 'The lease that was asked for is over. Asking again.';
    const waiting = failed(late, null, at, chance, message);
    return late.late === 1 ? { ...waiting, wait: 0, failures: state.failures } : waiting;
  }
}

/** Steps 5 and 9: a login's answer, or null if it is none. */
function loggedIn(state, request, answer, chance) {
  const { status, body } = answer;
  if (status === 200 || status === 201) {
    const { id, organization_id } = body.license ?? {};
    if (typeof body.license_key !== 'string' || licenseOf(body.license_key) !== id) return null;
    const license = { key: body.license_key, id, organization_id, device: request.me.device };
    const taken = granted(state, request, license, answer, chance);
    return { ...taken, said: { kind: 'valid', code: null, message: 'Logged in.' } };
  }
  const isProblem = body.status === status && body.type === `urn:licensing:problem:${body.code}`;
  const isGateway = status === 401 && isDeepStrictEqual(body, { message: 'Unauthorized' });
  const isRefusal = status >= 400 && status < 500 && ![408, 425, 429].includes(status);
  if (!isRefusal || !(isProblem || isGateway) || body.code === 'use_dpop_nonce') return null;
  const code = body.code ?? 'unauthorized';
  const pointers = (body.errors ?? []).map((error) => error.pointer);
  const isAboutKey =
    ['license_still_bound', 'temporary_license_not_usable', 'not_found'].includes(code) ||
    pointers.some((pointer) => ['/license_key', '/environment'].includes(pointer));
  const said = { kind: 'login', code, message: body.detail ?? 'The token is refused.' };
  return { ...state, key: isAboutKey ? null : state.key, wait: 900, said };
}

/** Step 9: a validation's answer, or null if it is none. */
function validated(state, request, answer, chance) {
  const { status, body, at } = answer;
  const { code, action, message, valid } = body;
  if (status !== 200 || body.nonce !== request.nonce || typeof code !== 'string') return null;
  if (valid === true && code === 'VALID' && action === 'continue') {
    const taken = granted(state, request, state.license, answer, chance);
    return taken.late ? taken : { ...taken, said: { kind: 'valid', code, message } };
  }
  if (valid !== false || body.lease || code === 'VALID') return null;
  if (code === 'PROOF_REQUIRED' || code === 'PROOF_INVALID') {
    const isOther = code === 'PROOF_INVALID' && state.license.device !== request.me.device;
    const kept = failed(state, answer, at, chance, message);
    const said = { kind: 'proof', code, message };
    return { ...kept, said, contact: at, proofRefused: isOther ? 'now' : 'later' };
  }
  const refused = { ...state, nonces: { ...state.nonces, validate: null }, contact: at };
  const stopped = { ...refused, mayWork: false, failures: 0, late: 0, proofRefused: null };
  if (action === 'logout') {
    return { ...stopped, wait: 840 + chance * 120, said: { kind: 'refused', code, message } };
  }
  if (action !== 'login') return null;
  const isKept = code === 'MACHINE_MISMATCH' || code === 'DISSOCIATED';
  const key = isKept ? state.license.key : null;
  return { ...stopped, license: null, key, wait: 0, said: { kind: 'login', code, message } };
}

// ---- What an agent does ------------------------------------------------------------------------

class ConfigurationError extends Error {}

/** Step 5: a file that is whole or not there, and that nobody else can read. */
function write(path, text) {
  const file = fs.openSync(`${path}.new`, 'w', 0o600);
  try {
    fs.writeFileSync(file, text);
    fs.fsyncSync(file);
  } finally {
    fs.closeSync(file);
  }
  fs.renameSync(`${path}.new`, path);
}

/** Step 5: one process at a time. The system forgets a socket with its process; a file it keeps. */
async function lock(folder) {
  const isWindows = process.platform === 'win32';
  if (!isWindows) process.chdir(folder); // the name of a socket is short
  const path = isWindows ? `\\\\.\\pipe\\agent-${sha256(fs.realpathSync(folder))}` : 'lock';
  const tried = (socket, event) =>
    new Promise((done) => socket.once(event, () => done(true)).once('error', () => done(false)));
  for (let attempt = 0; attempt < 2; attempt++) {
    const server = net.createServer((caller) => caller.destroy()).listen(path);
    if (await tried(server, 'listening')) return server.unref();
    if (await tried(net.connect(path), 'connect')) break;
    fs.rmSync(path, { force: true }); // of a process that was killed
  }
  throw new ConfigurationError('Another process works with this folder.');
}

class Agent {
  constructor({ url, issuer, folder, environment, ahead, machine, known }) {
    Object.assign(this, { url, issuer, environment, machine, known });
    [this.stateFile, this.keyFile] = [`${folder}/state.json`, `${folder}/device.pem`];
    this.clock = () => Date.now() / 1000 + ahead;
    if (!fs.existsSync(this.keyFile)) {
      const { privateKey } = crypto.generateKeyPairSync('ed25519');
      write(this.keyFile, privateKey.export({ type: 'pkcs8', format: 'pem' }));
    }
    this.device = crypto.createPrivateKey(fs.readFileSync(this.keyFile));
    this.state = fs.existsSync(this.stateFile) ? parse(fs.readFileSync(this.stateFile, 'utf8')) : NEW;
    this.started = { monotonic: performance.now(), now: 0 };
    this.started.now = this.now();
  }

  /** Step 10: the time, which no clock that is set back makes earlier. */
  now() {
    const { server, clock, mark } = this.state.time;
    const shown = Math.max(this.clock(), clock) - clock + server;
    const counted = this.started.now + (performance.now() - this.started.monotonic) / 1000;
    return Math.floor(Math.max(shown, mark, this.started.now && counted));
  }

  /** Stores the state. While the process runs, the mark on the disk is `reserve` seconds ahead. */
  store(state, reserve = 300) {
    let time = { ...state.time, mark: this.now() };
    if (state.contact !== null) {
      time = { server: state.contact, clock: this.clock(), mark: state.contact };
      this.started = { monotonic: performance.now(), now: state.contact };
    }
    this.state = { ...state, time, contact: null };
    const onDisk = { ...this.state, time: { ...time, mark: time.mark + reserve } };
    write(this.stateFile, JSON.stringify(onDisk));
  }

  async fetched(path, options) {
    try {
      const signal = AbortSignal.timeout(30_000);
      const answer = await fetch(this.url + path, { redirect: 'manual', signal, ...options });
      const headers = Object.fromEntries(answer.headers);
      return { status: answer.status, headers, body: await answer.text() };
    } catch {
      return null;
    }
  }

  /** Steps 5 and 7: the keys; those of another issuer are a mistake of whoever configured this. */
  async fetchKeys() {
    const answer = await this.fetched('/.well-known/jwks.json');
    const jwks = answer?.status === 200 && parsedOrNull(answer.body);
    if (!Array.isArray(jwks?.keys)) return false;
    if (jwks.issuer !== this.issuer)
      throw new ConfigurationError(`The service is not ${this.issuer}. Check LICENSING_ISSUER.`);
    this.state = { ...this.state, jwks };
    return true;
  }

  /** Step 4: sends a question with a proof, and once more if the service wants another nonce. */
  async post({ asks, path, body }, token) {
    const bytes = JSON.stringify(body);
    const credential = asks === 'login' ? token : body.license_key;
    let nonce = asks === 'validate' ? link(this.state, this.now()) : null;
    for (let attempt = 1; ; attempt++) {
      if (nonce === null) [nonce, this.state] = [this.state.dpopNonce, { ...this.state, dpopNonce: null }];
      const [url, jti, iat] = [this.url + path, crypto.randomUUID(), Math.floor(Date.now() / 1000)];
      const claims = proofClaims({ jti, url, iat, credential, body: bytes, nonce });
      const header = JSON.stringify(proofHeader(this.device));
      const proof = jws(header, JSON.stringify(claims), this.device);
      const headers = { 'Content-Type': 'application/json', DPoP: proof };
      if (asks === 'login') headers.Authorization = `Bearer ${token}`;
      const answer = await this.fetched(path, { method: 'POST', headers, body: bytes });
      const problem = answer?.status === 401 ? parsedOrNull(answer.body) : null;
      const fresh = answer?.headers['dpop-nonce'] ?? problem?.dpop_nonce;
      if (typeof fresh === 'string') this.state = { ...this.state, dpopNonce: fresh };
      if (attempt === 2 || problem?.code !== 'use_dpop_nonce') return answer;
      nonce = null;
    }
  }

  /** One step, and what to tell about it. */
  async step(token) {
    const asks = due(this.state, this.now()) === 'login' && token ? 'login' : 'validate';
    if (asks === 'login' || this.state.license) await this.ask(asks, token);
    return this.told();
  }

  async ask(asks, token) {
    const device = jwkThumbprint(this.device);
    const { issuer, environment } = this;
    const me = { issuer, environment, machine: this.machine(), device };
    const [asked, request] = question(this.state, asks, me, crypto.randomUUID);
    const fail = (message, answer = null) =>
      failed(this.state, answer, this.now(), Math.random(), message);
    this.state = asked;
    try {
      this.store(asked);
    } catch {
      this.state = fail('The disk cannot be written.');
      return;
    }
    const hasKeys = this.state.jwks !== null || (await this.fetchKeys());
    if (!hasKeys) return this.store(fail('The service does not answer.'));
    const answer = await this.post(request, token);
    const leased = parsedOrNull(answer?.body ?? '')?.lease?.token;
    const kid = leased && parsedOrNull(Buffer.from(`${leased}`.split('.')[0], 'base64url'))?.kid;
    if (kid && !this.state.jwks.keys.some((key) => key.kid === kid)) await this.fetchKeys();
    this.store(respond(this.state, request, answer, this.now(), Math.random()));
  }

  /** Step 10: the claims of the lease that it works on, which is checked like a new one. */
  working() {
    const { license, lease, mayWork, jwks } = this.state;
    if (!license || !mayWork || !isSameMachine(lease.machine, this.machine(), this.known)) return null;
    const expected = {
      ...{ issuer: this.issuer, license_id: license.id, nonce: lease.nonce },
      ...{ organization_id: license.organization_id, environment: this.environment },
      machine_thumbprint: thumbprintOf(lease.machine),
    };
    try {
      return checkLease(lease.token, jwks, expected, this.now());
    } catch {
      return null;
    }
  }

  told() {
    const { license, said, wait } = this.state;
    const claims = this.working();
    const signIn = 'Sign in, and start the agent with the ID token in ID_TOKEN.';
    let state = claims ? (said?.kind === 'valid' ? 'valid' : 'grace') : 'unreachable';
    if (!claims && said?.kind === 'refused') state = 'refused';
    if (!license || (!claims && said?.kind === 'proof')) state = 'signed_out';
    return {
      ...{ works: claims !== null, state, code: said?.code ?? null },
      message: [said?.message, state === 'signed_out' && signIn].filter(Boolean).join(' '),
      ...{ license: license?.id ?? null, lease: claims?.jti ?? null, until: claims?.exp ?? null },
      wait: Math.ceil(wait),
    };
  }
}

/** Step 2: the machine, as Linux and the runtime tell it. */
function readMachine() {
  const adapters = Object.values(os.networkInterfaces()).flat();
  const id = ['/etc/machine-id'].filter(fs.existsSync).map((path) => fs.readFileSync(path, 'utf8'));
  return {
    machine_id: id[0]?.trim() ?? null,
    mac_addresses: [...new Set(adapters.map(({ mac }) => mac))].slice(0, 1024),
    computer_name: os.hostname(),
  };
}

// ---- The test vectors --------------------------------------------------------------------------

const equal = (is, expected) => {
  if (!isDeepStrictEqual(is, expected))
    throw new Error(`${JSON.stringify(is)} instead of ${JSON.stringify(expected)}`);
};

/** What is checked of each file: pairs of a name and what must not throw. */
const VECTORS = {
  agent_machines({ machines, later }, known) {
    const listedLater = (name) => (name === 'by the list of a later release' ? [later.listed_later] : []);
    return [...machines, ...later.machines].map(({ name, raw, ...expected }) => [
      name,
      () => {
        const more = listedLater(name).map((mac) => new RegExp(macOf(mac)));
        const list = { ...known, addresses: [...known.addresses, ...more] };
        const thumbprint = thumbprintOf(raw);
        equal({ normalised: normalised(raw, list), canonical: canonical(raw), thumbprint }, expected);
      },
    ]);
  },
  agent_pairs: ({ two }, known) =>
    two.map(({ name, one, other, same }) => [name, () => equal(isSameMachine(one, other, known), same)]),
  agent_keys: ({ keys }) => keys.map(({ name, typed, id }) => [name, () => equal(licenseOf(typed), id)]),
  agent_proofs({ device_key, ath, htb, htu, proofs }) {
    const key = crypto.createPrivateKey({ key: { ...device_key.jwk, d: device_key.seed }, format: 'jwk' });
    const made = proofs.filter((proof) => proof.signing_input !== null);
    const isEqual = (one, other) => URL.canParse(one) && htuOf(one) === htuOf(other);
    return [
      ['thumbprint', () => equal(jwkThumbprint(key), device_key.thumbprint)],
      ...ath.map((row) => [row.credential, () => equal(sha256(row.credential), row.ath)]),
      ...htb.map((row) => [row.body, () => equal(sha256(row.body), row.htb)]),
      ...htu.map((row) => [row.htu, () => equal(isEqual(row.htu, row.url), row.equal)]),
      ...made.map(({ name, header, claims, proof, ...sent }) => [
        name,
        () => {
          equal(jws(header, claims, key), proof);
          const { htu, nonce = null, exp, ...given } = parse(claims);
          const mine = { ...proofClaims({ ...given, ...sent, nonce }), ...(exp && { exp }) };
          equal(mine, { ...parse(claims), htu: htuOf(htu) });
        },
      ]),
    ];
  },
  agent_leases: ({ jwks, expected, tokens }) =>
    tokens.map(({ name, token, now, reason }) => [
      name,
      () => {
        let is = null;
        try {
          checkLease(token, jwks, expected, now);
        } catch (error) {
          is = error.message;
        }
        equal(is, reason);
      },
    ]),
  agent_chains({ agent, license_id }) {
    const { privateKey: key } = crypto.generateKeyPairSync('ed25519');
    const jwks = { keys: [{ ...publicJwk(key), kid: 'k' }] };
    const me = { issuer: 'urn:test', environment: 'production', machine: {}, device: 'd' };
    const license = { id: license_id, organization_id: 'acme' };
    const license_key = '0808G-S19HT-2AJV3-BKWEG-TGFB1-20ZSN-GQXS8-SEGK7-SY35Z';
    const common = { iss: me.issuer, sub: license_id, organization_id: 'acme' };
    const place = { environment: 'production', machine_thumbprint: thumbprintOf(me.machine) };
    const header = JSON.stringify({ alg: 'Ed25519', typ: 'lease+jwt', kid: 'k' });
    const answered = ({ happens, granted, now }, { asks, nonce }) => {
      const said = { nonce, server_time: new Date(now * 1000).toISOString() };
      if (happens === 'the login is refused') {
        const problem = { status: 403, type: 'urn:licensing:problem:forbidden', code: 'forbidden' };
        return { status: 403, headers: {}, body: JSON.stringify(problem) };
      }
      const action = happens.match(/^refused with action (\w+)$/)?.[1];
      const refusal = { valid: false, code: action === 'login' ? 'REVOKED' : 'DETACHED', action };
      const claims = JSON.stringify({ ...common, ...place, ...granted, nonce });
      const lease = { token: jws(header, claims, key) };
      const valid = { valid: true, code: 'VALID', action: 'continue', lease };
      const login = { license, license_key, lease };
      const body = { ...said, ...(action ? refusal : asks === 'login' ? login : valid) };
      return { status: 200, headers: {}, body: JSON.stringify(body) };
    };
    return agent.map(({ name, steps }) => [
      name,
      () => {
        let [state, disk, drawn] = [{ ...NEW, jwks }, { ...NEW, jwks }, 0];
        const draw = () => `n-${++drawn}`;
        const jti = (lease) => lease && claimsOf(lease).jti;
        for (const step of steps) {
          if (step.happens.startsWith('killed')) state = disk;
          else {
            const asks = due(state, step.now);
            let request;
            [state, request] = question(state, asks, me, draw);
            if (step.sends !== null) {
              disk = state;
              const proof_nonce = asks === 'login' ? null : link(state, step.now);
              const { path: route, nonce } = request;
              equal({ route, lease: jti(state.lease), nonce, proof_nonce }, step.sends);
              if (step.happens !== 'the answer is lost')
                disk = state = respond(state, request, answered(step, request), step.now, 0);
            }
          }
          const nonce = disk.nonces.login ?? disk.nonces.validate;
          equal({ has_license: disk.license !== null, lease: jti(disk.lease), nonce }, step.keeps);
        }
      },
    ]);
  },
};

function checkVectors(folder) {
  const read = (name) => JSON.parse(fs.readFileSync(`${folder}/${name}.json`, 'utf8'));
  const known = knownShared(read('known_shared'));
  for (const [name, check] of Object.entries(VECTORS)) {
    const rows = check(read(name), known);
    const failing = rows.filter(([row, passes]) => {
      try {
        passes();
        return false;
      } catch (error) {
        console.error(`${name}.json: ${row}: ${error.message}`);
        return true;
      }
    });
    console.log(`${name}.json: ${rows.length - failing.length} of ${rows.length}`);
    if (failing.length) process.exitCode = 1;
  }
}

// ---- The command line --------------------------------------------------------------------------

async function main([command, folder]) {
  const env = process.env;
  if (command === 'vectors' && folder) return checkVectors(folder);
  if (command === '--help') return console.log(HELP);
  if (command !== 'run' && command !== 'step') throw new ConfigurationError(HELP);
  for (const name of ['LICENSING_URL', 'LICENSING_ISSUER', 'AGENT_FOLDER'])
    if (!env[name]) throw new ConfigurationError(`Set ${name}.`);
  if (!URL.canParse(env.LICENSING_URL)) throw new ConfigurationError('LICENSING_URL is no URL.');
  const machine = env.AGENT_MACHINE && parsedOrNull(env.AGENT_MACHINE);
  if (env.AGENT_MACHINE && !isObject(machine))
    throw new ConfigurationError('AGENT_MACHINE is no JSON object.');
  fs.mkdirSync(env.AGENT_FOLDER, { recursive: true, mode: 0o700 });
  const list = new URL('../vectors/known_shared.json', import.meta.url);
  const none = { addresses: [], given_by_software: [], ids: [], names: [] };
  const known = fs.existsSync(list) ? parse(fs.readFileSync(list, 'utf8')) : none;
  const agent = new Agent({
    url: env.LICENSING_URL.replace(/\/+$/, ''),
    issuer: env.LICENSING_ISSUER,
    folder: fs.realpathSync(env.AGENT_FOLDER),
    environment: env.AGENT_ENVIRONMENT ?? 'production',
    ahead: Number(env.AGENT_CLOCK_AHEAD ?? 0),
    machine: machine ? () => machine : readMachine,
    known: knownShared(known),
  });
  await lock(env.AGENT_FOLDER);
  let token = env.ID_TOKEN;
  do {
    const told = await agent.step(token);
    console.log(JSON.stringify(told));
    token = told.license || told.code ? undefined : token; // forget it after a login
    if (command === 'run') await new Promise((done) => setTimeout(done, 1000 * Math.max(1, told.wait)));
  } while (command === 'run');
}

main(process.argv.slice(2)).catch((error) => {
  if (!(error instanceof ConfigurationError)) throw error;
  console.error(error.message);
  process.exitCode = 2;
});
