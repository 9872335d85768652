import assert from "node:assert/strict";
import postgres from "postgres";
import { doctor } from "../../cli/commands/doctor.ts";
import { CHECKS, type Finding } from "../../cli/doctor/finding.ts";
import { openProject } from "../../cli/project.ts";
import { readTarget } from "../../cli/target.ts";
import { withShop } from "../integration/support.ts";
import { cli, cliJson, withKey } from "./command-line.ts";
import { endpointOf, FAULTS, type Patient, permit, STRIPE_KEY } from "./faults.ts";
import { startProxy } from "./proxy.ts";

/** A shop that lacks nothing, reached as an operator reaches a hosted project. */
async function withPatient(test: (patient: Patient) => Promise<void>): Promise<void> {
  await withShop({ unchecked: true }, async (shop) => {
    await using gateway = startProxy(shop.stack.apiUrl);
    await using stripe = startProxy(shop.stack.stripeApiBase);
    const admin = postgres(shop.stack.database.adminUrl, { max: 1, onnotice: () => {} });
    const env = {
      ...withKey(shop),
      LAPSE_URL: gateway.url,
      LAPSE_PUBLISHABLE_KEY: shop.stack.publishableKey,
      LAPSE_SCHEDULER_SECRET: shop.stack.schedulerSecret,
      STRIPE_SECRET_KEY: STRIPE_KEY,
      STRIPE_API_BASE: stripe.url,
    };
    const patient = { shop, admin, gateway, stripe, env };
    try {
      await admin`select lapse.set_functions_url(${`${gateway.url}/functions/v1`})`;
      permit(patient);
      shop.stripe.setWebhook(endpointOf(gateway));
      await test(patient);
    } finally {
      await admin.end({ timeout: 1 });
    }
  });
}

async function examine({ env }: Patient): Promise<{ code: number; checks: Finding[] }> {
  const { code, json } = await cliJson(["doctor"], env);
  assert.ok(Array.isArray(json.checks), JSON.stringify(json));
  return { code, checks: json.checks };
}

/** The command without a process of its own, which would take longer than all it does. */
async function examineHere({ env }: Patient, args: string[] = []): Promise<{ well: boolean; checks: Finding[] }> {
  const readVariable = (name: string) => env[name];
  const context = { connect: () => openProject(readTarget(readVariable)), progress: () => {} };
  const { well, json } = await doctor.run(args, context);
  return { well, checks: (json as { checks: Finding[] }).checks };
}

Deno.test("the doctor finds nothing wrong with a sound project, and leaves nothing unchecked", async () => {
  await withPatient(async (patient) => {
    const { code, checks } = await examine(patient);
    assert.deepEqual(checks.filter(({ status }) => status !== "ok"), []);
    assert.match((await cli(["doctor"], patient.env)).stdout, /\nNothing is wrong with what was checked\n$/);
    assert.deepEqual(checks.map(({ check }) => check), [...CHECKS]);
    assert.equal(code, 0);
    const [runs] = await patient.shop.sql<{ n: number }[]>`select count(*)::int as n from lapse.runs`;
    assert.equal(runs!.n, 0, "the doctor started a run");
  });
});

Deno.test("for each planted fault the doctor names only that fault and its fix", async (test) => {
  await withPatient(async (patient) => {
    for (const fault of FAULTS) {
      await test.step(fault.name, async () => {
        await fault.plant(patient);
        try {
          const { well, checks } = await examineHere(patient, fault.args);
          const faults = checks.filter(({ status }) => status === "fault");
          assert.deepEqual(faults.map(({ check }) => check), [fault.check], JSON.stringify(faults, null, 1));
          assert.match(`${faults[0]!.what} ${faults[0]!.fix}`, fault.says);
          assert.equal(well, false);
        } finally {
          await fault.heal(patient);
        }
      });
    }
  });
});

Deno.test("what a key may not read is not checked; without an endpoint at Stripe, lapse-webhook needs no secret", async () => {
  await withPatient(async (patient) => {
    const { stripe } = patient.shop;
    const found = async () => {
      const { checks } = await examineHere(patient);
      return checks.filter(({ check }) => check.endsWith("-webhook")).map(({ status, what }) => `${status}: ${what}`);
    };
    stripe.setWebhook({ ...endpointOf(patient.gateway), payload: "thin" });
    assert.match((await found())[1]!, /^ok: sends what is needed \(thin\)/);
    permit(patient, ["webhook_endpoints.list"]);
    assert.match((await found())[1]!, /^ok: sends what is needed \(thin\)/, "one of the two lists is enough");
    permit(patient, ["webhook_endpoints.list", "event_destinations.list"]);
    assert.match((await found())[1]!, /^not_checked: the key may not read webhook endpoints/);
    patient.gateway.tamper = {
      request: (path) =>
        path.endsWith("/lapse-webhook")
          ? Response.json({ error: { code: "configuration", message: "" } }, { status: 500 })
          : undefined,
    };
    assert.match((await found())[0]!, /^not_checked: has no STRIPE_WEBHOOK_SECRET; if Stripe sends it events/);
    permit(patient);
    stripe.setWebhook(null);
    assert.match(
      (await found()).join("\n"),
      /^ok: has no STRIPE_WEBHOOK_SECRET and needs none.*\nok: sends lapse-webhook nothing/,
    );
  });
});

Deno.test("the doctor skips checks without credentials and says why", async () => {
  await withShop({}, async (shop) => {
    const { code, stdout } = await cli(["doctor"], withKey(shop));
    assert.equal(code, 0, stdout);
    assert.match(stdout, /not checked +stripe-key +STRIPE_SECRET_KEY is not set/);
    assert.match(stdout, /the scheduler's\s+secret was not tried:\s+LAPSE_SCHEDULER_SECRET is not set/);
    assert.match(stdout, /access without credentials was\s+not tested:\s+LAPSE_PUBLISHABLE_KEY is\s+not set/);
    assert.match(
      stdout,
      /Nothing is wrong with what was checked\n3 not checked: stripe-webhook, stripe-key, stripe-permissions\n/,
    );
    assert.match(stdout, /set LAPSE_PUBLISHABLE_KEY, LAPSE_SCHEDULER_SECRET,\s+STRIPE_SECRET_KEY\n$/);
  });
});

Deno.test("the doctor prints no secret, whatever is wrong", async () => {
  await withPatient(async (patient) => {
    const { env, admin } = patient;
    await admin`select lapse.set_secret('lapse_scheduler_secret', 'a-secret-that-nobody-may-see-0123456789')`;
    await admin`select vault.create_secret('http://hooks.example/a-secret-path', 'lapse_alert_webhook_url')`;
    patient.shop.stripe.revokeKey({ key: STRIPE_KEY });
    for (const args of [["doctor"], ["doctor", "--json"]]) {
      const { stdout, stderr } = await cli(args, env);
      for (
        const secret of [
          env.LAPSE_SECRET_KEY!,
          env.LAPSE_SCHEDULER_SECRET!,
          STRIPE_KEY,
          "nobody-may-see",
          "secret-path",
        ]
      ) {
        assert.ok(!(stdout + stderr).includes(secret), `${secret} was printed`);
      }
    }
  });
});

Deno.test("a project without migrations is reported as one fault", async () => {
  await withPatient(async (patient) => {
    await patient.admin`drop function public.lapse_inspect(jsonb)`;
    const { code, checks } = await examine(patient);
    assert.deepEqual(checks.filter(({ status }) => status === "fault").map(({ check }) => check), ["migrations"]);
    assert.equal(code, 1);
  });
});
