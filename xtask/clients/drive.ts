// Uses every kind of answer through the generated types, after the example of docs/CLIENTS.md.

import assert from "node:assert/strict";
import createClient from "openapi-fetch";
import { ada, headers, me, roster, signedIn } from "./example.js";
import type { components, paths } from "./roster.js";

type Schemas = components["schemas"];

// Compiles only for values whose type is neither `any` nor `unknown`.
function typed<T>(value: unknown extends T ? never : T): T {
  return value as T;
}

// Refused: a problem with a violation for each field.
const refused = await roster.POST("/users", { body: { email: "x", password: "y" } });
const problem: Schemas["Problem"] = typed(refused.error!);
assert.deepEqual(problem.errors?.map((it) => typed(it.pointer)).sort(), ["/email", "/password"]);

// Accepted, without waiting; the same key is the same command.
const key = { "Idempotency-Key": crypto.randomUUID() };
const body = { email: "tim@example.org", password: ada.password, name: "Tim" };
const accepted = await roster.POST("/users", { body, params: { header: key } });
const again = await roster.POST("/users", { body, params: { header: key } });
assert.equal(accepted.response.status, 202);
assert.equal(again.response.headers.get("Idempotency-Replayed"), "true");
const command = accepted.data as Schemas["CommandView"];
const path = { id: command.target!.id };
const registered = await roster.GET("/users/{id}", { params: { path, header: { Prefer: "wait=30" } } });
assert.equal(typed(registered.data!.name), "Tim");

// Refresh.
const refreshed = await roster.POST("/auth/refresh", { body: { refresh_token: signedIn.data!.refresh_token } });
assert.equal(typed(refreshed.data!.session_id), signedIn.data!.session_id);

// Patch, by the version that was read.
const myself = { id: me.data!.id };
const conditions = { Prefer: "wait=30", "If-Match": me.response.headers.get("ETag")! };
const patch = { params: { path: myself, header: conditions }, headers, body: { name: "Grace" } };
const patched = await roster.PATCH("/users/{id}", patch);
assert.equal(patched.response.status, 200);
assert.equal((patched.data as Schemas["UserView"]).name, "Grace");
const stale = await roster.PATCH("/users/{id}", patch);
assert.equal(typed(stale.error!.code), "precondition_failed");

// List, by an administrator, in pages of one.
const { ADMIN_EMAIL, ADMIN_PASSWORD } = process.env;
const admin = await roster.POST("/auth/login", { body: { email: ADMIN_EMAIL!, password: ADMIN_PASSWORD! } });
const root = createClient<paths>({
  baseUrl: process.env["ROSTER_URL"]!,
  headers: { Authorization: `Bearer ${admin.data!.access_token}` },
});
const names: (string | null)[] = [];
let cursor: string | undefined;
do {
  const query = { domain: "example.org", sort: "-name", limit: 1, ...(cursor === undefined ? {} : { cursor }) };
  const page = await root.GET("/users", { params: { query } });
  const users: Schemas["UserPage"] = typed(page.data!);
  names.push(...users.data.map((user) => typed(user.name)));
  cursor = users.next_cursor ?? undefined;
} while (cursor !== undefined);
assert.deepEqual(names.filter((name) => name === "Tim" || name === "Grace"), ["Tim", "Grace"]);
const forbidden = await roster.GET("/users", { headers });
assert.equal(typed(forbidden.error!.code), "forbidden");

// Erase.
const erasure = { params: { path: myself, header: { Prefer: "wait=30" } }, headers };
const erased = await roster.DELETE("/users/{id}", { ...erasure, body: { current_password: ada.password } });
assert.equal(erased.response.status, 204);
const gone = await roster.POST("/auth/login", { body: ada });
assert.equal(gone.response.status, 401);
console.log("TypeScript: signed up, waited, signed in, refreshed, patched, listed, erased");
