// TypeScript types of a policy, from its schema.

import { compile } from "json-schema-to-typescript";

import type { Schema } from "./schema.ts";

/** The types, as TypeScript. */
export async function compileTypes(schema: Schema): Promise<string> {
  const plain = withoutTitles(schema) as Schema;
  plain.title = "Policy";
  // A rule may be anything; what is inside is flagd's business.
  if (plain.definitions) plain.definitions.jsonLogic = { ...plain.definitions.jsonLogic, tsType: "unknown" };
  for (const [name, definition] of Object.entries(plain.definitions ?? {})) {
    definition.title = name.replace(/^./, (first) => first.toUpperCase());
  }
  return compile(plain as Parameters<typeof compile>[0], "Policy", {
    bannerComment:
      "// What a policy looks like, as types. Generated from schema/policy.schema.json by `npm run types`.",
    format: false,
    ignoreMinAndMaxItems: true,
    additionalProperties: false,
  });
}

/** The same schema less titles, which would each become a type of its own, and editors' snippets. */
function withoutTitles(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutTitles);
  if (typeof value !== "object" || value === null) return value;
  const left: Record<string, unknown> = {};
  const isObject = "properties" in value;
  for (const [key, inner] of Object.entries(value)) {
    const isTitle = key === "title" && typeof inner === "string";
    // `anyOf` beside `properties` only says which of them have to be there.
    if (isObject && key === "anyOf") continue;
    if (!isTitle && !["defaultSnippets", "if", "then", "else", "examples"].includes(key)) {
      left[key] = withoutTitles(inner);
    }
  }
  return left;
}
