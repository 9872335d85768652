import assert from "node:assert/strict";
import { createClient } from "@supabase/supabase-js";
import { type Api, startApi } from "./with-api.ts";

// Runs and their decisions in a schema that is not exposed, shown by views: the way Lapse shows its tables.
const tables = `
  create schema inside;
  create table inside.runs (
    id bigint generated always as identity primary key, status text, at timestamptz, amount numeric(12, 2), details jsonb
  );
  create table inside.decisions (id bigint primary key, run_id bigint references inside.runs);
  alter table inside.runs enable row level security;
  alter table inside.decisions enable row level security;
  create policy not_hidden on inside.runs for select to authenticated using (status <> 'hidden');
  create policy everything on inside.decisions for select to authenticated using (true);
  create view public.shown_runs with (security_invoker = true) as select * from inside.runs;
  create view public.shown_decisions with (security_invoker = true) as select * from inside.decisions;
  grant select on inside.runs, inside.decisions, public.shown_runs, public.shown_decisions to authenticated, service_role;
  insert into inside.runs (status, at, amount, details) values
    ('ok', '2026-11-01 10:00:00.5+00', 12.50, '{"a": [1]}'), ('hidden', null, null, null), ('bad', '2026-11-02 10:00+00', 3, '[]');
  insert into inside.decisions values (1, 1), (2, 1), (3, 3);
  create table public.many as select n from generate_series(1, 1200) n;
  grant select on public.many to service_role;

  create table public.items (sku text primary key, n int not null check (n >= 0));
  grant select, insert, update (n), delete on public.items to service_role;
  create table public.notes (id int primary key, note text);
  grant select, insert, update on public.notes to service_role;

  create function public.refuse(p_code text) returns void language plpgsql as
    $$ begin raise exception 'no %', p_code using errcode = p_code, detail = 'why', hint = 'what to do'; end $$;
  create function public.echo(p_value jsonb, p_more text default 'more') returns jsonb language sql as
    $$ select jsonb_build_object('type', jsonb_typeof(p_value), 'value', p_value, 'more', p_more) $$;
  create function public.write() returns void language sql as $$ insert into public.items values ('written', 1) $$;
  create function public.two() returns table (a int) language sql as $$ values (1), (2) $$;
  grant execute on all functions in schema public to service_role;`;

let api: Api;
Deno.test.beforeAll(async () => void (api = await startApi(tables)));
Deno.test.afterAll(() => api?.close());

Deno.test("a view with security_invoker shows what the policy of the table behind it lets through", async () => {
  const operator = await signedIn();
  const { data } = await operator.from("shown_runs").select().order("id", { ascending: false });
  assert.deepEqual(data?.map(({ status }) => status), ["bad", "ok"]);
  const service = await secret().from("shown_runs").select("status").in("status", ["ok", "hidden"]).order("id");
  assert.deepEqual(service.data, [{ status: "ok" }, { status: "hidden" }]);
  const nobody = await client(api.keys.publishableKey).from("shown_runs").select();
  assert.deepEqual([nobody.status, nobody.error?.code], [401, "42501"]);
});

Deno.test("a view is filtered, aliased, counted and joined like a table", async () => {
  const operator = await signedIn();
  const filtered = await operator.from("shown_runs").select("aliased:status,first:details->a").lt("at", "2026-11-02");
  assert.deepEqual(filtered.data, [{ aliased: "ok", first: [1] }]);
  const counted = await operator.from("shown_runs").select("id", { count: "exact" }).limit(1);
  assert.deepEqual([counted.count, counted.data?.length], [2, 1]);
  const joined = await operator.from("shown_runs").select("id,shown_decisions(count)").order("id");
  assert.deepEqual(joined.data, [{ id: 1, shown_decisions: [{ count: 2 }] }, {
    id: 3,
    shown_decisions: [{ count: 1 }],
  }]);
  const none = await operator.from("shown_runs").select().eq("id", 99).single();
  assert.deepEqual([none.status, none.error?.code], [406, "PGRST116"]);
});

Deno.test("times and numbers are JSON as the database writes it", async () => {
  const { data } = await secret().from("shown_runs").select("at,amount").eq("id", 1).single();
  assert.deepEqual(data, { at: "2026-11-01T10:00:00.5+00:00", amount: 12.5 });
});

Deno.test("a schema that is not exposed stays out of reach, by name and by profile", async () => {
  const { status, error } = await secret().from("runs").select();
  assert.deepEqual([status, error?.code], [404, "PGRST205"]);
  const profile = await createClient(api.url, api.keys.secretKey, { db: { schema: "inside" } }).from("runs").select();
  assert.deepEqual([profile.status, profile.error?.code], [406, "PGRST106"]);
});

