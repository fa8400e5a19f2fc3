// Who is signed in: OIDC's authorization code flow with PKCE, all of it in this tab.
//
// Tokens live in the tab's session storage: gone with the tab, never sent anywhere but to the
// identity provider and, in the Authorization header, to this service. Whoever signs out, or signs in
// anew, leaves no refresh token behind: it is revoked (RFC 7009). What cannot be renewed ends the
// session; what has been typed is kept elsewhere (form-drafts.js), and there again after signing in.
//
// From a sign-in until somebody signs out, other tabs of the browser sign in as well, without a
// question, as long as the identity provider's own session lasts: each asks once, with `prompt=none`,
// and gets tokens of its own. The one word that the browser keeps for that is no token: it is made up
// anew by whoever signs in after a sign-out. Tokens carry it along, and are given up by their tab once
// it is not the one that stands there: so whoever signs out in one tab does so in all of them, in those,
// too, that are not running at that moment.

import { fetchJson, Unreachable } from "./fetching.js";

const TOKENS = "session.tokens";
const PENDING = "session.pending";
const FAREWELL = "session.farewell";
const ASKED = "session.asked";
const LASTING = "session.lasting";
const RENEW_BEFORE_MS = 60_000;
const REVOKE_WITHIN_MS = 5_000;

/**
 * @typedef {object} Configuration
 * @property {string} authorization_endpoint
 * @property {string} token_endpoint
 * @property {string | null} end_session_endpoint
 * @property {string | null} revocation_endpoint
 * @property {string} client_id
 * @property {string} scope
 */

/** @typedef {{ id: string, refresh: string | null, expiresAt: number }} Granted */
/** @typedef {Granted & { word: string }} Tokens */

/**
 * @typedef {object} Pending
 * @property {string} state
 * @property {string} verifier
 * @property {string} place
 * @property {boolean} isSilent
 * @property {string | null} word the one that stood there when the identity provider was asked
 */

/** The session cannot be renewed: somebody has to sign in again. */
export class SessionEnded extends Error {
  constructor() {
    super("Your session has ended.");
  }
}

/** Signing in did not work; the message says why. */
export class SignInFailed extends Error {}

/** @type {Promise<Configuration> | null} */
let configuration = null;

/** @type {Promise<string> | null} */
let renewal = null;

/** Of who is signing out, until that is done. @type {Tokens | null} */
let leaving = null;

/** Whether somebody is signed in, as far as this tab knows. */
export function isSignedIn() {
  return read(TOKENS) !== null;
}

/** Whether whoever is signed in here has signed out elsewhere. */
export function hasLeft() {
  const tokens = /** @type {Tokens | null} */ (read(TOKENS));
  return tokens !== null && tokens.word !== standingWord();
}

/** What the identity provider calls who is signed in: a name, if it tells one. */
export function name() {
  const tokens = /** @type {Tokens | null} */ (read(TOKENS));
  const claims = tokens ? claimsOf(tokens.id) : {};
  return String(
    claims.name ??
      claims.email ??
      claims.preferred_username ??
      claims["cognito:username"] ??
      claims.sub ??
      "",
  );
}

/** Leaves for the identity provider; who signs in there comes back to where they are now. */
export async function signIn() {
  location.assign(await wayIn(false));
}

/**
 * Whether the identity provider can be asked for tokens without a question to the reader: somebody has
 * signed in in this browser and not out again, and this tab has not asked since it had its last ones.
 */
export function maySignInSilently() {
  return standingWord() !== null && read(ASKED) === null;
}

/**
 * Leaves for the identity provider, which is to show nothing: it sends back whoever is signed in there.
 * Where nobody is, or it knows no such thing, `comeBack` finds nobody signed in, and says nothing.
 */
export async function signInSilently() {
  write(ASKED, true);
  location.replace(await wayIn(true));
}

/** The tokens of this tab have let somebody in: once they are good for nothing, it may ask again. */
export function arrived() {
  sessionStorage.removeItem(ASKED);
}

/** @param {boolean} isSilent */
async function wayIn(isSilent) {
  const { authorization_endpoint, client_id, scope } = await configured();
  const verifier = random();
  const state = random();
  write(PENDING, { state, verifier, place: location.hash, isSilent, word: standingWord() });
  const url = new URL(authorization_endpoint);
  for (const [name, value] of Object.entries({
    response_type: "code",
    client_id,
    redirect_uri: redirectUri(),
    scope,
    state,
    code_challenge: await challengeOf(verifier),
    code_challenge_method: "S256",
    ...(isSilent && { prompt: "none" }),
  })) {
    url.searchParams.set(name, value);
  }
  return url;
}

