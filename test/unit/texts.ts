// Texts of the specs as slices of linear memory, and back.

import { scratch } from "../../assembly/bytes/scratch";
import { addressOf, lengthOf, Slice, sliceOf } from "../../assembly/bytes/slice";
import { Word } from "../../assembly/bytes/word";
import { Writer } from "../../assembly/bytes/writer";

/** A string as UTF-8 bytes in scratch memory. */
export function bytesOf(text: string): Slice {
  const length = String.UTF8.byteLength(text);
  const at = scratch(length + 8);
  String.UTF8.encodeUnsafe(changetype<usize>(text), text.length, at);
  return sliceOf(at, length as u32);
}

/** A string as a word of the filter's own: its length and its UTF-8 bytes. */
export function wordOf(text: string): Word {
  const bytes = bytesOf(text);
  const at = heap.alloc(lengthOf(bytes) + 2);
  store<u16>(at, lengthOf(bytes) as u16);
  memory.copy(at + 2, addressOf(bytes), lengthOf(bytes));
  return changetype<Word>(at);
}

/** Bytes written as hexadecimal, for what is no text. */
export function bytesOfHex(hex: string): Slice {
  const length = hex.length >> 1;
  const at = scratch(length + 8);
  for (let i = 0; i < length; i++) {
    store<u8>(at + i, U8.parseInt(hex.substr(i << 1, 2), 16));
  }
  return sliceOf(at, length as u32);
}

/** The string that a slice holds. */
export function stringOf(slice: Slice): string {
  return String.UTF8.decodeUnsafe(addressOf(slice), lengthOf(slice));
}

/** A writer of the spec's own. */
export function newWriter(): Writer {
  return changetype<Writer>(heap.alloc(offsetof<Writer>()));
}
