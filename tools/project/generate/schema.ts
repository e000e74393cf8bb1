// The part of JSON Schema (draft-07) that schema/policy.schema.json uses.

/** A schema, or a part of one. */
export interface Schema {
  $ref?: string;
  title?: string;
  description?: string;
  type?: string | string[];
  const?: unknown;
  enum?: unknown[];
  default?: unknown;
  examples?: unknown[];
  minimum?: number;
  maximum?: number;
  minLength?: number;
  maxLength?: number;
  minItems?: number;
  maxItems?: number;
  minProperties?: number;
  maxProperties?: number;
  pattern?: string;
  required?: string[];
  properties?: Record<string, Schema>;
  additionalProperties?: boolean | Schema;
  propertyNames?: Schema;
  items?: Schema;
  allOf?: Schema[];
  anyOf?: Schema[];
  definitions?: Record<string, Schema>;
  [keyword: string]: unknown;
}

/** The name of the definition that this part stands for, by `$ref` or an `allOf` of one; null when it is itself. */
export function definitionOf(part: Schema): string | null {
  const ref = part.$ref ?? (part.allOf?.length === 1 ? part.allOf[0]?.$ref : undefined);
  return ref?.startsWith("#/definitions/") ? ref.slice("#/definitions/".length) : null;
}
