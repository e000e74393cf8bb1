// A request as people write it (URL, headers, address, time) -> what Envoy would hand to the filter.

import { isIP } from "node:net";

import type { StreamRequest } from "../emulator/index.ts";
import { pointerStep } from "../policy/problem.ts";

/** A request ready for the filter, and the time at which it comes. */
export interface ReadRequest {
  readonly stream: StreamRequest;
  /** Nanoseconds since 1970; null for now. */
  readonly time: bigint | null;
}

/** Why something is no request. */
export class RequestFault extends Error {
  /** `pointer` is the JSON Pointer of the member that is wrong. */
  constructor(
    readonly pointer: string,
    message: string,
  ) {
    super(message);
  }
}

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const URL_PARTS = /^([A-Za-z][A-Za-z0-9+.-]*):\/\/([^/?#]*)([^#]*)(?:#.*)?$/s;
const AUTHORITY = /^(\[[0-9A-Fa-f:.]+\]|[^\s:@[\]\\]+)(?::([0-9]{1,5}))?$/;
const TIME =
  /^(\d{4})-(\d{2})-(\d{2})[Tt](\d{2}):(\d{2}):(\d{2})(?:\.(\d{1,9}))?(Z|z|[+-](?:[01]\d|2[0-3]):[0-5]\d)$/;
const REQUEST_KEYS = new Set(["method", "url", "headers", "sourceAddress", "time"]);

/** Reads one request object. Throws a RequestFault that says what is wrong with which member. */
export function readRequest(value: unknown): ReadRequest {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new RequestFault("", `a request must be an object, got ${kindOf(value)}`);
  }
  const members = value as Record<string, unknown>;
  for (const key of Object.keys(members)) {
    if (!REQUEST_KEYS.has(key)) {
      throw new RequestFault(pointerStep(key), `unknown key; known: ${[...REQUEST_KEYS].join(", ")}`);
    }
  }
  const { url, method = "GET", headers = {}, sourceAddress, time } = members;
  if (url === undefined) throw new RequestFault("", "url is missing");
  const { scheme, authority, path } = readUrl(url);
  const others = readHeaders(headers);
  const host = others.find(([name]) => name === "host");
  const pairs: [string, string][] = [
    [":authority", host?.[1] ?? authority],
    [":path", path],
    [":method", readMethod(method)],
    [":scheme", scheme],
    // Envoy's connection manager takes transfer-encoding away before any filter.
    ...others.filter(([name]) => name !== "host" && name !== "transfer-encoding"),
  ];
  return {
    stream: {
      headers: pairs,
      endOfStream: !announcesBody(others),
      ...(sourceAddress === undefined ? {} : { sourceAddress: readAddress(sourceAddress) }),
    },
    time: time === undefined ? null : readTime(time),
  };
}

/** Whether the headers say that a body follows: shadows ask how long it is. The body itself no command has. */
function announcesBody(headers: readonly [name: string, value: string][]): boolean {
  return headers.some(
    ([name, value]) => name === "transfer-encoding" || (name === "content-length" && !/^0*$/.test(value)),
  );
}

/** The path is kept byte for byte, save the fragment, which no client sends. A path alone names no host. */
function readUrl(url: unknown): { scheme: string; authority: string; path: string } {
  if (typeof url !== "string") throw new RequestFault("/url", `must be a string, got ${kindOf(url)}`);
  const parts = URL_PARTS.exec(url);
  if (parts === null) {
    if (!url.startsWith("/")) {
      throw new RequestFault("/url", `must be like https://host/path or /path, got ${quote(url)}`);
    }
    const [path = ""] = url.split("#");
    refuseBlanks(path);
    return { scheme: "https", authority: "", path };
  }
  const [, scheme = "", authority = "", rest = ""] = parts;
  if (!/^https?$/i.test(scheme))
    throw new RequestFault("/url", `must be http or https, got ${quote(scheme)}`);
  if (authority.includes("@"))
    throw new RequestFault("/url", "must not contain user information: clients do not send it");
  const host = AUTHORITY.exec(authority);
  if (host === null || Number(host[2] ?? 0) > 65535) {
    throw new RequestFault("/url", `must name a host, got ${quote(authority)}`);
  }
  refuseBlanks(rest);
  return { scheme: scheme.toLowerCase(), authority, path: rest.startsWith("/") ? rest : `/${rest}` };
}

function refuseBlanks(path: string): void {
  if (!/[\x00-\x20\x7f]/.test(path)) return;
  throw new RequestFault("/url", "must not contain spaces or control characters: encode them, as in %20");
}

function readMethod(method: unknown): string {
  if (typeof method !== "string")
    throw new RequestFault("/method", `must be a string, got ${kindOf(method)}`);
  if (!TOKEN.test(method)) throw new RequestFault("/method", `must be an HTTP method, got ${quote(method)}`);
  return method;
}

function readHeaders(headers: unknown): [name: string, value: string][] {
  if (typeof headers !== "object" || headers === null || Array.isArray(headers)) {
    throw new RequestFault("/headers", `must be an object, got ${kindOf(headers)}`);
  }
  return Object.entries(headers).flatMap(([name, values]) => {
    const pointer = `/headers${pointerStep(name)}`;
    if (name.startsWith(":"))
      throw new RequestFault(pointer, "must not be a pseudo-header: use url and method");
    if (!TOKEN.test(name)) throw new RequestFault(pointer, "must be a valid header name");
    const list: unknown[] = Array.isArray(values) ? values : [values];
    return list.map((value): [string, string] => {
      if (typeof value !== "string") {
        throw new RequestFault(pointer, `must be a string or a list of strings, got ${kindOf(value)}`);
      }
      if (/[\0\r\n]/.test(value)) throw new RequestFault(pointer, "must not contain a line break or NUL");
      return [name.toLowerCase(), value.replace(/^[ \t]+|[ \t]+$/g, "")];
    });
  });
}

/** As Envoy's `source.address`: it always has a port. */
function readAddress(address: unknown): string {
  if (typeof address !== "string") {
    throw new RequestFault("/sourceAddress", `must be a string, got ${kindOf(address)}`);
  }
  const version = isIP(address);
  if (version === 0) throw new RequestFault("/sourceAddress", `must be an IP address, got ${quote(address)}`);
  return version === 6 ? `[${address}]:0` : `${address}:0`;
}

/** An RFC 3339 time as nanoseconds since 1970. @throws RequestFault */
export function readTime(time: unknown): bigint {
  if (typeof time !== "string") throw new RequestFault("/time", `must be a string, got ${kindOf(time)}`);
  const parts = TIME.exec(time);
  if (parts === null) throw timeFault(time);
  const [, year, month, day, hour, minute, second, fraction = "", zone = "Z"] = parts;
  const local = Date.UTC(
    Number(year),
    Number(month) - 1,
    Number(day),
    Number(hour),
    Number(minute),
    Number(second),
  );
  // Date.UTC carries the 31st of a shorter month over; a person meant something else.
  const again = new Date(local).toISOString().slice(0, 19);
  if (again !== `${year}-${month}-${day}T${hour}:${minute}:${second}`) throw timeFault(time);
  const [, sign, offsetHour = 0, offsetMinute = 0] = /^([+-])(\d\d):(\d\d)$/.exec(zone) ?? [];
  const offsetMs = (sign === "-" ? -1 : 1) * (Number(offsetHour) * 60 + Number(offsetMinute)) * 60_000;
  const seconds = BigInt(local - offsetMs) / 1000n;
  if (seconds < 0n) throw new RequestFault("/time", "must not be before 1970");
  return seconds * 1_000_000_000n + BigInt(fraction.padEnd(9, "0"));
}

function timeFault(time: string): RequestFault {
  return new RequestFault("/time", `must be like 2026-11-23T09:00:00Z, got ${quote(time)}`);
}

function kindOf(value: unknown): string {
  if (value === null) return "null";
  return Array.isArray(value) ? "a list" : typeof value === "object" ? "an object" : `a ${typeof value}`;
}

function quote(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 77)}...` : text);
}
