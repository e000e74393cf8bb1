// Bytes that outlive the callback that brought them and come in pieces, like bodies: chains of blocks of one size, which
// are used again and never given back. Their number is bounded, for all chains together.

import { takePages } from "./pages";
import { scratch } from "./scratch";
import { NONE, Slice, sliceOf } from "./slice";

/** A run of bytes of unknown length. */
@unmanaged
export class Chain {
  first: usize;
  last: usize;
  /** Bytes in all. */
  bytes: u32;
}


@unmanaged
class Block {
  next: usize;
  used: u32;
}

const BLOCK: usize = 4096;
const HEADER: usize = offsetof<Block>();
const ROOM: u32 = (BLOCK - HEADER) as u32;
const PAGE: usize = 65536;
/** 32 MiB. */
const MOST_BLOCKS: u32 = 8192;

let freeBlocks: usize = 0;
let made: u32 = 0;

function takeBlock(): usize {
  if (freeBlocks == 0) {
    if (made == MOST_BLOCKS) return 0;
    const page = takePages(PAGE);
    if (page == 0) return 0;
    for (let at = page; at < page + PAGE; at += BLOCK) {
      changetype<Block>(at).next = freeBlocks;
      freeBlocks = at;
    }
    made += (PAGE / BLOCK) as u32;
  }
  const block = freeBlocks;
  freeBlocks = changetype<Block>(block).next;
  changetype<Block>(block).next = 0;
  changetype<Block>(block).used = 0;
  return block;
}

/** Adds bytes at the end. @returns false when all blocks are in use or the memory is at its maximum: give the chain back */
export function extend(chain: Chain, from: usize, bytes: u32): bool {
  let at = from;
  let left = bytes;
  while (left != 0) {
    let block = chain.last;
    if (block == 0 || changetype<Block>(block).used == ROOM) {
      const fresh = takeBlock();
      if (fresh == 0) return false;
      if (block == 0) chain.first = fresh;
      else changetype<Block>(block).next = fresh;
      chain.last = fresh;
      block = fresh;
    }
    const used = changetype<Block>(block).used;
    const part = left < ROOM - used ? left : ROOM - used;
    memory.copy(block + HEADER + used, at, part);
    changetype<Block>(block).used = used + part;
    chain.bytes += part;
    at += part;
    left -= part;
  }
  return true;
}

/** All bytes as one run in scratch memory; NONE without memory. No bytes are an empty run with an address. */
export function gathered(chain: Chain): Slice {
  const to = scratch(chain.bytes == 0 ? 8 : chain.bytes);
  if (to == 0) return NONE;
  let out = to;
  for (let at = chain.first; at != 0; at = changetype<Block>(at).next) {
    const used = changetype<Block>(at).used;
    memory.copy(out, at + HEADER, used);
    out += used;
  }
  return sliceOf(to, chain.bytes);
}

/** Gives the blocks back: the chain is empty. */
export function giveChain(chain: Chain): void {
  if (chain.last != 0) {
    changetype<Block>(chain.last).next = freeBlocks;
    freeBlocks = chain.first;
  }
  chain.first = 0;
  chain.last = 0;
  chain.bytes = 0;
}
