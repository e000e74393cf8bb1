// The YAML in which nearly all Mappings are kept, and JSON, read without building a document: thousands of Mappings are
// most of the time of `serin ambassador`. What is doubtful or wrong is left to the `yaml` library, as in policies
// (docs/decisions/yaml-speed.md).

import { convertSimpleYaml, type PlainListener } from "../policy/simple-yaml.ts";

/** Plain scalars that YAML 1.1, which Kubernetes reads, takes for the same as flagd's reader. */
const INTEGER = /^(?:0|-?[1-9][0-9]{0,14})$/;
const FRACTION = /^-?(?:0|[1-9][0-9]{0,4})\.[0-9]{1,5}$/;
/** `5xx`, `30s`; not `1e3`. */
const WITH_UNIT = /^[1-9][0-9]{0,8}(?!e)[a-z]+$/i;
const WORD = /^[A-Za-z/]/;
/** Booleans of YAML 1.1 and of both. */
const NOT_A_WORD = /^(?:y|n|yes|no|on|off|true|false|null)$/i;

class SameInBoth implements PlainListener {
  differs = false;

  note(source: string): void {
    const isSame =
      (WORD.test(source) && !NOT_A_WORD.test(source)) ||
      ["true", "false", "null"].includes(source) ||
      INTEGER.test(source) ||
      WITH_UNIT.test(source) ||
      FRACTION.test(source);
    if (!isSame || source === "__proto__") this.differs = true;
  }
}

/** What the document says; undefined where only the library knows. `text` is bounded by whoever reads the file. */
export function quickDocument(text: string): unknown {
  const plain = new SameInBoth();
  const json = convertSimpleYaml(text, plain, 2 * text.length + 1024);
  if (json === null || plain.differs || text.includes('__proto__"')) return undefined;
  const value: unknown = JSON.parse(json.text());
  // A name that comes twice is a fault, which the library tells.
  return tokensOf(value) === json.tokens ? value : undefined;
}

function tokensOf(value: unknown): number {
  if (typeof value !== "object" || value === null) return 1;
  const parts = Object.values(value);
  let tokens = 2 + (Array.isArray(value) ? 0 : parts.length);
  for (const part of parts) tokens += tokensOf(part);
  return tokens;
}
