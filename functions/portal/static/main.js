// Starts the portal: who is signed in, which page the place stands for, and the frame around it.

import { across } from "./across.js";
import { agent } from "./agent.js";
import { agents } from "./agents.js";
import * as api from "./api.js";
import { shut } from "./dialogs.js";
import { fill, h } from "./dom.js";
import { empty } from "./facts.js";
import { failure } from "./failure.js";
import { feed } from "./feed.js";
import { freshness, refreshWhenBack } from "./freshness.js";
import { isolated } from "./labels.js";
import { working } from "./loading.js";
import { machines } from "./machines.js";
import { onName, organizationName } from "./names.js";
import { organizationForm } from "./organization-form.js";
import { organizations } from "./organizations.js";
import { overview } from "./overview.js";
import { go, here, link, onMove } from "./router.js";
import * as session from "./session.js";
import { heading } from "./subject.js";
import { temporary } from "./temporary.js";
import { remembered } from "./way-back.js";

/**
 * What a page is made from.
 *
 * @typedef {object} View
 * @property {Record<string, string>} params the named parts of the path
 * @property {URLSearchParams} query
 * @property {import("../contract.d.ts").CurrentUserReply} me
 * @property {boolean} isSuperAdmin
 */

/**
 * A page: `update` is told when only the query has changed, `stop` when the reader has left. `parts`
 * are what can be loaded anew while it is shown.
 *
 * @typedef {object} Page
 * @property {string} title
 * @property {HTMLElement} element
 * @property {import("./freshness.js").Part[]} [parts]
 * @property {(query: URLSearchParams) => void} [update]
 * @property {() => void} [stop]
 */

/** @typedef {(view: View) => Page} MakePage */

/** @type {[pattern: string, page: MakePage, superAdminsOnly?: boolean][]} */
const ROUTES = [
  ["/organizations", organizations, true],
  ["/new-organization", organizationForm, true],
  ["/organizations/:organization", overview],
  ["/organizations/:organization/edit", organizationForm, true],
  ["/organizations/:organization/agents", agents],
  ["/organizations/:organization/agents/:license", agent],
  ["/organizations/:organization/feed", feed],
  ["/organizations/:organization/temporary", temporary, true],
  ["/machines", machines, true],
  ["/events", across, true],
];

/** @type {import("../contract.d.ts").CurrentUserReply | null} */
let me = null;

/** @type {{ path: string, page: Page } | null} */
let shown = null;

/** Whether the tokens of this tab are being revoked, as somebody has signed out elsewhere. */
let isLeaving = false;

/** Shows the portal. */
export async function start() {
  onMove(render);
  session.onLeft(leaveToo); // before anything is asked anew in their name
  refreshWhenBack(() =>
    shown?.page.parts ? { parts: shown.page.parts, element: shown.page.element } : null,
  );
  addEventListener("pageshow", comeBackTo);
  document.querySelector(".skip")?.addEventListener("click", skip);
  try {
    await session.comeBack();
  } catch (error) {
    showAlone("Signing in", failure(error, tryToSignIn));
    return;
  }
  await enter();
}

async function enter() {
  if (session.hasLeft()) {
    await leaveToo();
    return;
  }
  if (!session.isSignedIn()) {
    await (session.maySignInSilently() ? signInSilently() : showWelcome());
    return;
  }
  /** @type {import("../contract.d.ts").CurrentUserReply} */
  let who;
  try {
    who = await api.me();
  } catch (error) {
    if (!session.isSignedIn()) {
      return; // they have left meanwhile
    }
    await (error instanceof session.SessionEnded && session.maySignInSilently()
      ? signInSilently()
      : showAlone("Licensing", failure(error, enter)));
    return;
  }
  if (!session.isSignedIn()) {
    return;
  }
  me = who;
  session.arrived();
  render();
  const [arrival] = performance.getEntriesByType("navigation");
  if (/** @type {PerformanceNavigationTiming | undefined} */ (arrival)?.type === "reload") {
    lookAgain().catch(() => undefined); // what is known of the reader stays as it is
  }
}

/** Asks anew who the reader is: a token says what they may do when it was made. */
async function lookAgain() {
  await session.renewed();
  const now = await api.me();
  if (me !== null && JSON.stringify(now) !== JSON.stringify(me)) {
    me = now;
    shown?.page.stop?.();
    shown = null;
    render();
  }
}

function render() {
  if (me === null) {
    return;
  }
  const { path, query } = here();
  shut();
  if (shown?.path === path && shown.page.update) {
    shown.page.update(query);
    return;
  }
  const home = homeOf(me);
  if (path === "/" && home !== null) {
    go(home, { replace: true });
    return;
  }
  shown?.page.stop?.();
  const page = home === null ? notForYou(me) : pageAt(path, query, me);
  shown = { path, page };
  show(page, path);
}

/**
 * @param {string} path
 * @param {URLSearchParams} query
 * @param {import("../contract.d.ts").CurrentUserReply} me
 * @returns {Page}
 */
