// The simulations in full, with a seed of one's own: npx tsx test/statistics/run-simulations.ts --seed 7 --runs 10000
// Parts: --only false-alarms,power,passes,limits,goals,guard,releases,plan,shadows. One core; a line is printed as soon as it is known.

import { parseArgs } from "node:util";

import { study, TRAFFICS, PASS_TRAFFICS, type Outcome, type StudyOptions } from "./studies.ts";
import { goalStudy, SHOP, SHOPS, type GoalOutcome } from "./goal-studies.ts";
import { guardStudy } from "./guard-studies.ts";
import { releaseStudy } from "./release-studies.ts";
import { LIMIT, NOT_PROMISED, PROMISED, shadowStudy } from "./shadow-studies.ts";
import { CASES, faults, guards, releases, type Comparison } from "./plan-studies.ts";
import { SERVICE } from "./simulation.ts";

const { values } = parseArgs({
  options: {
    seed: { type: "string", default: "1" },
    /** Of the guard's delays: 40 runs each cell, as in the contract. */
    delays: { type: "string", default: "40" },
    /** Of releases: so many for each kind of canary, as many as the bound is of. */
    releases: { type: "string", default: "300" },
    /** Of healthy rollouts; cells of the other tables have a tenth of it, at least 100. */
    runs: { type: "string", default: "1000" },
    only: { type: "string", default: "false-alarms,power,passes,limits,goals,guard,releases,plan,shadows" },
    traffic: { type: "string", default: "" },
  },
});
const runs = Number(values.runs);
const few = Math.max(100, Math.round(runs / 10));
let seed = Number(values.seed);
const began = Date.now();

function line(name: string, text: string, since: number): void {
  console.log(`${name.padEnd(46)} ${text}   (${((Date.now() - since) / 1000).toFixed(0)} s)`);
}

function percent(count: number, of: number): string {
  return `${((100 * count) / of).toFixed(2)}%`;
}

function told(options: StudyOptions, name: string, count: number, say: (outcome: Outcome) => string): void {
  const since = Date.now();
  line(name, say(study(seed++, count, options)), since);
}

