const JSON_NUMBER = /^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?$/;
const DECIMAL = /^([-+]?)([0-9]*)(?:\.([0-9]*))?([eE][-+]?[0-9]+)?$/;

/**
 * The JSON spelling of a YAML number, digit for digit: the filter judges what the person wrote, not what a
 * double makes of it. Null for what JSON cannot say (`.inf`, `.nan`).
 */
export function jsonNumber(yaml: string): string | null {
  if (JSON_NUMBER.test(yaml)) return yaml;
  if (/^0x[0-9a-fA-F]+$/.test(yaml) || /^0o[0-7]+$/.test(yaml)) return BigInt(yaml).toString();
  const parts = DECIMAL.exec(yaml);
  if (parts === null) return null;
  const [, sign = "", whole = "", fraction = "", exponent = ""] = parts;
  if (whole === "" && fraction === "") return null;
  const digits = whole.replace(/^0+(?=.)/, "") || "0";
  return (sign === "-" ? "-" : "") + digits + (fraction === "" ? "" : `.${fraction}`) + exponent;
}

/** What the core schema knows. */
export type ScalarValue = string | number | boolean | null;

/**
 * A scalar as JSON: its value as the core schema has it, text, number, boolean or null, and how it is spelled. Null for
 * a number that JSON cannot say.
 */
export function scalarJson(value: ScalarValue, source: string | undefined): string | null {
  if (typeof value === "string") return JSON.stringify(value);
  if (value === null || typeof value === "boolean") return String(value);
  return jsonNumber(source ?? String(value));
}
