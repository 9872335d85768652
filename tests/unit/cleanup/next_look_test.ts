import assert from "node:assert/strict";
import { nextLook } from "../../../functions/_shared/stripe/next-look.ts";
import { NOW } from "./builders.ts";

const DAY = 86_400_000;

Deno.test("a puzzling payment is looked at ever more rarely, and never dropped", () => {
  assert.deepEqual([0, 1, 2, 5, 100].map((looks) => daysUntil("puzzling", looks)), [7, 14, 28, 182, 182]);
});

Deno.test("an unclear one is tried again within the hour, later once a week", () => {
  assert.deepEqual([0, 1, 20].map((looks) => daysUntil("unclear", looks) * 24), [1, 2, 7 * 24]);
});

Deno.test("a moment before which a look is useless is waited for", () => {
  const until = new Date(NOW.getTime() + 400 * DAY);
  assert.deepEqual(nextLook("unclear", { now: NOW, until }), until);
});

function daysUntil(why: Parameters<typeof nextLook>[0], looks: number): number {
  const next = nextLook(why, { now: NOW, payment: { listed: { looks, ending: false } } });
  return (next.getTime() - NOW.getTime()) / DAY;
}