const PARTS: Record<string, () => void> = {
  "false-alarms": () => {
    console.log(
      `\nhealthy rollouts, 50,000 requests, 10% canary, ${runs} runs each: false fail, false mismatch`,
    );
    for (const traffic of TRAFFICS) {
      if (!traffic.name.includes(values.traffic)) {
        seed++;
        continue;
      }
      told({ traffic, requests: 50_000, until: "all" }, traffic.name, runs, (found) => {
        const causes = JSON.stringify(found.causes);
        return `fail ${percent(found.fails, found.runs)} ${causes}, mismatch ${percent(found.mismatches, found.runs)}`;
      });
    }
  },
  power: () => {
    console.log(`\nusers alike: found (median users of the canary), ${few} runs each`);
    const [twice, independent, zipf] = PASS_TRAFFICS;
    if (twice === undefined || independent === undefined || zipf === undefined) return;
    const effects = [
      ["5% errors against 1%", { errors: 5 }],
      ["2% errors against 1%", { errors: 2 }],
      ["everything three times slower", { slower: 3 }],
      ["30% slower", { slower: 1.3 }],
      ["a fiftieth ten times slower", { slower: 10, slowPart: 0.02 }],
      ["404 to everybody", { notFound: 1 }],
    ] as const;
    for (const traffic of [twice, independent, zipf]) {
      for (const [name, effect] of effects) {
        told(
          { traffic, effect, requests: 200_000, until: "fail" },
          `${name}, ${traffic.name}`,
          few,
          (found) => {
            return `fail ${percent(found.fails, found.runs)} (${found.failAt.toFixed(0)}) ${JSON.stringify(found.causes)}`;
          },
        );
      }
    }
  },
  passes: () => {
    console.log(
      `\ntable of passes, 200,000 requests, errors at 1% of requests, ${few} runs a cell: errors alone; whole verdict`,
    );
    for (const traffic of PASS_TRAFFICS) {
      for (const errors of [1, 1.5, 2]) {
        told(
          { traffic, effect: { errors }, requests: 200_000, until: "decision" },
          `${traffic.name}, ${errors} times`,
          few,
          (found) =>
            `errors pass ${percent(found.errorPasses, found.runs)} (${found.errorPassAt.toFixed(0)}); ` +
            `pass ${percent(found.passes, found.runs)} (${found.passAt.toFixed(0)}), fail ${percent(found.fails, found.runs)}`,
        );
      }
    }
  },
  limits: () => {
    const count = Math.max(100, Math.round(runs / 5));
    console.log(`\nat the limit: passes, ${count} runs each`);
    const worse = { errors: 1.5 };
    const say = (found: Outcome): string =>
      `errors pass ${percent(found.errorPasses, found.runs)}; pass ${percent(found.passes, found.runs)}, ` +
      `fail ${percent(found.fails, found.runs)}`;
    const [, independent, zipf] = PASS_TRAFFICS;
    if (independent === undefined || zipf === undefined) return;
    told(
      { traffic: independent, effect: worse, requests: 200_000, until: "decision" },
      "errors 1.5 times, independent",
      count,
      say,
    );
    told(
      { traffic: zipf, effect: worse, requests: 200_000, until: "decision" },
      "errors 1.5 times, Zipf 0.7",
      count,
      say,
    );
    const broken = { ...zipf, errors: "broken" } as const;
    told(
      { traffic: broken, effect: worse, requests: 200_000, until: "decision" },
      "1.5 times as many broken users",
      count,
      say,
    );
    for (const slow of [SERVICE.slow, [100, 5000], [60, 5000], [80, 150, 5000]]) {
      const service = { ...SERVICE, slow };
      for (const traffic of [independent, zipf]) {
        const options = {
          traffic,
          service,
          effect: { oftenSlow: 1.5 },
          requests: 200_000,
          until: "decision",
        } as const;
        told(options, `1.5 times as often slow, ${traffic.name} ${JSON.stringify(slow)}`, count, say);
      }
    }
    for (const clientErrors of [0.02, 0.3, 0.8]) {
      const service = { ...SERVICE, clientErrors, redirects: 0.01 };
      for (const traffic of [independent, zipf]) {
        told(
          { traffic, service, effect: { notFound: 1 }, requests: 200_000, until: "decision" },
          `404 to everybody, baseline ${clientErrors * 100}% 4xx, ${traffic.name}`,
          few,
          say,
        );
      }
    }
  },
  goals: () => {
    console.log(
      `\na goal, 50,000 visits, a tenth of users get a canary that changes nothing, ${runs} runs each`,
    );
    let [fewer, more, all] = [0, 0, 0];
    for (const shop of SHOPS) {
      if (!shop.name.includes(values.traffic)) {
        seed++;
        continue;
      }
      const since = Date.now();
      const found = goalStudy(seed++, runs, { shop, visits: 50_000 });
      fewer += found.fewer;
      more += found.more;
      all += found.runs;
      line(
        shop.name,
        `fewer ${percent(found.fewer, found.runs)}, more ${percent(found.more, found.runs)}`,
        since,
      );
    }
    line("all", `fewer ${percent(fewer, all)}, more ${percent(more, all)} of ${all}`, Date.now());
    const count = Math.max(300, few);
    console.log(`\na tenth of visits orders; medians until it is called different, ${count} runs each`);
    const say = (found: GoalOutcome): string =>
      `fewer ${percent(found.fewer, count)}, more ${percent(found.more, count)}; ${found.ordersAt} orders of the whole shop, ` +
      `${found.reachedAt} users of canary and control; within 2×: ${percent(found.within, count)}`;
    for (const times of [0, 0.5, 0.8, 0.9, 1.25]) {
      for (const outside of [0, 0.5]) {
        const since = Date.now();
        const found = goalStudy(seed++, count, { shop: { ...SHOP, outside }, visits: 100_000, times });
        line(`${times} times${outside > 0 ? ", half never met the rollout" : ""}`, say(found), since);
      }
    }
  },
  guard: () => {
    console.log(
      `\nguard at 0.001, healthy: acts in 30 minutes at 200 requests/s, 5% canary, ${runs} runs each`,
    );
    let [acted, all] = [0, 0];
    for (const traffic of TRAFFICS) {
      // A guard is of one process.
      if (traffic.envoys !== undefined || !traffic.name.includes(values.traffic)) {
        seed++;
        continue;
      }
      const since = Date.now();
      const found = guardStudy(seed++, runs, { traffic, share: 0.05, rate: 200, seconds: 1800 });
      acted += found.acted;
      all += found.runs;
      line(traffic.name, `${found.acted} of ${found.runs}, ${percent(found.acted, found.runs)}`, since);
    }
    line("all", `${acted} of ${all}, ${percent(acted, all)}`, Date.now());
    console.log(`\nguard: median and longest seconds, errors of the canary, ${values.delays} runs each`);
    const alike = PASS_TRAFFICS[0] as (typeof PASS_TRAFFICS)[number];
    const cells: { rate: number; times: number; most: number; from: readonly number[] }[] = [
      { rate: 200, times: 20, most: 120, from: [0, 600, 3600] },
      { rate: 200, times: 5, most: 600, from: [0, 600, 3600] },
      { rate: 200, times: 2, most: 3600, from: [0, 600] },
      { rate: 20, times: 20, most: 900, from: [0, 600, 3600] },
      { rate: 2, times: 20, most: 7200, from: [0, 600, 3600] },
    ];
    for (const { rate, times, from, most } of cells.flatMap((cell) =>
      cell.from.map((begin) => ({ ...cell, from: begin })),
    )) {
      const since = Date.now();
      const options = { traffic: alike, share: 0.05, rate, seconds: from + most, fault: { from, times } };
      const { seconds, errors, acted: found, early } = guardStudy(seed++, Number(values.delays), options);
      const text = `${seconds.median} s (${seconds.longest}), ${errors.median} errors (${errors.longest}), ${found - early} found, ${early} before`;
      line(`${times}% errors, ${rate}/s, after ${from / 60} min`, text, since);
    }
  },
  releases: () => {
    const count = Number(values.releases);
    console.log(
      `\nreleases at 200 requests/s, 1, 5, 25, 50, 100%, at least a minute a step, ${count} runs each`,
    );
    const alike = PASS_TRAFFICS[0] as (typeof PASS_TRAFFICS)[number];
    for (const times of [1, 1.5, 2, 3, 5]) {
      const since = Date.now();
      const found = releaseStudy(seed++, count, { traffic: alike, rate: 200, times });
      const { finished, rolledBack, byGuard, stuck, seconds, excess } = found;
      const end =
        times === 1
          ? `${(seconds / 60).toFixed(1)} min in the median`
          : `${excess.toFixed(0)} excess errors in the median`;
      const ends = `${percent(rolledBack, count)} taken back (${byGuard} by the guard), ${stuck} stuck`;
      line(`${times} times the errors`, `${percent(finished, count)} reach 100%, ${ends}; ${end}`, since);
    }
  },
  plan: () => {
    console.log(`\nserin plan beside ${few} simulated releases: planned, simulated median (range)`);
    const say = (compare: () => Comparison): void => {
      const since = Date.now();
      const { name, planned, simulated, median, near } = compare();
      const range = `${simulated[0]} to ${simulated.at(-1)}`;
      line(name, `${planned.toFixed(0)} s, ${median} s (${range}), ${near} within a factor of two`, since);
    };
    for (const each of CASES) {
      say(() => releases((seed += 10), few, each));
      for (const percent of [1, 5, 25, 50]) say(() => faults(seed++, few, each, percent));
      say(() => guards((seed += few), few, each, 0));
    }
    const [first] = CASES;
    if (first !== undefined) say(() => guards((seed += few), few, first, 3600));
  },
};

