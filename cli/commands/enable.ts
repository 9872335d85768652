import { z } from "zod";
import { type Context, defineCommand, type Outcome, typedInteger } from "../command.ts";
import { counted, table } from "../output.ts";
import type { Project } from "../project.ts";
import { JOBS, runCommandOf } from "../rows.ts";

// Switches Lapse on in a shop with open orders, and off again. Both need the secret key.

/** `ok` null is a warning: Lapse works, but a person should look at this. */
export const finding = z.object({ name: z.string(), ok: z.boolean().nullable(), message: z.string() });
type Finding = z.infer<typeof finding>;

const scheduleRows = z.array(z.object({ job: z.string(), schedule: z.string(), active: z.boolean() }));
const enabled = z.object({ brakeOn: z.array(z.string()), schedules: scheduleRows });

export const enable = defineCommand({
  name: "enable",
  summary:
    "Tests the adapter, connects database and functions, adopts open orders, turns the jobs on with the brake on",
  options: {
    test: { help: "test the adapter and stop there; changes nothing" },
    batch: { value: "N", help: "orders that are adopted, and locked, at a time (500)" },
  },
  input: z.strictObject({ test: z.boolean().default(false), batch: typedInteger(1, 10_000).default(500) }),
  run: async ({ test, batch }, context) => {
    const project = await context.connect();
    context.progress("Testing the adapter; everything is rolled back");
    const adapter = await project.call("lapse_test_adapter", {}, z.array(finding));
    const tested = `Project ${project.target.url}\n\nAdapter\n${describeFindings(adapter)}`;
    const faults = adapter.filter(({ ok }) => ok === false).length;
    if (faults > 0) {
      const text = `${tested}\n\n${counted(faults, "fault")}: nothing was changed. Correct the adapter and try again`;
      return { well: false, json: { adapter, enabled: false }, text };
    }
    if (test) return { well: true, json: { adapter, enabled: false }, text: `${tested}\n\nNothing was changed` };

    // Only the functions know both their own address and the scheduler's secret.
    await project.invoke(JOBS.expire, { connect: true });
    const adopted = await adoptAll(project, batch, context);
    const { brakeOn, schedules } = await project.call("lapse_enable", {}, enabled);
    const lines = [
      tested,
      adopted === 0 ? "There was no open order to adopt" : `${counted(adopted, "open order")} adopted`,
      `Jobs that are on\n${describeSchedules(schedules)}`,
      describeNext(brakeOn),
    ];
    return {
      well: true,
      json: { adapter, adopted, enabled: true, brakeOn, schedules },
      text: lines.join("\n\n"),
    };
  },
});

/**
 * Adopts orders in batches, because a checkout waits for orders that a batch has locked. After an interruption, the
 * next call continues.
 */
async function adoptAll(project: Project, batch: number, { progress }: Context): Promise<number> {
  for (let adopted = 0;;) {
    const taken = await project.call("lapse_adopt_orders", { p_limit: batch }, z.int().nonnegative());
    if (taken === 0) return adopted;
    adopted += taken;
    progress(`${counted(adopted, "open order")} adopted`);
  }
}

function describeFindings(findings: Finding[]): string {
  const word = (ok: boolean | null) => ok === null ? "warning" : ok ? "ok" : "FAULT";
  return table(findings.map(({ name, ok, message }) => [word(ok), name, message]));
}

function describeSchedules(schedules: z.infer<typeof scheduleRows>): string {
  return table(schedules.filter(({ active }) => active).map(({ job, schedule }) => [job, schedule]));
}

function describeNext(brakeOn: string[]): string {
  if (brakeOn.length === 0) {
    return "No brake is on, so the next run changes orders. Check the project with npm run lapse -- doctor";
  }
  return [
    `The brake is on for ${brakeOn.join(" and ")}: runs change nothing until you release it.`,
    "Next",
    table([
      ["npm run lapse -- doctor", "is everything set up?"],
      ["npm run lapse -- orders --quarantined", "orders that Lapse leaves to a person, such as very old ones"],
      ...brakeOn.flatMap((job) => [
        [`${runCommandOf(job)} --dry-run`, "what would the first run do?"],
        [`${runCommandOf(job)} --wait --release-brake --reason TEXT`, "if that is right: release the brake"],
      ]),
    ]),
  ].join("\n");
}

export const disable = defineCommand({
  name: "disable",
  summary: "Turns both jobs off; Lapse still records the shop's orders and closes none",
  options: {},
  input: z.strictObject({}),
  run: async (_given, context): Promise<Outcome> => {
    const project = await context.connect();
    const answer = await project.call("lapse_disable", {}, z.object({ schedules: scheduleRows }));
    const text = [
      "Both jobs are off: no order is closed and no payment cancelled. A run that is working ends within a minute.",
      "Lapse still records what the shop does; npm run lapse -- enable turns the jobs on again",
    ].join("\n");
    return { well: true, json: { enabled: false, schedules: answer.schedules }, text };
  },
});
