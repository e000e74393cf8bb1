// The ConfigMap that Envoys mount, to and from a folder that `serin advance` can write to: a mounted ConfigMap is
// read-only. No kubectl: the image needs Node alone.
//
//   node configmap.mjs pull FOLDER     policy.yaml and filter.yaml, as they stand in the ConfigMap
//   node configmap.mjs push FOLDER     the other way, unless somebody else has changed the policy since: theirs wins
//
// Exit status: 0 done, 1 not done (push is tried again), with one line that says why.

import { readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";

const ACCOUNT = process.env.SERVICE_ACCOUNT ?? "/var/run/secrets/kubernetes.io/serviceaccount";
const NAME = process.env.SERIN_CONFIGMAP ?? "serin-policy";
const SERVER = process.env.KUBERNETES_API ?? "https://kubernetes.default.svc";
const POLICY = "policy.yaml";
const FILTER = "filter.yaml";
/** The policy as it stood when it was last the same here and there. */
const BASE = ".base.yaml";
const PATIENCE_MS = 10_000;

const [action, folder] = process.argv.slice(2);
try {
  if (folder === undefined || (action !== "pull" && action !== "push")) {
    throw new Error("usage: configmap.mjs pull|push FOLDER");
  }
  await (action === "pull" ? pull(folder) : push(folder));
} catch (error) {
  console.error(`configmap ${NAME}: ${error.message}${error.cause ? `: ${error.cause.message}` : ""}`);
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
  if (theirs === own && stored.data?.[FILTER] === filter) return;
  // The version that was read goes along: who writes in between makes the server say 409.
  await request("PUT", { ...stored, data: { ...stored.data, [POLICY]: own, [FILTER]: filter } });
  await write(join(from, BASE), own);
}

async function take({ data = {} }, to) {
  for (const file of [POLICY, FILTER]) {
    if (typeof data[file] !== "string") throw new Error(`it has no ${file}`);
  }
  await write(join(to, FILTER), data[FILTER]);
  await write(join(to, BASE), data[POLICY]);
  await write(join(to, POLICY), data[POLICY]);
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

/** Whoever reads it meets the old text or the new one, whole. */
async function write(file, text) {
  await writeFile(`${file}.new`, text);
  await rename(`${file}.new`, file);
}
