import { itemsOf, member, membersOf, textOf, type OrderedJson } from "../terminal/ordered-json.ts";

/** One entry of a rollout's `match` in words: `host shop.example.com, path under /checkout`. */
export function describeMatchEntry(entry: OrderedJson | undefined): string {
  const hosts = itemsOf(member(entry, "hosts")).map(textOf);
  const path = member(entry, "path");
  const method = textOf(member(entry, "method"));
  const ranges = itemsOf(member(entry, "sourceAddress")).map(textOf);
  const flag = member(entry, "flag");
  const words = [
    ...(hosts.length === 0 ? [] : [`host ${hosts.join(" or ")}`]),
    ...(path === undefined ? [] : [describePath(path)]),
    ...(method === undefined ? [] : [`method ${method}`]),
    ...itemsOf(member(entry, "headers")).map((term) => describeTerm("header", term)),
    ...itemsOf(member(entry, "queryParams")).map((term) => describeTerm("query", term)),
    ...(ranges.length === 0 ? [] : [`source address in ${ranges.join(" or ")}`]),
    ...membersOf(flag).map(([key, value]) => `flag ${key} = ${JSON.stringify(value)}`),
  ];
  return words.length === 0 ? "anything" : words.join(", ");
}

function describePath(path: OrderedJson): string {
  const value = textOf(member(path, "value")) ?? "/";
  if (isExpression(path)) return `path matching ${value}`;
  return textOf(member(path, "type")) === "Exact" ? `path ${value}${caseOf(path)}` : `path under ${value}`;
}

function describeTerm(kind: string, term: OrderedJson): string {
  const name = textOf(member(term, "name")) ?? "";
  const value = textOf(member(term, "value"));
  if (isExpression(term)) return `${kind} ${name} matching ${value ?? ""}`;
  return value === undefined ? `${kind} ${name} present` : `${kind} ${name}: ${value}${caseOf(term)}`;
}

function isExpression(term: OrderedJson): boolean {
  return textOf(member(term, "type")) === "RegularExpression";
}

function caseOf(term: OrderedJson): string {
  return member(term, "ignoreCase") === true ? " in any case" : "";
}
