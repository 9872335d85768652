import { type Fault, faultsIn } from "../fault.ts";

const PRIVILEGES = ["database/privileges"];

/** Who may read and call what. */
export const GRANT_FAULTS: Fault[] = [
  ...faultsIn("migrations/20261129009000_grants.sql", PRIVILEGES, [
    [
      "strangers-read",
      "unnest('{authenticated,service_role}'::text[]) r (role)",
      "unnest('{anon,authenticated,service_role}'::text[]) r (role)",
      "anybody with the shop's page reads its orders",
    ],
    [
      "customers-call",
      "select 'function', 'public.lapse_' || f.name, 'service_role', 'EXECUTE'",
      "select 'function', 'public.lapse_' || f.name, 'authenticated', 'EXECUTE'",
      "a customer marks an order as paid",
    ],
    [
      "defaults-kept",
      "select format('revoke all on %s from public, anon, authenticated, service_role', o.target)",
      "select format('revoke all on %s from public', o.target)",
      "what a project's default privileges give away stays given away",
    ],
    [
      "rows-open",
      "where c.relnamespace = 'lapse'::regnamespace and c.relkind in ('r', 'p') and not c.relrowsecurity and",
      "where false and",
      "a table without row-level security shows every row",
    ],
    [
      "everybody-is-an-operator",
      "using (%s)', o.oid::regclass,",
      "using (true or %s)', o.oid::regclass,",
      "every customer reads every order",
    ],
    [
      "users-name-their-role",
      "-> 'app_metadata' ->> 'lapse_role' in ('operator', 'viewer'), false))$policy$",
      "-> 'user_metadata' ->> 'lapse_role' in ('operator', 'viewer'), false))$policy$",
      "users make themselves operators",
    ],
    [
      "viewers-shut-out",
      "'lapse_role' in ('operator', 'viewer'), false))$policy$",
      "'lapse_role' in ('operator'), false))$policy$",
      "a viewer sees nothing",
    ],
    [
      "extra-privileges-unseen",
      "where h.role in ('everybody', 'anon', 'authenticated', 'service_role')",
      "where h.role in ('everybody')",
      "what a restore left open goes unnoticed",
    ],
    [
      "columns-unseen",
      "join pg_attribute a on a.attrelid = o.oid and o.kind = 'relation' and a.attacl is not null",
      "join pg_attribute a on a.attrelid = o.oid and false",
      "a grant on one column goes unnoticed",
    ],
    [
      "open-rows-unseen",
      "where c.relkind in ('r', 'p') and not c.relrowsecurity union",
      "where false union",
      "row-level security that is off goes unnoticed",
    ],
    [
      "odd-policies-unseen",
      "where p.roles <> '{authenticated}' or p.cmd <> 'SELECT' or p.qual not like '%lapse_role%'",
      "where false",
      "a policy for everybody goes unnoticed",
    ],
    [
      "definers-paths-unseen",
      "where p.prosecdef and not coalesce(p.proconfig @> array['search_path=pg_catalog, pg_temp'], false)",
      "where false",
      "a function with its owner's rights and anybody's search_path goes unnoticed",
    ],
  ]),
  ...faultsIn("migrations/20261129008000_views.sql", PRIVILEGES, [
    [
      "views-of-the-owner",
      "create view public.%I with (security_invoker = true) as",
      "create view public.%I as",
      "every customer reads every order",
    ],
    [
      "view-without-a-gate",
      "select t.* from lapse.%I t where ( select current_user <> 'authenticated'",
      "select t.* from lapse.%I t where ( select true",
      "a customer makes the database read every order to show none",
    ],
  ]),
  ...faultsIn("migrations/20261129000700_shop_calls.sql", ["security/definer_functions_test.ts"], [
    [
      "callers-path",
      "create function public.lapse_follow_order(p_ref text, p_paid boolean) returns void language sql security definer set search_path = pg_catalog, pg_temp",
      "create function public.lapse_follow_order(p_ref text, p_paid boolean) returns void language sql security definer",
      "a name that somebody shadows runs with the owner's rights",
      ["database/privileges", "security/definer_functions_test.ts"],
    ],
  ]),
];
