// What an evaluation has cost. An instruction is one step, but one that goes through a long text or list costs more, or
// a short rule that makes both could hold a worker for minutes. Only what is gone through is counted: a request's long
// header makes no rule fail that merely asks whether it is equal to something short.

/** An evaluation may take so many steps, then it fails: at most a fifth of a second, whatever the rule. */
export const MOST_STEPS: u32 = 1000000;

let spent: u32 = 0;

export function beginWork(): void {
  spent = 0;
}

// @ts-ignore: decorator
@inline
export function spend(steps: u32): void {
  spent += steps;
}

/** For going through so many bytes. */
// @ts-ignore: decorator
@inline
export function spendBytes(bytes: u32): void {
  spent += bytes >> 6;
}

/** For going through so many items. */
// @ts-ignore: decorator
@inline
export function spendItems(items: u32): void {
  spent += items >> 4;
}

/** The steps since `beginWork`. */
export function workDone(): u32 {
  return spent;
}

// @ts-ignore: decorator
@inline
export function isSpent(): bool {
  return spent >= MOST_STEPS;
}
