// Whether a share is the one that was asked for, as far as chance goes.

export const STANDARD_ERRORS = 4;

/** Whether so many draws would hardly ever give this share. Shares are 0 to 1. */
export function isFarFrom(seen: number, asked: number, draws: number): boolean {
  return Math.abs(seen - asked) > STANDARD_ERRORS * Math.sqrt((asked * (1 - asked)) / draws) + 1e-9;
}
