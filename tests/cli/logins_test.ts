import assert from "node:assert/strict";
import { withShop } from "../integration/support.ts";
import { cli, cliJson, withKey, withLogin } from "./command-line.ts";

Deno.test("a viewer reads, an operator also starts runs, and commands that need the secret key exit with 3", async () => {
  await withShop({ users: true }, async (shop) => {
    const order = await shop.placeOrder();
    await shop.sql`select lapse.fold_inbox(p_refs => null, p_limit => 100)`;
    const viewer = withLogin(shop, shop.stack.viewer!);
    const operator = withLogin(shop, shop.stack.operator!);
    const readings = [["status"], ["metrics"], ["runs"], ["orders"], ["order", order], ["alerts"]];
    await Promise.all(readings.map(async (args) => {
      assert.equal((await cli(args, viewer)).code, 0, args.join(" "));
    }));
    const reason = ["--reason", "x"];
    const acts = [
      ["sync", order, ...reason],
      ["redrive", order, ...reason],
      ["resolve", order, "--as", "paid", ...reason],
      ["declare-dead", "pi_1", ...reason],
      ["alerts", "--resolve", "1", ...reason],
      ["doctor"],
    ];
    await Promise.all(acts.map(async (args) => {
      const { code, json } = await cliJson(args, operator);
      assert.deepEqual([code, json.error.code], [3, "not_allowed"], args.join(" "));
      assert.match(json.error.message, /needs LAPSE_SECRET_KEY/);
    }));
    assert.equal((await cli(["run", "expire"], viewer)).code, 3);
    const { code, json } = await cliJson(["run", "expire", "--wait"], operator);
    assert.deepEqual([code, json.trigger, json.requestedBy], [0, "operator", shop.stack.operator!.id]);
  });
});

Deno.test("wrong credentials exit with 3, and a customer sees nothing", async () => {
  await withShop({ users: true }, async (shop) => {
    const password = { ...withLogin(shop, shop.stack.viewer!), LAPSE_PASSWORD: "wrong" };
    assert.equal((await cliJson(["status"], password)).json.error.code, "not_allowed");
    const key = { ...withKey(shop), LAPSE_SECRET_KEY: "sb_secret_guessed" };
    for (const args of [["status"], ["run", "expire"], ["doctor"]]) {
      const { code, json } = await cliJson(args, key);
      assert.deepEqual([code, json.error.code], [3, "not_allowed"], args[0]);
      assert.match(json.error.message, /\. Check LAPSE_SECRET_KEY$/, args[0]);
    }
    const customer = await shop.stack.createUser({ email: "customer@lapse.test", password: "customer-1234" });
    const order = await shop.placeOrder();
    assert.equal((await cli(["order", order], withLogin(shop, customer))).code, 1, "a customer saw an order");
    assert.deepEqual((await cliJson(["orders"], withLogin(shop, customer))).json, []);
    assert.equal((await cli(["run", "expire"], withLogin(shop, customer))).code, 3);
  });
});
