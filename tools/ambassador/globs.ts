// Globs of hosts, as Emissary has them: exact, `*.example.com`, `shop.*`, `*`.

/** Whether some host fits both: globs have their `*` at the beginning or at the end. */
export function globsMeet(first: string, second: string): boolean {
  const a = first.replace(/:\d+$/, "");
  const b = second.replace(/:\d+$/, "");
  if (!a.includes("*")) return fits(a, b);
  if (!b.includes("*")) return fits(b, a);
  if (a.startsWith("*") && b.startsWith("*")) return a.endsWith(b.slice(1)) || b.endsWith(a.slice(1));
  if (a.endsWith("*") && b.endsWith("*")) return a.startsWith(b.slice(0, -1)) || b.startsWith(a.slice(0, -1));
  return true;
}

function fits(host: string, glob: string): boolean {
  if (glob === "*") return true;
  if (glob.startsWith("*")) return host.endsWith(glob.slice(1));
  return glob.endsWith("*") ? host.startsWith(glob.slice(0, -1)) : host === glob;
}

/** Whether every host of the other glob fits the first; null is a pattern. */
export function includesGlob(glob: string, other: string | null): boolean {
  if (glob === "*" || glob === other) return true;
  if (other === null || other === "*") return false;
  if (glob.startsWith("*")) return other.endsWith(glob.slice(1));
  return glob.endsWith("*") && !other.startsWith("*") && other.startsWith(glob.slice(0, -1));
}
