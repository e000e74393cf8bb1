// What `serin decide` says about a visit: the same .wasm, in Node. Envoy has to do exactly that.

import * as headerNames from "../../assembly/vocabulary/headers.ts";
import type { Root, Vm } from "../emulator/index.ts";
import { readRequest } from "../decision/request.ts";
import { Recent } from "./recent.ts";
import { STABLE_SERVICE } from "./services.ts";

/** What a visit must see. */
export interface Expected {
  /** The service that has to answer. */
  readonly service: string;
  /** The variant by rollout, for each rollout that applies. */
  readonly variants: ReadonlyMap<string, string>;
  /** Shadows that may draw it. */
  readonly shadows: readonly string[];
}

interface DecisionLine {
  readonly rollouts: Readonly<Record<string, { readonly variant: string }>>;
  readonly request: { readonly set: Readonly<Record<string, string>> };
}

interface Explanation {
  readonly shadows: Readonly<Record<string, { readonly applies: boolean }>>;
}

/** Answers that are remembered; a user who is present comes again long before so many others have. */
const REMEMBERED = 10_000;

/** One policy's answers. The filter has to log at trace level: that is where it explains. */
export class Oracle {
  readonly #known = new Recent<string, Expected>(REMEMBERED);

  constructor(
    private readonly vm: Vm,
    private readonly root: Root,
  ) {}

  /** What has to come of it when this user asks for this path. */
  expect(user: string, path: string): Expected {
    const key = `${user} ${path}`;
    let expected = this.#known.get(key);
    if (expected === undefined) this.#known.set(key, (expected = this.#decide(user, path)));
    return expected;
  }

  #decide(user: string, path: string): Expected {
    const { stream: request } = readRequest({
      url: `http://localhost${path}`,
      headers: { cookie: `uid=${user}` },
    });
    const stream = this.vm.request(this.root, request);
    const { decision, explanation, errors } = stream;
    stream.done();
    if (decision === null || explanation === null)
      throw new Error(errors[0]?.message ?? "the filter made no decision");
    const { rollouts, request: changed } = JSON.parse(decision) as DecisionLine;
    const { shadows } = JSON.parse(explanation) as Explanation;
    return {
      service: changed.set[headerNames.CLUSTER] ?? STABLE_SERVICE,
      variants: new Map(Object.entries(rollouts).map(([name, { variant }]) => [name, variant])),
      shadows: Object.entries(shadows).flatMap(([name, { applies }]) => (applies ? [name] : [])),
    };
  }
}
