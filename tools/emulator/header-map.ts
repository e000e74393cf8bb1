// Envoy's HeaderMapImpl, as far as a filter can tell: order, repetition, replacing, removing.

/** Headers as a person writes them: name and value, in order; bytes where text will not do. */
export type HeaderPairs = Iterable<readonly [name: string, value: string | Uint8Array]>;

interface Entry {
  /** Lower case, one character a byte. */
  name: string;
  value: Buffer;
}

/**
 * Names that Envoy holds in a slot of their own: a second one is appended to the first with a comma, and is
 * never a pair by itself. `cookie` is none of them. Some are there because an extension asked for them: the list
 * is what the published Envoy 1.40.0 was measured to join.
 */
const SLOTS_OF_BOTH = `connection content-length content-type keep-alive proxy-connection proxy-status
  transfer-encoding upgrade via x-envoy-attempt-count x-envoy-decorator-operation x-request-id`;
const SLOTS = {
  request: slotSet(`:authority :method :path :protocol :scheme accept accept-encoding
    access-control-request-headers access-control-request-method access-control-request-private-network
    authorization cache-control cdn-loop content-encoding expect grpc-accept-encoding grpc-timeout
    if-match if-modified-since if-none-match if-range if-unmodified-since origin pragma referer te user-agent
    x-client-trace-id x-envoy-downstream-service-cluster x-envoy-downstream-service-node x-envoy-expected-rq-timeout-ms
    x-envoy-external-address x-envoy-force-trace x-envoy-hedge-on-per-try-timeout x-envoy-internal
    x-envoy-ip-tags x-envoy-is-timeout-retry x-envoy-max-retries x-envoy-original-path x-envoy-original-url
    x-envoy-retriable-header-names x-envoy-retriable-status-codes x-envoy-retry-grpc-on x-envoy-retry-on
    x-envoy-upstream-alt-stat-name x-envoy-upstream-rq-per-try-timeout-ms
    x-envoy-upstream-rq-timeout-alt-response x-envoy-upstream-rq-timeout-ms
    x-envoy-upstream-stream-duration-ms x-forwarded-client-cert x-forwarded-for x-forwarded-host
    x-forwarded-port x-forwarded-proto ${SLOTS_OF_BOTH}`),
  response: slotSet(`:status date grpc-message grpc-status location server x-envoy-degraded
    x-envoy-immediate-health-check-fail x-envoy-ratelimited x-envoy-upstream-canary
    x-envoy-upstream-healthchecked-cluster x-envoy-upstream-service-time ${SLOTS_OF_BOTH}`),
};

/** An ordered header map with Envoy's rules. Names are compared in lower case. */
export class HeaderMap {
  readonly #slots: ReadonlySet<string>;
  #entries: Entry[] = [];
  /** Pseudo headers stand before all others, whenever they are added. */
  #pseudoCount = 0;

  constructor(kind: "request" | "response", pairs: HeaderPairs = []) {
    this.#slots = SLOTS[kind];
    for (const [name, value] of pairs) this.add(encodeLatin1(name), encode(value));
  }

  /** How many pairs the map holds. */
  get size(): number {
    return this.#entries.length;
  }

  /** The first value of that name as UTF-8 text, or null. */
  get(name: string): string | null {
    return this.getBytes(name)?.toString("utf8") ?? null;
  }

  /** The first value of that name as bytes, or null. */
  getBytes(name: string): Buffer | null {
    const key = keyOf(encodeLatin1(name));
    return this.#entries.find((entry) => entry.name === key)?.value ?? null;
  }

  /** Every value of that name as UTF-8 text, in order. */
  getAll(name: string): string[] {
    const key = keyOf(encodeLatin1(name));
    return this.#entries.filter((entry) => entry.name === key).map((entry) => entry.value.toString("utf8"));
  }

