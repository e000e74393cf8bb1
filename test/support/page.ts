// What the pages of the documentation hold that can be tested: fenced blocks, links, headings.
//
// How a block is marked, in its first line:
//   ```sh run               run by test/docs.test.ts, in order, in a scratch copy of the checkout; has to exit with 0
//   ```text output          right after it: what it prints; … stands for anything, alone on a line for any lines
//   ```sh by=test/e2e/x.ts  starts something that goes on, or takes long: that test runs it, and has to be there
//   ```yaml                 with a policy in it (a top-level key of Serin's): has to be accepted by `serin validate`
//   ```yaml refused         a policy that has to be refused

/** A fenced block. */
export interface Block {
  /** The first word after the fence. */
  language: string;
  /** The other words. */
  marks: string[];
  text: string;
  /** Line of the fence. */
  line: number;
}

/** A link to something that is not on the network. */
export interface Link {
  /** Path from the page's folder; empty for the page itself. */
  path: string;
  anchor: string;
  line: number;
}

const FENCE = /^( *)(`{3,}|~{3,})([^\n]*)\n([\s\S]*?)^\1\2[ \t]*$/gm;

/** The page's fenced blocks, in order. */
export function blocksOf(page: string): Block[] {
  return [...page.matchAll(FENCE)].map((match) => {
    const [language = "", ...marks] = (match[3] as string).trim().split(/\s+/);
    const indent = new RegExp(`^${match[1]}`, "gm");
    return {
      language,
      marks,
      text: (match[4] as string).replace(indent, ""),
      line: lineAt(page, match.index),
    };
  });
}

/** The page's links to files and headings, images too. */
export function linksOf(page: string): Link[] {
  const prose = page
    .replace(FENCE, (block) => block.replace(/[^\n]/g, " "))
    .replace(/`[^`\n]*`/g, (code) => " ".repeat(code.length));
  const inline = [...prose.matchAll(/\]\(\s*<?([^)\s>]+)>?(?:\s+"[^"]*")?\s*\)/g)];
  const references = [...prose.matchAll(/^ {0,3}\[[^\]]+\]:\s*<?(\S+?)>?(?:\s|$)/gm)];
  return [...inline, ...references].flatMap((match) => {
    const target = match[1] as string;
    if (/^[a-z][a-z0-9+.-]*:/i.test(target)) return [];
    const [path = "", anchor = ""] = target.split("#");
    return [{ path: decodeURIComponent(path), anchor, line: lineAt(page, match.index) }];
  });
}

/** The anchors that GitHub gives the page's headings. */
export function anchorsOf(page: string): Set<string> {
  const prose = page.replace(FENCE, "");
  const anchors = new Set<string>();
  for (const [, title] of prose.matchAll(/^#{1,6}\s+(.*?)\s*#*$/gm)) {
    const plain = (title as string).replace(/`|\*|\[([^\]]*)\]\([^)]*\)/g, "$1").toLowerCase();
    const base = plain.replace(/[^\p{L}\p{N}_\- ]/gu, "").replaceAll(" ", "-");
    let anchor = base;
    for (let count = 1; anchors.has(anchor); count++) anchor = `${base}-${count}`;
    anchors.add(anchor);
  }
  return anchors;
}

/** Whether printed text is what an output block says. */
export function matchesOutput(printed: string, expected: string): boolean {
  const lines = expected
    .trimEnd()
    .split("\n")
    .map((line) => {
      if (line.trim() === "…") return "(?:[^\\n]*\\n)*?";
      const parts = line
        .trimEnd()
        .split("…")
        .map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
      return `${parts.join("[^\\n]*")}[ \\t]*\\n`;
    });
  return new RegExp(`^${lines.join("")}$`).test(`${printed.trimEnd()}\n`);
}

function lineAt(page: string, index: number): number {
  return page.slice(0, index).split("\n").length;
}
