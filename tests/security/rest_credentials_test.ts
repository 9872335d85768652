import assert from "node:assert/strict";
import { createClient } from "@supabase/supabase-js";
import { generateKeys } from "../../local/gateway/keys.ts";
import { type Shop, withShop } from "../integration/support.ts";
import { type AccessRow, type Caller, parseAccessTable } from "../rest/access-table.ts";
import { findFunctions, findViews } from "../rest/attempts.ts";
import { readText } from "../rules/project-files.ts";
import { traces } from "./support.ts";
import { badTokens, generateTokenKeys, operatorToken } from "./tokens.ts";

const access = parseAccessTable(await readText("docs/API_ROUTES.md"));

/** `whom`: the caller as which the table admits them; null: none. */
type Shown = { what: string; headers: Record<string, string>; whom: Caller | null };
type Request = { path: string; init: RequestInit; allowed: (row: AccessRow["allowed"], whom: Caller) => boolean };

Deno.test("for every credential, views and functions over REST follow the access table", async () => {
  const project = await generateKeys();
  await withShop({ users: true, keys: project }, async (shop) => {
    await shop.addIntent(await shop.placeOrder());
    await shop.run();
    const requests = await everyRequest(shop);
    const everybody = await everyCredential(shop, await generateTokenKeys(project, `${shop.stack.apiUrl}/auth/v1`));
    const before = await traces(shop);
    const wrong: string[] = [];
    for (const { what, headers, whom } of everybody) {
      await Promise.all(requests.map(async ({ path, init, allowed }) => {
        const { allowed: row } = access.find(({ subject }) => path.replace("rpc/", "").split("?")[0] === subject.name)!;
        const response = await fetch(`${shop.stack.apiUrl}/rest/v1/${path}`, {
          ...init,
          headers: { ...headers, "content-type": "application/json" },
        });
        const text = await response.text();
        const refused = [401, 403].includes(response.status);
        const mayHear = whom !== null && allowed(row, whom);
        const seesRows = init.method === "GET" && !refused && text !== "[]";
        if (refused === mayHear || (seesRows && !(whom !== null && row[whom].includes("read")))) {
          wrong.push(`${init.method} ${path} ${what}: ${response.status} ${text.slice(0, 200)}`);
        }
      }));
    }
    assert.deepEqual(wrong, []);
    assert.deepEqual(await traces(shop), before);
  });
});

/** Each read of a view, each function with nothing in its arguments, and the deletion of everything. */
async function everyRequest({ sql }: Shop): Promise<Request[]> {
  const views = await findViews(sql);
  return [
    ...views.map(({ name }): Request => ({
      path: name,
      init: { method: "GET" },
      allowed: (row, whom) => row[whom].includes("read") || row[whom].includes("no rows"),
    })),
    ...views.map(({ name, column }): Request => ({
      path: `${name}?${column}=not.is.null`,
      init: { method: "DELETE" },
      allowed: () => false,
    })),
    ...(await findFunctions(sql)).map(({ name, args }): Request => ({
      path: `rpc/${name}`,
      init: { method: "POST", body: JSON.stringify(Object.fromEntries(args.map((arg) => [arg, null]))) },
      allowed: (row, whom) => row[whom].includes("call"),
    })),
  ];
}

async function everyCredential({ stack }: Shop, keys: Awaited<ReturnType<typeof generateTokenKeys>>): Promise<Shown[]> {
  const bearer = (what: string, token: string, whom: Caller | null = null): Shown => ({
    what: `with a token ${what}`,
    headers: { apikey: stack.publishableKey, authorization: `Bearer ${token}` },
    whom,
  });
  const strangers = await generateTokenKeys(undefined, keys.issuer);
  const signedIn = await tokenOf(stack, stack.operator!);
  return [
    bearer("of an operator", await operatorToken(keys), "operator"),
    ...(await badTokens(keys))
      // The project's own key signed it, so it is as good as the secret key: neither is an attacker's.
      .filter(([, , , whom]) => whom !== "secret key")
      .map(([what, token, , whom]) => bearer(what, token, whom)),
    bearer("of another project's operator", await operatorToken(strangers)),
    bearer("of a session, with another signature", signedIn.replace(/.{20}$/, "A".repeat(20))),
    bearer("that is the secret key", stack.secretKey),
    bearer("that is the scheduler's secret", stack.schedulerSecret),
    { what: "with nothing", headers: {}, whom: null },
    { what: "with an empty key", headers: { apikey: "" }, whom: null },
    { what: "with a wrong key", headers: { apikey: "wrong" }, whom: null },
    { what: "with the publishable key", headers: { apikey: stack.publishableKey }, whom: "anon" },
    { what: "with the scheduler's secret as key", headers: { apikey: stack.schedulerSecret }, whom: null },
    { what: "with the scheduler's secret", headers: { "x-lapse-secret": stack.schedulerSecret }, whom: null },
  ];
}

async function tokenOf(stack: Shop["stack"], user: { email: string; password: string }): Promise<string> {
  const client = createClient(stack.apiUrl, stack.publishableKey, { auth: { persistSession: false } });
  const { data, error } = await client.auth.signInWithPassword(user);
  if (error) throw error;
  return data.session.access_token;
}
