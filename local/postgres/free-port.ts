/**
 * Returns a free loopback port, for programs that cannot choose one themselves. Another program may take it before it
 * is used.
 */
export function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}
