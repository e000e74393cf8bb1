// The ConfigMap that Envoys mount, to and from a folder that `serin advance` can write to: a mounted ConfigMap is
// read-only. No kubectl: the image needs Node alone.
//
//   node configmap.mjs pull FOLDER             policy.yaml and filter.yaml, as the ConfigMap has them
//   node configmap.mjs push FOLDER             the other way, unless somebody else has changed the policy: theirs wins
//   node configmap.mjs watch FOLDER [SECONDS]  takes somebody else's change of the policy, looking every 5 seconds, and
//                                              goes on whatever fails
//
// Exit status: 0 done, 1 not done (push is tried again), with one line that says why.

import { readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

const ACCOUNT = process.env.SERVICE_ACCOUNT ?? "/var/run/secrets/kubernetes.io/serviceaccount";
const NAME = process.env.SERIN_CONFIGMAP ?? "serin-policy";
const SERVER = process.env.KUBERNETES_API ?? "https://kubernetes.default.svc";
const POLICY = "policy.yaml";
const FILTER = "filter.yaml";
/** The policy when it was last the same here and there. */
const BASE = ".base.yaml";
const PATIENCE_MS = 10_000;

const ACTIONS = { pull, push, watch };
const [action, folder, seconds = "5"] = process.argv.slice(2);
try {
  if (folder === undefined || !Object.hasOwn(ACTIONS, action) || !(Number(seconds) > 0)) {
    throw new Error("usage: configmap.mjs pull|push|watch FOLDER [SECONDS]");
  }
  await ACTIONS[action](folder);
} catch (error) {
  console.error(wordsOf(error));
  process.exitCode = 1;
}

async function pull(to) {
  await take(await request("GET"), to);
}

async function push(from) {
  const stored = await request("GET");
  const [own, base, filter] = await Promise.all([POLICY, BASE, FILTER].map((file) => read(join(from, file))));
  const theirs = stored.data?.[POLICY];
  if (theirs !== base && theirs !== own) {
    await take(stored, from);
    throw new Error("the policy was changed by somebody else: theirs is taken");
  }
  if (theirs !== own || stored.data?.[FILTER] !== filter) {
    // The version that was read goes along: who writes in between makes the server say 409.
    await request("PUT", { ...stored, data: { ...stored.data, [POLICY]: own, [FILTER]: filter } });
  }
  if (base !== own) await write(join(from, BASE), own);
}

/** Runs beside `serin advance`, which reads the file at each look and publishes what was changed. */
async function watch(to) {
  // The first process of a container gets no signal that it does not ask for.
  process.once("SIGTERM", () => process.exit(0));
  let said = "";
  for (;;) {
    let words = "";
    try {
      if (await takeChange(to))
        console.error(`configmap ${NAME}: the policy was changed by somebody else: theirs is taken`);
    } catch (error) {
      words = wordsOf(error);
      if (words !== said) console.error(words);
    }
    said = words;
    await sleep(Number(seconds) * 1000);
  }
}

/** Takes the ConfigMap's policy where it was changed, and no own change waits for its push. */
async function takeChange(to) {
  const here = () => Promise.all([POLICY, BASE].map((file) => read(join(to, file))));
  const [own, base] = await here();
  const stored = await request("GET");
  const theirs = stored.data?.[POLICY];
  const [ownNow, baseNow] = await here();
  // Somebody writes here at this moment, push perhaps: what was read may be older than that.
  if (own !== ownNow || base !== baseNow || theirs === base) return false;
  if (theirs === own) await write(join(to, BASE), own);
  else if (own === base) await take(stored, to);
  else return false;
  return theirs !== own;
}

/**
 * The base comes last: killed before it, the next push finds the same policy here and there. The other way round it would
 * take the old text for a change of its own, and put it over theirs.
 */
async function take({ data = {} }, to) {
  for (const file of [POLICY, FILTER]) {
    if (typeof data[file] !== "string") throw new Error(`it has no ${file}`);
  }
  await write(join(to, FILTER), data[FILTER]);
  await write(join(to, POLICY), data[POLICY]);
  await write(join(to, BASE), data[POLICY]);
}

async function request(method, body) {
  const [token, namespace] = await Promise.all(
    ["token", "namespace"].map((file) => read(join(ACCOUNT, file))),
  );
  const response = await fetch(`${SERVER}/api/v1/namespaces/${namespace.trim()}/configmaps/${NAME}`, {
    method,
    headers: { authorization: `Bearer ${token.trim()}`, "content-type": "application/json" },
    body: body === undefined ? undefined : JSON.stringify(body),
    signal: AbortSignal.timeout(PATIENCE_MS),
  });
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) throw new Error(answer.message ?? `${method} was answered with ${response.status}`);
  return answer;
}

function read(file) {
  return readFile(file, "utf8");
}

/** A reader meets the old text or the new one, whole. `watch` and `push` may write at once. */
async function write(file, text) {
  await writeFile(`${file}.${action}`, text);
  await rename(`${file}.${action}`, file);
}

function wordsOf(error) {
  return `configmap ${NAME}: ${error.message}${error.cause ? `: ${error.cause.message}` : ""}`;
}
