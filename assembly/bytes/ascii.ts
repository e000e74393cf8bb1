// The characters of ASCII (RFC 20) that Serin reads or writes, by name.

export const BACKSPACE: u8 = 0x08;
export const TAB: u8 = 0x09;
export const LINE_FEED: u8 = 0x0a;
export const FORM_FEED: u8 = 0x0c;
export const CARRIAGE_RETURN: u8 = 0x0d;
export const SPACE: u8 = 0x20;
export const EXCLAMATION: u8 = 0x21;
export const QUOTE: u8 = 0x22;
export const HASH: u8 = 0x23;
export const DOLLAR: u8 = 0x24;
export const PERCENT: u8 = 0x25;
export const AMPERSAND: u8 = 0x26;
export const APOSTROPHE: u8 = 0x27;
export const OPEN_PARENTHESIS: u8 = 0x28;
export const CLOSE_PARENTHESIS: u8 = 0x29;
export const ASTERISK: u8 = 0x2a;
export const PLUS: u8 = 0x2b;
export const COMMA: u8 = 0x2c;
export const MINUS: u8 = 0x2d;
export const DOT: u8 = 0x2e;
export const SLASH: u8 = 0x2f;
export const ZERO: u8 = 0x30;
export const ONE: u8 = 0x31;
export const NINE: u8 = 0x39;
export const COLON: u8 = 0x3a;
export const SEMICOLON: u8 = 0x3b;
export const LESS: u8 = 0x3c;
export const EQUALS: u8 = 0x3d;
export const GREATER: u8 = 0x3e;
export const QUESTION: u8 = 0x3f;
export const UPPER_A: u8 = 0x41;
export const UPPER_B: u8 = 0x42;
export const UPPER_C: u8 = 0x43;
export const UPPER_E: u8 = 0x45;
export const UPPER_P: u8 = 0x50;
export const UPPER_Q: u8 = 0x51;
export const UPPER_T: u8 = 0x54;
export const UPPER_U: u8 = 0x55;
export const UPPER_Z: u8 = 0x5a;
export const OPEN_BRACKET: u8 = 0x5b;
export const BACKSLASH: u8 = 0x5c;
export const CLOSE_BRACKET: u8 = 0x5d;
export const CARET: u8 = 0x5e;
export const UNDERSCORE: u8 = 0x5f;
export const BACKTICK: u8 = 0x60;
export const LOWER_A: u8 = 0x61;
export const LOWER_B: u8 = 0x62;
export const LOWER_C: u8 = 0x63;
export const LOWER_D: u8 = 0x64;
export const LOWER_E: u8 = 0x65;
export const LOWER_F: u8 = 0x66;
export const LOWER_H: u8 = 0x68;
export const LOWER_I: u8 = 0x69;
export const LOWER_K: u8 = 0x6b;
export const LOWER_M: u8 = 0x6d;
export const LOWER_N: u8 = 0x6e;
export const LOWER_P: u8 = 0x70;
export const LOWER_R: u8 = 0x72;
export const LOWER_S: u8 = 0x73;
export const LOWER_T: u8 = 0x74;
export const LOWER_U: u8 = 0x75;
export const LOWER_V: u8 = 0x76;
export const LOWER_W: u8 = 0x77;
export const LOWER_X: u8 = 0x78;
export const LOWER_Z: u8 = 0x7a;
export const OPEN_BRACE: u8 = 0x7b;
export const PIPE: u8 = 0x7c;
export const CLOSE_BRACE: u8 = 0x7d;
export const TILDE: u8 = 0x7e;
export const DELETE: u8 = 0x7f;

/** 0 to 9. */
// @ts-ignore: decorator
@inline
export function isDigit(byte: u8): bool {
  return byte >= ZERO && byte <= NINE;
}

/** a to z. */
// @ts-ignore: decorator
@inline
export function isLower(byte: u8): bool {
  return byte >= LOWER_A && byte <= LOWER_Z;
}

/** A letter, a digit or `_`. */
// @ts-ignore: decorator
@inline
export function isWordByte(byte: u8): bool {
  return isDigit(byte) || isLower(byte | 0x20) || byte == UNDERSCORE;
}
