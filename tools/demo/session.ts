// The demo while it runs: visitors come, the policy may change under them, and the numbers are taken.

import { setTimeout as sleep } from "node:timers/promises";

import type { RunningEnvoy } from "../envoy/index.ts";
import { findDisagreements } from "./agreement.ts";
import { NO_COUNTS, readCounts, unfinished, type EnvoyCounts } from "./envoy-counts.ts";
import type { Notice } from "./frame.ts";
import { Ledger } from "./ledger.ts";
import { EnvoyLog, MismatchPlaces, type Rollback } from "./envoy-log.ts";
import type { AcceptedPolicy, Edit, PolicyFile } from "./policy-file.ts";
import { shadowCountsOf } from "./shadow-counts.ts";
import type { Figures } from "./table.ts";
import { Tally } from "./tally.ts";
import { sendVisitors, type Visit } from "./visitors.ts";

const FILTER = "serin";
const UPDATE_DEADLINE_MS = 10_000;
/** Envoy says "accepted" when its main thread has it; the workers follow in a moment. */
const WORKERS_FOLLOW_MS = 200;
/** The last answers are counted, and histograms flushed, a little after the client has them. */
const COUNTED_DEADLINE_MS = 3000;
const FLUSH_MS = 1200;
/** The first say enough. */
const DISAGREEMENTS_KEPT = 10;

export class Session {
  notice: Notice | null = null;
  edited = false;
  #policy: AcceptedPolicy;
  #tally: Tally;
  #since = Date.now();
  #before: EnvoyCounts = NO_COUNTS;
  #places = new MismatchPlaces();
  readonly #allPlaces = new MismatchPlaces();
  readonly #ledger = new Ledger();
  readonly #rollbacks: Rollback[] = [];
  /** What did not agree under policies before this one. */
  readonly #disagreements: string[] = [];
  readonly #log: EnvoyLog;
  /** False while Envoy changes over: who comes then may get either version. */
  #counting = true;
  #failedInBetween: Visit[] = [];

  constructor(
    private readonly envoy: RunningEnvoy,
    private readonly policyFile: PolicyFile,
    policy: AcceptedPolicy,
  ) {
    this.#policy = policy;
    this.#tally = new Tally(policy.plan, policy.oracle);
    this.#log = new EnvoyLog(envoy.logFile);
  }

  get policy(): AcceptedPolicy {
    return this.#policy;
  }

  get sinceMs(): number {
    return Date.now() - this.#since;
  }

  get visits(): number {
    return this.#tally.visits;
  }

  /** Visitors come until the signal, or until so many have come. */
  async receiveVisitors(origin: string, visits: number | null, signal: AbortSignal): Promise<void> {
    await sendVisitors({ origin, visits, signal, begin: (user, path) => this.#begin(user, path) });
  }

  /** The numbers of now. */
  async figures(): Promise<Figures> {
    const [tally, before, places] = [this.#tally, this.#before, this.#places];
    const { shadows } = this.#policy;
    const [counts] = await Promise.all([readCounts(this.envoy.admin), this.#readLog(places)]);
    const [ledger, rollbacks] = [this.#ledger, [...this.#rollbacks]];
    return { tally, counts, before, shadows, places, ledger, rollbacks };
  }

  /** What did not agree with the policies before this one, a line each. */
  get disagreements(): readonly string[] {
    return this.#disagreements;
  }

  /**
   * The numbers once Envoy has counted every request to its end, and Serin has judged every copy. Places are all since
   * the start.
   */
  async finalFigures(): Promise<Figures> {
    await sleep(FLUSH_MS);
    const deadline = Date.now() + COUNTED_DEADLINE_MS;
    for (;;) {
      const figures = { ...(await this.figures()), places: this.#allPlaces };
      if (isOver(figures) || Date.now() > deadline) return figures;
      await sleep(50);
    }
  }

  /** Publishes each change of the policy file until the signal; one that cannot be becomes the notice. */
  async followPolicy(signal: AbortSignal): Promise<void> {
    for (;;) {
      const edit = await this.policyFile.nextChange(signal);
      if (edit === null) return;
      await this.#follow(edit);
    }
  }

  async #follow({ text, why }: Edit): Promise<void> {
    if (text === null) {
      this.notice = { kind: "absent", lines: [`${this.policyFile.shownPath} ${why}`] };
      return;
    }
    const { accepted, problems } = this.policyFile.judge(text);
    if (accepted === null) {
      this.notice = { kind: "refused", lines: problems };
      return;
    }
    const notice: Notice | null = problems.length === 0 ? null : { kind: "warnings", lines: problems };
    if (accepted.resource === this.#policy.resource) {
      this.notice = notice;
      return;
    }
    this.#counting = false;
    try {
      await this.#changeOver(accepted);
      this.notice = notice;
    } catch (error) {
      this.notice = { kind: "refused", lines: [(error as Error).message] };
    } finally {
      this.#counting = true;
    }
  }

  async #changeOver(accepted: AcceptedPolicy): Promise<void> {
    const { admin } = this.envoy;
    const [before, last] = await Promise.all([admin.filterUpdates(FILTER), this.figures()]);
    await this.policyFile.publish(accepted);
    if ((await admin.waitForUpdate(FILTER, before, UPDATE_DEADLINE_MS)) === "rejected") {
      throw new Error("Envoy rejected a policy that Serin accepts: this is a bug in Serin");
    }
    await sleep(WORKERS_FOLLOW_MS);
    // What the last policy's copies have shown is no news of this one's.
    [this.#before] = await Promise.all([readCounts(admin), this.#readLog(this.#places)]);
    this.#places = new MismatchPlaces();
    this.#disagreements.push(...findDisagreements({ ...last, rollbacks: this.#rollbacks }));
    this.#disagreements.splice(DISAGREEMENTS_KEPT);
    this.#tally = new Tally(accepted.plan, accepted.oracle, this.#tally);
    this.#policy = accepted;
    this.#since = Date.now();
    this.edited = true;
    for (const visit of this.#failedInBetween.splice(0)) this.#tally.add(visit);
  }

  /** What has come to the log; mismatches belong to these places. */
  async #readLog(places: MismatchPlaces): Promise<void> {
    const { mismatches, rollbacks } = await this.#log.next();
    for (const mismatch of mismatches) {
      places.add(mismatch);
      this.#allPlaces.add(mismatch);
    }
    this.#rollbacks.push(...rollbacks);
  }

  #begin(user: string, path: string): (visit: Visit) => void {
    const { plan, oracle } = this.#policy;
    const expected = oracle.expect(user, path);
    const began = Date.now();
    const tally = this.#counting ? this.#tally : null;
    tally?.begin(user, path);
    this.#ledger.begin(expected);
    return (visit) => {
      this.#ledger.add(visit, plan, expected);
      if (tally !== null && tally === this.#tally && this.#counting) tally.add(visit, began);
      else if (visit.failure === null) return;
      else if (this.#counting) this.#tally.add(visit);
      else this.#failedInBetween.push(visit);
    };
  }
}

function isOver({ counts, shadows }: Figures): boolean {
  const judged = shadows.every(({ name }) => {
    const counted = shadowCountsOf(counts, name);
    return counted.settled === counted.sent;
  });
  return judged && unfinished(counts) === 0;
}
