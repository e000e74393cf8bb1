// A shadow's side effects, from the client's request to the charge that is made or not: an Envoy with two workers copies
// requests to a service under test, and both instances charge through another listener, which answers the shadow's calls
// and compares them with production's. All of it as envoy/shadow-effects has it.

import assert from "node:assert/strict";
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { rename, writeFile } from "node:fs/promises";
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { after, before, describe, test } from "node:test";

import { Agent, Pool, request as httpRequest } from "undici";
import { parse } from "yaml";

import { startEnvoy, waitUntil, type RunningEnvoy } from "../../tools/envoy/index.ts";
import { newFilterResource, printFilterResource, putPolicy } from "../../tools/policy/filter-resource.ts";
import { WASM } from "../support/filter.ts";
import { envoyBinary, EVERY_ENVOY } from "../support/envoy/versions.ts";

/** What the service under test does where production charges once. */
const KINDS = ["same", "twice", "left-out", "other-amount"] as const;
type Kind = (typeof KINDS)[number];
const OF_EACH = 500;

const FOLDER = resolve(import.meta.dirname, "../../envoy/shadow-effects");
const read = (file: string): string => readFileSync(join(FOLDER, file), "utf8");

interface Edge {
  readonly shadowSecret: string;
  readonly shadows: { readonly "checkout-v3": object };
}
const { shadows, ...edge } = parse(read("edge.yaml")) as Edge;
/** Of all requests a copy, so that all is counted. */
const EDGE = {
  ...edge,
  shadows: {
    "checkout-v3": {
      ...shadows["checkout-v3"],
      ...{ percent: 100, timeout: "20s" },
      budget: { perSecond: 100_000, inFlight: 1_000, maxBodyBytes: 65_536 },
    },
  },
};
const EGRESS = parse(read("egress.yaml")) as { readonly shadowSecret: string; readonly effects: object };
const SECRET = EGRESS.shadowSecret;

/** As `serin publish --name` writes it. */
function filterFile(name: string, policy: object): string {
  const document = newFilterResource({ wasm: WASM, name, failurePolicy: "FAIL_RELOAD" });
  putPolicy("filter.yaml", document, JSON.stringify(policy), {});
  return printFilterResource("filter.yaml", document);
}

/** The folder's envoy.yaml, on free ports, with the test's services and policies. */
function bootstrapWith(ports: Readonly<Record<string, number>>): string {
  const text = read("envoy.yaml").replaceAll("/etc/serin/", "FOLDER/").replaceAll("STRICT_DNS", "STATIC");
  return text
    .replace(/port_value: (10000|10010|9901)/g, "port_value: 0")
    .replace("0.0.0.0", "127.0.0.1")
    .replace(/address: ([a-z][a-z0-9-]*), port_value: 8080/g, (_, name: string) => {
      return `address: 127.0.0.1, port_value: ${ports[name] ?? 0}`;
    });
}

interface Charge {
  readonly instance: string;
  readonly kind: Kind;
  readonly amount: number;
}

interface Scene {
  readonly envoy: RunningEnvoy;
  readonly edge: number;
  readonly egress: number;
  /** What arrived at the service that charges. */
  readonly charges: Charge[];
  /** Values of `baggage` as both instances got them. */
  readonly baggage: { production: Set<string>; "under-test": Set<string> };
  /** Answers to charges, as both instances got them. */
  readonly answers: { production: Set<string>; "under-test": Set<string> };
  /** Requests that an instance has come to the end of. */
  readonly done: { production: number; "under-test": number };
  publish(policy: object): Promise<void>;
  stop(): Promise<void>;
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let text = "";
  for await (const piece of request) text += String(piece);
  return text;
}

async function listen(server: Server): Promise<number> {
  // A connection that Node ends while Envoy sends on it would be a failed request of nobody's fault.
  server.keepAliveTimeout = 0;
  server.requestTimeout = 0;
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  return (server.address() as AddressInfo).port;
}

