// UTF-8, as the Unicode standard's table 3-7 has it: no overlong forms, no surrogates, nothing above U+10FFFF.

// @ts-ignore: decorator
@inline
function isContinuation(byte: u8): bool {
  return (byte & 0xc0) == 0x80;
}

/** Bytes of the well-formed code point at `at`; 0 when there is none. */
export function codePointLength(at: usize, end: usize): u32 {
  const first = load<u8>(at);
  if (first < 0x80) return 1;
  const left = end - at;
  if (first >= 0xc2 && first <= 0xdf) {
    return left >= 2 && isContinuation(load<u8>(at + 1)) ? 2 : 0;
  }
  if (first >= 0xe0 && first <= 0xef) {
    if (left < 3 || !isContinuation(load<u8>(at + 1)) || !isContinuation(load<u8>(at + 2))) return 0;
    const second = load<u8>(at + 1);
    if (first == 0xe0 && second < 0xa0) return 0;
    if (first == 0xed && second > 0x9f) return 0;
    return 3;
  }
  if (first >= 0xf0 && first <= 0xf4) {
    if (left < 4) return 0;
    const second = load<u8>(at + 1);
    if (!isContinuation(second) || !isContinuation(load<u8>(at + 2)) || !isContinuation(load<u8>(at + 3)))
      return 0;
    if (first == 0xf0 && second < 0x90) return 0;
    if (first == 0xf4 && second > 0x8f) return 0;
    return 4;
  }
  return 0;
}

/** The code point at `at`, which has so many bytes: 1 to 4. */
export function readCodePoint(at: usize, bytes: u32): u32 {
  const first = load<u8>(at) as u32;
  if (bytes == 1) return first;
  const second = (load<u8>(at + 1) & 0x3f) as u32;
  if (bytes == 2) return ((first & 0x1f) << 6) | second;
  const third = (load<u8>(at + 2) & 0x3f) as u32;
  if (bytes == 3) return ((first & 0x0f) << 12) | (second << 6) | third;
  return ((first & 0x07) << 18) | (second << 12) | (third << 6) | ((load<u8>(at + 3) & 0x3f) as u32);
}

/** Writes a code point (no surrogate, at most 0x10FFFF); returns how many bytes it took. */
export function putCodePoint(to: usize, point: u32): u32 {
  if (point < 0x80) {
    store<u8>(to, point as u8);
    return 1;
  }
  if (point < 0x800) {
    store<u8>(to, (0xc0 | (point >> 6)) as u8);
    store<u8>(to + 1, (0x80 | (point & 0x3f)) as u8);
    return 2;
  }
  if (point < 0x10000) {
    store<u8>(to, (0xe0 | (point >> 12)) as u8);
    store<u8>(to + 1, (0x80 | ((point >> 6) & 0x3f)) as u8);
    store<u8>(to + 2, (0x80 | (point & 0x3f)) as u8);
    return 3;
  }
  store<u8>(to, (0xf0 | (point >> 18)) as u8);
  store<u8>(to + 1, (0x80 | ((point >> 12) & 0x3f)) as u8);
  store<u8>(to + 2, (0x80 | ((point >> 6) & 0x3f)) as u8);
  store<u8>(to + 3, (0x80 | (point & 0x3f)) as u8);
  return 4;
}
