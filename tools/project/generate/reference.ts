// The reference page of the policy, a table an object, from its schema.

import { definitionOf, type Schema } from "./schema.ts";

/** The text of docs/policy-reference.md. */
export function describeSchema(schema: Schema): string {
  const definitions = schema.definitions ?? {};
  const parts = [
    "<!-- Generated from schema/policy.schema.json by `npm run generate`: edit that. -->",
    "# Policy reference",
    schema.description ?? "",
    "Every key that a policy may have, object by object. Keys that are **bold** have to be there. Editors complete " +
      "and check all of this when the file's first line is " +
      "`# yaml-language-server: $schema=./policy.schema.json` (the schema is in `schema/`); `serin validate` checks " +
      "what no schema can say as well: references, sums, steps of 0.001.",
    "## The document",
    tableOf(schema, definitions),
  ];
  for (const [name, definition] of Object.entries(definitions)) {
    parts.push(`## ${titleOf(name, definition)}`, definition.description ?? "");
    if (definition.type === "array" && definition.items) parts.push(`A ${typeOf(definition, definitions)}.`);
    const table = tableOf(definition, definitions);
    if (table !== "") parts.push(table);
    const examples = (definition.examples ?? []).map((example) => `- \`${JSON.stringify(example)}\``);
    if (examples.length > 0) parts.push(`For example:`, examples.join("\n"));
  }
  return `${parts.filter((part) => part !== "").join("\n\n")}\n`;
}

function titleOf(name: string, definition: Schema | undefined): string {
  return definition?.title ?? name;
}

/** GitHub's anchor of a heading. */
function anchorOf(title: string): string {
  return title
    .toLowerCase()
    .replace(/[^\w\- ]/g, "")
    .replaceAll(" ", "-");
}

function tableOf(object: Schema, definitions: Record<string, Schema>): string {
  const rows = Object.entries(object.properties ?? {}).map(([key, part]) => {
    const name = object.required?.includes(key) ? `**\`${key}\`**` : `\`${key}\``;
    const description = part.description ?? definitions[definitionOf(part) ?? ""]?.description ?? "";
    return `| ${name} | ${cell(typeOf(part, definitions))} | ${cell(description + extrasOf(part))} |`;
  });
  return rows.length === 0 ? "" : `| key | value | what it says |\n| --- | --- | --- |\n${rows.join("\n")}`;
}

/** Default and examples, as sentences. */
function extrasOf(part: Schema): string {
  const simple = (part.examples ?? []).filter((example) => typeof example !== "object");
  const examples = simple.map((example) => `\`${String(example)}\``).join(", ");
  const fallback = part.default === undefined ? "" : ` Default: \`${plain(part.default)}\`.`;
  return fallback + (examples === "" ? "" : ` For example ${examples}.`);
}

/** What a value may be, in words. */
function typeOf(part: Schema, definitions: Record<string, Schema>): string {
  const name = definitionOf(part);
  if (name !== null) {
    const title = titleOf(name, definitions[name]);
    return `[${title}](#${anchorOf(title)})`;
  }
  if (part.const !== undefined) return `\`${plain(part.const)}\``;
  if (part.enum) return part.enum.map((value) => `\`${plain(value)}\``).join(" or ");
  if (part.anyOf && part.type === undefined) {
    return part.anyOf.map((one) => typeOf(one, definitions)).join(" or ");
  }
  if (Array.isArray(part.type)) return part.type.join(", ");
  switch (part.type) {
    case "array": {
      const items = part.items ? typeOf(part.items, definitions) : "anything";
      return `list of ${items}${part.maxItems === undefined ? "" : `, at most ${part.maxItems}`}`;
    }
    case "object": {
      const values = part.additionalProperties;
      if (typeof values !== "object") return "object";
      const most = part.maxProperties === undefined ? "" : `, at most ${thousands(part.maxProperties)}`;
      return `object of ${typeOf(values, definitions)} by name${most}`;
    }
    case "number":
    case "integer": {
      const kind = part.type === "integer" ? "whole number" : "number";
      if (part.minimum === undefined) return kind;
      return part.maximum === undefined
        ? `${kind}, ${part.minimum} or more`
        : `${kind}, ${part.minimum} to ${part.maximum}`;
    }
    default:
      return part.type ?? "anything";
  }
}

function thousands(value: number): string {
  return value.toLocaleString("en-US");
}

function plain(value: unknown): string {
  return typeof value === "string" ? value : Array.isArray(value) ? value.join(", ") : JSON.stringify(value);
}

function cell(text: string): string {
  return text.replaceAll("|", "\\|").replaceAll("\n", " ").replaceAll("<", "&lt;");
}
