// One evaluation of a flag over any JSON, for `serin evaluate`: Envoy never calls it.

import { closeArena, openArena } from "../bytes/arena";
import { fixed } from "../bytes/records";
import { beginScratch } from "../bytes/scratch";
import { isWord, Slice, sliceOf } from "../bytes/slice";
import { ABSENT, find } from "../bytes/table";
import * as json from "../bytes/json-writer";
import { beginText, textOf, Writer } from "../bytes/writer";
import { Word } from "../bytes/word";
import { flagReason } from "../core/decision-line";
import { beginDecision, decision, FlagReason } from "../core/decision";
import { answerFlag } from "../core/flag";
import { RuleError } from "../core/logic/opcodes";
import { findMember, setNull, Tag, Value } from "../core/logic/value";
import { putValue } from "../core/logic/value-text";
import { seeJson } from "../core/logic/variables";
import { NO_SLOT, Plan } from "../core/plan";
import { readValue } from "../policy/read-value";
import * as reasons from "../vocabulary/reasons";
import { rootOf } from "./contexts";

const line: Writer = fixed<Writer>();
const empty: Value = fixed<Value>();

/**
 * Evaluates one request: `{ "flagKey", "context", "type", "default" }` as JSON in memory that
 * `proxy_on_memory_allocate` gave, by the policy of a root.
 * @param seconds the clock, since 1970
 * @returns the answer as a JSON line (address << 32 | length), good until the next allocation; 0 when the request is
 * not a JSON object or the root has no policy
 */
export function evaluate(root: u32, address: usize, length: u32, seconds: f64): u64 {
  const context = rootOf(root);
  if (context == null) return 0;
  const plan = context.plan;
  if (plan == null) return 0;
  const arena = openArena();
  if (!arena) return 0;
  const request = readValue(arena, sliceOf(address, length));
  let text: Slice = 0;
  if (request && request.tag == Tag.Object) {
    beginText(line);
    putAnswer(plan, request, seconds);
    text = textOf(line);
  }
  closeArena(arena);
  // What was written stays readable until somebody takes scratch memory again.
  beginScratch();
  return text;
}

/** A member of the request; null when it is not there. */
function part(request: Value, name: Word): Value {
  for (let i: u32 = 0; i < request.count; i++) {
    const member = request.members.at(i);
    if (isWord(member.key, name)) return member.value;
  }
  setNull(empty);
  return empty;
}

function putAnswer(plan: Plan, request: Value, seconds: f64): void {
  const key = part(request, "flagKey");
  const found = key.tag == Tag.Text ? find(plan.flagKeys, key.bits) : ABSENT;
  if (found == ABSENT) {
    putFailure(request, reasons.ERROR_CODE_NOT_FOUND, "flag not found");
    return putMetadata(plan, null);
  }
  const flag = plan.flag(found);
  beginDecision(decision, plan, 0);
  seeJson(plan, part(request, "context"), seconds);
  const answer = answerFlag(decision, flag);
  if (answer.reason == FlagReason.Error) {
    const isParse = answer.error == RuleError.Parse;
    putFailure(
      request,
      isParse ? reasons.ERROR_CODE_PARSE : reasons.ERROR_CODE_GENERAL,
      isParse
        ? "the targeting could not be compiled"
        : answer.error == RuleError.Work
          ? "the targeting took more steps than limits.work"
          : "the targeting failed, or its result names no variant",
    );
    return putMetadata(plan, flag.metadata);
  }
  if (answer.given == NO_SLOT) {
    json.beginObject(line);
    json.name(line, "value");
    putValue(line, part(request, "default"));
    json.wordAt(line, "reason", flagReason(answer.reason));
    return putMetadata(plan, flag.metadata);
  }
  const variant = flag.variant(answer.given);
  const value = variant.value;
  if (!isOfType(value, part(request, "type"))) {
    putFailure(request, reasons.ERROR_CODE_TYPE, "the value of the variant is not of the requested type");
    return putMetadata(plan, flag.metadata);
  }
  json.beginObject(line);
  json.name(line, "value");
  putValue(line, value);
  json.textAt(line, "variant", variant.name);
  json.wordAt(line, "reason", flagReason(answer.reason));
  putMetadata(plan, flag.metadata);
}

function isOfType(value: Value, type: Value): bool {
  if (type.tag != Tag.Text) return true;
  if (isWord(type.bits, "boolean")) return value.tag == Tag.True || value.tag == Tag.False;
  if (isWord(type.bits, "string")) return value.tag == Tag.Text;
  if (isWord(type.bits, "number")) return value.tag == Tag.Number;
  return value.tag == Tag.Object;
}

function putFailure(request: Value, code: Word, message: Word): void {
  json.beginObject(line);
  json.name(line, "value");
  putValue(line, part(request, "default"));
  json.wordAt(line, "reason", reasons.ERROR);
  json.wordAt(line, "errorCode", code);
  json.wordAt(line, "errorMessage", message);
}

/** Puts the set's metadata overlaid by the flag's, and ends the answer. */
function putMetadata(plan: Plan, own: Value | null): void {
  json.objectAt(line, "flagMetadata");
  const set = plan.metadata;
  if (set) {
    for (let i: u32 = 0; i < set.count; i++) {
      if (own && findMember(own, set.members.at(i).key)) continue;
      putMember(set, i);
    }
  }
  if (own) {
    for (let i: u32 = 0; i < own.count; i++) putMember(own, i);
  }
  json.endObject(line);
  json.endObject(line);
}

function putMember(object: Value, index: u32): void {
  const member = object.members.at(index);
  json.nameText(line, member.key);
  putValue(line, member.value);
}
