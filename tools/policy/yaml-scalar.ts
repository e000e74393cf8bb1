// What a plain scalar of YAML stands for. flagd's own reader decides (gopkg.in/yaml.v3 3.0.1, and encoding/json behind
// it): it takes numbers of YAML 1.1 and 1.2, and words of 1.2 alone. Other readers of the same file differ: kubectl and
// Helm (sigs.k8s.io/yaml) and flagd's Python (PyYAML) read YAML 1.1, editors and linters 1.2. What each makes of which
// spelling was measured, not read: test/policy/yaml-spellings.ts.

const JSON_NUMBER = /^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?$/;
const DECIMAL = /^([-+]?)([0-9]*)(?:\.([0-9]*))?([eE][-+]?[0-9]+)?$/;
/** An integer of another base: `0x1F`, `0o755`, `0b11`, and YAML 1.1's octal `0755`. */
const BASED = /^([-+]?)0([xX][0-9a-fA-F]+|[oO][0-7]+|[bB][01]+|[0-7]+)$/;
const TRUE = new Set(["true", "True", "TRUE"]);
const FALSE = new Set(["false", "False", "FALSE"]);
const NULL = new Set(["", "~", "null", "Null", "NULL"]);
const NOT_FINITE = /^(?:[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$/;
/** Integers as Go has them: larger ones are floats, or with another base no numbers at all. */
const LEAST = -(2n ** 63n);
const MOST = 2n ** 64n - 1n;

/** Plain scalars that begin so are strings. */
const PLAINLY_TEXT = /^[^-+.0-9nNtTfF~]/;

/** What a plain scalar is: its JSON, or null for a number that JSON cannot say (`.inf`, `.nan`). */
export function plainJson(source: string): string | null {
  if (PLAINLY_TEXT.test(source)) return JSON.stringify(source);
  if (NULL.has(source)) return "null";
  if (TRUE.has(source)) return "true";
  if (FALSE.has(source)) return "false";
  if (NOT_FINITE.test(source)) return null;
  return numberJson(source) ?? JSON.stringify(source);
}

/**
 * The JSON spelling of a number, digit for digit: the filter judges what the person wrote, not what a double makes of
 * it. Null when the plain scalar is no number.
 */
export function numberJson(source: string): string | null {
  if (JSON_NUMBER.test(source) && Number.isFinite(Number(source))) return source;
  const digits = /^[-+.0-9]/.test(source) ? withoutUnderscores(source) : source;
  const based = BASED.exec(digits);
  if (based !== null) {
    const integer = integerOf(based[1] ?? "", based[2] ?? "");
    if (integer !== null) return integer.toString();
    if (!/^[0-7]+$/.test(based[2] ?? "")) return null;
  }
  const parts = DECIMAL.exec(digits);
  if (parts === null || !Number.isFinite(Number(digits))) return null;
  const [, sign = "", whole = "", fraction = "", exponent = ""] = parts;
  if (whole === "" && fraction === "") return null;
  const integral = whole.replace(/^0+(?=.)/, "") || "0";
  return (sign === "-" ? "-" : "") + integral + (fraction === "" ? "" : `.${fraction}`) + exponent;
}

/** `._5` and `_1` are strings: an underscore is nothing between or behind digits. */
function withoutUnderscores(source: string): string {
  return source.startsWith("._") ? source : source.replaceAll("_", "");
}

/** `digits` are behind the 0: `x1F`, `o755`, `755`. Null when it is too large for an integer. */
function integerOf(sign: string, digits: string): bigint | null {
  const size = BigInt(/^[0-7]/.test(digits) ? `0o${digits}` : `0${digits.toLowerCase()}`);
  const integer = sign === "-" ? -size : size;
  return integer < LEAST || integer > MOST ? null : integer;
}

/** A key: JSON has only strings there, and flagd writes the value of any other key as Go does. */
export function plainKey(source: string): string {
  if (PLAINLY_TEXT.test(source)) return source;
  const json = plainJson(source);
  if (json === null || json === "null" || json.startsWith('"')) return source;
  return json === "true" || json === "false" ? json : goNumber(json);
}

/** A number as Go's `%v` writes it: integers in full, floats like 1.5, 1e+06, 1e-05. */
function goNumber(json: string): string {
  if (/^-?[0-9]+$/.test(json)) {
    const integer = BigInt(json);
    if (integer >= LEAST && integer <= MOST) return integer.toString();
  }
  const number = Number(json);
  if (Object.is(number, -0)) return "-0";
  const [digits = "", exponent = ""] = number.toExponential().split("e");
  const power = Number(exponent);
  if (power >= -4 && power < 6) return String(number);
  return `${digits}e${power < 0 ? "-" : "+"}${String(Math.abs(power)).padStart(2, "0")}`;
}

/** What YAML's core schema knows. */
export type ScalarValue = string | number | boolean | null;

/** The JSON of a scalar with a tag or in quotes: its value as the core schema has it, and how it is spelled. */
export function scalarJson(value: ScalarValue, source: string | undefined): string | null {
  if (typeof value === "string") return JSON.stringify(value);
  if (value === null || typeof value === "boolean") return String(value);
  return numberJson(source ?? String(value));
}
