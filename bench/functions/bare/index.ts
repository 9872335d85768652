import { withSupabase } from "@supabase/server";

/**
 * The minimal function of a job: the package's own first example, with the same single call to the database that a
 * run begins with. `?silent` leaves the call out. The bench `cold` compares with it.
 */
Deno.serve(withSupabase({ auth: "secret" }, async (request, { supabaseAdmin }) => {
  if (new URL(request.url).searchParams.has("silent")) return Response.json({ ok: true });
  const { error } = await supabaseAdmin.rpc("lapse_begin_run", {
    p_run_id: crypto.randomUUID(),
    p_job: "expire-stale-orders",
    p_trigger: "server",
    p_requested_by: "bench",
    p_reason: null,
    p_dry_run: false,
    p_limit: null,
    p_release_brake: false,
  });
  return Response.json({ ok: error === null }, { status: error === null ? 202 : 500 });
}));
