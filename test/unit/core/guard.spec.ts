// The expected values are from 40-digit arithmetic of the formulas in docs/decisions/guard.md (Python's mpmath).

import {
  beginGuard,
  endBlock,
  evidenceOfGuard,
  factorOf,
  GuardCounts,
  GuardRecord,
  isBehind,
  isEnough,
  payMinutes,
  ratioOfBet,
} from "../../../assembly/core/guard";

const SECOND: u64 = 1000000000;
const MINUTE: u64 = 60 * SECOND;
const START: u64 = 1795000000 * SECOND;

const guard = changetype<GuardRecord>(memory.data(offsetof<GuardRecord>(), 8));
const counts = changetype<GuardCounts>(memory.data(offsetof<GuardCounts>(), 8));

function isNear(found: f64, expected: f64): bool {
  return abs(found - expected) <= expected * 1e-12;
}

function begin(): void {
  memory.fill(changetype<usize>(guard), 0, offsetof<GuardRecord>());
  memory.fill(changetype<usize>(counts), 0, offsetof<GuardCounts>());
  beginGuard(guard, 7, START);
}

/** So many more of each, and a block's end so many seconds after the start. */
function block(errors: u64, controlErrors: u64, ended: u64, controlEnded: u64, seconds: u64): bool {
  counts.errors += errors;
  counts.controlErrors += controlErrors;
  counts.ended += ended;
  counts.controlEnded += controlEnded;
  return endBlock(guard, counts, 0.2, false, START + seconds * SECOND);
}

describe("a bet", () => {
  it("is on 1.5, 3, 8 and 24 times as many errors", () => {
    expect(ratioOfBet(0)).toBe(1.5);
    expect(ratioOfBet(1)).toBe(3);
    expect(ratioOfBet(2)).toBe(8);
    expect(ratioOfBet(3)).toBe(24);
  });

  it("is multiplied by the likelihood ratio", () => {
    expect(isNear(factorOf(1.5, 0.2, 1, 0), 1.36363636363636363)).toBe(true);
    expect(isNear(factorOf(1.5, 0.2, 0, 1), 0.909090909090909086)).toBe(true);
    expect(isNear(factorOf(24, 0.2, 9, 0), 487763.088935271435)).toBe(true);
    expect(isNear(factorOf(24, 0.2, 9, 3), 2777.44105853265857)).toBe(true);
    expect(isNear(factorOf(8, 0.25, 100, 300), 3.76635426110004862e-86)).toBe(true);
    expect(isNear(factorOf(3, 0.2, 2000, 5000), 2.21952321392951012e-69)).toBe(true);
    expect(isNear(factorOf(1.5, 0.5, 7, 7), 0.75144747810816)).toBe(true);
    expect(factorOf(3, 0.2, 0, 0)).toBe(1);
  });

  it("stays a number whatever it is multiplied by", () => {
    expect(factorOf(24, 0.2, 1000, 0)).toBe(1e290);
    expect(factorOf(24, 0.2, 0, 1000)).toBe(1e-290);
    expect(factorOf(24, 0.2, 20000, 60000)).toBe(1e-290);
    expect(factorOf(24, 0.2, u64.MAX_VALUE, 0)).toBe(1e290);
    expect(factorOf(24, 0.2, 0, u64.MAX_VALUE)).toBe(1e-290);
    begin();
    for (let i: u64 = 1; i < 5; i++) block(100000, 0, 100000, 100000, i);
    expect(evidenceOfGuard(guard)).toBe(1e290);
    for (let i: u64 = 5; i < 9; i++) block(0, 100000, 100000, 100000, i);
    expect(evidenceOfGuard(guard)).toBe(1e-290);
    expect(payMinutes(guard, START + MINUTE)).toBe(true);
    expect(isNear(evidenceOfGuard(guard), 0.5 / 1440)).toBe(true);
  });
});

