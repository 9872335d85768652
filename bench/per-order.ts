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
  quick: { orders: 30_000, loop: 500, rounds: 3 },
  full: { orders: 100_000, loop: 10_000, rounds: 3 },
};
const GOAL = { atLeast: 80 };

/** The function against the usual way: read a batch, one transaction per order. Both without payments. */
export const perOrder: Bench = {
  name: "per-order",
  async run(size: Size, databases: Databases): Promise<Figure[]> {
    const { orders, loop, rounds } = SIZES[size];
    await using filled = await fillOnce(databases, (admin) => placeOrdersWithoutPayment({ admin }, orders));
    const overPrisma: number[] = [];
    const overDriver: number[] = [];
    const behind: Figure["behind"] = {};
    for (let round = 0; round < rounds; round++) {
      const functionPerOrder = await functionMs(filled, orders) / orders;
      behind.functionOrdersPerSecond = 1_000 / functionPerOrder;
      const driverPerOrder = await inCopy(filled, (url) => postgresLoop(url, loop)) / loop;
      behind.driverOrdersPerSecond = 1_000 / driverPerOrder;
      overDriver.push(driverPerOrder / functionPerOrder);
      // A toy neither downloads 300 MB nor proves anything by it.
      const prisma = size === "toy" ? { why: "not asked" } : await inCopy(filled, (url) => prismaLoop(url, loop));
      behind.prisma = "why" in prisma ? prisma.why : prisma.version;
      if ("why" in prisma) continue;
      behind.prismaOrdersPerSecond = 1_000 / (prisma.ms / loop);
      overPrisma.push(prisma.ms / loop / functionPerOrder);
    }
    const common = { unit: "times faster", size: `${orders} orders, loop over ${loop}`, behind };
    const hasPrisma = overPrisma.length > 0;
    const driver = figureOf("per-order", "than one transaction per order on the plain driver", {
      ...common,
      samples: overDriver,
      // Where Prisma cannot be had, the driver stands for it: a goal that nothing was held to is no goal that is met.
      ...(hasPrisma ? {} : { goal: GOAL }),
    });
    if (!hasPrisma) return [driver];
    const prisma = { ...common, samples: overPrisma, goal: GOAL };
    return [figureOf("per-order", "than one Prisma transaction per order", prisma), driver];
  },
};

async function inCopy<T>(filled: Databases, work: (url: string) => Promise<T>): Promise<T> {
  await using database = await filled.fresh();
  return await work(database.adminUrl);
}
