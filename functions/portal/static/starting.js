// Loads the portal, and has the last word if that does not work.
//
// It imports nothing up front, and is served under the address of every version: a page that was
// sent before a deployment finds it when the other files of its version are gone. It then loads the
// page anew, which has the present version's files. It does so once: if that does not help, the
// reader is told and decides. What has been typed is kept in the tab (form-drafts.js).

const LIMIT_MS = 20_000;
const LOADED_ANEW = "starting.anew";

class Overdue extends Error {}

async function start() {
  /** @type {typeof import("./main.js")} */
  let portal;
  try {
    portal = await within(import("./main.js"));
  } catch (error) {
    console.error(error);
    await goOn(!(error instanceof Overdue));
    return;
  }
  sessionStorage.removeItem(LOADED_ANEW);
  await portal.start();
}

/** @param {boolean} isAnswered whether the files are gone, and not just late */
async function goOn(isAnswered) {
  const wasLoadedAnew = sessionStorage.getItem(LOADED_ANEW) !== null;
  if (isAnswered && !wasLoadedAnew && (await isThere())) {
    sessionStorage.setItem(LOADED_ANEW, "yes");
    location.reload();
    return;
  }
  const text = document.createElement("p");
  text.append(
    "The portal has not loaded. Check the connection, then load the page anew. ",
    "What you have typed is kept.",
  );
  const button = document.createElement("button");
  button.type = "button";
  button.append("Load the page anew");
  button.addEventListener("click", () => location.reload());
  const told = document.createElement("div");
  told.className = "failure";
  told.setAttribute("role", "alert");
  told.append(text, button);
  document.getElementById("main")?.replaceChildren(told);
}

/** Whether loading the page anew would lead to a page, and not to the browser's own word. */
async function isThere() {
  try {
    return (await within(fetch(location.pathname, { method: "HEAD", cache: "no-store" }))).ok;
  } catch {
    return false;
  }
}

/**
 * @template T
 * @param {Promise<T>} work
 * @returns {Promise<T>}
 */
function within(work) {
  return new Promise((resolve, reject) => {
    setTimeout(() => reject(new Overdue("It has taken too long.")), LIMIT_MS);
    work.then(resolve, reject);
  });
}

void start();
