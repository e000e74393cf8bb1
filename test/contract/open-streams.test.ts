// Many streams that are open at once: what one costs must not depend on how many others there are.

import assert from "node:assert/strict";
import { performance } from "node:perf_hooks";
import { test } from "node:test";

import { loadGuest } from "../support/guest.ts";

interface Exports {
  /** Opens streams with the ids from `from` on. @returns whether all have a record */
  open(from: number, count: number): boolean;
  /** Closes the stream and opens the next one, so many times, the oldest first. */
  turn(from: number, open: number, times: number): boolean;
}

const SOURCE = `
import { enter, giveStream, leave, streamOf, takeStream } from "../../assembly/filter/contexts";

export function open(from: u32, count: u32): bool {
  for (let i: u32 = 0; i < count; i++) {
    const stream = takeStream();
    if (stream == null || !enter(from + i, stream)) return false;
  }
  return true;
}

export function turn(from: u32, open: u32, times: u32): bool {
  for (let i: u32 = 0; i < times; i++) {
    const stream = streamOf(from + i);
    if (stream == null) return false;
    leave(from + i);
    giveStream(stream);
    if (streamOf(from + i) != null) return false;
    if (!enter(from + open + i, stream)) return false;
  }
  return streamOf(from + times) != null;
}
`;

test("a stream that closes beside 30,000 open ones costs what it costs beside 30", async () => {
  const host = { options: ["--runtime", "stub"], source: SOURCE };
  const seconds = async (count: number): Promise<number> => {
    const guest = await loadGuest<Exports>("test/contract/open-streams.guest.ts", host);
    assert.ok(guest.open(3, count));
    const began = performance.now();
    assert.ok(guest.turn(3, count, 20_000));
    return performance.now() - began;
  };
  await seconds(30);
  const [few, many] = [await seconds(30), await seconds(30_000)];
  // Ids side by side in the table: each walked past thousands of others, hundreds of times as long.
  assert.ok(many < few * 30, `${many.toFixed(1)} ms with 30,000 open, ${few.toFixed(1)} ms with 30`);
});
