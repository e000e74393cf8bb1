// Policies for schema.test.ts: what schema and filter both take, both refuse, and what only the filter can refuse.

const TWO = { default: "stable", variants: { stable: {}, canary: { percent: 5, cluster: "checkout-v2" } } };

/** A policy with one rollout: TWO with these changes. */
function rollout(changes: object): object {
  return { identity: [{ cookie: "uid" }], rollouts: { checkout: { ...TWO, ...changes } } };
}

function match(...entries: unknown[]): object {
  return rollout({ match: entries });
}

function identity(...sources: unknown[]): object {
  return { identity: sources, rollouts: { checkout: TWO } };
}

function variants(canary: unknown, others: object = {}): object {
  return rollout({ variants: { stable: {}, canary, ...others } });
}

/** A policy with one shadow: a cluster and these changes. */
function shadow(changes: object): object {
  return { shadows: { copy: { cluster: "checkout-v3", ...changes } } };
}

function mirror(changes: object): object {
  return shadow({ dispatch: "mirror", ...changes });
}

function ignoring(...pointers: unknown[]): object {
  return shadow({ compare: { body: { json: true, ignore: pointers } } });
}

/** A policy with a rollout and one goal: a match and these changes. */
function goal(changes: object): object {
  return { ...rollout({}), goals: { orders: { match: [{ path: { value: "/orders" } }], ...changes } } };
}

const SECRET = "4Zq8vK1x0sTn7LbE";
const manyVariants = Object.fromEntries(Array.from({ length: 16 }, (_, index) => [`v${index}`, {}]));
const deep: unknown[] = [];
for (let inner = deep, level = 0; level < 80; level++) {
  const next: unknown[] = [];
  inner.push(next);
  inner = next;
}