  /** All pairs as UTF-8 text, in the order that the guest sees. */
  toPairs(): [name: string, value: string][] {
    return this.#entries.map((entry) => [
      Buffer.from(entry.name, "latin1").toString("utf8"),
      entry.value.toString("utf8"),
    ]);
  }

  /** Adds a pair after all others (a pseudo header: after the other pseudo headers). `name`: one character a byte. */
  add(name: string, value: Uint8Array): void {
    const key = keyOf(name);
    if (this.#slots.has(key)) {
      const present = this.#entries.find((entry) => entry.name === key);
      if (present !== undefined) {
        present.value =
          present.value.length === 0
            ? Buffer.from(value)
            : Buffer.concat([present.value, Buffer.from(","), value]);
        return;
      }
    }
    const entry = { name: key, value: Buffer.from(value) };
    if (key.startsWith(":")) this.#entries.splice(this.#pseudoCount++, 0, entry);
    else this.#entries.push(entry);
  }

  /** Removes every pair of that name, then adds one: so it moves to the end. */
  replace(name: string, value: Uint8Array): void {
    this.remove(name);
    this.add(name, value);
  }

  /** Removes every pair of that name; none is fine. */
  remove(name: string): void {
    const key = keyOf(name);
    const kept = this.#entries.filter((entry) => entry.name !== key);
    if (key.startsWith(":")) this.#pseudoCount -= this.#entries.length - kept.length;
    this.#entries = kept;
  }

  /**
   * The block of `proxy_get_header_map_pairs`: a u32 count, the two u32 lengths of each pair, then each name and
   * value with a NUL after it; little endian. Empty when the map is.
   */
  serialize(): Uint8Array {
    const entries = this.#entries;
    if (entries.length === 0) return new Uint8Array(0);
    let size = 4 + entries.length * 8;
    for (const entry of entries) size += entry.name.length + entry.value.length + 2;
    const block = Buffer.alloc(size);
    block.writeUInt32LE(entries.length, 0);
    let lengths = 4;
    let at = 4 + entries.length * 8;
    for (const { name, value } of entries) {
      block.writeUInt32LE(name.length, lengths);
      block.writeUInt32LE(value.length, lengths + 4);
      lengths += 8;
      at += block.write(name, at, "latin1") + 1;
      at += value.copy(block, at) + 1;
    }
    return block;
  }
}

/** Most bytes and most pairs of a block that Envoy takes from a guest (proxy-wasm-cpp-host, limits.h). */
const BLOCK_BYTES_MAX = 1024 * 1024;
const BLOCK_PAIRS_MAX = 1024;

/**
 * A guest's block, as `serialize` writes it, as pairs: names one character a byte. As Envoy, a block with any fault
 * has no pairs at all.
 */
export function readPairs(block: Uint8Array): [name: string, value: Uint8Array][] {
  const bytes = Buffer.from(block.buffer, block.byteOffset, block.length);
  if (bytes.length < 4 || bytes.length > BLOCK_BYTES_MAX) return [];
  const count = bytes.readUInt32LE(0);
  let at = 4 + count * 8;
  if (count > BLOCK_PAIRS_MAX || at > bytes.length) return [];
  const pairs: [string, Uint8Array][] = [];
  for (let index = 0; index < count; index++) {
    const nameEnd = at + bytes.readUInt32LE(4 + index * 8);
    const valueEnd = nameEnd + 1 + bytes.readUInt32LE(8 + index * 8);
    if (valueEnd >= bytes.length || bytes[nameEnd] !== 0 || bytes[valueEnd] !== 0) return [];
    pairs.push([bytes.toString("latin1", at, nameEnd), Buffer.from(bytes.subarray(nameEnd + 1, valueEnd))]);
    at = valueEnd + 1;
  }
  return at === bytes.length ? pairs : [];
}

/** Lower case by bytes (ASCII alone, as Envoy), and the old name of `:authority`. */
function keyOf(name: string): string {
  const lower = /[A-Z]/.test(name) ? name.replace(/[A-Z]+/g, (letters) => letters.toLowerCase()) : name;
  return lower === "host" ? ":authority" : lower;
}

function encode(value: string | Uint8Array): Uint8Array {
  return typeof value === "string" ? Buffer.from(value, "utf8") : value;
}

function encodeLatin1(name: string): string {
  return /^[\x00-\x7f]*$/.test(name) ? name : Buffer.from(name, "utf8").toString("latin1");
}

function slotSet(names: string): ReadonlySet<string> {
  return new Set(names.split(/\s+/));
}
