// People who look at a shop: each comes with a session or without, opens a few pages in the order in which people do,
// and leaves. Drawn, never played back: no two visits are alike.

/** One page that a visitor opens. */
export interface Step {
  readonly method: "GET" | "POST";
  readonly path: string;
  readonly body?: string;
  /** Of those who saw the canary's page only so large a part goes on to this step. */
  readonly canaryShare?: number;
}

/** What one visitor is: cookies at arrival, and where the visit leads. */
export interface Visit {
  readonly cookies: ReadonlyMap<string, string>;
  readonly steps: readonly Step[];
}

/** The canary's page has its button where some do not find it: it sells less, without one error. */
const CANARY_SELLS = 0.7;
/** People with an account; each has many sessions over the time. */
const MEMBERS = 400;
const STAFF = 20;
const WORDS = ["lamp", "green tea", "desk", "blue shirt", "notebook 15", "café au lait", "socks"];

const chance = (share: number): boolean => Math.random() < share;
const below = (limit: number): number => Math.floor(Math.random() * limit);

export function drawVisit(): Visit {
  return { cookies: drawCookies(), steps: drawSteps() };
}

/** Half are signed in, a few of those work here; of the others some were here before. */
function drawCookies(): Map<string, string> {
  const cookies = new Map<string, string>();
  if (chance(0.6)) cookies.set("theme", chance(0.5) ? "dark" : "light");
  if (chance(0.5)) {
    const user = chance(0.05) ? `staff-${below(STAFF)}` : `member-${below(MEMBERS)}`;
    cookies.set("sid", `${user}.${below(2 ** 32).toString(16)}`);
  } else if (chance(0.4)) {
    cookies.set("uid", `guest-${below(1000)}`);
  }
  return cookies;
}

/** Most look round, one in three puts something into the cart, one in two of those pays. */
function drawSteps(): Step[] {
  const steps: Step[] = [{ method: "GET", path: chance(0.7) ? "/" : `/product/${below(300)}` }];
  const looks = below(5);
  for (let look = 0; look < looks; look++) {
    if (chance(0.4)) {
      const word = WORDS[below(WORDS.length)] ?? "";
      steps.push({ method: "GET", path: `/search?q=${encodeURIComponent(word)}` });
    } else steps.push({ method: "GET", path: `/product/${below(300)}` });
  }
  if (!chance(0.35)) return steps;
  steps.push({ method: "GET", path: "/checkout" });
  if (chance(0.5)) {
    const order = { items: 1 + below(4), gift: chance(0.1) };
    steps.push({
      method: "POST",
      path: "/checkout/pay",
      body: JSON.stringify(order),
      canaryShare: CANARY_SELLS,
    });
  }
  return steps;
}
