// What a service does besides answering: it pays, by calls of its own to a bank, and the bank writes down what it got.

import { Agent, request as httpRequest } from "node:http";

import type { Request } from "./answer.ts";
import type { Behaviour } from "./behaviour.ts";

const connections = new Agent({ keepAlive: true });

/** A charge as the bank gets it. */
export interface Charge {
  /** The x-request-id of the purchase. */
  readonly order: string;
  readonly amount: number;
  /** Never the same twice. */
  readonly requestedAt: string;
}

/** A line of the ledger. */
export interface Entry {
  readonly path: string;
  readonly baggage: string | null;
  readonly body: string;
}

/**
 * Pays as the behaviour says, where the request is a purchase: x-request-id and baggage are handed on, as a tracing
 * library does it. @returns whether all of its calls succeeded
 */
export async function charge({ bank, charges, amount }: Behaviour, request: Request): Promise<boolean> {
  const path = request.url?.split("?")[0] ?? "";
  if (bank === undefined || request.method !== "POST" || !path.endsWith("/pay")) return true;
  const order = String(request.headers["x-request-id"] ?? "");
  const { baggage } = request.headers;
  const handedOn = {
    "x-request-id": order,
    ...(typeof baggage === "string" ? { baggage } : {}),
  };
  if (!(await call(`${bank}/accounts`, "GET", handedOn, ""))) return false;
  for (let i = 0; i < Number(charges ?? 1); i++) {
    const requestedAt = process.hrtime.bigint().toString();
    const body: Charge = { order, amount: Number(amount ?? 20), requestedAt };
    if (!(await call(`${bank}/charges`, "POST", handedOn, JSON.stringify(body)))) return false;
  }
  return true;
}

function call(url: string, method: string, headers: Record<string, string>, body: string): Promise<boolean> {
  return new Promise((resolve) => {
    const sent = httpRequest(url, { method, headers, agent: connections, timeout: 5_000 }, (response) => {
      response.resume();
      response.on("end", () => resolve((response.statusCode ?? 500) < 400));
      response.on("error", () => resolve(false));
    });
    sent.on("timeout", () => sent.destroy());
    sent.on("error", () => resolve(false));
    sent.end(body);
  });
}

export function writeLedger(request: Request, body: Buffer): void {
  if (request.method !== "POST") return;
  const { baggage } = request.headers;
  const entry: Entry = {
    path: request.url ?? "",
    baggage: typeof baggage === "string" ? baggage : null,
    body: body.toString(),
  };
  console.log(JSON.stringify(entry));
}
