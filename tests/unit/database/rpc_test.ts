import assert from "node:assert/strict";
import type { SupabaseClient } from "@supabase/supabase-js";
import { z } from "zod";
import { createRpc } from "../../../functions/_shared/database/rpc.ts";

const refusal = (code: string) => ({ data: null, error: { code, message: code }, status: 400 });
const lost = { data: null, error: { code: "", message: "fetch failed" }, status: 0 };
/** What came from the gateway instead of the database. */
const ofGateway = (status: number) => ({ data: null, error: { code: "", message: "Bad gateway" }, status });
const answered = { data: 7, error: null, status: 200 };

for (const repeatable of [true, false]) {
  Deno.test(`a call that ${repeatable ? "may" : "must not"} be repeated is repeated after a deadlock: nothing was done`, async () => {
    for (const code of ["40P01", "40001"]) {
      assert.deepEqual(await call([refusal(code), answered], { repeatable }), { answer: 7, calls: 2 });
    }
  });
}

Deno.test("a call whose answer was lost is repeated only if that is harmless", async () => {
  assert.deepEqual(await call([lost, answered], { repeatable: true }), { answer: 7, calls: 2 });
  assert.deepEqual(await call([lost, answered], { repeatable: false }), { answer: "DatabaseError", calls: 1 });
});

Deno.test("the answer is lost, too, when the connection was ended or a gateway answers by itself", async () => {
  const answers = [...["08006", "57P01", "57P03", "PGRST000"].map(refusal), ofGateway(502)];
  for (const answer of answers) {
    assert.deepEqual(await call([answer, answered], { repeatable: true }), { answer: 7, calls: 2 });
    assert.deepEqual(await call([answer, answered], { repeatable: false }), { answer: "DatabaseError", calls: 1 });
  }
});

Deno.test("an answer that breaks its contract is an error", async () => {
  for (const data of ["7", null, { n: 7 }]) {
    const odd = { ...answered, data };
    assert.deepEqual(await call([odd, answered], { repeatable: true }), { answer: "DatabaseError", calls: 1 });
  }
});

Deno.test("a refusal is final, and so is a lost lease", async () => {
  assert.deepEqual(await call([refusal("22023"), answered], { repeatable: true }), {
    answer: "DatabaseError",
    calls: 1,
  });
  assert.deepEqual(await call([refusal("LP001"), answered], { repeatable: true }), {
    answer: "LeaseLostError",
    calls: 1,
  });
});

Deno.test("after two repeats the call has failed", async () => {
  assert.deepEqual(await call([lost, lost, lost, answered], { repeatable: true }), {
    answer: "DatabaseError",
    calls: 3,
  });
});

/** Calls a database that answers like this, one after the other. */
async function call(answers: unknown[], { repeatable }: { repeatable: boolean }) {
  let calls = 0;
  const client = { rpc: () => ({ abortSignal: () => Promise.resolve(answers[calls++]) }) } as unknown as SupabaseClient;
  const answer = await createRpc(client)("lapse_test", {}, { answer: z.number(), repeatable })
    .catch((error: Error) => error.constructor.name);
  return { answer, calls };
}
