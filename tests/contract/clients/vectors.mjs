// The check of agent.mjs against the test vectors, by the functions that the agent itself uses.
import * as crypto from "node:crypto";
import * as fs from "node:fs";
import { isDeepStrictEqual } from "node:util";
import {
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
  proofClaims,
  question,
  respond,
  searchable,
  sha256,
  standing,
  thumbprintOf,
} from "./agent.mjs";

const equal = (is, expected) => {
  const told = `${JSON.stringify(is)} instead of ${JSON.stringify(expected)}`;
  if (!isDeepStrictEqual(is, expected)) throw new Error(told);
};

/** A file's vectors: of each, its name, and a function that throws where it fails. */
const VECTORS = {
  agent_machines: ({ machines, later }, known) => {
    const addresses = [...known.addresses, new RegExp(macOf(later.listed_later))];
    const lists = [...machines.map(() => known), known, { ...known, addresses }];
    return [...machines, ...later.machines].map(({ name, raw, ...expected }, i) => [
      name,
      () => {
        const digested = { canonical: canonical(raw), thumbprint: thumbprintOf(raw) };
        equal({ normalised: normalised(raw, lists[i]), ...digested }, expected);
      },
    ]);
  },
  agent_pairs: ({ two }, known) =>
    two.map(({ name, one, other, same }) => [
      name,
      () => equal(isSameMachine(one, other, known), same),
    ]),
  agent_keys: ({ keys }) =>
    keys.map(({ name, typed, id }) => [name, () => equal(licenseOf(typed), id)]),
  agent_proofs: ({ device_key: { jwk, seed, thumbprint }, ath, htb, htu, proofs }) => {
    const key = crypto.createPrivateKey({ key: { ...jwk, d: seed }, format: "jwk" });
    const isEqual = (one, other) => attempt(() => htuOf(one)) === htuOf(other);
    const good = proofs.filter((proof) => proof.signing_input !== null);
    const signed = good.map(({ name, claims, proof, ...row }) => [
      name,
      () => {
        equal(jws(row.header_text, row.claims_text, key), proof);
        const { jti, iat, nonce, exp } = claims; // exp: a claim more, which the service ignores
        const made = proofClaims({ ...row, jti, iat, nonce });
        equal({ ...made, ...(exp && { exp }) }, { ...claims, htu: htuOf(claims.htu) });
      },
    ]);
    return [
      ["the thumbprint", () => equal(jwkThumbprint(key), thumbprint)],
      ...ath.map((row) => [row.credential, () => equal(sha256(row.credential), row.ath)]),
      ...htb.map((row) => [row.body, () => equal(sha256(row.body), row.htb)]),
      ...htu.map((row) => [row.htu, () => equal(isEqual(row.htu, row.url), row.equal)]),
      ...signed,
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
  agent_answers: (table) =>
    table.rows.map((row) => [`${row.situation}: ${row.name}`, () => checkAnswer(table, row)]),
  agent_chains: ({ agent, license_id }) =>
    agent.map(({ name, steps }) => [name, () => checkStory(license_id, steps)]),
};

/** One answer, and what the agent is and does then. */
function checkAnswer({ situations, jwks, now, machine, issuer, environment }, row) {
  const has = situations[row.situation];
  const me = { issuer, environment, machine, device: has.device_key };
  const before = {
    ...{ ...NEW, jwks, license: has.license, failures: has.failures, next: has.asks },
    lease: has.presents && { token: has.presents, nonce: has.lease?.nonce },
    works: has.lease !== null,
    standing: has.refused && "refused",
    ...{ isNew: has.has_just_logged_in, isLate: has.last_was_over, ...has.refused },
  };
  const [state, sent] = question(before, has.asks, me, now, () => has.request.body.nonce);
  equal({ method: "POST", path: sent.path, body: sent.body }, has.request);
  const { answer } = row;
  const told = answer && { ...answer, body: answer.text ?? JSON.stringify(answer.body) };
  const [soon, late] = [0, 1].map((chance) => respond(state, sent, told, { now, chance }));
  const claims = claimsOf(late.lease);
  const works = late.works && now < claims.exp;
  const { says, said_by, ...expected } = row.after;
  equal(
    {
      ...{ state: standing(late, works), works, works_on: works ? claims.jti : null },
      ...{ has_license: late.license !== null, presents: claims.jti ?? null },
      ...{ keeps_nonce: late.asked !== null, next: late.next, wait: [soon.wait, late.wait] },
    },
    expected,
  );
  if (said_by) equal(late.message, says);
}

/** A story: what the agent sends and keeps at each step. The leases are signed here. */
function checkStory(id, steps) {
  const { privateKey: key } = crypto.generateKeyPairSync("ed25519");
  const kid = jwkThumbprint(key);
  const me = { issuer: "i", environment: "e", machine: {}, device: kid };
  const license = { id, organization_id: "o" };
  const license_key = "0808G-S19HT-2AJV3-BKWEG-TGFB1-20ZSN-GQXS8-SEGK7-SY35Z";
  const common = { iss: "i", sub: id, organization_id: "o", environment: "e", kind: "standard" };
  const place = { primary: false, machine_thumbprint: thumbprintOf(me.machine) };
  const header = JSON.stringify({ alg: "Ed25519", typ: "lease+jwt", kid });
  const answerTo = ({ happens, granted }, nonce) => {
    const claims = JSON.stringify({ ...common, ...place, ...granted, nonce });
    const lease = { token: jws(header, claims, key) };
    const answers = {
      answered: { valid: true, code: "VALID", action: "continue", lease, license, license_key },
      "refused with action login": { valid: false, code: "REVOKED", action: "login" },
      "refused with action logout": { valid: false, code: "DETACHED", action: "logout" },
      "the login is refused": { status: 403, type: "urn:licensing:problem:a", code: "a" },
    };
    const body = { message: "", nonce, ...answers[happens] };
    return { status: body.status ?? 200, headers: {}, body: JSON.stringify(body) };
  };
  let state = { ...NEW, jwks: { keys: [{ ...jwkOf(key), kid }] } };
  let [disk, drawn, request] = [state, 0, null];
  for (const { now, sends, keeps, ...step } of steps) {
    if (step.happens === "killed, and started anew") state = disk;
    else [state, request] = question(state, state.next, me, now, () => `n-${++drawn}`);
    if (sends) {
      disk = state;
      const { nonce } = request.body;
      const proof_nonce = request.asks === "validate" ? link(state, now) : null;
      const lease = claimsOf(state.lease).jti ?? null;
      equal({ route: request.path, lease, nonce, proof_nonce }, sends);
      if (step.happens !== "the answer is lost")
        disk = state = respond(state, request, answerTo(step, nonce), { now, chance: 0 });
    }
    const lease = claimsOf(disk.lease).jti ?? null;
    equal({ has_license: disk.license !== null, lease, nonce: disk.asked?.nonce ?? null }, keeps);
  }
}

/** Prints how many vectors of each file pass, and which fail. */
export function checkVectors(folder) {
  const read = (name) => JSON.parse(fs.readFileSync(`${folder}/${name}.json`, "utf8"));
  const known = searchable(read("known_shared"));
  for (const [file, vectors] of Object.entries(VECTORS)) {
    const rows = vectors(read(file), known);
    const passed = rows.filter(([name, check]) => {
      try {
        check();
        return true;
      } catch (error) {
        console.error(`${file}.json: ${name}: ${error.message}`);
        process.exitCode = 1;
        return false;
      }
    });
    console.log(`${file}.json: ${passed.length} of ${rows.length}`);
  }
}
