import { testSecondShop } from "../support/shop-under-test.ts";

/** Calls Deno.test in the file that wants the tests: reports tell a test by the file that registered it. */
type Register = (name: string, work: () => Promise<void>) => void;

type Choice = {
  /** Tests whose names match one of these; left out, all of them. */
  only?: RegExp[];
  /** Tests of something that the second shop does not have: a deadline or a method of the order's own, articles with names as keys. */
  except?: RegExp[];
};

/** Registers the tests of a file of the first shop's, by the same names, in the second shop. Call before importing anything that opens a shop. */
export async function inSecondShop(
  register: Register,
  load: () => Promise<unknown>,
  { only, except = [] }: Choice = {},
): Promise<void> {
  testSecondShop();
  const runtime: { test: unknown } = Deno;
  const { test } = Deno;
  const names: string[] = [];
  const wanted = (name: string) => (only?.some((it) => it.test(name)) ?? true) && !except.some((it) => it.test(name));
  const named = (name: string, ...rest: unknown[]) => {
    names.push(name);
    if (wanted(name)) register(`second shop: ${name}`, rest.at(-1) as () => Promise<void>);
  };
  try {
    runtime.test = Object.assign(named, {
      beforeAll: test.beforeAll,
      afterAll: test.afterAll,
      beforeEach: test.beforeEach,
      afterEach: test.afterEach,
      ignore: test.ignore,
      only: test.only,
    });
    await load();
  } finally {
    runtime.test = test;
  }
  for (const pattern of [...only ?? [], ...except]) {
    if (!names.some((name) => pattern.test(name))) {
      throw new Error(`Cannot choose the tests: none is called ${pattern}`);
    }
  }
}
