import { keepAlive } from "../_shared/http/keep-alive.ts";
import { serveJob } from "../_shared/http/serve-job.ts";
import { expireStaleOrders } from "./expire-stale-orders.ts";

Deno.serve(serveJob({
  name: "expire-stale-orders",
  job: expireStaleOrders,
  readVariable: (name) => Deno.env.get(name),
  waitUntil: keepAlive,
}));
