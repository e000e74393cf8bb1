// The shop: small services on loopback. Each says which it is and what Serin told it, so that whoever asks by hand
// sees both.

import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

import * as headerNames from "../../assembly/vocabulary/headers.ts";
import { answerCheckout, answerNextCheckout, CHECKOUT_PATH, ReceivedByShadow } from "./checkout.ts";

/** One service; its name is its cluster's. */
export interface Service {
  readonly name: string;
  /** What it serves, for people. */
  readonly title: string;
  /** How long an answer takes: at least, and the tail's mean on top. */
  readonly baseMs: number;
  readonly tailMs: number;
  /** Under test: no user sees its answers, and they have a fault. */
  readonly isNext?: true;
  /** Some of its answers are errors from the moment on that the fault begins. */
  readonly willFail?: true;
}

/** The answer header in which a service says its name. */
export const SERVED_BY = "x-served-by";
/** The answer header in which a service repeats what Serin told it: `checkout=canary, cluster=checkout-v2`. */
export const TOLD = "x-told";

/** The answer header that says that an error was planted. */
export const PLANTED = "x-planted";
/** The part of its answers that are errors once it fails. */
export const FAULT_SHARE = 0.2;

/** The service that serves whoever is sent nowhere else. */
export const STABLE_SERVICE = "shop";

export const SERVICES: readonly Service[] = [
  { name: STABLE_SERVICE, title: "the shop as it is: checkout, cart and search v1", baseMs: 8, tailMs: 4 },
  { name: "checkout-v2", title: "the new checkout", baseMs: 5, tailMs: 2 },
  { name: "cart-v2", title: "the new cart, which begins to fail", baseMs: 6, tailMs: 2, willFail: true },
  { name: "search-v2", title: "the new search, slower on purpose", baseMs: 48, tailMs: 7 },
  { name: "checkout-v3", title: "the next checkout, under test", baseMs: 14, tailMs: 5, isNext: true },
];

/** The fault of the service that will fail. */
export class PlantedFault {
  #since: number | null = null;

  /** When it began, in milliseconds since 1970; null before. */
  get since(): number | null {
    return this.#since;
  }

  begin(): void {
    this.#since ??= Date.now();
  }
}

/** Services that listen. */
export interface RunningServices {
  /** Ports by the service's name. */
  readonly ports: ReadonlyMap<string, number>;
  /** The copies that the service under test got. */
  readonly received: ReceivedByShadow;
  readonly fault: PlantedFault;
  stop(): Promise<void>;
}

/** Starts the services on ports that are free. */
export async function startServices(): Promise<RunningServices> {
  const servers: Server[] = [];
  const ports = new Map<string, number>();
  const received = new ReceivedByShadow();
  const fault = new PlantedFault();
  for (const service of SERVICES) {
    const server = createServer((request, response) => {
      answer(service, request, response, { received, fault }).catch(() => response.destroy());
    });
    // Envoy keeps idle connections for long; a service that closes them first would fail a request.
    server.keepAliveTimeout = 0;
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(0, "127.0.0.1", resolve);
    });
    servers.push(server);
    ports.set(service.name, (server.address() as AddressInfo).port);
  }
  return {
    ports,
    received,
    fault,
    async stop() {
      await Promise.all(
        servers.map((server) => {
          const closed = new Promise<void>((resolve) => server.close(() => resolve()));
          server.closeAllConnections();
          return closed;
        }),
      );
    },
  };
}

async function answer(
  service: Service,
  request: IncomingMessage,
  response: ServerResponse,
  { received, fault }: Pick<RunningServices, "received" | "fault">,
): Promise<void> {
  await sleep(service.baseMs - service.tailMs * Math.log(1 - Math.random()));
  const { headers } = request;
  const told = Object.entries(headers)
    .filter(([name]) => name.startsWith(headerNames.PREFIX))
    .map(([name, value]) => `${name.slice(headerNames.PREFIX.length)}=${String(value)}`)
    .join(", ");
  const said = told || "nothing: you get the default of every rollout";
  if (service.willFail && fault.since !== null && Math.random() < FAULT_SHARE) {
    response.writeHead(500, { [PLANTED]: "error", [SERVED_BY]: service.name, [TOLD]: told });
    response.end("an error, planted for the demo\n");
    return;
  }
  const isCheckout = request.url?.split("?", 1)[0] === CHECKOUT_PATH;
  const type = isCheckout ? "application/json" : "text/plain";
  response.writeHead(200, { "content-type": type, [SERVED_BY]: service.name, [TOLD]: told });
  if (!isCheckout) response.end(answerPage(service, headers, said));
  else if (service.isNext) response.end(answerNextCheckout(service.name, headers, said, received));
  else response.end(answerCheckout(service.name, headers, said));
}

function answerPage(service: Service, { cookie }: IncomingHttpHeaders, said: string): string {
  const lines = [
    `${service.name}: ${service.title}`,
    `you are ${cookie ?? "anonymous"}`,
    `Serin said ${said}`,
  ];
  return `${lines.join("\n")}\n`;
}
