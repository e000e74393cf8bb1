// The map that V8 writes with `--perf-basic-prof` (Linux, tools/perf/Documentation/jit-interface.txt): where each function
// that it compiled stands.

interface Range {
  readonly begin: number;
  readonly end: number;
  readonly name: string;
}

export function readPerfMap(text: string): (address: number) => string | null {
  const ranges: Range[] = [];
  for (const line of text.split("\n")) {
    const [, at = "", size = "", name = ""] = /^([0-9a-f]+) ([0-9a-f]+) (.*)$/.exec(line) ?? [];
    if (name === "") continue;
    const begin = Number.parseInt(at, 16);
    ranges.push({ begin, end: begin + Number.parseInt(size, 16), name });
  }
  // Where code was thrown away, other code may stand by now: the last line says what.
  const begins = new Map(ranges.map((range) => [range.begin, range]));
  const sorted = [...begins.values()].sort((a, b) => a.begin - b.begin);
  return (address) => {
    let [low, high] = [0, sorted.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((sorted[middle] as Range).begin <= address) low = middle + 1;
      else high = middle;
    }
    const range = sorted[low - 1];
    return range !== undefined && address < range.end ? range.name : null;
  };
}
