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
  routeOf,
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
  agent_answers: ({ rows, situations, jwks, now, machine, ...terms }) =>
    rows.map(({ name, situation, answer, after }) => [
      name,
      () => {
        const { asks, license, presents, lease, failures, request, ...has } = situations[situation];
        const me = { ...terms, machine, device: has.device_key };
        const kept = presents && { token: presents, nonce: lease?.nonce };
        const flags = { isNew: has.has_just_logged_in, isLate: has.last_was_over, jwks };
        const kind = { license, lease: kept, works: lease !== null, next: asks, failures };
        const before = { ...NEW, ...kind, ...flags };
        const [state, sent] = question(before, asks, me, now, () => request.body.nonce);
        equal({ method: "POST", path: sent.path, body: sent.body }, request);
        const told = answer && { ...answer, body: answer.text ?? JSON.stringify(answer.body) };
        const [soon, late] = [0, 1].map((chance) => respond(state, sent, told, { now, chance }));
        const claims = claimsOf(late.lease);
        const isWorking = late.works && now < claims.exp;
        const { works, says, said_by, ...expected } = after;
        equal(
          {
            state: standing(late, isWorking),
            works_on: isWorking ? claims.jti : null,
            has_license: late.license !== null,
            presents: claims.jti ?? null,
            next: late.next,
            keeps_nonce: late.asked[routeOf(asks)] !== null,
            wait: [soon.wait, late.wait],
          },
          expected,
        );
        if (said_by) equal(late.message, says);
      },
    ]),
  agent_chains: ({ agent, license_id: id }) =>
    agent.map(({ name, steps }) => [
      name,
      () => {
        const { privateKey: key } = crypto.generateKeyPairSync("ed25519");
        const me = { issuer: "i", environment: "e", machine: {}, device: "d" };
        const license_key = "0808G-S19HT-2AJV3-BKWEG-TGFB1-20ZSN-GQXS8-SEGK7-SY35Z";
        const license = { id, organization_id: "o" };
        const common = { iss: "i", sub: id, organization_id: "o", environment: "e" };
        common.machine_thumbprint = thumbprintOf(me.machine);
        const header = JSON.stringify({ alg: "Ed25519", typ: "lease+jwt", kid: "k" });
        const answerOf = ({ happens, granted }, nonce) => {
          const token = jws(header, JSON.stringify({ ...common, ...granted, nonce }), key);
          const [lease, type] = [{ token }, "urn:licensing:problem:forbidden"];
          const said = {
            "refused with action login": { valid: false, code: "REVOKED", action: "login" },
            "refused with action logout": { valid: false, code: "DETACHED", action: "logout" },
            "the login is refused": { status: 403, type, code: "forbidden" },
          }[happens] ?? {
            valid: true,
            code: "VALID",
            action: "continue",
            lease,
            license,
            license_key,
          };
          return {
            status: said.status ?? 200,
            headers: {},
            body: JSON.stringify({ ...said, nonce }),
          };
        };
        let state = { ...NEW, jwks: { keys: [{ ...jwkOf(key), kid: "k" }] } };
        let [disk, drawn, request] = [state, 0, null];
        for (const { now, sends, keeps, ...step } of steps) {
          if (step.happens.startsWith("killed")) state = disk;
          else [state, request] = question(state, state.next, me, now, () => `n-${++drawn}`);
          if (sends) {
            disk = state;
            const {
              asks,
              path: route,
              body: { nonce },
            } = request;
            const proof_nonce = asks === "validate" ? link(state, now) : null;
            equal({ route, lease: claimsOf(state.lease).jti ?? null, nonce, proof_nonce }, sends);
            if (step.happens !== "the answer is lost")
              disk = state = respond(state, request, answerOf(step, nonce), { now, chance: 0 });
          }
          const nonce = (disk.asked.login ?? disk.asked.validate)?.nonce ?? null;
          const has_license = disk.license !== null;
          equal({ has_license, lease: claimsOf(disk.lease).jti ?? null, nonce }, keeps);
        }
      },
    ]),
};

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
