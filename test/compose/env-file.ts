// .env, as docker-compose itself reads it: the lines of the file, and the environment above them.

import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";

const ROOT = resolve(import.meta.dirname, "../..");

export function readEnvFile(): ReadonlyMap<string, string> {
  const text = readFileSync(join(ROOT, ".env"), "utf8");
  return new Map(
    [...text.matchAll(/^([A-Z_]+)=(.*)$/gm)].map(([, name = "", value = ""]) => [
      name,
      process.env[name] ?? value,
    ]),
  );
}

/** The images that .env names, by their tags alone: what is built here under such a name has no digest of a registry. */
export function imageTags(): ReadonlyMap<string, string> {
  const images = [...readEnvFile()].filter(([name]) => name.endsWith("_IMAGE"));
  return new Map(images.map(([name, image]) => [name, image.replace(/@sha256:[0-9a-f]{64}$/, "")]));
}
