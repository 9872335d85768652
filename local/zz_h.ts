import { startDatabases } from "/work/next/local/platform/databases.ts";
import postgres from "postgres";
const d = await startDatabases();
const db = await d.fresh();
const sql = postgres(db.url, {max:1,onnotice:()=>{}});
try {
for (const n of [500, 1000, 2000]) {
await sql`alter table public.orders disable trigger user`;
await sql`insert into public.orders (currency, amount, created_at, expires_at) select 'eur', 2000, now()-interval '1 hour', now()-interval '30 min' from generate_series(1, ${n})`;
await sql`alter table public.orders enable trigger user`;
let t=performance.now();
console.log(await sql`select lapse.adopt_orders(p_limit => ${n})`, n, performance.now()-t);
}
// inbox path
await sql`insert into public.orders (currency, amount, created_at, expires_at) select 'eur', 2000, now()-interval '1 hour', now()-interval '30 min' from generate_series(1, 5000)`;
let t=performance.now();
console.log(await sql`select lapse.fold_inbox(p_limit => 10000)`, 'fold', performance.now()-t);
} catch(e){console.log(e)}
await sql.end(); await d.stop();
