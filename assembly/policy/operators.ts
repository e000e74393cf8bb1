// The words of JsonLogic that Serin knows: flagd's schema, nothing more.

import { isWord, Slice } from "../bytes/slice";
import {
  OP_ADD,
  OP_ALL,
  OP_CAT,
  OP_DIV,
  OP_ENDS_WITH,
  OP_EQ,
  OP_FILTER,
  OP_FRACTIONAL,
  OP_GE,
  OP_GT,
  OP_IN,
  OP_JUMP_FALSY_KEEP,
  OP_JUMP_IF_FALSY,
  OP_JUMP_TRUTHY_KEEP,
  OP_LE,
  OP_LT,
  OP_MAP,
  OP_MAX,
  OP_MERGE,
  OP_MIN,
  OP_MISSING,
  OP_MISSING_SOME,
  OP_MOD,
  OP_MUL,
  OP_NE,
  OP_NONE,
  OP_NOT,
  OP_NOT_SAME,
  OP_REDUCE,
  OP_SAME,
  OP_SEM_VER,
  OP_SOME,
  OP_STARTS_WITH,
  OP_SUB,
  OP_SUBSTR,
  OP_TRUTHY,
  OP_VAR,
} from "../core/logic/opcodes";

export const OPERATOR_WORDS =
  "var missing missing_some if == === != !== > >= < <= ! !! or and + - * / % max min merge cat in map filter reduce all some none starts_with ends_with sem_ver fractional $ref substr ?:";

export const NO_OPERATOR: u32 = 0xffffffff;

/**
 * The instruction of an operator; those that jump stand for their first jump: `if` OP_JUMP_IF_FALSY, `and`
 * OP_JUMP_FALSY_KEEP, `or` OP_JUMP_TRUTHY_KEEP. NO_OPERATOR for a word that is none.
 */
export function operatorOf(word: Slice): u32 {
  const length = word as u32;
  if (length == 1) return oneLetter(word);
  if (length == 2) {
    if (isWord(word, "==")) return OP_EQ;
    if (isWord(word, "!=")) return OP_NE;
    if (isWord(word, ">=")) return OP_GE;
    if (isWord(word, "<=")) return OP_LE;
    if (isWord(word, "!!")) return OP_TRUTHY;
    if (isWord(word, "if") || isWord(word, "?:")) return OP_JUMP_IF_FALSY;
    if (isWord(word, "or")) return OP_JUMP_TRUTHY_KEEP;
    return isWord(word, "in") ? OP_IN : NO_OPERATOR;
  }
  if (length == 3) {
    if (isWord(word, "var")) return OP_VAR;
    if (isWord(word, "===")) return OP_SAME;
    if (isWord(word, "!==")) return OP_NOT_SAME;
    if (isWord(word, "and")) return OP_JUMP_FALSY_KEEP;
    if (isWord(word, "max")) return OP_MAX;
    if (isWord(word, "min")) return OP_MIN;
    if (isWord(word, "cat")) return OP_CAT;
    if (isWord(word, "map")) return OP_MAP;
    return isWord(word, "all") ? OP_ALL : NO_OPERATOR;
  }
  if (isWord(word, "some")) return OP_SOME;
  if (isWord(word, "none")) return OP_NONE;
  if (isWord(word, "merge")) return OP_MERGE;
  if (isWord(word, "filter")) return OP_FILTER;
  if (isWord(word, "reduce")) return OP_REDUCE;
  if (isWord(word, "missing")) return OP_MISSING;
  if (isWord(word, "missing_some")) return OP_MISSING_SOME;
  if (isWord(word, "starts_with")) return OP_STARTS_WITH;
  if (isWord(word, "ends_with")) return OP_ENDS_WITH;
  if (isWord(word, "sem_ver")) return OP_SEM_VER;
  if (isWord(word, "substr")) return OP_SUBSTR;
  return isWord(word, "fractional") ? OP_FRACTIONAL : NO_OPERATOR;
}

function oneLetter(word: Slice): u32 {
  if (isWord(word, "!")) return OP_NOT;
  if (isWord(word, ">")) return OP_GT;
  if (isWord(word, "<")) return OP_LT;
  if (isWord(word, "+")) return OP_ADD;
  if (isWord(word, "-")) return OP_SUB;
  if (isWord(word, "*")) return OP_MUL;
  if (isWord(word, "/")) return OP_DIV;
  return isWord(word, "%") ? OP_MOD : NO_OPERATOR;
}