async function start(version: string): Promise<Scene> {
  const charges: Charge[] = [];
  const baggage = { production: new Set<string>(), "under-test": new Set<string>() };
  const answers = { production: new Set<string>(), "under-test": new Set<string>() };
  const done = { production: 0, "under-test": 0 };
  const agent = new Agent({ connections: 16 });
  let egress = 0;
  const bank = createServer((request, response) => {
    void bodyOf(request).then((text) => {
      if (request.method === "POST") charges.push(JSON.parse(text) as Charge);
      response.writeHead(201, { "content-type": "application/json" }).end('{"id":"real"}');
    });
  });
  /** An instance of the shop: it hands the request's id and baggage on, and charges as it is told. */
  const shop = (instance: "production" | "under-test"): Server =>
    createServer((request, response) => {
      const call = async (method: "GET" | "POST", path: string, body: string | null): Promise<void> => {
        const { statusCode, body: answer } = await httpRequest(`http://127.0.0.1:${egress}${path}`, {
          ...{ method, body, dispatcher: agent },
          headers: {
            "x-request-id": String(request.headers["x-request-id"]),
            ...(request.headers["baggage"] === undefined ? {} : { baggage: request.headers["baggage"] }),
          },
        });
        const text = await answer.text();
        if (method === "POST") answers[instance].add(`${statusCode} ${text}`);
      };
      const serve = async (): Promise<void> => {
        const kind = (request.url ?? "").slice("/checkout/".length) as Kind;
        const { amount } = JSON.parse(await bodyOf(request)) as { amount: number };
        baggage[instance].add(String(request.headers["baggage"]));
        await call("GET", "/accounts", null);
        const isShadow = instance === "under-test";
        const times = !isShadow || kind === "same" || kind === "other-amount" ? 1 : kind === "twice" ? 2 : 0;
        const charged = isShadow && kind === "other-amount" ? amount + 1 : amount;
        // Their members are not in the same order, and a time differs.
        const charge = isShadow
          ? { requestedAt: process.hrtime.bigint().toString(), kind, amount: charged }
          : { amount: charged, kind, requestedAt: "then" };
        for (let i = 0; i < times; i++) await call("POST", "/charges", JSON.stringify(charge));
        response.end("bought");
        done[instance]++;
      };
      serve().catch((error: unknown) => response.writeHead(500).end(String(error)));
    });
  const servers = [bank, shop("production"), shop("under-test")];
  const [bankPort, productionPort, testPort] = (await Promise.all(servers.map(listen))) as [
    number,
    number,
    number,
  ];
  const envoy = await startEnvoy({
    binary: await envoyBinary(version),
    concurrency: 2,
    logLevel: "info",
    files: {
      "edge/filter.yaml": filterFile("serin", EDGE),
      "egress/filter.yaml": filterFile("serin-egress", EGRESS),
    },
    bootstrap: bootstrapWith({ checkout: productionPort, "checkout-v3": testPort, bank: bankPort }),
  });
  egress = await envoy.port("egress");
  return {
    ...{ envoy, egress, charges, baggage, answers, done },
    edge: await envoy.port("edge"),
    async publish(policy) {
      const earlier = await envoy.admin.filterUpdates("serin-egress");
      const file = join(envoy.folder, "egress/filter.yaml");
      await writeFile(`${file}.new`, filterFile("serin-egress", policy));
      await rename(`${file}.new`, file);
      assert.equal(await envoy.admin.waitForUpdate("serin-egress", earlier), "accepted");
    },
    async stop() {
      await envoy.stop();
      await agent.destroy();
      for (const server of servers) server.close();
    },
  };
}

async function countsOf({ envoy }: Scene): Promise<Record<string, number>> {
  const stats = await envoy.admin.stats("wasmcustom\\.serin\\.effect\\.charge\\.");
  return Object.fromEntries(
    [...stats].filter(([, value]) => value > 0).map(([name, value]) => [name.split(".").at(-1) ?? "", value]),
  );
}

const FORGED = {
  "x-serin-shadow": "checkout-v3.guess",
  baggage: "userId=alice;p=1 , serin-shadow=checkout-v3.guess,Serin%2Dshadow=x, b=%20",
};
const LEFT = "userId=alice;p=1 , b=%20";

