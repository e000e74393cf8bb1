// Distinct users as bits: which bit is a user's, how the bitmaps are laid out, and when a period is over. Pure
// arithmetic; docs/decisions/evidence.md says why.

/** The largest and the smallest bitmap, in bits as a power of two. */
export const MOST_BITS: u32 = 16;
export const FEWEST_BITS: u32 = 12;

/** The golden ratio, 2^32 / phi: spreads a range of hashes more evenly than chance (Knuth 3, 6.4). */
const GOLDEN: u32 = 0x9e3779b1;

/** What is counted of a user, in the order of the stats of a rollout; the thresholds of `slow` and the goals follow. */
export const enum Met {
  USERS = 0,
  ERROR = 1,
  OK = 2,
  REDIRECT = 3,
  CLIENT_ERROR = 4,
  SLOW = 5,
}

/** What is counted of a user of a shadow. */
export const enum MetCopy {
  USERS = 0,
  MISMATCH = 1,
  /** The last one, where there is a second instance: it differed from production where the shadow did not. */
  NOISE_ONLY = 2,
}

/** The most slots that a rollout can have: its variants without the default, and the control group. */
export const MOST_SLOTS: u32 = 16;

/** The index of a user in bitmaps of 2^bits bits, from the hash that chose its variant. */
// @ts-ignore: decorator
@inline
export function indexOfUser(hash: u32, bits: u32): u32 {
  return (hash * GOLDEN) >> (32 - bits);
}

/** Bytes of a piece without its header: a piece has 256. */
const PIECE_ROOM: u32 = 248;
/** A piece holds at least the indexes of one byte. */
const FEWEST_SHIFT: u32 = 3;

/**
 * How many indexes one piece holds, as a power of two: as many as fit with all their stats side by side.
 * @param stats 1 to 62
 */
export function pieceShift(stats: u32): u32 {
  let shift = FEWEST_SHIFT;
  while ((stats << (shift + 1)) >> 3 <= PIECE_ROOM) shift++;
  return shift;
}

/** Bytes of one piece: for each stat in turn, one bit for each index. */
// @ts-ignore: decorator
@inline
export function pieceBytes(stats: u32, shift: u32): u32 {
  return (stats << shift) >> 3;
}

/** Bytes of all bitmaps of a rollout. */
export function bitmapBytes(stats: u32, bits: u32): u32 {
  return (stats << bits) >> 3;
}

/** The byte of a piece that has the bit of an index for the first stat. */
// @ts-ignore: decorator
@inline
export function byteInPiece(index: u32, shift: u32): u32 {
  return (index & ((1 << shift) - 1)) >> 3;
}

/** Which of the stats in `wanted` (a bit each) are set for an index of a piece. */
export function bitsOf(piece: usize, index: u32, shift: u32, wanted: u32): u32 {
  const row = 1 << (shift - 3);
  const bit = (index & 7) as u8;
  const at = piece + byteInPiece(index, shift);
  let rest = wanted;
  let found: u32 = 0;
  while (rest != 0) {
    const stat = ctz<u32>(rest);
    rest &= rest - 1;
    if ((load<u8>(at + stat * row) >> bit) & 1) found |= 1 << stat;
  }
  return found;
}

/** Sets the bits of these stats for an index of a piece. */
export function setBits(piece: usize, index: u32, shift: u32, stats: u32): void {
  const row = 1 << (shift - 3);
  const bit = ((1 as u32) << (index & 7)) as u8;
  const at = piece + byteInPiece(index, shift);
  let rest = stats;
  while (rest != 0) {
    const to = at + ctz<u32>(rest) * row;
    rest &= rest - 1;
    store<u8>(to, load<u8>(to) | bit);
  }
}

/** With fewer users in error a period never ends because of them. */
const MANY_ERRORS: u64 = 200;

/**
 * Whether a period should end: its bitmap of users is seven eighths full, or more than a third of the users have had an
 * error, so that further errors tell little. Counts all variants and the control group together, so the decision does
 * not depend on which of them had the errors.
 */
export function isSpent(users: u64, errors: u64, bits: u32): bool {
  if (users << 3 >= (7 as u64) << bits) return true;
  return errors >= MANY_ERRORS && errors * 3 > users;
}

/**
 * The stats that the end of a request sets.
 * @param ending 1 to 5 for the class of the answer, 0 for none
 * @param isError whether it counts as an error
 * @param slow how many of the rollout's thresholds it exceeded; they rise, so these are the first ones
 */
export function metAtEnd(ending: u32, isError: bool, slow: u32): u32 {
  let met: u32 = isError ? 1 << Met.ERROR : 0;
  if (ending == 2 || ending == 3) met |= 1 << Met.OK;
  if (ending == 3) met |= 1 << Met.REDIRECT;
  if (ending == 4) met |= 1 << Met.CLIENT_ERROR;
  return met | (((1 << slow) - 1) << Met.SLOW);
}