export const SOUND: Record<string, object> = {
  "nothing at all": {},
  "a schema line": { $schema: "./policy.schema.json" },
  "an identity without rollouts": { identity: [{ cookie: "uid" }] },
  "the smallest rollout": { rollouts: { checkout: { default: "stable", variants: { stable: {} } } } },
  "a canary": rollout({}),
  "every source": identity(
    { cookie: "uid" },
    { header: "x-user-id" },
    { query: "user" },
    { jwt: "user.id" },
    { sourceAddress: true },
    { random: true },
  ),
  "an issued cookie with everything": identity({
    issueCookie: {
      name: "serin-id",
      maxAge: "30d",
      path: "/",
      domain: "example.com",
      secure: true,
      sameSite: "None",
      httpOnly: false,
      partitioned: true,
      keep: true,
      always: true,
    },
  }),
  "values that are decoded, and a token elsewhere": identity(
    { cookie: "uid", decode: true },
    { header: "x-user-id", decode: false },
    { jwt: { claim: "user.id" } },
    { jwt: { claim: "sub", from: { cookie: "session" } } },
    { jwt: { claim: "sub", from: { header: "X-Id-Token" } } },
  ),
  "a cookie of this host": identity({ issueCookie: { name: "__Host-serin", path: "/", secure: true } }),
  "retries that are counted": rollout({ retries: true }),
  "every condition": match({
    hosts: ["shop.example.com", "*.example.com", "[2001:db8::1]"],
    path: { type: "PathPrefix", value: "/checkout" },
    method: "GET",
    headers: [
      { name: "x-a", value: "b" },
      { name: "x-c", type: "Present" },
    ],
    queryParams: [{ name: "a", value: "b", type: "Exact" }],
    sourceAddress: ["10.0.0.0/8", "2001:db8::/32", "203.0.113.7", "::ffff:192.0.2.0/120"],
  }),
  "regular expressions": match({
    path: { type: "RegularExpression", value: "(/a|b)?" },
    headers: [{ name: "x-a", type: "RegularExpression", value: "b+" }],
    queryParams: [{ name: "x-a", type: "RegularExpression", value: "" }],
  }),
  "conditions in any case": match({
    path: { type: "Exact", value: "/A", ignoreCase: true },
    headers: [
      { name: "x-a", value: "B", ignoreCase: true },
      { name: "x-c", type: "Present", ignoreCase: false },
    ],
    queryParams: [{ name: "a", type: "Exact", value: "B", ignoreCase: true }],
  }),
  "a host with a dot at its end": match({ hosts: ["shop.example.com.", "*.example.com."] }),
  "a path without type": match({ path: { value: "/" } }),
  "an entry without conditions": match({}),
  "everything a rollout may say": rollout({
    state: "ENABLED",
    identity: [{ header: "x-user-id" }],
    salt: "spring",
    force: { header: "x-canary", cookie: "canary" },
    announce: "all",
    headerSecret: "4Zq8vK1x,0sTn~!",
    slow: ["5ms", "1s", "2m", "1h"],
    warmup: "0s",
    epoch: 100000000,
  }),
  "no thresholds": rollout({ slow: [], warmup: "24h" }),
  "a guard": rollout({ guard: {} }),
  "a guard in full": rollout({ guard: { action: "alarm", falseAlarm: 1e-6, ignoreBursts: true } }),
  "a ramp": variants({ percent: 5, max: 50, ramp: { steps: [1, 5, 50], every: "30m" } }),
  "a ramp by the clock": variants({
    ramp: { steps: [0.001, 100], every: "1d", start: "2026-12-01T10:00:00.5+01:00", paused: true },
  }),
  "the smallest goal": goal({}),
  "a goal with everything": goal({
    match: [{ method: "POST", path: { type: "Exact", value: "/orders" } }, { hosts: ["pay.example.com"] }],
    status: ["2xx", 303, "5xx", 100, 599],
    rollouts: ["checkout"],
    value: { header: "X-Order-Total", max: 100000000 },
  }),
  "no goals": { goals: {} },
  "no effects": { effects: {} },
  "a secret alone": { shadowSecret: SECRET },
  "an effect": { shadowSecret: SECRET, effects: { charge: {} } },
  "an effect with all": {
    shadowSecret: "A".repeat(128),
    effects: {
      charge: {
        match: [{ method: "POST", path: { type: "Exact", value: "/charges" } }],
        answer: { status: 201, headers: { "content-type": "application/json", "x-empty": "" }, body: "{}" },
        compare: { json: true, ignore: ["/requestedAt"], path: false },
      },
      email: { answer: {}, compare: false },
    },
  },
  "no limits of its own": { limits: {} },
  "the most work": { limits: { work: 1_000_000 } },
  "the least work": { limits: { work: 1 } },
  "a ramp that waits for a goal": {
    ...variants({ ramp: { steps: [1, 5], every: "30m", goals: ["orders"] } }),
    goals: { orders: { match: [{}] } },
  },
  "a disabled rollout": rollout({ state: "DISABLED" }),
  ceilings: variants({ percent: 5, max: 50 }, { other: { percent: 0.001, max: 50 } }),
  "steering by filter state": { ...rollout({}), steer: "filterState" },
  "names at their longest": { rollouts: { ["a".repeat(63)]: { default: "0", variants: { "0": {} } } } },
  "the smallest shadow": shadow({}),
  "no shadows": { shadows: {} },
  "everything a call may say": shadow({
    match: [{ path: { value: "/checkout" } }],
    when: { "!=": [{ var: "headers.x-region" }, "eu"] },
    identity: [{ cookie: "uid" }],
    percent: 10.125,
    sample: "identity",
    dispatch: "call",
    methods: ["GET", "POST"],
    headers: {
      set: { host: "shadow.example.com", "X-Environment": "a b" },
      remove: ["authorization", "Cookie"],
    },
    timeout: "50ms",
    compare: {
      status: true,
      body: { json: true, ignore: ["/timestamp", "/items/*/id", "/a~1b/~0"] },
      acceptEncoding: "gzip",
      sample: "10/s",
    },
    noise: { cluster: "checkout-v1" },
    budget: { perSecond: 100000, inFlight: 1000, maxBodyBytes: 1048576 },
  }),
  "everything a mirror may say": mirror({
    percent: 100,
    timeout: "60s",
    compare: { status: false, body: true, sample: "0/s" },
    budget: { perSecond: 0, inFlight: 0, maxBodyBytes: "unlimited" },
  }),
  "a shadow's name that a rollout has": {
    identity: [{ cookie: "uid" }],
    rollouts: { checkout: TWO },
    shadows: { checkout: { cluster: "checkout-v3" } },
  },
  "a comparison of nothing": shadow({ compare: { status: false, body: false } }),
  "a body by its bytes": shadow({ compare: { body: { json: false } } }),
  "64 pointers": ignoring(...Array.from({ length: 64 }, (_, index) => `/a/${index}`)),
  "metadata of flagd": { metadata: { flagSetId: "x", version: "1" }, flags: {} },
};