function pageAt(path, query, me) {
  const isSuperAdmin = me.roles.includes("super-admin");
  for (const [pattern, make, superAdminsOnly] of ROUTES) {
    const params = match(pattern, path);
    if (params && (isSuperAdmin || !superAdminsOnly)) {
      return make({ params, query, me, isSuperAdmin });
    }
  }
  return {
    title: "No such page",
    element: h(
      "div",
      {},
      empty(
        "There is nothing here, or not for you.",
        "The address may be mistyped, or meant for somebody with another role. ",
        h("a", { href: "#/" }, "Go to the start"),
      ),
    ),
  };
}

/**
 * To the content without going anywhere: what stands behind the `#` is the place.
 *
 * @param {Event} event
 */
function skip(event) {
  event.preventDefault();
  main().focus();
}

/**
 * The parts of a path that a pattern names, or null if it does not fit.
 *
 * @param {string} pattern
 * @param {string} path
 */
function match(pattern, path) {
  const wanted = pattern.split("/");
  const given = path.split("/").map(decoded);
  if (wanted.length !== given.length) {
    return null;
  }
  /** @type {Record<string, string>} */
  const params = {};
  for (const [position, part] of wanted.entries()) {
    const value = given[position] ?? "";
    if (part.startsWith(":") && value) {
      params[part.slice(1)] = value;
    } else if (part !== value) {
      return null;
    }
  }
  return params;
}

/** @param {string} part */
function decoded(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part; // a stray percent sign: no page has such an address
  }
}

/**
 * Where somebody starts, or null for those who administer nothing.
 *
 * @param {import("../contract.d.ts").CurrentUserReply} me
 */
function homeOf(me) {
  if (me.roles.includes("super-admin")) {
    return link(["organizations"]);
  }
  return me.roles.includes("org-admin") && me.organization_id
    ? link(["organizations", me.organization_id])
    : null;
}

/**
 * @param {import("../contract.d.ts").CurrentUserReply} me
 * @returns {Page}
 */
function notForYou(me) {
  const isAdmin = me.roles.includes("org-admin"); // but of no organization
  const trouble = h("div");
  const button = h("button", { type: "button", onclick: press }, "Look again");
  function press() {
    fill(trouble);
    return working(button, async () => {
      try {
        await lookAgain();
      } catch (error) {
        fill(trouble, failure(error, press));
      }
    });
  }
  return {
    title: "Nothing to administer",
    element: h(
      "div",
      {},
      empty(
        isAdmin ? "Your account belongs to no organization." : "This portal is for administrators.",
        `You are signed in as ${isolated(session.name())}`,
        me.roles.length ? ` (${me.roles.join(", ")}). ` : ". ",
        isAdmin
          ? "You have the role org-admin. Ask whoever manages users to set your account's organization, too. "
          : "Ask whoever manages your organization's users for the role org-admin. Agents need no " +
              "portal: log in on the agent itself. ",
        "If that has been done, look again.",
      ),
      trouble,
      h("p", { class: "buttons" }, button),
    ),
  };
}

/**
 * @param {Page} page
 * @param {string} path
 */
function show(page, path) {
  const organization = organizationOf(path);
  let about = [page.title];
  const { name, told } = heading(page.title, page.element, (subject) => {
    about = [subject.name, subject.state];
    entitle();
  });
  const named = frame(path, organization);
  onName((id) => {
    if (id === organization) {
      named();
      entitle();
    }
  });
  const age = page.parts ? freshness(page.parts, page.element) : null;
  fill(main(), h("div", { class: "heading" }, name, age, told), page.element);
  entitle();
  if (organization !== null) {
    page.element.addEventListener("loaded", () => askForName(organization, page.element));
  }
  name.focus({ preventScroll: true });
  scrollTo(0, 0);

  function entitle() {
    if (shown?.page !== page) {
      return; // what comes late is of a page that is no longer there
    }
    const within = organization === null ? "" : (organizationName(organization) ?? organization);
    const parts = [...about, about[0] === within ? "" : within, "Licensing"];
    document.title = parts.filter(Boolean).join(" · ");
  }
}

/** @type {Set<string>} organizations whose names have been asked for */
const asked = new Set();

/**
 * Finds out what an organization is called, once its page has been loaded without being told.
 *
 * @param {string} id
 * @param {HTMLElement} page
 */
function askForName(id, page) {
  const isBusy = page.querySelector("[aria-busy=true], .failure") !== null;
  if (!isBusy && organizationName(id) === undefined && !asked.has(id)) {
    asked.add(id);
    api.organization(id).catch(() => asked.delete(id)); // its id says which one it is, too
  }
}

/**
 * The organization that a place is in, null if it is in none.
 *
 * @param {string} path
 */
function organizationOf(path) {
  const [, first, id] = path.split("/").map(decoded);
  return first === "organizations" && id && me && homeOf(me) ? id : null;
}

function showWelcome() {
  const farewell = session.farewell();
  showAlone(
    "Licensing",
    h(
      "div",
      { class: "welcome" },
      farewell !== "" && h("p", { role: "status" }, farewell),
      h("p", {}, "See and control every agent of your organization."),
      signInButton(),
    ),
  );
}

