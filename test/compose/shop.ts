// The shop as its visitors reach it: requests to a published port, and what came back.

import { request, type Agent, type IncomingHttpHeaders, type OutgoingHttpHeaders } from "node:http";

import type { Admin } from "../../tools/envoy/index.ts";
import type { Echo } from "../upstream/answer.ts";
import { murmur3, position } from "../support/assignment.ts";

export interface Visit {
  readonly path: string;
  readonly method?: string;
  readonly headers?: OutgoingHttpHeaders;
  /** Connections that are kept; each request has its own unless said. */
  readonly agent?: Agent;
}

export interface Answer {
  /** null when the connection ended without one. */
  readonly status: number | null;
  /** The service that answered; empty when none did. */
  readonly version: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  readonly ms: number;
}

/** The services answer without drawing errors of their own, so that each error has a cause in the test. */
const CALM = { "x-up-error-rate": "0" };

export function ask(port: number, { path, method = "GET", headers = {}, agent }: Visit): Promise<Answer> {
  const begin = performance.now();
  return new Promise((resolve) => {
    const end = (status: number | null, answered: IncomingHttpHeaders, body: string): void => {
      const version = answered["x-version"];
      resolve({
        status,
        version: typeof version === "string" ? version : "",
        headers: answered,
        body,
        ms: performance.now() - begin,
      });
    };
    const options = { host: "127.0.0.1", port, path, method, agent: agent ?? false, timeout: 15_000 };
    const sent = request({ ...options, headers: { ...CALM, ...headers } }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("error", () => end(null, {}, ""));
      response.on("end", () =>
        end(response.statusCode ?? null, response.headers, Buffer.concat(chunks).toString()),
      );
    });
    sent.on("timeout", () => sent.destroy(new Error("no answer")));
    sent.on("error", () => end(null, {}, ""));
    sent.end();
  });
}

/** Asks for each, so many at a time; answers in the order of the visits. */
export async function askAll(port: number, visits: readonly Visit[], atOnce = 8): Promise<Answer[]> {
  const answers: Answer[] = [];
  let next = 0;
  const work = async (): Promise<void> => {
    for (let index = next++; index < visits.length; index = next++) {
      answers[index] = await ask(port, visits[index] as Visit);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  return answers;
}

/** What the service that answered had been sent. */
export function echoOf(answer: Answer): Echo & { header(name: string): string | null } {
  const echo = JSON.parse(answer.body) as Echo;
  return {
    ...echo,
    header: (name) => echo.headers.find(([key]) => key.toLowerCase() === name)?.[1] ?? null,
  };
}

export const USERS: readonly string[] = Array.from({ length: 400 }, (_, index) => `visitor-${index}`);

/** A visitor's look at the checkout, as the one whom the cookie `uid` names. */
export function checkout(user: string): Visit {
  return { path: "/checkout", headers: { cookie: `uid=${user}` } };
}

/** The service that has this user's checkout at so many percent, by the published hash alone. */
export function serviceOf(user: string, percent: number): "canary" | "production" {
  return murmur3(`checkout/${user}`) < position(percent) ? "canary" : "production";
}

export function usersOf(service: "canary" | "production", percent: number): string[] {
  return USERS.filter((user) => serviceOf(user, percent) === service);
}

/** Counters by their last words, `checkout.canary.rq_5xx`; those that are not there are 0. */
export async function countsOf(admin: Admin, kind: "rollout" | "shadow"): Promise<(name: string) => number> {
  const stats = await admin.stats(`^wasmcustom\\.serin\\.${kind}\\.`);
  return (name) => stats.get(`wasmcustom.serin.${kind}.${name}`) ?? 0;
}