export const MALFORMED: Record<string, unknown> = {
  "a list": [],
  "a text": "policy",
  null: null,
  "an unknown key at the top": { rollout: {} },
  "rollouts that are a list": { rollouts: [] },
  "a rollout that is a text": { rollouts: { checkout: "canary" } },
  "an unknown key in a rollout": rollout({ percent: 5 }),
  "thresholds that are a text": rollout({ slow: "5ms" }),
  "seven thresholds": rollout({ slow: ["1s", "2s", "3s", "4s", "5s", "6s", "7s"] }),
  "a threshold of nothing": rollout({ slow: ["0ms"] }),
  "a threshold of half a millisecond": rollout({ slow: ["0.5ms"] }),
  "a warm-up in days": rollout({ warmup: "1d" }),
  "an epoch that is a text": rollout({ epoch: "1" }),
  "an epoch that is no whole number": rollout({ epoch: 1.5 }),
  "a guard that is true": rollout({ guard: true }),
  "an unknown key of a guard": rollout({ guard: { window: "5m" } }),
  "a guard with another action": rollout({ guard: { action: "abort" } }),
  "a guard that never acts": rollout({ guard: { falseAlarm: 0 } }),
  "a guard that nearly always acts": rollout({ guard: { falseAlarm: 0.2 } }),
  "a promise of a guard that is a text": rollout({ guard: { falseAlarm: "0.1%" } }),
  "bursts of a guard that are a text": rollout({ guard: { ignoreBursts: "yes" } }),
  "a rollout without default": { rollouts: { checkout: { variants: { stable: {} } } } },
  "a rollout without variants": { rollouts: { checkout: { default: "stable" } } },
  "a rollout with no variant": rollout({ variants: {} }),
  "17 variants": rollout({ variants: { stable: {}, ...manyVariants } }),
  "a rollout's name in capitals": { rollouts: { Checkout: TWO } },
  "a rollout's name of 64 letters": { rollouts: { ["a".repeat(64)]: TWO } },
  "a rollout's name with a hyphen at its end": { rollouts: { "checkout-": TWO } },
  "a rollout without a name": { rollouts: { "": TWO } },
  "a rollout called cluster": { rollouts: { cluster: TWO } },
  "a rollout called flags": { rollouts: { flags: TWO } },
  "a rollout called shadow": { rollouts: { shadow: TWO } },
  "a rollout called shadow-x": { rollouts: { "shadow-x": TWO } },
  "a variant called control": rollout({ variants: { stable: {}, control: { percent: 5 } } }),
  "a variant's name with a dot": rollout({ variants: { stable: {}, "v1.1": { percent: 5 } } }),
  "a variant that is null": variants(null),
  "an unknown key in a variant": variants({ weight: 5 }),
  "a ramp that is a list": variants({ ramp: [1, 5] }),
  "a ramp without steps": variants({ ramp: { every: "30m" } }),
  "a ramp of no steps": variants({ ramp: { steps: [], every: "30m" } }),
  "a ramp of 33 steps": variants({
    ramp: { steps: Array.from({ length: 33 }, (_, i) => i + 1), every: "30m" },
  }),
  "a ramp with a step of 0": variants({ ramp: { steps: [0, 5], every: "30m" } }),
  "a ramp with a step of 101": variants({ ramp: { steps: [5, 101], every: "30m" } }),
  "a ramp that does not say how fast": variants({ ramp: { steps: [5] } }),
  "a ramp that is fast in words": variants({ ramp: { steps: [5], every: "half an hour" } }),
  "a ramp that begins on a day": variants({ ramp: { steps: [5], every: "30m", start: "2026-12-01" } }),
  "a ramp that is paused in words": variants({ ramp: { steps: [5], every: "30m", paused: "yes" } }),
  "an unknown key of a ramp": variants({ ramp: { steps: [5], every: "30m", until: "2027-01-01T00:00:00Z" } }),
  "a percent of 101": variants({ percent: 101 }),
  "a negative percent": variants({ percent: -1 }),
  "a percent as a text": variants({ percent: "5" }),
  "a max of 101": variants({ percent: 5, max: 101 }),
  "a cluster with a blank": variants({ cluster: "checkout v2" }),
  "an empty cluster": variants({ cluster: "" }),
  "a cluster that is a number": variants({ cluster: 2 }),
  "a state in small letters": rollout({ state: "enabled" }),
  "a state that is a boolean": rollout({ state: true }),
  "an announcement of nothing": rollout({ announce: "none" }),
  "an empty salt": rollout({ salt: "" }),
  "a salt of 1,025 letters": rollout({ salt: "x".repeat(1025) }),
  "a salt that is a number": rollout({ salt: 1 }),
  "an empty header secret": rollout({ headerSecret: "" }),
  "a header secret of 129 letters": rollout({ headerSecret: "x".repeat(129) }),
  "a header secret with a blank": rollout({ headerSecret: "a b" }),
  "a header secret that is a number": rollout({ headerSecret: 4711 }),
  "a force without either": rollout({ force: {} }),
  "a force with an unknown key": rollout({ force: { header: "x-canary", query: "canary" } }),
  "a force by a header that cannot be": rollout({ force: { header: "x canary" } }),
  "a default that is a list": rollout({ default: ["stable"] }),
  "a steering by cookie": { steer: "cookie" },
  "an identity that is an object": { identity: { cookie: "uid" } },
  "17 sources": identity(...Array.from({ length: 17 }, () => ({ cookie: "uid" }))),
  "a source with two keys": identity({ cookie: "uid", header: "x-user-id" }),
  "a source with none": identity({}),
  "an unknown source": identity({ session: "uid" }),
  "a cookie's name with a blank": identity({ cookie: "u id" }),
  "an empty query name": identity({ query: "" }),
  "an empty claim": identity({ jwt: "" }),
  "sourceAddress: false": identity({ sourceAddress: false }),
  "random: 1": identity({ random: 1 }),
  "an issued cookie without name": identity({ issueCookie: { maxAge: "30d" } }),
  "an issued cookie that is a text": identity({ issueCookie: "serin-id" }),
  "a lifetime without unit": identity({ issueCookie: { name: "a", maxAge: "30" } }),
  "a lifetime that is a number": identity({ issueCookie: { name: "a", maxAge: 30 } }),
  "a cookie path with a semicolon": identity({ issueCookie: { name: "a", path: "/;x" } }),
  "a cookie path without slash": identity({ issueCookie: { name: "a", path: "x" } }),
  "sameSite in small letters": identity({ issueCookie: { name: "a", sameSite: "lax" } }),
  "secure as a text": identity({ issueCookie: { name: "a", secure: "yes" } }),
  "an unknown key of an issued cookie": identity({ issueCookie: { name: "a", httponly: true } }),
  "a source of decode alone": identity({ decode: true }),
  "a claim that is decoded": identity({ jwt: "sub", decode: true }),
  "decode as a text": identity({ cookie: "uid", decode: "yes" }),
  "a token without claim": identity({ jwt: { from: { cookie: "session" } } }),
  "a token from two places": identity({ jwt: { claim: "sub", from: { cookie: "a", header: "b" } } }),
  "a token from a query parameter": identity({ jwt: { claim: "sub", from: { query: "token" } } }),
  "a claim that is a list": identity({ jwt: ["sub"] }),
  "keep as a text": identity({ issueCookie: { name: "a", keep: "yes" } }),
  "a match that is an object": rollout({ match: {} }),
  "a match without entries": rollout({ match: [] }),
  "257 entries": match(...Array.from({ length: 257 }, () => ({}))),
  "an entry that is a text": match("/checkout"),
  "an unknown condition": match({ host: "shop.example.com" }),
  "hosts as a text": match({ hosts: "shop.example.com" }),
  "no hosts": match({ hosts: [] }),
  "a host with a port": match({ hosts: ["shop.example.com:443"] }),
  "a host with a star inside": match({ hosts: ["shop.*.com"] }),
  "an empty host": match({ hosts: [""] }),
  "a path as a text": match({ path: "/checkout" }),
  "a path without value": match({ path: { type: "Exact" } }),
  "a path without slash": match({ path: { value: "checkout" } }),
  "a path with a query": match({ path: { value: "/checkout?a=1" } }),
  "a path of 2,049 letters": match({ path: { value: `/${"x".repeat(2048)}` } }),
  "a method in small letters": match({ method: "get" }),
  "an empty method": match({ method: "" }),
  "headers as an object": match({ headers: { "x-a": "b" } }),
  "a header without name": match({ headers: [{ value: "b" }] }),
  "a header without value": match({ headers: [{ name: "x-a" }] }),
  "a header that is present with a value": match({ headers: [{ name: "x-a", type: "Present", value: "b" }] }),
  "a regular expression of 1,025 letters": match({
    path: { type: "RegularExpression", value: "x".repeat(1025) },
  }),
  "a regular expression in any case": match({
    headers: [{ name: "x-a", type: "RegularExpression", value: "b", ignoreCase: true }],
  }),
  "a header's value that is a number": match({ headers: [{ name: "x-a", value: 1 }] }),
  "a parameter without name": match({ queryParams: [{ name: "", value: "b" }] }),
  "an unknown key of a condition": match({ queryParams: [{ name: "a", value: "b", exact: true }] }),
  "a path prefix in any case": match({ path: { value: "/a", ignoreCase: true } }),
  "a header that is present in any case": match({
    headers: [{ name: "x-a", type: "Present", ignoreCase: true }],
  }),
  "ignoreCase as a text": match({ headers: [{ name: "x-a", value: "b", ignoreCase: "yes" }] }),
  "an address range as a text": match({ sourceAddress: "10.0.0.0/8" }),
  "no address ranges": match({ sourceAddress: [] }),
  "257 address ranges": match({ sourceAddress: Array.from({ length: 257 }, () => "10.0.0.0/8") }),
  "an address range by name": match({ sourceAddress: ["localhost"] }),
  "goals that are a list": { goals: [] },
  "a secret that is short": { shadowSecret: "0123456789abcde" },
  "a secret that is long": { shadowSecret: "A".repeat(129) },
  "a secret with a dot": { shadowSecret: "0123456789.abcdef" },
  "effects that are a list": { shadowSecret: SECRET, effects: [] },
  "an effect's name in capitals": { shadowSecret: SECRET, effects: { Charge: {} } },
  "an effect with an unknown key": { shadowSecret: SECRET, effects: { charge: { anser: {} } } },
  "an answer of status 101": { shadowSecret: SECRET, effects: { charge: { answer: { status: 101 } } } },
  "an answer's body that is an object": {
    shadowSecret: SECRET,
    effects: { charge: { answer: { body: {} } } },
  },
  "an answer's header that is a number": {
    shadowSecret: SECRET,
    effects: { charge: { answer: { headers: { "x-a": 1 } } } },
  },
  "limits that are a number": { limits: 1000 },
  "no work at all": { limits: { work: 0 } },
  "more than the most work": { limits: { work: 1_000_001 } },
  "work that is not whole": { limits: { work: 0.5 } },
  "a goal that is a text": { goals: { orders: "/orders" } },
  "a goal without match": { goals: { orders: {} } },
  "a goal's name in capitals": { goals: { Orders: { match: [{}] } } },
  "a goal's name with a dot": { goals: { "orders.paid": { match: [{}] } } },
  "33 goals": {
    goals: Object.fromEntries(Array.from({ length: 33 }, (_, index) => [`g${index}`, { match: [{}] }])),
  },
  "an unknown key in a goal": goal({ percent: 5 }),
  "a goal's match without entries": goal({ match: [] }),
  "no statuses": goal({ status: [] }),
  "a status that is a text": goal({ status: "2xx" }),
  "a class of statuses that is none": goal({ status: ["6xx"] }),
  "a class of one letter": goal({ status: ["20x"] }),
  "a status of 600": goal({ status: [600] }),
  "a status of 99": goal({ status: [99] }),
  "a status that is no whole number": goal({ status: [200.5] }),
  "a status that is a boolean": goal({ status: [true] }),
  "65 statuses": goal({ status: Array.from({ length: 65 }, (_, index) => 200 + index) }),
  "a goal for a rollout that is a text": goal({ rollouts: "checkout" }),
  "a goal for no rollout": goal({ rollouts: [] }),
  "a goal for one rollout twice": goal({ rollouts: ["checkout", "checkout"] }),
  "a goal for a number": goal({ rollouts: [1] }),
  "a value that is a text": goal({ value: "x-order-total" }),
  "a value without most": goal({ value: { header: "x-order-total" } }),
  "a value without header": goal({ value: { max: 1 } }),
  "a value's header with a blank": goal({ value: { header: "x total", max: 1 } }),
  "a most of 0": goal({ value: { header: "x-order-total", max: 0 } }),
  "a most of half": goal({ value: { header: "x-order-total", max: 0.5 } }),
  "a most that is a text": goal({ value: { header: "x-order-total", max: "1" } }),
  "an unknown key of a value": goal({ value: { header: "x-order-total", max: 1, min: 0 } }),
  "a ramp that waits for no goal": variants({ ramp: { steps: [5], every: "30m", goals: [] } }),
  "a ramp that waits for a text": variants({ ramp: { steps: [5], every: "30m", goals: "orders" } }),
  "a ramp that waits for a number": variants({ ramp: { steps: [5], every: "30m", goals: [1] } }),
  "shadows that are a list": { shadows: [] },
  "a shadow that is a text": { shadows: { copy: "checkout-v3" } },
  "a shadow without a cluster": { shadows: { copy: { percent: 10 } } },
  "a shadow's name in capitals": { shadows: { Copy: { cluster: "v3" } } },
  "a shadow's name with a dot": { shadows: { "copy.v3": { cluster: "v3" } } },
  "a shadow without a name": { shadows: { "": { cluster: "v3" } } },
  "257 shadows": {
    shadows: Object.fromEntries(Array.from({ length: 257 }, (_, index) => [`s${index}`, { cluster: "v3" }])),
  },
  "an unknown key in a shadow": shadow({ share: 10 }),
  "a shadow's cluster with a blank": shadow({ cluster: "checkout v3" }),
  "a shadow's cluster that is a number": shadow({ cluster: 3 }),
  "a shadow's percent of 101": shadow({ percent: 101 }),
  "a shadow's percent as a text": shadow({ percent: "10" }),
  "an unknown dispatch": shadow({ dispatch: "copy" }),
  "an unknown sample": shadow({ sample: "user" }),
  "a shadow without methods": shadow({ methods: [] }),
  "methods as a text": shadow({ methods: "POST" }),
  "a shadow's method in small letters": shadow({ methods: ["post"] }),
  "a shadow's match without entries": shadow({ match: [] }),
  "a shadow's identity that is an object": shadow({ identity: { cookie: "uid" } }),
  "a timeout without unit": shadow({ timeout: "300" }),
  "a timeout in minutes": shadow({ timeout: "1m" }),
  "a timeout with a fraction": shadow({ timeout: "0.5s" }),
  "a timeout that is a number": shadow({ timeout: 300 }),
  "an unknown key of the copy's headers": shadow({ headers: { add: { "x-a": "b" } } }),
  "headers to set as a list": shadow({ headers: { set: [] } }),
  "a header's name with a blank": shadow({ headers: { set: { "x a": "b" } } }),
  "a header's value with a line break": shadow({ headers: { set: { "x-a": "b\nc" } } }),
  "a header's value with an umlaut": shadow({ headers: { set: { "x-a": "ü" } } }),
  "a header to set to a number": shadow({ headers: { set: { "x-a": 1 } } }),
  "headers to remove as a text": shadow({ headers: { remove: "cookie" } }),
  "a header to remove that cannot be": shadow({ headers: { remove: ["a:b"] } }),
  "a comparison that is a text": shadow({ compare: "body" }),
  "pointers beside the body": shadow({ compare: { ignore: ["/a"] } }),
  "a status to compare as a number": shadow({ compare: { status: 200 } }),
  "a body to compare as a text": shadow({ compare: { body: "json" } }),
  "an unknown key of the body": shadow({ compare: { body: { json: true, only: ["/a"] } } }),
  "pointers as a text": shadow({ compare: { body: { json: true, ignore: "/a" } } }),
  "a pointer without slash": ignoring("timestamp"),
  "a pointer with a lonely tilde": ignoring("/a~b"),
  "a pointer that is a number": ignoring(1),
  "65 pointers": ignoring(...Array.from({ length: 65 }, (_, index) => `/a/${index}`)),
  "another encoding": shadow({ compare: { acceptEncoding: "br" } }),
  "an encoding that is true": shadow({ compare: { acceptEncoding: true } }),
  "a sample without unit": shadow({ compare: { sample: "1" } }),
  "a sample a minute": shadow({ compare: { sample: "1/m" } }),
  "a sample that is a number": shadow({ compare: { sample: 1 } }),
  "a noise without cluster": shadow({ noise: {} }),
  "a noise that is a text": shadow({ noise: "checkout-v1" }),
  "a noise's cluster with a blank": shadow({ noise: { cluster: "checkout v1" } }),
  "an unknown key of a budget": shadow({ budget: { perMinute: 1 } }),
  "a negative budget": shadow({ budget: { perSecond: -1 } }),
  "half a copy a second": shadow({ budget: { perSecond: 0.5 } }),
  "100,001 copies a second": shadow({ budget: { perSecond: 100001 } }),
  "1,001 copies in flight": shadow({ budget: { inFlight: 1001 } }),
  "copies in flight as a text": shadow({ budget: { inFlight: "20" } }),
  "a body over 1 MiB": shadow({ budget: { maxBodyBytes: 1048577 } }),
  "a body of another word": mirror({ budget: { maxBodyBytes: "any" } }),
  "nesting in a place for a text": identity({ cookie: deep }),
};

