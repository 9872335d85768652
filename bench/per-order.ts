import { postgresLoop } from "./per-order/postgres-loop.ts";
import { prismaLoop } from "./per-order/prisma.ts";
import { functionMs } from "./settle.ts";
import type { Databases } from "../local/platform/databases.ts";
import { placeOrdersWithoutPayment } from "./support/backlog.ts";
import type { Bench, Size } from "./support/bench.ts";
import { type Figure, figureOf } from "./support/figure.ts";
import { fillOnce } from "./support/filled.ts";

/** `loop`: how many of the orders the loop does; its time grows with each order, so a part of them tells the rest. */
const SIZES = {
  toy: { orders: 300, loop: 20, rounds: 1 },
  quick: { orders: 20_000, loop: 300, rounds: 2 },
  full: { orders: 100_000, loop: 5_000, rounds: 3 },
};
/** How many transactions run at once, and how many times faster the function must be. */
const LOOPS = [{ atOnce: 1, goal: { atLeast: 80 } }, { atOnce: 10, goal: { atLeast: 40 } }];

/** The function against the usual way: read a batch, one transaction per order. Both without payments. */
export const perOrder: Bench = {
  name: "per-order",
  async run(size: Size, databases: Databases): Promise<Figure[]> {
    const { orders, loop, rounds } = SIZES[size];
    await using filled = await fillOnce(databases, (admin) => placeOrdersWithoutPayment({ admin }, orders));
    const overDriver: number[] = [];
    const overPrisma = LOOPS.map((): number[] => []);
    const behind: Figure["behind"] = {};
    for (let round = 0; round < rounds; round++) {
      const functionPerOrder = await functionMs(filled, orders) / orders;
      behind.functionOrdersPerSecond = 1_000 / functionPerOrder;
      const driverPerOrder = await inCopy(filled, (url) => postgresLoop(url, loop)) / loop;
      behind.driverOrdersPerSecond = 1_000 / driverPerOrder;
      overDriver.push(driverPerOrder / functionPerOrder);
      // The toy size does not download 300 MB, which would prove nothing.
      for (const [n, { atOnce }] of size === "toy" ? [] : LOOPS.entries()) {
        const prisma = await inCopy(filled, (url) => prismaLoop(url, { orders: loop, atOnce }));
        behind.prisma = "why" in prisma ? prisma.why : prisma.version;
        if ("why" in prisma) continue;
        behind[`prismaOrdersPerSecond, ${atOnce} at once`] = 1_000 / (prisma.ms / loop);
        overPrisma[n]!.push(prisma.ms / loop / functionPerOrder);
      }
    }
    const common = { unit: "times faster", size: `${orders} orders, loop over ${loop}`, behind };
    const figures = LOOPS.flatMap(({ atOnce, goal }, n) => {
      const samples = overPrisma[n]!;
      const name = `than Prisma transactions, one per order, ${atOnce} at once`;
      return samples.length > 0 ? [figureOf("per-order", name, { ...common, samples, goal })] : [];
    });
    const driver = figureOf("per-order", "than one transaction per order on the plain driver", {
      ...common,
      samples: overDriver,
      // If Prisma is unavailable, the goal applies to the driver, because a goal without a measurement is not met.
      ...(figures.length > 0 ? {} : { goal: LOOPS[0]!.goal }),
    });
    return [...figures, driver];
  },
};

async function inCopy<T>(filled: Databases, work: (url: string) => Promise<T>): Promise<T> {
  await using database = await filled.fresh();
  return await work(database.adminUrl);
}
