/** What somebody writes in TypeScript with the types that are generated; they are checked. */

import createClient from "openapi-fetch";
import type { components, paths } from "./licensing-api.js";

type Problem = components["schemas"]["Problem"];
type Login = components["schemas"]["LoginReply"];

declare const process: { env: Record<string, string | undefined> };

const ORGANIZATION = "acme";
const ENVIRONMENT = "typescript";

const baseUrl = process.env["URL"] ?? "";
const authorized = (token: string | undefined) =>
  createClient<paths>({ baseUrl, headers: { Authorization: `Bearer ${token ?? ""}` } });
const agent = authorized(process.env["AGENT_TOKEN"]);
const administrator = authorized(process.env["ADMINISTRATOR_TOKEN"]);

/** An answer that was hoped for. */
function good<Data>(answer: { data?: Data; error?: unknown }): Data {
  if (answer.data === undefined) throw new Error(JSON.stringify(answer.error));
  return answer.data;
}

/** A problem of this service's; API Gateway's own answers have a message alone. */
function problem(error: unknown): Problem {
  if (typeof error === "object" && error !== null && "code" in error) return error as Problem;
  throw new Error(JSON.stringify(error));
}

// An agent logs in, on each of three computers, and validates.
const logins: Login[] = [];
const machine = (number: number) => ({
  machine_id: `6f3a1c0${number}-7b1d-4e02-9c55-3a9be2d74c61`,
  computer_name: `TYPESCRIPT-PC-${number}`,
});
for (const number of [0, 1, 2]) {
  const body = { machine: machine(number), environment: ENVIRONMENT, agent_version: "4.5.0.0" };
  logins.push(good(await agent.POST("/v1/licenses", { body })));
}
const [first, , third] = logins as [Login, Login, Login];
const validated = good(
  await createClient<paths>({ baseUrl }).POST("/v1/licenses/validate", {
    body: {
      license_key: third.license_key,
      organization_id: ORGANIZATION,
      machine: machine(2),
      nonce: "a-nonce-of-this-agent",
    },
  }),
);

// An administrator lists them, page by page.
const pages = [];
let cursor: string | null | undefined;
do {
  const further = cursor ? { cursor } : {};
  const page = good(
    await administrator.GET("/v1/organizations/{organization_id}/licenses", {
      params: {
        path: { organization_id: ORGANIZATION },
        query: { environment: ENVIRONMENT, limit: 2, ...further },
      },
    }),
  );
  pages.push(page.licenses);
  cursor = page.next_cursor;
} while (cursor !== null);

// A change of what was read, once; the second time, another version is there.
const path = { license_id: first.license.id };
const shown = await administrator.GET("/v1/licenses/{license_id}", { params: { path } });
good(shown);
const params = { path, header: { "If-Match": shown.response.headers.get("ETag") ?? "" } };
const changed = good(
  await administrator.PATCH("/v1/licenses/{license_id}", {
    params,
    body: { label: "Press hall", primary: true },
  }),
);
const late = await administrator.PATCH("/v1/licenses/{license_id}", {
  params,
  body: { primary: false },
});

// What is wrong in a request is pointed at.
const refused = await agent.POST("/v1/licenses", { body: { machine: {}, environment: "" } });

const told = {
  created: logins.map((login) => login.created),
  validated: [validated.valid, validated.code, validated.action],
  "same license": validated.license?.id === third.license.id,
  lasts: (validated.lease?.expires_at ?? "") > validated.server_time,
  pages: pages.map((page) => page.length),
  names: pages.flatMap((page) => page.map((license) => String(license.computer_name))).sort(),
  changed: [changed.license.label, changed.license.primary],
  late: [late.response.status, problem(late.error).status, problem(late.error).code],
  wrong: [
    problem(refused.error).code,
    (problem(refused.error).errors ?? []).map((error) => error.pointer).sort(),
  ],
};
console.log(JSON.stringify(told));
