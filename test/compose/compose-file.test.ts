// What docker-compose.yml promises, read from the file itself: this needs no engine.

import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, test } from "node:test";

import { parse } from "yaml";

import { readEnvFile } from "./env-file.ts";
import { SUITES } from "../../tools/project/test-summary/suites.ts";

const ROOT = resolve(import.meta.dirname, "../..");

interface Service {
  readonly image: string;
  readonly user?: string;
  readonly read_only?: boolean;
  readonly mem_limit?: string;
  readonly cap_drop?: string[];
  readonly ports?: string[];
  readonly volumes?: string[];
  readonly healthcheck?: object;
  readonly profiles?: string[];
  readonly networks: string[] | Record<string, object>;
  readonly depends_on?: Record<string, { condition: string }>;
}

interface Bootstrap {
  readonly admin?: { readonly address: { readonly socket_address: { readonly address: string } } };
}

const text = readFileSync(join(ROOT, "docker-compose.yml"), "utf8");
const env = Object.fromEntries(readEnvFile());
const { services, networks } = parse(text, { merge: true }) as {
  services: Record<string, Service>;
  networks: Record<string, object>;
};

describe("docker-compose.yml", () => {
  for (const [name, service] of Object.entries(services)) {
    test(`${name} is confined, watched and started in order`, () => {
      assert.equal(service.user, "${SERIN_USER}");
      assert.match(env["SERIN_USER"] ?? "", /^[1-9]\d*:[1-9]\d*$/);
      assert.equal(service.read_only, true);
      assert.deepEqual(service.cap_drop, ["ALL"]);
      assert.match(service.mem_limit ?? "", /^\d+m$/);
      assert.ok(service.healthcheck, "no health check");
      for (const port of service.ports ?? []) assert.match(port, /^127\.0\.0\.1:\$\{[A-Z]+_PORT\}:\d+$/);
      for (const volume of service.volumes ?? []) {
        const isPolicy = name === "advance" && volume === "${POLICY_FOLDER}:/etc/serin";
        assert.ok(isPolicy || volume.endsWith(":ro"), `${volume}: nothing of the machine is writable`);
      }
      for (const [other, { condition }] of Object.entries(service.depends_on ?? {})) {
        assert.ok(other in services, other);
        assert.equal(condition, "service_healthy", other);
      }
    });

    test(`${name}'s image is pinned in .env, and its mounts are there`, () => {
      const variable = /^\$\{([A-Z]+_IMAGE)\}$/.exec(service.image)?.[1] ?? "";
      assert.match(env[variable] ?? "", /^[^:]+:v?\d+\.\d+\.\d+(-[a-z-]+)?(@sha256:[0-9a-f]{64})?$/);
      for (const volume of service.volumes ?? []) {
        const source = (volume.split(":")[0] ?? "").replace(
          /^\$\{(\w+)\}$/,
          (_, key: string) => env[key] ?? "",
        );
        // What the build writes is there once it was built.
        if (source !== "./build") assert.ok(existsSync(join(ROOT, source)), source);
      }
    });
  }

  test("the network of Envoy's admin endpoint has only those in it who ask it", () => {
    const networksOf = ({ networks: named }: Service): string[] =>
      Array.isArray(named) ? named : Object.keys(named);
    const within = Object.keys(services).filter((name) =>
      networksOf(services[name] as Service).includes("admin"),
    );
    assert.deepEqual(within.sort(), ["advance", "dashboard", "egress", "envoy", "prometheus"]);
    // Docker publishes ports from the first network by name, and from none that is internal.
    assert.equal(Object.keys(networks).sort()[0], "admin");
    assert.deepEqual(networks["admin"], {});
    for (const file of readdirSync(join(ROOT, "envoy/compose")).filter((name) => name.endsWith(".yaml"))) {
      const { admin } = parse(readFileSync(join(ROOT, "envoy/compose", file), "utf8")) as Bootstrap;
      assert.equal(admin?.address.socket_address.address, "127.0.0.1", file);
    }
  });

  test("every variable has a value in .env", () => {
    for (const [, name = ""] of text.matchAll(/(?<!\$)\$\{(\w+)\}/g)) assert.ok(env[name], name);
  });

  test("nothing stands in it that docker-compose 1.29 or Compose v2 does not read", () => {
    const document = parse(text, { merge: true }) as object;
    const known = /^(services|networks|x-[a-z]+)$/;
    assert.deepEqual(
      Object.keys(document).filter((key) => !known.test(key)),
      [],
    );
  });

  test("what may be left out of the compose suite is known by name", () => {
    const suite = SUITES.find(({ name }) => name === "compose");
    assert.ok(suite?.kind === "node");
    const source = readFileSync(join(import.meta.dirname, "scene.test.ts"), "utf8");
    for (const name of suite.maySkip ?? []) assert.ok(source.includes(`"${name}"`), name);
  });
});
