// Inputs for the operators of flagd, from a seed.

import { Random } from "../support/random.ts";
import type { Json } from "./guest.ts";

const ALPHABET = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.@/+ ";

export class Generator extends Random {
  /** ASCII, 0 to 23 characters. */
  text(): string {
    return Array.from({ length: this.below(24) }, () => ALPHABET[this.below(ALPHABET.length)]).join("");
  }

  /** Mostly a text; sometimes what is no targeting key. */
  targetingKey(): Json {
    return this.below(20) === 0 ? this.pick(["", null, false]) : `user-${this.below(100000)}${this.text()}`;
  }

  /** Mostly a weight; sometimes one that is too great, or none. */
  weight(): Json {
    const kind = this.below(40);
    if (kind === 0) return this.pick(["10", true, 1.5, 2147483648, 1e300, -0.5, "", []]);
    if (kind < 3) return -this.below(100);
    if (kind < 6) return this.below(2147483648);
    return this.pick([0, 1, 25, 50, 100, this.below(1000)]);
  }

  /** [version, operator, version], the versions often close to one another. */
  comparison(): [Json, Json, Json] {
    const a = this.version();
    const b = this.below(3) === 0 ? a : this.below(2) === 0 ? this.near(a) : this.version();
    const operator =
      this.below(30) === 0
        ? this.pick(["==", "", "<>", "=<", " =", ">>", "^^", null])
        : this.pick(["=", "!=", "<", "<=", ">", ">=", "^", "~"]);
    return [a, operator, b];
  }

  private version(): Json {
    for (;;) {
      const version = this.anyVersion();
      if (typeof version !== "string" || isPortable(version)) return version;
    }
  }

  private anyVersion(): Json {
    const kind = this.below(24);
    if (kind === 0)
      return this.pick([0, 1, 2, 1.2, 1.25, 10.5, -1, 1e21, 1e-7, 0.1, 100.05, this.below(1000) / 10]);
    if (kind === 1) return this.pick([null, true, false, "", "v", "x.y.z", "latest"]);
    const parts = this.below(12) === 0 ? 1 + this.below(4) : 3;
    let text = this.pick(["", "", "", "", "v", "V"]);
    text += Array.from({ length: parts }, () => this.number()).join(".");
    if (this.below(3) === 0) text += `-${this.identifiers()}`;
    if (this.below(6) === 0) text += `+${this.identifiers()}`;
    return this.below(10) === 0 ? this.broken(text) : text;
  }

  private number(): string {
    if (this.below(40) === 0) return this.pick(["", "00", "01", "x", "9007199254740991", "123456789012"]);
    return String(this.below(this.pick([2, 4, 12, 1000])));
  }

  private identifiers(): string {
    const one = () =>
      this.pick([
        "alpha",
        "beta",
        "rc",
        "0",
        "1",
        "2",
        "10",
        "11",
        "1a",
        "a1",
        "-",
        "--",
        "A",
        "Z",
        "x-y",
        "0a",
        "01",
      ]);
    return Array.from({ length: 1 + this.below(4) }, one).join(".");
  }

  /** With one character added, left out or replaced. */
  private broken(text: string): string {
    const at = this.below(text.length + 1);
    return (
      text.slice(0, at) + this.pick(["", ".", "-", "+", "0", "v", "_", "9"]) + text.slice(at + this.below(2))
    );
  }

  /** A version with a digit or an identifier replaced. */
  private near(version: Json): Json {
    if (typeof version !== "string" || version === "") return this.version();
    const changed = version.replace(/[0-9]/, () => String(this.below(3)));
    return isPortable(changed) ? changed : version;
  }
}

/** Whether flagd's JavaScript evaluator takes a version as the others do. */
function isPortable(version: string): boolean {
  return (
    !/^[vV]v/.test(version) &&
    !(version.match(/[0-9]+/g) ?? []).some((digits) => Number(digits) > 2 ** 53 - 1)
  );
}
