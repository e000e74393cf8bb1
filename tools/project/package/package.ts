// Puts together what is published: build/package, a folder that `npm pack` and `npm publish` take as it is. Not the
// checkout itself, since its README is for people who have the checkout.

import { execFileSync } from "node:child_process";
import { cpSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";

const ROOT = resolve(import.meta.dirname, "../../..");
export const PACKAGE_FOLDER = join(ROOT, "build/package");

const CONTENTS = ["LICENSE", "CHANGELOG.md", "build/serin.wasm", "build/cli", "schema", "envoy", "docs"];
/** `[words](target)`, or with a mark before it a picture. */
const LINK = /(!?)\[([^\]\n]*)\]\(([^)\s]+)\)/g;
const PICTURE = /\.(png|svg|jpe?g)$/;
/** Of the checkout's package.json; scripts and what only building needs stay at home. */
const KEYS = [
  "name",
  "version",
  "description",
  "keywords",
  "license",
  "type",
  "engines",
  "bin",
  "dependencies",
];

/** Writes build/package anew from what is built. */
export function makePackage(): void {
  rmSync(PACKAGE_FOLDER, { recursive: true, force: true });
  for (const path of CONTENTS) {
    cpSync(join(ROOT, path), join(PACKAGE_FOLDER, path), {
      recursive: true,
      // The page's own icon is served; pictures of the manual are for the web.
      filter: (file) =>
        !file.endsWith(".map") &&
        !file.includes("__pycache__") &&
        !(PICTURE.test(file) && file.startsWith(join(ROOT, "docs"))),
    });
  }
  cpSync(join(import.meta.dirname, "README.md"), join(PACKAGE_FOLDER, "README.md"));
  for (const path of readdirSync(PACKAGE_FOLDER, { recursive: true, encoding: "utf8" })) {
    if (path.endsWith(".md")) dropDeadLinks(join(PACKAGE_FOLDER, path));
  }
  const manifest = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as Record<string, unknown>;
  const published = Object.fromEntries(KEYS.map((key) => [key, manifest[key]]));
  writeFileSync(
    join(PACKAGE_FOLDER, "package.json"),
    `${JSON.stringify({ ...published, ...repository() }, null, 2)}\n`,
  );
}

/** Links of a page to what stays in the checkout become their text; pictures go. */
function dropDeadLinks(page: string): void {
  const text = readFileSync(page, "utf8");
  const live = text.replace(LINK, (link: string, mark: string, words: string, target: string) => {
    const path = target.split("#")[0] ?? "";
    if (/^[a-z][a-z0-9+.-]*:/i.test(target) || existsSync(join(dirname(page), path))) return link;
    return mark === "!" ? "" : words;
  });
  writeFileSync(page, live);
}

/** Where the checkout was cloned from; nothing where that is no address that others have. */
function repository(): { repository?: { type: string; url: string } } {
  try {
    const url = execFileSync("git", ["remote", "get-url", "origin"], {
      cwd: ROOT,
      encoding: "utf8",
      stdio: "pipe",
    });
    return /^(https|ssh|git):|^[\w.-]+@/.test(url) ? { repository: { type: "git", url: url.trim() } } : {};
  } catch {
    return {};
  }
}
