/** The blanks and the separator that stand before the next piece of JSON. */
const BETWEEN = /[\s,:]*/y;
const STRING = /"(?:[^"\\]|\\.)*"/y;
const SCALAR = /[^\s,:\]}]*/y;

/**
 * Where the value of a JSON Pointer begins in a well-formed JSON text, in UTF-16 units; the innermost value that is there
 * when the pointer leads further.
 */
export function jsonPlace(text: string, pointer: string): number {
  const steps = pointer.split("/").slice(1);
  let at = behind(text, BETWEEN, 0);
  for (const step of steps) {
    const child = childAt(text, at, step.replaceAll("~1", "/").replaceAll("~0", "~"));
    if (child === null) return at;
    at = child;
  }
  return at;
}

/** Where a member or an item begins; null when there is none of this name. */
function childAt(text: string, container: number, step: string): number | null {
  const open = text[container];
  if (open !== "{" && open !== "[") return null;
  let at = behind(text, BETWEEN, container + 1);
  for (let index = 0; at < text.length && text[at] !== "}" && text[at] !== "]"; index++) {
    let name = String(index);
    if (open === "{") {
      const end = behind(text, STRING, at);
      name = JSON.parse(text.slice(at, end)) as string;
      at = behind(text, BETWEEN, end);
    }
    if (name === step) return at;
    at = behind(text, BETWEEN, valueEnd(text, at));
  }
  return null;
}

function valueEnd(text: string, from: number): number {
  let depth = 0;
  let at = from;
  do {
    const first = text[at];
    if (first === "{" || first === "[") depth++;
    if (first === "}" || first === "]") depth--;
    if (first === '"') at = behind(text, STRING, at);
    else at = first === undefined || "{}[],: \t\r\n".includes(first) ? at + 1 : behind(text, SCALAR, at);
  } while (depth > 0 && at < text.length);
  return at;
}

function behind(text: string, pattern: RegExp, at: number): number {
  pattern.lastIndex = at;
  return at + (pattern.exec(text)?.[0].length ?? 0);
}
