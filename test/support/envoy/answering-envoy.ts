// An Envoy without Serin that answers for production and for the shadow, well or badly by the path of the request: an
// upstream that costs a fraction of what one in Node does, for load.

import { gzipSync } from "node:zlib";

import { startEnvoy, type RunningEnvoy } from "../../../tools/envoy/index.ts";
import { bootstrapOf, extension, listener } from "./bootstrap.ts";

const LARGE_BYTES = 10 * 1024 * 1024;

export interface AnsweringEnvoy {
  readonly port: number;
  stop(): Promise<void>;
}

/** What production answers to everything, and the shadow to what is not planted. */
export const ANSWER = '{"total":1,"items":[{"id":1,"name":"a"},{"id":2,"name":"b"}]}';

/** 4 KB of JSON, which `/gzip` answers with in about 700 bytes of gzip. */
const PACKED = JSON.stringify({
  items: Array.from({ length: 56 }, (_, id) => ({
    id: id * 7919,
    name: `product ${id % 13}`,
    price: id / 4,
    tags: ["a", "b"],
  })),
});

/**
 * Paths that begin so are answered otherwise to a copy (a request with `x-serin-shadow`): `/slow` after 300 ms, `/hang`
 * never, `/large` with 10 MiB, `/other` with another field, `/spelt` with the same in other words, `/gzip`
 * with the same, spelt and compressed otherwise.
 */
export async function startAnsweringEnvoy(binary: string): Promise<AnsweringEnvoy> {
  const large = "x".repeat(LARGE_BYTES);
  const envoy: RunningEnvoy = await startEnvoy({
    binary,
    bootstrap: BOOTSTRAP,
    files: { "large.txt": large },
    logLevel: "error",
  });
  return { port: await envoy.port("answers"), stop: () => envoy.stop() };
}

function answers(prefix: string, isCopy: boolean, body: object, delay?: string): object {
  const headers = isCopy ? { headers: [{ name: "x-serin-shadow", present_match: true }] } : {};
  const { typed_config: fault } = extension("fault", "filters.http.fault.v3.HTTPFault", {
    delay: { fixed_delay: delay, percentage: { numerator: 100 } },
  });
  return {
    match: { prefix, ...headers },
    direct_response: { status: 200, body },
    ...(delay === undefined ? {} : { typed_per_filter_config: { fault } }),
  };
}

function packed(isCopy: boolean, body: string, level: number): object {
  return {
    ...answers("/gzip", isCopy, { inline_bytes: gzipSync(body, { level }).toString("base64") }),
    response_headers_to_add: [
      { header: { key: "content-encoding", value: "gzip" } },
      { header: { key: "content-type", value: "application/json" } },
    ],
  };
}

const text = (inline: string): object => ({ inline_string: inline });
const ROUTES = [
  answers("/slow", true, text(ANSWER), "0.3s"),
  answers("/hang", true, text(ANSWER), "3600s"),
  answers("/large", true, { filename: "FOLDER/large.txt" }),
  answers("/other", true, text(ANSWER.replace('"b"', '"c"'))),
  answers("/spelt", true, text(ANSWER.replaceAll(":", " : "))),
  packed(true, PACKED.replaceAll(":", " : "), 1),
  packed(false, PACKED, 9),
  answers("/", false, text(ANSWER)),
];

const BOOTSTRAP = bootstrapOf(
  [
    listener(
      "answers",
      [extension("fault", "filters.http.fault.v3.HTTPFault")],
      ROUTES,
      { stream_idle_timeout: "0s" },
      { max_direct_response_body_size_bytes: LARGE_BYTES },
    ),
  ],
  [],
);
