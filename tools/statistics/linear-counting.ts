// How many users are behind the bits of a bitmap: Whang, Vander-Zanden & Taylor 1990, "A linear-time probabilistic
// counting algorithm for database applications", ACM TODS 15, 208-229. For display, and for shares of users; tests use
// the bits.

/**
 * Users behind `bits`, a part of the `all` bits that are set of a bitmap of `size`. A size of 0, as where each request
 * is a user and nothing is shared, and a bitmap that is full, give the bits themselves.
 */
export function usersBehind(bits: number, all: number, size: number): number {
  if (bits <= 0 || size <= 0 || all >= size) return Math.max(0, bits);
  const whole = Math.max(bits, all);
  return (bits / whole) * -size * Math.log1p(-whole / size);
}
