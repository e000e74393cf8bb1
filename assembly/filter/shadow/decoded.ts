// Bodies that came encoded, decoded to be compared: once both answers are there, only where they differ as they came, and
// never into more than `maxBodyBytes` (docs/decisions/shadow-decoding.md).

import { gathered } from "../../bytes/chain";
import { decodedBytes, gunzip, undeflate } from "../../bytes/gzip";
import { beginHash, hashBytes, hashOf } from "../../bytes/hash64";
import { Inflated, OUTPUT_SLACK } from "../../bytes/inflate";
import { markScratch, rewindScratch, scratch } from "../../bytes/scratch";
import { NONE, Slice, sliceOf } from "../../bytes/slice";
import { Coding, lastCoding, strangeCoding, withoutLast } from "../../core/content-coding";
import { BodyComparison, Shadow } from "../../core/shadow-plan";
import { Answer, AnswerState, Copy } from "../records";
import { bodyRoom, encodedRoom } from "./answers";
import { finding, note, Obstacle } from "./incomparable";

/** Whether two bodies are the same bytes, encoded alike. */
export function sameBody(a: Answer, b: Answer): bool {
  if (a.bytes != b.bytes) return false;
  return a.bytes == 0 || (a.codings == b.codings && hashOf(a.hash) == hashOf(b.hash));
}

/**
 * Decodes the bodies of a copy's answers. One that cannot be decoded stays as it came, with its codings, and is the same
 * as no decoded one.
 * @returns whether production's and the shadow's can be compared; if not, `finding` says why
 */
export function decodeBodies(copy: Copy): bool {
  const shadow = copy.shadow;
  const ours = copy.ours;
  const theirs = copy.theirs;
  finding.obstacle = Obstacle.None;
  if (sameBody(ours, theirs)) return true;
  const ofOurs = decode(shadow, ours);
  const ofTheirs = decode(shadow, theirs);
  if (ofOurs != Obstacle.None || ofTheirs != Obstacle.None) {
    if (isTooLong(shadow, ofOurs, theirs, ofTheirs) || isTooLong(shadow, ofTheirs, ours, ofOurs)) {
      // Nor does a second instance excuse it whose body nobody has decoded.
      if (copy.other.codings != 0) copy.other.outcome = AnswerState.None;
      return true;
    }
    if (isInTheWay(ofOurs)) return notes(ofOurs, ours, false);
    if (isInTheWay(ofTheirs)) return notes(ofTheirs, theirs, true);
    note(Obstacle.Corrupt, ofTheirs == Obstacle.Corrupt);
    finding.isBoth = ofOurs == ofTheirs;
    if (finding.isBoth) return false;
  }
  const other = copy.other;
  // A second instance whose body cannot be compared excuses nothing, like one without an answer.
  if (other.outcome == AnswerState.Whole && !sameBody(ours, theirs) && isInTheWay(decode(shadow, other)))
    other.outcome = AnswerState.None;
  return true;
}

/** Decodes the bodies of all three answers, also of those that came the same. @returns whether all of them can be compared */
export function decodeAll(copy: Copy): bool {
  const shadow = copy.shadow;
  return (
    decode(shadow, copy.ours) == Obstacle.None &&
    decode(shadow, copy.theirs) == Obstacle.None &&
    decode(shadow, copy.other) == Obstacle.None
  );
}

/** Whether nothing can be said about such a body. A corrupt one is what it is. */
function isInTheWay(obstacle: Obstacle): bool {
  return obstacle != Obstacle.None && obstacle != Obstacle.Corrupt;
}

function notes(obstacle: Obstacle, answer: Answer, isShadows: bool): bool {
  note(obstacle, isShadows);
  finding.coding = strangeCoding(answer.codings);
  return false;
}

/** Whether one of two bodies, compared as bytes, is longer for certain, though nobody knows how long it is. */
function isTooLong(shadow: Shadow, obstacle: Obstacle, than: Answer, ofThan: Obstacle): bool {
  if (shadow.body != BodyComparison.Bytes || obstacle != Obstacle.TooLarge) return false;
  return ofThan == Obstacle.None && than.bytes <= (bodyRoom(shadow) as u64);
}

/** Decodes one body: `text`, `bytes` and `hash` are then those of what it decodes to. */
function decode(shadow: Shadow, answer: Answer): Obstacle {
  const codings = answer.codings;
  if (codings == 0) return Obstacle.None;
  if (answer.bytes == 0) {
    // The answer to a HEAD.
    answer.codings = 0;
    return Obstacle.None;
  }
  if (strangeCoding(codings) != Coding.Identity) return Obstacle.Coding;
  if (!answer.isKept) return Obstacle.TooLarge;
  const room = bodyRoom(shadow);
  const before = markScratch();
  const text = scratch(room + OUTPUT_SLACK);
  if (text == 0) return Obstacle.NoMemory;
  const behind = markScratch();
  const obstacle = decodeInto(text, room, answer);
  if (obstacle != Obstacle.None) {
    // What the next body needs is not kept from it by one that came to nothing.
    rewindScratch(before);
    return obstacle;
  }
  const bytes = decodedBytes(text);
  rewindScratch(behind);
  answer.codings = 0;
  answer.bytes = bytes;
  answer.text = sliceOf(text, bytes);
  beginHash(answer.hash);
  hashBytes(answer.hash, text, bytes);
  return Obstacle.None;
}

/** Decodes a body that has codings, with scratch memory that the caller gives back. */
function decodeInto(text: usize, room: u32, answer: Answer): Obstacle {
  const codings = answer.codings;
  const input = gathered(answer.body);
  if (input == NONE) return Obstacle.NoMemory;
  const inner = withoutLast(codings);
  if (inner == 0) return obstacleOf(decodeOne(lastCoding(codings), input, text, room));
  const innerRoom = encodedRoom(room);
  const between = scratch(innerRoom + OUTPUT_SLACK);
  if (between == 0) return Obstacle.NoMemory;
  const ended = decodeOne(lastCoding(codings), input, between, innerRoom);
  if (ended != Inflated.Whole) return obstacleOf(ended);
  return obstacleOf(decodeOne(lastCoding(inner), sliceOf(between, decodedBytes(between)), text, room));
}

function decodeOne(coding: Coding, input: Slice, to: usize, room: u32): Inflated {
  return coding == Coding.Gzip ? gunzip(input, to, room) : undeflate(input, to, room);
}

/** A body that was cut is corrupt: its stream had an end, and it had none. */
function obstacleOf(ended: Inflated): Obstacle {
  if (ended == Inflated.Whole) return Obstacle.None;
  if (ended == Inflated.Full) return Obstacle.TooLarge;
  return ended == Inflated.Laborious ? Obstacle.Laborious : Obstacle.Corrupt;
}