/**
 * Takes over what the identity provider sent along, if this page load comes from there.
 *
 * Raises SignInFailed, unless nobody has asked for this sign-in; whatever happens, the address is as it
 * was before.
 */
export async function comeBack() {
  const answer = new URLSearchParams(location.search);
  if (!answer.has("state")) {
    return;
  }
  const pending = /** @type {Pending | null} */ (read(PENDING));
  sessionStorage.removeItem(PENDING);
  history.replaceState(null, "", `${location.pathname}${pending?.place ?? ""}`);
  if (pending === null || pending.state !== answer.get("state")) {
    throw new SignInFailed("This sign-in was not started in this tab. Sign in once more.");
  }
  const code = answer.get("code");
  if (code === null) {
    if (pending.isSilent) {
      return;
    }
    const reason = answer.get("error_description") ?? answer.get("error") ?? "no reason given";
    throw new SignInFailed(`The identity provider refused: ${reason}.`);
  }
  try {
    await take(code, pending);
  } catch (error) {
    if (!(pending.isSilent && error instanceof SignInFailed)) {
      throw error;
    }
  }
}

/**
 * @param {string} code
 * @param {Pending} pending
 */
async function take(code, { verifier, isSilent, word: asked }) {
  const granted = await exchange({
    grant_type: "authorization_code",
    code,
    redirect_uri: redirectUri(),
    code_verifier: verifier,
  });
  const standing = standingWord();
  if (isSilent && (standing === null || standing !== asked)) {
    void revoke(granted); // somebody has signed out meanwhile, and nobody has asked to sign in again
    return;
  }
  const before = /** @type {Tokens | null} */ (read(TOKENS));
  const word = standing ?? random();
  browserStorage().setItem(LASTING, word);
  write(TOKENS, { ...granted, word });
  void revoke(before);
}

/**
 * A token that is good for a while, renewed if need be. Raises SessionEnded.
 *
 * @param {string} [refused] one that was refused: by then another may be at hand
 */
export async function bearer(refused) {
  const tokens = /** @type {Tokens | null} */ (read(TOKENS));
  if (tokens === null) {
    throw new SessionEnded();
  }
  if (tokens.id !== refused && Date.now() < tokens.expiresAt - RENEW_BEFORE_MS) {
    return tokens.id;
  }
  // Several requests at once renew once: a refresh token may be good for one use only.
  renewal ??= renew(tokens).finally(() => {
    renewal = null;
  });
  return renewal;
}

/** Has the token renewed, so that it says what has been changed of its owner. Raises SessionEnded. */
export async function renewed() {
  const tokens = /** @type {Tokens | null} */ (read(TOKENS));
  return bearer(tokens?.id);
}

/**
 * Forgets the tokens, revokes them, and ends the identity provider's session, too.
 *
 * What is forgotten here and could not be revoked there is told by `farewell`.
 */
export async function signOut() {
  forget();
  browserStorage().removeItem(LASTING);
  const { end_session_endpoint, client_id } = await configured();
  await revokeLeaving();
  if (end_session_endpoint === null) {
    location.assign(redirectUri());
    return;
  }
  const url = new URL(end_session_endpoint);
  // The standard's names, and Cognito's own; but no token: an address is kept in many places.
  for (const [name, value] of Object.entries({
    client_id,
    post_logout_redirect_uri: redirectUri(),
    logout_uri: redirectUri(),
  })) {
    url.searchParams.set(name, value);
  }
  location.assign(url);
}

/** Forgets and revokes the tokens of this tab alone: another one ends the identity provider's session. */
export async function leave() {
  forget();
  await revokeLeaving();
}

/**
 * Calls back when somebody who is signed in here has signed out in another tab: as soon as it is told,
 * or else when this tab, which may not have been running, is looked at again.
 *
 * @param {() => void} listener
 */
export function onLeft(listener) {
  for (const told of ["storage", "focus", "pageshow"]) {
    addEventListener(told, look);
  }
  document.addEventListener("visibilitychange", look);

  /** What stands there counts, not what is told: somebody may have signed in since. */
  function look() {
    if (hasLeft()) {
      listener();
    }
  }
}

function forget() {
  leaving = read(TOKENS) ?? leaving;
  sessionStorage.clear();
}

async function revokeLeaving() {
  const left = await revoke(leaving);
  leaving = null;
  if (left) {
    write(FAREWELL, left);
  }
}

/** What has to be told, once, to somebody who has signed out; "" if nothing has. */
export function farewell() {
  const told = String(read(FAREWELL) ?? "");
  sessionStorage.removeItem(FAREWELL);
  return told;
}

