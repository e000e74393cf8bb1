// Distinct users as bits: where a user stands in the bitmaps, how they are laid out, and when a period is over. Pure
// arithmetic; docs/decisions/evidence.md says why it is so.

/** Bits of a bitmap, as a power of two: the most and the fewest. */
export const MOST_BITS: u32 = 16;
export const FEWEST_BITS: u32 = 12;

/** The golden ratio, 2^32 / phi: spreads a range of hashes more evenly than chance (Knuth 3, 6.4). */
const GOLDEN: u32 = 0x9e3779b1;

/** What a user can meet, in the order of the stats of a rollout; the thresholds of `slow` follow. */
export const enum Met {
  USERS = 0,
  ERROR = 1,
  OK = 2,
  REDIRECT = 3,
  CLIENT_ERROR = 4,
  SLOW = 5,
}

/** Variants but the default, and the control group: no rollout has more. */
export const MOST_SLOTS: u32 = 16;
/** Stats of a rollout: all of Met but its last, and six thresholds. */
export const MOST_STATS: u32 = 11;

/** The place of a user in bitmaps of 2^bits bits, from the hash that gave it the variant. */
// @ts-ignore: decorator
@inline
export function indexOfUser(hash: u32, bits: u32): u32 {
  return (hash * GOLDEN) >> (32 - bits);
}

/** Bytes of a piece without its header: what is left of 256. */
const PIECE_ROOM: u32 = 248;
/** Fewer indexes than fill a byte are no piece. */
const FEWEST_SHIFT: u32 = 3;

/**
 * How many indexes stand in one piece, as a power of two: as many as fit with all their stats side by side.
 * @param stats 1 to 62
 */
export function pieceShift(stats: u32): u32 {
  let shift = FEWEST_SHIFT;
  while ((stats << (shift + 1)) >> 3 <= PIECE_ROOM) shift++;
  return shift;
}

/** Bytes of one piece: its stats one behind the other, a bit an index. */
// @ts-ignore: decorator
@inline
export function pieceBytes(stats: u32, shift: u32): u32 {
  return (stats << shift) >> 3;
}

/** Bytes of all bitmaps of a rollout. */
export function bitmapBytes(stats: u32, bits: u32): u32 {
  return (stats << bits) >> 3;
}

/** Bytes behind the beginning of a piece at which the bit of an index stands for the first stat. */
// @ts-ignore: decorator
@inline
export function byteInPiece(index: u32, shift: u32): u32 {
  return (index & ((1 << shift) - 1)) >> 3;
}

/** Which stats of `wanted` (a bit each) an index has in a piece. */
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

/** Sets the bits of the stats of an index in a piece. */
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

/** Errors from which on a period may be too full of them. */
const MANY_ERRORS: u64 = 200;

/**
 * Whether a period has told what it can: its bitmap of users is seven eighths full, or more than a third of the users
 * have met an error, so that those who ever did say ever less. All variants and the control group together: blind to
 * who has which.
 */
export function isSpent(users: u64, errors: u64, bits: u32): bool {
  if (users << 3 >= (7 as u64) << bits) return true;
  return errors >= MANY_ERRORS && errors * 3 > users;
}

/**
 * The stats that the end of a request sets.
 * @param ending 1 to 5 for the class of the answer, 0 for none
 * @param isError whether it counts as an error
 * @param slow how many of the rollout's thresholds it took longer than, which are the first so many
 */
export function metAtEnd(ending: u32, isError: bool, slow: u32): u32 {
  let met: u32 = isError ? 1 << Met.ERROR : 0;
  if (ending == 2 || ending == 3) met |= 1 << Met.OK;
  if (ending == 3) met |= 1 << Met.REDIRECT;
  if (ending == 4) met |= 1 << Met.CLIENT_ERROR;
  return met | (((1 << slow) - 1) << Met.SLOW);
}