describe("a period", () => {
  it("is the recurrence of the contract", () => {
    begin();
    expect(evidenceOfGuard(guard)).toBe(0.5);
    expect(block(2, 1, 30, 120, 1)).toBe(true);
    expect(isNear(evidenceOfGuard(guard), 1.60998183693832188)).toBe(true);
    expect(block(0, 3, 30, 120, 60)).toBe(true);
    expect(payMinutes(guard, START + MINUTE)).toBe(true);
    expect(isNear(evidenceOfGuard(guard), 0.35271391554992626)).toBe(true);
    expect(payMinutes(guard, START + 2 * MINUTE - 1)).toBe(false);
    expect(block(5, 0, 30, 120, 179)).toBe(true);
    expect(payMinutes(guard, START + 3 * MINUTE)).toBe(true);
    expect(isNear(evidenceOfGuard(guard), 28.2681679651636901)).toBe(true);
    expect(block(3, 1, 30, 120, 181)).toBe(true);
    expect(isNear(guard.bet0, 6.90765076507828813)).toBe(true);
    expect(isNear(guard.bet1, 189.900200370395047)).toBe(true);
    expect(isNear(guard.bet2, 1065.62705165888193)).toBe(true);
    expect(isNear(guard.bet3, 196.851576963338064)).toBe(true);
    expect(isEnough(guard, 0.01)).toBe(true);
    expect(isEnough(guard, 0.001)).toBe(false);
    beginGuard(guard, 8, START);
    expect(evidenceOfGuard(guard)).toBe(0.5);
    expect(guard.period).toBe(8);
  });

  it("acts where the mean of the bets is one over the promise", () => {
    begin();
    guard.bet0 = 4000;
    guard.bet1 = 0;
    guard.bet2 = 0;
    guard.bet3 = 0;
    expect(isEnough(guard, 0.001)).toBe(true);
    guard.bet0 = 3999.9;
    expect(isEnough(guard, 0.001)).toBe(false);
  });

  it("keeps what a guard has done", () => {
    begin();
    guard.rolledBack = 3;
    guard.alarmed = 2;
    beginGuard(guard, 9, START);
    expect(guard.rolledBack).toBe(3);
    expect(guard.alarmed).toBe(2);
  });
});

describe("a block", () => {
  it("takes a second", () => {
    begin();
    counts.errors = 1;
    counts.ended = 20;
    counts.controlEnded = 100;
    expect(endBlock(guard, counts, 0.2, false, START + SECOND - 1)).toBe(false);
    expect(endBlock(guard, counts, 0.2, false, START + SECOND)).toBe(true);
  });

  it("takes twenty requests of the control group", () => {
    begin();
    expect(block(1, 0, 5, 19, 10)).toBe(false);
    expect(block(0, 0, 0, 1, 10)).toBe(true);
    expect(block(1, 0, 1, 19, 60)).toBe(false);
    expect(block(0, 0, 0, 1, 60)).toBe(true);
  });

  it("without users of the variant leaves its errors to the next that has some", () => {
    begin();
    expect(block(0, 4, 0, 100, 1)).toBe(false);
    expect(guard.controlEnded).toBe(100);
    expect(evidenceOfGuard(guard)).toBe(0.5);
    expect(block(1, 0, 1, 19, 2)).toBe(false);
    expect(block(0, 0, 0, 1, 2)).toBe(true);
    expect(isNear(guard.bet3, 0.5 * factorOf(24, 0.2, 1, 4))).toBe(true);
  });

  it("of ten seconds multiplies a bet by ten at most, where bursts are passed over", () => {
    begin();
    counts.errors = 50;
    counts.controlErrors = 2;
    counts.ended = 60;
    counts.controlEnded = 400;
    expect(endBlock(guard, counts, 0.2, true, START + 10 * SECOND - 1)).toBe(false);
    expect(endBlock(guard, counts, 0.2, true, START + 10 * SECOND)).toBe(true);
    expect(evidenceOfGuard(guard)).toBe(5);
    counts.controlErrors += 3;
    counts.ended++;
    counts.controlEnded += 20;
    expect(endBlock(guard, counts, 0.2, true, START + 20 * SECOND)).toBe(true);
    expect(isNear(guard.bet0, 5 * factorOf(1.5, 0.2, 0, 3))).toBe(true);
  });
});

describe("a clock", () => {
  it("that is put back begins the block and the minute anew", () => {
    begin();
    counts.errors = 1;
    counts.ended = 20;
    counts.controlEnded = 100;
    const earlier = START - 60 * MINUTE;
    expect(endBlock(guard, counts, 0.2, false, earlier)).toBe(false);
    expect(payMinutes(guard, earlier)).toBe(false);
    expect(endBlock(guard, counts, 0.2, false, earlier + SECOND)).toBe(true);
    expect(payMinutes(guard, earlier + MINUTE)).toBe(true);
  });

  it("that jumps ahead pays one minute, one that stood still for some pays them", () => {
    begin();
    expect(payMinutes(guard, START + 1440 * MINUTE)).toBe(true);
    expect(isNear(evidenceOfGuard(guard), 0.5 + 0.5 / 1440)).toBe(true);
    expect(payMinutes(guard, START + 1440 * MINUTE + MINUTE - 1)).toBe(false);
    expect(payMinutes(guard, START + 1444 * MINUTE + 1)).toBe(true);
    expect(isNear(evidenceOfGuard(guard), 0.5 + 2.5 / 1440)).toBe(true);
  });
});

describe("gauges", () => {
  it("that have less than was seen are of another period", () => {
    begin();
    expect(isBehind(guard, counts)).toBe(false);
    guard.controlErrors = 1;
    expect(isBehind(guard, counts)).toBe(true);
    counts.controlErrors = 1;
    expect(isBehind(guard, counts)).toBe(false);
    guard.ended = 1;
    expect(isBehind(guard, counts)).toBe(true);
  });
});
