/**
 * Whether an error means that its connection is gone. After ECONNRESET the driver (postgres 3.4.9) takes another query for the same
 * connection until it notices the close, and neither sends nor rejects it. So the next query must wait a moment, or not be sent.
 */
export function isLostConnection(error: unknown): boolean {
  return /^(CONNECTION_|ECONN|EPIPE|57P0)/.test((error as { code?: string } | null)?.code ?? "");
}