/**
 * Revokes a refresh token; what is left to tell if it was not revoked, else "".
 *
 * @param {Granted | null} tokens
 */
async function revoke(tokens) {
  if (tokens === null || tokens.refresh === null) {
    return "";
  }
  try {
    const { revocation_endpoint, client_id } = await configured();
    if (revocation_endpoint === null) {
      return "You are signed out here. Your identity provider revokes no sign-ins: this one ends there by itself.";
    }
    const { response } = await fetchJson(revocation_endpoint, {
      method: "POST",
      body: new URLSearchParams({ token: tokens.refresh, client_id }),
      signal: AbortSignal.timeout(REVOKE_WITHIN_MS),
    });
    if (response.ok) {
      return "";
    }
  } catch {
    // Out of reach, or too slow: as if it had refused.
  }
  return "You are signed out here. Your identity provider did not confirm it: the sign-in may go on there until it ends by itself.";
}

/** @param {Tokens} tokens */
async function renew(tokens) {
  if (tokens.refresh === null) {
    throw new SessionEnded();
  }
  try {
    const renewed = await exchange(
      { grant_type: "refresh_token", refresh_token: tokens.refresh },
      tokens.refresh,
    );
    const present = /** @type {Tokens | null} */ (read(TOKENS));
    if (present?.id !== tokens.id) {
      void revoke(renewed); // who has signed out meanwhile stays so
      throw new SessionEnded();
    }
    write(TOKENS, { ...renewed, word: tokens.word });
    return renewed.id;
  } catch (error) {
    if (error instanceof SignInFailed) {
      throw new SessionEnded();
    }
    throw error;
  }
}

/**
 * @param {Record<string, string>} grant
 * @param {string | null} [refresh] what stays good when no other one is sent
 * @returns {Promise<Granted>}
 */
async function exchange(grant, refresh = null) {
  const { token_endpoint, client_id } = await configured();
  const { response, body } = await fetchJson(token_endpoint, {
    method: "POST",
    body: new URLSearchParams({ ...grant, client_id }),
  });
  if (response.status >= 500) {
    throw new Unreachable("The identity provider does not answer. Try again in a while.");
  }
  if (!response.ok || typeof body.id_token !== "string") {
    throw new SignInFailed(`The identity provider refused: ${body.error ?? "no ID token"}.`);
  }
  const { iat, exp } = claimsOf(body.id_token);
  return {
    id: body.id_token,
    refresh: body.refresh_token ?? refresh,
    // By this computer's clock, which need not be the identity provider's.
    expiresAt: Date.now() + (Number(exp) - Number(iat)) * 1000,
  };
}

async function configured() {
  configuration ??= fetchJson("/portal/configuration.json").then(({ response, body }) => {
    if (!response.ok) {
      configuration = null;
      throw new SignInFailed(body.detail ?? "Sign-in is not available. Try again in a while.");
    }
    if (body.client_id === null) {
      configuration = null;
      throw new SignInFailed(
        "Nobody can sign in to the portal yet. Deploy the stack once more, with its output ApiUrl as the parameter PortalUrl.",
      );
    }
    return body;
  });
  try {
    return await configuration;
  } catch (error) {
    configuration = null;
    throw error;
  }
}

/**
 * What an ID token says, to be shown and to renew it in time. Only the service verifies it.
 *
 * @param {string} token
 * @returns {Record<string, unknown>}
 */
function claimsOf(token) {
  const payload = (token.split(".")[1] ?? "").replaceAll("-", "+").replaceAll("_", "/");
  const bytes = Uint8Array.from(atob(payload), (character) => character.charCodeAt(0));
  return JSON.parse(new TextDecoder().decode(bytes));
}

function redirectUri() {
  return `${location.origin}${location.pathname}`;
}

function random() {
  return base64url(crypto.getRandomValues(new Uint8Array(32)));
}

/** @param {string} verifier */
async function challengeOf(verifier) {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier));
  return base64url(new Uint8Array(digest));
}

/** @param {Uint8Array} bytes */
function base64url(bytes) {
  return btoa(String.fromCharCode(...bytes))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "");
}

/** The word that stands in this browser now, null while nobody is signed in. */
function standingWord() {
  return browserStorage().getItem(LASTING);
}

/** What all tabs share, and what outlives them: for no more than a word. */
function browserStorage() {
  return localStorage;
}

/** @param {string} name */
function read(name) {
  return JSON.parse(sessionStorage.getItem(name) ?? "null");
}

/**
 * @param {string} name
 * @param {unknown} value
 */
function write(name, value) {
  sessionStorage.setItem(name, JSON.stringify(value));
}
