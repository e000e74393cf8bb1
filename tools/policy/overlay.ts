// Two cuts of the same line, laid over one another.

/** A piece of a line: it ends here, and begins where the one before it ends. */
interface Piece {
  readonly end: number;
}

/** The parts of the line in which both cuts have one piece each, in order. The cuts begin at 0. */
export function* overlaid<T extends Piece>(
  before: readonly T[],
  after: readonly T[],
): Generator<{ readonly was: T; readonly is: T; readonly width: number }> {
  let from = 0;
  for (let i = 0, j = 0; ;) {
    const [was, is] = [before[i], after[j]];
    if (was === undefined || is === undefined) return;
    const to = Math.min(was.end, is.end);
    yield { was, is, width: to - from };
    from = to;
    if (was.end === to) i++;
    if (is.end === to) j++;
  }
}
