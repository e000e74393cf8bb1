// A transform of the AssemblyScript compiler: string literals of assembly/ become static bytes.
//
// AssemblyScript lays a literal out as an object of UTF-16 with a header of 20 bytes. The filter only ever copies and
// compares texts as UTF-8, so what ships is, for each distinct literal, its length (u16) and its UTF-8 bytes, all in
// one data segment. In the source a literal stays a literal; its type is the `Word` of assembly/bytes/word.ts.

import { Buffer } from "node:buffer";

import { LiteralKind, Node, NodeKind } from "assemblyscript";
import { Transform } from "assemblyscript/transform";

/** Where literals are words. Specs and the compiler's own library keep their strings. */
const FOLDER = "assembly/";
/** The source that holds the bytes; there is no such file. */
const GENERATED = `${FOLDER}static-words.ts`;
const LONGEST = 0xffff;
/** What a node holds that is no value: arguments of decorators, paths of imports, and the way back up. */
const NO_VALUES = new Set(["decorators", "path", "parent"]);

export default class StaticWords extends Transform {
  afterParse(parser) {
    const words = new Words();
    for (const source of parser.sources) {
      if (source.normalizedPath.startsWith(FOLDER)) rewrite(source, words);
    }
    if (words.count > 0) parser.parseFile(words.source(), GENERATED, false);
  }
}

/** The distinct texts that were met, and where each lies among their bytes. */
class Words {
  #places = new Map();
  #bytes = [];

  get count() {
    return this.#places.size;
  }

  /** The name of the constant that stands for a text. */
  nameOf(text) {
    let place = this.#places.get(text);
    if (place === undefined) {
      const bytes = Buffer.from(text, "utf8");
      if (bytes.length > LONGEST) throw new Error(`a literal of ${bytes.length} bytes: at most ${LONGEST}`);
      place = this.#bytes.length;
      this.#places.set(text, place);
      this.#bytes.push(bytes.length & 0xff, bytes.length >> 8, ...bytes);
    }
    return `STATIC_WORD_${place}`;
  }

  source() {
    const constants = [...this.#places.values()].map(
      (place) => `@global @lazy const STATIC_WORD_${place}: Word = changetype<Word>(BYTES + ${place});`,
    );
    return [
      'import { Word } from "./bytes/word";',
      `const BYTES: usize = memory.data<u8>([${this.#bytes.join(",")}], 1);`,
      ...constants,
    ].join("\n");
  }
}

/** Replaces the string literals below a node that are values. */
function rewrite(node, words) {
  for (const [key, value] of Object.entries(node)) {
    if (NO_VALUES.has(key)) continue;
    if (Array.isArray(value)) {
      for (let i = 0; i < value.length; i++) value[i] = rewritten(value[i], words);
    } else {
      node[key] = rewritten(value, words);
    }
  }
}

function rewritten(value, words) {
  if (!(value instanceof Node)) return value;
  if (value.kind === NodeKind.Literal && value.literalKind === LiteralKind.String) {
    return Node.createIdentifierExpression(words.nameOf(value.value), value.range);
  }
  if (!isOffset(value)) rewrite(value, words);
  return value;
}

/** Whether a node is `offsetof<Record>("field")`: the compiler reads the name. */
function isOffset(node) {
  return node.kind === NodeKind.Call && node.expression.text === "offsetof";
}