PARTS["shadows"] = () => {
  console.log(
    `\nshadows exactly at the limit of 0.1%, 20,000 copies, ${runs} runs each: false pass, false fail`,
  );
  for (const traffic of [...PROMISED, ...NOT_PROMISED]) {
    if (!traffic.name.includes(values.traffic)) {
      seed++;
      continue;
    }
    const since = Date.now();
    const { passes, fails } = shadowStudy(seed++, runs, { traffic, share: LIMIT, copies: 20_000 });
    const isPromised = PROMISED.includes(traffic) ? "" : ", not promised";
    line(traffic.name, `pass ${percent(passes, runs)}, fail ${percent(fails, runs)}${isPromised}`, since);
  }
  console.log(`\nshadows: decided (median copies or users), ${few} runs each of up to 60,000 copies`);
  for (const traffic of PROMISED) {
    if (!traffic.name.includes(values.traffic) || (traffic.noise ?? 0) > 0.01) continue;
    for (const share of [0, 0.0001, 0.00025, 0.0005, 0.002, 0.003, 0.005, 0.01, 0.05, 1]) {
      const since = Date.now();
      const until = share < LIMIT ? "pass" : "fail";
      const study = { traffic, share, copies: 60_000, every: share > 0.01 ? 1 : 10, until } as const;
      const found = shadowStudy(seed++, few, study);
      const [count, at] = until === "pass" ? [found.passes, found.passAt] : [found.fails, found.failAt];
      line(`${share * 100}% of ${traffic.name}`, `${until} ${percent(count, few)} (${at})`, since);
    }
  }
};

for (const name of values.only.split(",")) {
  const part = PARTS[name];
  if (part === undefined) throw new Error(`--only ${name}: known are ${Object.keys(PARTS).join(", ")}`);
  part();
}
console.log(`\nseed ${values.seed}, wall time ${((Date.now() - began) / 60_000).toFixed(1)} min`);
