// Who changes variant at login: with the identity of the README nobody, without `keep` so many as docs/policy.md says.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { test } from "node:test";

import { Vm } from "../../tools/emulator/index.ts";
import { filterModule } from "../support/filter.ts";
import { Random } from "../support/random.ts";

const VISITORS = 4_000;
const ROOT = resolve(import.meta.dirname, "../..");

/** How many of the visitors who come without a login, are issued a cookie, and then log in, change variant. */
function changing(keep: boolean, percent: number): number {
  const random = new Random(20261128);
  const vm = Vm.load(filterModule(), {
    random: (size) => Buffer.from(Array.from({ length: size }, () => random.next() & 0xff)),
  });
  const policy = {
    identity: [{ cookie: "uid" }, { issueCookie: { name: "serin-id", keep } }],
    rollouts: { checkout: { default: "stable", variants: { stable: {}, canary: { percent } } } },
  };
  const { root } = vm.configure(JSON.stringify(policy));
  const visit = (cookie: string | null): { variant: string; cookie: string } => {
    const own: [string, string][] = cookie === null ? [] : [["cookie", cookie]];
    const stream = vm.request(root, { headers: [[":path", "/checkout"], [":method", "GET"], ...own] });
    const headers = new Map(stream.requestHeaders.toPairs());
    stream.onResponseHeaders([[":status", "200"]], true).done();
    return { variant: headers.get("x-serin-checkout") ?? "stable", cookie: headers.get("cookie") ?? "" };
  };
  let changed = 0;
  for (let visitor = 0; visitor < VISITORS; visitor++) {
    const before = visit(null);
    assert.match(before.cookie, /^serin-id=[0-9a-f]{32}$/);
    assert.equal(visit(before.cookie).variant, before.variant);
    if (visit(`${before.cookie}; uid=user-${visitor}`).variant !== before.variant) changed++;
  }
  return changed;
}

test("with keep nobody changes variant at login", () => {
  for (const percent of [5, 50]) assert.equal(changing(true, percent), 0);
});

test("without it as many do as the page says", () => {
  const page = readFileSync(resolve(ROOT, "docs/policy.md"), "utf8");
  const [few, half] = [changing(false, 5), changing(false, 50)].map((count) => count.toLocaleString("en-US"));
  assert.ok(
    page.includes(`${few} of 4,000 users change variant at a canary of 5%, ${half} at 50%`),
    `${few} and ${half}`,
  );
});
