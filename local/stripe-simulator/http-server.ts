import { Buffer } from "node:buffer";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { answer, type Reply } from "./answer.ts";
import type { World } from "./world.ts";

export type RunningServer = { url: string; close: () => Promise<void> };

/**
 * Serves /v1. It uses node:http instead of Deno.serve, because only node:http can reset a socket in the middle of a
 * call.
 */
export function serveStripe(world: World, port: number): Promise<RunningServer> {
  return listen(async (request, response) => {
    const url = request.url ?? "/";
    const mark = url.indexOf("?");
    const path = mark < 0 ? url : url.slice(0, mark);
    const query = mark < 0 ? "" : url.slice(mark + 1);
    const method = request.method ?? "GET";
    const idempotencyKey = method === "POST" ? headerText(request, "idempotency-key") : null;
    const entry = world.log.open({ method, path, idempotencyKey, atMs: world.clock.nowMs() });
    const body = await readBody(request);
    const reply = await answer(world, { method, path, query, body, headers: request.headers }, entry);
    await transmit(world, response, reply);
    world.log.close(entry);
  }, port);
}

/** Starts a server with async handlers. If one throws, its connection is cut. */
export async function listen(
  handle: (request: IncomingMessage, response: ServerResponse) => Promise<void>,
  port: number,
): Promise<RunningServer> {
  const sockets = new Set<Socket>();
  const server: Server = createServer((request, response) => {
    handle(request, response).catch((error) => {
      // A caller that was killed while it asked is no news.
      if (error.code !== "ECONNRESET") console.error("simulator request failed:", error);
      request.socket.destroy();
    });
  });
  // Longer than any test. When a server closes an idle connection, Deno's fetch may send a POST twice; only a fault
  // should cause that.
  server.keepAliveTimeout = 120_000;
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    socket.on("error", () => socket.destroy());
  });
  await new Promise<void>((resolve, reject) => server.once("error", reject).listen(port, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

/** Reads a request's body as text. */
export async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks).toString("utf8");
}

async function transmit(world: World, response: ServerResponse, reply: Reply): Promise<void> {
  const { transport } = reply;
  if (transport === "hang") return hang(world, response, reply);
  try {
    if (transport === "reset") return void response.socket?.destroy();
    const bytes = Buffer.from(reply.body);
    // The header uses the simulated clock, or is left out on purpose.
    response.sendDate = false;
    response.writeHead(reply.status, { ...reply.headers, "Content-Length": bytes.length });
    if (transport === "normal") return void response.end(bytes);
    const half = Math.floor(bytes.length / 2);
    response.write(bytes.subarray(0, half));
    // The first half must be sent before the cut. Otherwise the client would see a reset instead of a truncated body.
    await world.timers.sleep(transport === "slow_body" ? reply.transportMs ?? 0 : 10);
    if (transport === "slow_body") response.end(bytes.subarray(half));
    else response.socket?.destroy();
  } finally {
    reply.finished();
  }
}

/** Keeps the connection open until the client gives up, the time is over, or the simulator closes. */
function hang(world: World, response: ServerResponse, reply: Reply): void {
  // A client that gave up earlier has already closed the socket.
  if (response.socket === null || response.socket.destroyed) return reply.finished();
  response.socket.once("close", reply.finished);
  if (reply.transportMs !== undefined) {
    void world.timers.sleep(reply.transportMs).then(() => response.socket?.destroy());
  }
}

function headerText(request: IncomingMessage, name: string): string | null {
  const value = request.headers[name];
  return value === undefined || value === "" ? null : String(value);
}
