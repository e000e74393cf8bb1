// A word of Serin's own: a string literal of this folder. tools/project/static-words.js lays them out as UTF-8, so that
// putting and comparing one converts nothing.

/** Where the bytes of a word begin, behind their number. */
const BYTES: usize = sizeof<u16>();

/** Static bytes. In the source: a string literal. */
@unmanaged
export class Word {
  /** How many bytes follow. */
  private size: u16;

  /** How many bytes. */
  // @ts-ignore: decorator
  @inline
  get length(): u32 {
    return this.size as u32;
  }

  /** The first of its bytes. */
  // @ts-ignore: decorator
  @inline
  get begin(): usize {
    return changetype<usize>(this) + BYTES;
  }
}