Deno.test("a read ends after 1000 rows, and the count says that there are more", async () => {
  const { data, count } = await secret().from("many").select("n", { count: "exact" });
  assert.deepEqual([data?.length, count], [1000, 1200]);
});

Deno.test("a change or removal without a condition is refused and touches nothing", async () => {
  await secret().from("items").insert([{ sku: "kept", n: 1 }]);
  for (const [method, verb] of [["PATCH", "UPDATE"], ["DELETE", "DELETE"]] as const) {
    for (const query of ["", "?limit=1&order=sku", "?select=sku"]) {
      const { status, body } = await send(method, `items${query}`, { n: 7 });
      assert.deepEqual([status, body.code, body.message], [400, "21000", `${verb} requires a WHERE clause`]);
    }
  }
  assert.deepEqual((await secret().from("items").select().eq("sku", "kept")).data, [{ sku: "kept", n: 1 }]);
  const { data } = await secret().from("items").update({ n: 2 }).eq("sku", "kept").select();
  assert.deepEqual(data, [{ sku: "kept", n: 2 }]);
});

Deno.test("an upsert needs the right to update the key as well, also when it only inserts", async () => {
  for (const query of ["items", "items?on_conflict=sku"]) {
    const { status, body } = await send("POST", query, { sku: "new", n: 1 }, "resolution=merge-duplicates");
    assert.deepEqual([status, body.code, body.message], [403, "42501", "permission denied for table items"]);
  }
  for (const note of ["a", "b"]) assert.equal((await secret().from("notes").upsert({ id: 1, note })).error, null);
  assert.deepEqual((await secret().from("notes").select()).data, [{ id: 1, note: "b" }]);
  const ignored = await secret().from("items").upsert({ sku: "new", n: 1 }, { ignoreDuplicates: true });
  assert.equal(ignored.error, null);
});

Deno.test("a SQLSTATE is passed on as it is, with the status that PostgREST gives its class", async () => {
  const statuses: Record<string, number> = {
    PT404: 404,
    PT409: 409,
    PT503: 503,
    LP001: 400,
    P0001: 400,
    P0002: 500,
    "22023": 400,
    "23514": 400,
    "23505": 409,
    "40001": 500,
    "40P01": 500,
    "42501": 403,
    "42P01": 404,
    "53300": 503,
    "53400": 500,
    "55P03": 500,
    "57014": 500,
    XX000: 500,
    "08006": 503,
    "21000": 500,
  };
  for (const [code, expected] of Object.entries(statuses)) {
    const { status, error } = await secret().rpc("refuse", { p_code: code });
    assert.deepEqual([code, status], [code, expected]);
    const { message, details, hint } = error!;
    assert.deepEqual({ code: error!.code, message, details, hint }, {
      code,
      message: `no ${code}`,
      details: "why",
      hint: "what to do",
    });
  }
  const check = await secret().from("items").insert({ sku: "negative", n: -1 });
  assert.deepEqual([check.status, check.error?.code], [400, "23514"]);
});

Deno.test("jsonb arguments arrive encoded once, and defaults fill in what is left out", async () => {
  for (const [value, type] of [[{ a: [1] }, "object"], [[{ b: "x" }], "array"], [5, "number"]] as const) {
    const { data, error } = await secret().rpc("echo", { p_value: value });
    assert.deepEqual([error, data], [null, { type, value, more: "more" }]);
  }
  const { data } = await secret().rpc("two").order("a", { ascending: false });
  assert.deepEqual(data, [{ a: 2 }, { a: 1 }]);
});

Deno.test("a call with an unknown or a missing argument finds no function", async () => {
  for (const args of [{ p_value: {}, p_now: "2026-01-01" }, {}]) {
    const { status, error } = await secret().rpc("echo", args);
    assert.deepEqual([status, error?.code], [404, "PGRST202"]);
  }
});

Deno.test("a GET calls a function in a transaction that only reads", async () => {
  const { status, body } = await send("GET", "rpc/write");
  assert.deepEqual([status, body.code], [405, "25006"]);
});

function client(key: string) {
  return createClient(api.url, key, { auth: { persistSession: false, autoRefreshToken: false } });
}

function secret() {
  return client(api.keys.secretKey);
}

async function signedIn() {
  const user = client(api.keys.publishableKey);
  const { error } = await user.auth.signInWithPassword(api.users.operator);
  assert.equal(error, null);
  return user;
}

/** What supabase-js would not send. */
async function send(method: string, path: string, body?: unknown, prefer = "return=minimal") {
  const response = await fetch(`${api.url}/rest/v1/${path}`, {
    method,
    headers: { apikey: api.keys.secretKey, "content-type": "application/json", prefer },
    body: method === "GET" ? undefined : JSON.stringify(body),
  });
  const text = await response.text();
  return { status: response.status, body: text === "" ? {} : JSON.parse(text) };
}
