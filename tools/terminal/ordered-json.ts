// JSON.parse moves a member called "2" before one called "10". Where order is shown to people it must not.

import { visible } from "./visible.ts";

/** JSON whose objects are Maps: their members stand in the order of the text. */
export type OrderedJson = null | boolean | number | string | OrderedJson[] | ReadonlyMap<string, OrderedJson>;

const TOKEN = /[\s,:]*([{}[\]]|"(?:[^"\\]|\\.)*"|[^\s,:{}[\]"]+)/y;

/** Reads text that is known to be JSON (the filter's own lines, an accepted policy). Throws on a part of one. */
export function parseOrdered(text: string): OrderedJson {
  TOKEN.lastIndex = 0;
  const next = (): string => {
    const token = TOKEN.exec(text)?.[1];
    if (token === undefined) throw new SyntaxError("JSON text ends too early");
    return token;
  };
  const value = (token: string): OrderedJson => {
    if (token === "[") {
      const items: OrderedJson[] = [];
      for (let item = next(); item !== "]"; item = next()) items.push(value(item));
      return items;
    }
    if (token === "{") {
      const members = new Map<string, OrderedJson>();
      for (let key = next(); key !== "}"; key = next()) members.set(JSON.parse(key) as string, value(next()));
      return members;
    }
    return JSON.parse(token) as OrderedJson;
  };
  return value(next());
}

/** The member of that name when the value is an object that has it. */
export function member(value: OrderedJson | undefined, name: string): OrderedJson | undefined {
  return value instanceof Map ? (value as ReadonlyMap<string, OrderedJson>).get(name) : undefined;
}

/** The object's members in order, their names fit to be shown; none for anything else. */
export function membersOf(value: OrderedJson | undefined): [name: string, value: OrderedJson][] {
  if (!(value instanceof Map)) return [];
  return [...(value as ReadonlyMap<string, OrderedJson>)].map(([name, inner]) => [visible(name), inner]);
}

/** The list's items; none for anything else. */
export function itemsOf(value: OrderedJson | undefined): readonly OrderedJson[] {
  return Array.isArray(value) ? value : [];
}

/** The value when it is text, fit to be shown. */
export function textOf(value: OrderedJson | undefined): string | undefined {
  return typeof value === "string" ? visible(value) : undefined;
}

/** Values of which each object whose order matters is a Map. */
export type Printable = null | boolean | number | string | readonly Printable[] | PrintableObject;
export type PrintableObject = ReadonlyMap<string, Printable> | { readonly [name: string]: Printable };

/** JSON over several lines, with the members of a Map in its order. What is no number in JSON (Infinity) is null. */
export function printOrdered(value: Printable, indent = ""): string {
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  const inner = `${indent}  `;
  const block = (open: string, items: readonly string[], close: string): string =>
    items.length === 0 ? open + close : `${open}\n${inner}${items.join(`,\n${inner}`)}\n${indent}${close}`;
  if (isList(value)) {
    return block(
      "[",
      value.map((item) => printOrdered(item, inner)),
      "]",
    );
  }
  const members =
    value instanceof Map ? [...(value as ReadonlyMap<string, Printable>)] : Object.entries(value);
  return block(
    "{",
    members.map(([name, item]) => `${JSON.stringify(name)}: ${printOrdered(item as Printable, inner)}`),
    "}",
  );
}

function isList(value: object): value is readonly Printable[] {
  return Array.isArray(value);
}
