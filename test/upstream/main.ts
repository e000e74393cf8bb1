// The upstream as a program of its own.
//   tsx test/upstream/main.ts --version v1 --port 8081 [--http2-port 8082] [--host 127.0.0.1] [--latency 20,80] …

import { parseArgs } from "node:util";

import { BEHAVIOURS, type Behaviour } from "./behaviour.ts";
import { startUpstream } from "./upstream.ts";

const text = { type: "string" } as const;
const own = {
  version: { ...text, default: "v1" },
  port: { ...text, default: "0" },
  "http2-port": { ...text, default: "0" },
  host: { ...text, default: "127.0.0.1" },
};
const names = Object.keys(BEHAVIOURS) as (keyof Behaviour)[];
const { values } = parseArgs({
  options: { ...own, ...Object.fromEntries(names.map((name) => [name, text])), help: { type: "boolean" } },
});
if (values.help === true) {
  console.log(
    "--version NAME  --port PORT  --http2-port PORT  --host ADDRESS, and what it does with requests:",
  );
  for (const name of names) console.log(`  --${name.padEnd(14)}${BEHAVIOURS[name]}`);
  console.log("One request: header x-up-NAME or query parameter up-NAME.");
} else {
  const given: Record<string, string | boolean | undefined> = values;
  const upstream = await startUpstream({
    version: values.version,
    port: Number(values.port),
    http2Port: Number(values["http2-port"]),
    host: values.host,
    behaviour: Object.fromEntries(
      names.flatMap((name) => (typeof given[name] === "string" ? [[name, given[name]]] : [])),
    ),
  });
  console.log(`${upstream.version}: HTTP/1.1 on ${upstream.port}, HTTP/2 on ${upstream.http2Port}`);
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.once(signal, () => void upstream.stop().then(() => process.exit(0)));
  }
}
