// Answers that say nothing about each other: what is in the way, and how the log says it.

import { fixed } from "../../bytes/records";
import { put, Writer } from "../../bytes/writer";
import { Word } from "../../bytes/word";
import { Coding } from "../../core/content-coding";

/** What is in the way of a comparison. */
export const enum Obstacle {
  None,
  /** One of the two has nothing but that it is as the client knows it; */
  NotModified,
  /** or a part of what the other has. */
  Partial,
  /** A coding that is not decoded. */
  Coding,
  /** A body is larger, decoded, than `maxBodyBytes`. */
  TooLarge,
  /** It has more tables than its bytes are worth. */
  Laborious,
  NoMemory,
  /** It has no end yet. */
  GoesOn,
  /** A body that is not what its coding says. Of one of the two it is a difference. */
  Corrupt,
}

/** What `findObstacle` or filter/shadow/decoded.ts found last. */
@unmanaged
export class Finding {
  obstacle: Obstacle;
  /** Whether it is the shadow's answer, not production's, that is in the way. */
  isShadows: bool;
  /** For `Corrupt`: whether both bodies are. */
  isBoth: bool;
  /** For `Coding`: which. */
  coding: Coding;
}

export const finding: Finding = fixed<Finding>();

/** Notes what is in the way. */
export function note(obstacle: Obstacle, isShadows: bool): void {
  finding.obstacle = obstacle;
  finding.isShadows = isShadows;
  finding.isBoth = false;
}

const OK: u32 = 200;
const PARTIAL: u32 = 206;
const NOT_MODIFIED: u32 = 304;

/** Whether the statuses of two answers keep them from being compared. */
export function isObstacle(one: u32, two: u32): bool {
  return one != two && isKindOfOk(one) && isKindOfOk(two);
}

/** Likewise of production's and the shadow's, noted. */
export function hasObstacle(ours: u32, theirs: u32): bool {
  finding.obstacle = Obstacle.None;
  if (!isObstacle(ours, theirs)) return false;
  if (ours == NOT_MODIFIED || theirs == NOT_MODIFIED) note(Obstacle.NotModified, theirs == NOT_MODIFIED);
  else note(Obstacle.Partial, theirs == PARTIAL);
  return true;
}

/** The same resource, as the client's own headers (`if-none-match`, `range`) had it answered. */
function isKindOfOk(status: u32): bool {
  return status == OK || status == PARTIAL || status == NOT_MODIFIED;
}

/** Puts what was found in words, for the log. */
export function putFinding(writer: Writer): void {
  if (finding.obstacle == Obstacle.NoMemory) return put(writer, "no memory to decode the bodies");
  if (finding.isBoth) return put(writer, "both bodies are corrupt");
  put(writer, finding.isShadows ? "the shadow's " : "production's ");
  put(writer, predicate());
}

function predicate(): Word {
  if (finding.obstacle == Obstacle.NotModified) return "answer alone is 304";
  if (finding.obstacle == Obstacle.Partial) return "answer alone is 206, a part";
  if (finding.obstacle == Obstacle.TooLarge) return "decoded body is larger than maxBodyBytes";
  if (finding.obstacle == Obstacle.Laborious) return "body takes too much work to decode";
  if (finding.obstacle == Obstacle.GoesOn) return "answer goes on";
  if (finding.obstacle == Obstacle.Corrupt) return "body is corrupt";
  if (finding.coding == Coding.Brotli) return "body is encoded with br";
  if (finding.coding == Coding.Zstd) return "body is encoded with zstd";
  if (finding.coding == Coding.TooMany) return "body is encoded more than twice";
  return "body is encoded with a coding that is not decoded";
}
