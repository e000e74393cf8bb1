// Which of two Mappings Emissary tries first, where a request fits both: `_route_weight` of irhttpmapping.py (4.1.0),
// compared from its beginning, the greater first. test/ambassador/diagd-routes.ts has it a second time, beside diagd.

import {
  headerConditions,
  hostTextOf,
  precedenceOf,
  queryConditions,
  type Condition,
  type MappingLike,
} from "./mapping.ts";
import { isText } from "./resources.ts";

/** Whether Emissary tries `first` before `second`. False as well where nothing of either tells. */
export function comesBefore(first: MappingLike, second: MappingLike): boolean {
  const [one, other] = [weightOf(first), weightOf(second)];
  for (let at = 0; at < Math.min(one.length, other.length); at++) {
    const [a, b] = [one[at] ?? 0, other[at] ?? 0];
    if (a !== b) return a > b;
  }
  return one.length > other.length;
}

/** Whether what one asks for in headers alone can make it come before the other. */
export function areOfOneLength(first: MappingLike, second: MappingLike): boolean {
  const [one, other] = [weightOf(first), weightOf(second)];
  return one[0] === other[0] && one[1] === other[1];
}

type Weight = readonly (number | string)[];

const weights = new WeakMap<MappingLike, Weight>();

/** Of thousands of Mappings each is compared with many. */
function weightOf(mapping: MappingLike): Weight {
  const known = weights.get(mapping) ?? composeWeight(mapping);
  weights.set(mapping, known);
  return known;
}

function composeWeight(mapping: MappingLike): Weight {
  const { spec } = mapping;
  const host = hostTextOf(mapping);
  const method = isText(spec["method"]) ? spec["method"] : undefined;
  const headers = headerConditions(mapping);
  if (host !== null)
    headers.push({ name: ":authority", value: host, isPattern: spec["host_regex"] === true });
  if (method !== undefined)
    headers.push({ name: ":method", value: method, isPattern: spec["method_regex"] === true });
  const query = queryConditions(mapping);
  const prefix = String(spec["prefix"]);
  return [
    precedenceOf(mapping),
    lengthOf(prefix),
    lengthOfAll(headers),
    lengthOfAll(query),
    prefix,
    method ?? "GET",
    ...[...headers, ...query].map(({ name, value }) => `${name}-${value || "*"}`),
  ];
}

/** Python counts code points. */
function lengthOf(text: string): number {
  return [...text].length;
}

function lengthOfAll(conditions: readonly Condition[]): number {
  return conditions.reduce(
    (sum, { name, value, isPattern }) => sum + lengthOf(name) + lengthOf(value || "*") + (isPattern ? 1 : 0),
    0,
  );
}
