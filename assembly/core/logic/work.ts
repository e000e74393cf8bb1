// What the rules of one request have cost. An instruction is one step, but one that goes through a long text or list
// costs more, or a short rule that makes both could hold a worker for minutes. A step is at most 25 ns of the machine that
// docs/capacity.md names: test/bench/work.ts looks for the rules that take the most. Only what is gone through is counted:
// a request's long header makes no rule fail that merely asks whether it is equal to something short.

let given: i32 = 0;
/** At or below 0: spent. */
let left: i32 = 0;

/** Begins the work of a request, or of a constant of the policy. @param steps at most 2^30 */
export function beginWork(steps: u32): void {
  given = steps as i32;
  left = steps as i32;
}

// @ts-ignore: decorator
@inline
export function spend(steps: u32): void {
  left -= steps as i32;
}

/** For going through so many bytes one by one. */
// @ts-ignore: decorator
@inline
export function spendBytes(bytes: u32): void {
  left -= (bytes >> 3) as i32;
}

/** For copying so many bytes, or comparing them eight at a time. */
// @ts-ignore: decorator
@inline
export function spendWords(bytes: u32): void {
  left -= (bytes >> 6) as i32;
}

/** For going through so many values. */
// @ts-ignore: decorator
@inline
export function spendItems(items: u32): void {
  left -= items as i32;
}

/** For so much work of big integers (bytes/big-integer.ts). */
// @ts-ignore: decorator
@inline
export function spendLimbs(limbs: u32): void {
  left -= (limbs >> 2) as i32;
}

/** The steps since `beginWork`. */
export function workDone(): u32 {
  return (given - left) as u32;
}

// @ts-ignore: decorator
@inline
export function isSpent(): bool {
  return left <= 0;
}