function signInButton() {
  const button = h("button", { type: "button", class: "first", onclick: press }, "Sign in");
  function press() {
    return working(button, tryToSignIn);
  }
  return button;
}

async function tryToSignIn() {
  try {
    await session.signIn();
  } catch (error) {
    showAlone("Signing in", failure(error, tryToSignIn));
  }
}

async function signInSilently() {
  showAlone("Signing in", h("p", { class: "loading", role: "status" }, "Signing in…"));
  try {
    await session.signInSilently();
  } catch {
    await enter(); // as if nobody had asked: signing in by hand says what is wrong
  }
}

/** Somebody has signed out in another tab. */
async function leaveToo() {
  closeAll();
  isLeaving = true;
  await session.leave();
  isLeaving = false;
  if (!session.isSignedIn()) {
    showWelcome();
  }
}

function closeAll() {
  me = null;
  shown?.page.stop?.();
  shown = null;
  onName(() => undefined);
  shut();
  showAlone("Signing out", h("p", { class: "loading", role: "status" }, "Signing out…"));
}

async function tryToSignOut() {
  closeAll();
  try {
    await session.signOut();
  } catch (error) {
    showAlone("Signing out", failure(error, tryToSignOut));
  }
}

/**
 * A browser that goes back may show a page as it was left: not after signing out of it, and not on the
 * way to the identity provider. Who is leaving gets the time to have their tokens revoked.
 *
 * @param {PageTransitionEvent} event
 */
function comeBackTo(event) {
  if (event.persisted && !isLeaving && (me === null || !session.isSignedIn())) {
    location.reload();
  }
}

/**
 * @param {string} title
 * @param {HTMLElement} element
 */
function showAlone(title, element) {
  document.title = title === "Licensing" ? title : `${title} · Licensing`;
  fill(header(), brand());
  fill(main(), h("h1", { tabindex: -1 }, title), element);
}

/**
 * The way to everything else, with the present place marked.
 *
 * @param {string} path
 * @param {string | null} organization
 * @returns {() => void} says once more what the organization is called
 */
function frame(path, organization) {
  const parts = path.split("/").slice(1).map(decoded);
  const isSuperAdmin = me?.roles.includes("super-admin") ?? false;
  /** @type {[text: string, parts: string[]][]} */
  const everywhere = [
    ["Organizations", ["organizations"]],
    ["Machines", ["machines"]],
    ["Clones and refusals", ["events"]],
  ];
  /** @type {[text: string, parts: string[], meaning?: string][]} */
  const within = organization
    ? [
        ["Overview", ["organizations", organization]],
        ["Agents", ["organizations", organization, "agents"]],
        [isSuperAdmin ? "Audit trail" : "Feed", ["organizations", organization, "feed"]],
      ]
    : [];
  if (organization && isSuperAdmin) {
    within.push([
      "Temporary licenses",
      ["organizations", organization, "temporary"],
      "Rolling Window: lets a partner in for a while",
    ]);
  }
  const name = h("span", { class: "organization" });
  const places = organization === null ? null : menu("", within, parts);
  named();
  fill(
    header(),
    h(
      "div",
      { class: "bar" },
      brand(),
      isSuperAdmin && menu("Service", everywhere, parts),
      h(
        "p",
        { class: "who" },
        h("span", { title: me?.subject }, session.name()),
        h("button", { type: "button", onclick: tryToSignOut }, "Sign out"),
      ),
    ),
    places && h("div", { class: "bar within" }, name, places),
  );

  function named() {
    if (organization !== null) {
      const known = organizationName(organization) ?? organization;
      fill(name, known, known !== organization && h("small", {}, organization));
      places?.setAttribute("aria-label", `Organization ${isolated(known)}`);
    }
  }
  return named;
}

/**
 * @param {string} label
 * @param {[text: string, parts: string[], meaning?: string][]} entries
 * @param {string[]} present
 */
function menu(label, entries, present) {
  return h(
    "nav",
    { "aria-label": label },
    h(
      "ul",
      {},
      entries.map(([text, parts, meaning]) => {
        const isHere = parts.join("/") === present.join("/");
        const isAround =
          parts.length > 2 && present.slice(0, parts.length).join("/") === parts.join("/");
        return h(
          "li",
          {},
          h(
            "a",
            {
              href: link(parts, remembered(parts)),
              onclick: (/** @type {Event} */ { currentTarget: anchor }) => {
                /** @type {HTMLAnchorElement} */ (anchor).href = link(parts, remembered(parts));
              },
              title: meaning,
              "aria-current": isHere ? "page" : isAround ? "true" : null,
            },
            text,
          ),
        );
      }),
    ),
  );
}

function brand() {
  return h("a", { class: "brand", href: "#/" }, "Licensing");
}

function header() {
  return /** @type {HTMLElement} */ (document.getElementById("header"));
}

function main() {
  return /** @type {HTMLElement} */ (document.getElementById("main"));
}