export const BY_DESIGN: Record<string, { document: unknown; reason: string }> = {
  "a default that is no variant": {
    document: rollout({ default: "other" }),
    reason: "a reference within the document",
  },
  "effects without the secret": {
    document: { effects: { charge: {} } },
    reason: "one key that needs another",
  },
  "a goal of no rollout that there is": {
    document: goal({ rollouts: ["search"] }),
    reason: "a reference within the document",
  },
  "a ramp that waits for a goal that there is not": {
    document: variants({ ramp: { steps: [5], every: "30m", goals: ["orders"] } }),
    reason: "a reference within the document",
  },
  "a default variant with a percent": {
    document: rollout({ variants: { stable: { percent: 95 }, canary: { percent: 5 } } }),
    reason: "which variant is the default is said elsewhere in the document",
  },
  "a percent over its ceiling": {
    document: variants({ percent: 60, max: 50 }),
    reason: "compares two values",
  },
  "ceilings that add up to more than 100": {
    document: variants({ max: 60 }, { other: { max: 60 } }),
    reason: "a sum",
  },
  "percents of two that add up to more than 100": {
    document: variants({ percent: 60 }, { other: { percent: 60 } }),
    reason: "a sum",
  },
  "a ceiling on one of two": {
    document: variants({ max: 60 }, { other: { percent: 1 } }),
    reason: "compares siblings",
  },
  "a step finer than 0.001": {
    document: variants({ percent: 0.0005 }),
    reason: "multipleOf 0.001 is wrong in floating point: 0.3 would be refused",
  },
  "random before the end": {
    document: identity({ random: true }, { cookie: "uid" }),
    reason: "draft-07 cannot speak of the last item",
  },
  "a cookie for other sites that is not secure": {
    document: identity({ issueCookie: { name: "a", secure: false, sameSite: "None" } }),
    reason: "kept out of the schema: the message of the filter says why",
  },
  "one issued cookie with two lifetimes": {
    document: {
      identity: [{ issueCookie: { name: "a", maxAge: "1d" } }],
      rollouts: { checkout: { ...TWO, identity: [{ issueCookie: { name: "a", maxAge: "2d" } }] } },
    },
    reason: "compares distant places",
  },
  "a cookie of this host with a domain": {
    document: identity({ issueCookie: { name: "__Host-a", domain: "example.com" } }),
    reason: "browsers' rules about names; the message says which",
  },
  "a partitioned cookie that is not secure": {
    document: identity({ issueCookie: { name: "a", partitioned: true, secure: false } }),
    reason: "the message of the filter says why",
  },
  "a lifetime of 20 years": {
    document: identity({ issueCookie: { name: "a", maxAge: "7300d" } }),
    reason: "a range of a number inside a text",
  },
  "a host with an empty label": {
    document: match({ hosts: ["shop..example.com"] }),
    reason: "a pattern that says so would be a riddle in an editor's message",
  },
  "a regular expression that is none": {
    document: match({ path: { type: "RegularExpression", value: "(" } }),
    reason: "a syntax of its own",
  },
  "an address range that begins in its middle": {
    document: match({ sourceAddress: ["10.0.0.1/8"] }),
    reason: "arithmetic",
  },
  "the Host header as a header": {
    document: match({ headers: [{ name: "host", value: "shop.example.com" }] }),
    reason: "an exception from a pattern; the filter's message names hosts",
  },
  "a body without end in a call": {
    document: shadow({ budget: { maxBodyBytes: "unlimited" } }),
    reason: "compares two values; a call is the default",
  },
  "noise of a mirror": {
    document: mirror({ noise: { cluster: "checkout-v1" } }),
    reason: "compares two values",
  },
  "pointers into bytes": {
    document: shadow({ compare: { body: { json: false, ignore: ["/a"] } } }),
    reason: "compares siblings",
  },
  "1,001 samples a second": {
    document: shadow({ compare: { sample: "1001/s" } }),
    reason: "a range of a number inside a text",
  },
  "a shadow of tunnels": {
    document: shadow({ methods: ["CONNECT"] }),
    reason: "an exception from a pattern",
  },
  "a copy with a header of Serin's": {
    document: shadow({ headers: { set: { "X-Serin-Shadow": "a" } } }),
    reason: "an exception from a pattern",
  },
  "a copy with a length of its own": {
    document: shadow({ headers: { remove: ["content-length"] } }),
    reason: "an exception from a pattern",
  },
  "a shadow's step finer than 0.001": {
    document: shadow({ percent: 0.0005 }),
    reason: "multipleOf 0.001 is wrong in floating point: 0.3 would be refused",
  },
  "a timeout of 49 ms": {
    document: shadow({ timeout: "49ms" }),
    reason: "a range of a number inside a text",
  },
  "a timeout of 61 s": {
    document: shadow({ timeout: "61s" }),
    reason: "a range of a number inside a text",
  },
};