for (const version of EVERY_ENVOY) {
  describe(`effects on Envoy ${version}, two workers`, () => {
    let scene: Scene;
    before(async () => (scene = await start(version)));
    after(() => scene.stop());

    test("2,000 purchases: each is charged once, by production, whatever the service under test does", async () => {
      const pool = new Pool(`http://127.0.0.1:${scene.edge}`, { connections: 16 });
      const all = KINDS.flatMap((kind) => Array.from({ length: OF_EACH }, (_, i) => ({ kind, amount: i })));
      let next = 0;
      const buy = async (): Promise<void> => {
        for (let i = next++; i < all.length; i = next++) {
          const { kind, amount } = all[i] as { kind: Kind; amount: number };
          const answer = await pool.request({
            ...{
              method: "POST",
              path: `/checkout/${kind}`,
              body: JSON.stringify({ amount }),
              headers: FORGED,
            },
          });
          assert.equal(answer.statusCode, 200, await answer.body.text());
          await answer.body.dump();
          // A policy that says the same of charges, while calls are under way and others wait.
          if (i === 700) await scene.publish({ ...EGRESS, effects: { ...EGRESS.effects, email: {} } });
        }
      };
      await Promise.all(Array.from({ length: 16 }, buy));
      await pool.close();
      await waitUntil("all copies at their end", 60_000, () => scene.done["under-test"] === all.length).catch(
        async () => assert.fail(String([...(await scene.envoy.admin.stats("serin\\.shadow"))])),
      );
      assert.equal(scene.charges.length, all.length);
      for (const kind of KINDS) {
        const amounts = scene.charges.filter((charge) => charge.kind === kind).map(({ amount }) => amount);
        assert.deepEqual(
          amounts.sort((a, b) => a - b),
          Array.from({ length: OF_EACH }, (_, i) => i),
          kind,
        );
      }
      assert.deepEqual([...scene.answers.production], ['201 {"id":"real"}']);
      assert.deepEqual([...scene.answers["under-test"]], ['201 {"id":"none"}']);
    });

    test("forged headers and members reach nobody, and all other members do, byte for byte", () => {
      assert.deepEqual([...scene.baggage.production], [LEFT]);
      assert.deepEqual([...scene.baggage["under-test"]], [`${LEFT},serin-shadow=checkout-v3.${SECRET}`]);
    });

    test("forged marks at the egress itself hold nothing back", async () => {
      const earlier = scene.charges.length;
      const marks = [
        { "x-serin-shadow": "same" },
        { "x-serin-shadow": `checkout-v3.${SECRET}x` },
        { baggage: "serin-shadow=same.guess" },
        { baggage: `SERIN-SHADOW=checkout-v3.${SECRET}` },
      ];
      for (const headers of marks) {
        const { statusCode, body } = await httpRequest(`http://127.0.0.1:${scene.egress}/charges`, {
          ...{ method: "POST", headers, body: JSON.stringify({ amount: 1, kind: "forged" }) },
        });
        assert.equal(`${statusCode} ${await body.text()}`, '201 {"id":"real"}');
      }
      assert.equal(scene.charges.length, earlier + marks.length);
    });

    test("each call is judged exactly, also when its effect is removed while it waits", async () => {
      await scene.publish({});
      const wanted = {
        total: 4 * OF_EACH,
        match: 2 * OF_EACH,
        extra: OF_EACH,
        missing: OF_EACH,
        mismatch: OF_EACH,
      };
      const sum = (counts: Record<string, number>): number =>
        ["match", "extra", "missing", "mismatch", "unpaired"].reduce(
          (all, leaf) => all + (counts[leaf] ?? 0),
          0,
        );
      await waitUntil("all verdicts", 90_000, async () => sum(await countsOf(scene)) >= 5 * OF_EACH).catch(
        () => undefined,
      );
      const log = scene.envoy.log();
      assert.deepEqual(log.match(/.*Uncaught RuntimeError.*/g), null, "a worker that traps judges no more");
      assert.deepEqual(await countsOf(scene), wanted);
      const stats = await scene.envoy.admin.stats("serin\\.error");
      assert.equal(Math.max(0, ...stats.values()), 0);
      assert.match(
        log,
        /"verdict":"mismatch","request":"POST \/charges","id":"[0-9a-f-]{36}","pointer":"\/amount"/,
      );
      assert.match(log, /"shadow":"checkout-v3","verdict":"extra"/);
      assert.match(log, /"shadow":"checkout-v3","verdict":"missing"/);
      assert.ok(!log.includes(SECRET), "the secret stands in the log");
    });
  });
}
