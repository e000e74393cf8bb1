// `headers` and `queryParams` of a match entry.

import { Token } from "../bytes/json-reader";
import { nextOf, Run } from "../bytes/records";
import { isWord, lengthOf, NONE } from "../bytes/slice";
import { Table } from "../bytes/table";
import { Compare, Condition } from "../core/match-plan";
import { NO_SLOT } from "../core/plan";
import * as codes from "../vocabulary/problems";
import { compileExpression } from "./compile-expression";
import { headerName, kept, keptLower, records, slotFor } from "./build";
import { Node } from "./node";
import { fail, failWith, isKind, isTruth, missingKey, unknownKey } from "./problems";

const KNOWN_CONDITION = "name value type ignoreCase";
export const IGNORE_CASE = "ignoreCase is for type Exact; a regular expression has (?i) for it";

/** Reads a list of conditions on the inputs of a table. */
export function readConditions(list: Node, table: Table, isHeader: bool): Run<Condition> {
  const conditions = records<Condition>(list.count);
  if (conditions.isNone) return conditions;
  let i: u32 = 0;
  for (let node = list.first; node; node = nextOf(node)) {
    readCondition(node, conditions.at(i), table, isHeader);
    i++;
  }
  return conditions;
}

function readCondition(node: Node, condition: Condition, table: Table, isHeader: bool): void {
  condition.slot = NO_SLOT;
  if (!isKind(node, Token.Object)) return;
  let name: Node | null = null;
  let value: Node | null = null;
  let folded: Node | null = null;
  for (let member = node.first; member; member = nextOf(member)) {
    if (isWord(member.key, "name")) {
      name = member;
    } else if (isWord(member.key, "value")) {
      value = member;
    } else if (isWord(member.key, "type")) {
      if (!isKind(member, Token.String)) continue;
      if (isWord(member.text, "Present")) condition.compare = Compare.Present;
      else if (isWord(member.text, "RegularExpression")) condition.compare = Compare.Expression;
      else if (!isWord(member.text, "Exact"))
        fail(member, codes.VALUE, "must be Exact, Present or RegularExpression");
    } else if (isWord(member.key, "ignoreCase")) {
      if (isTruth(member) && member.kind == Token.True) folded = member;
    } else {
      unknownKey(member, KNOWN_CONDITION);
    }
  }
  if (!name) {
    missingKey(node, "name", isHeader ? "the header's name" : "the parameter's name");
  } else if (isKind(name, Token.String)) {
    if (!isHeader && lengthOf(name.text) == 0) fail(name, codes.NAME, "must be a parameter's name");
    const text = isHeader ? headerName(name) : kept(name.text);
    if (isHeader && isWord(text, "host")) failWith(name, codes.NAME, "the Host header is matched by hosts");
    if (text != NONE) condition.slot = slotFor(table, text);
  }
  if (folded) {
    if (condition.compare != Compare.Exact) return failWith(folded, codes.CONFLICT, IGNORE_CASE);
    condition.compare = Compare.IgnoreCase;
  }
  readValue(node, value, condition);
}

function readValue(node: Node, value: Node | null, condition: Condition): void {
  const compare = condition.compare;
  if (!value) {
    if (compare != Compare.Present) missingKey(node, "value", "what it must be, or type: Present");
    return;
  }
  if (!isKind(value, Token.String)) return;
  if (compare == Compare.Present) return failWith(value, codes.CONFLICT, "type Present takes no value");
  if (compare == Compare.Expression) condition.expression = compileExpression(value, condition.slot);
  condition.value = compare == Compare.IgnoreCase ? keptLower(value.text) : kept(value.text);
}
