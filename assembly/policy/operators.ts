// The words of JsonLogic that Serin knows: flagd's schema, nothing more.

import { isWord, Slice } from "../bytes/slice";
import { Word } from "../bytes/word";
import { Op } from "../core/logic/opcodes";

export const OPERATOR_WORDS =
  "var missing missing_some if == === != !== > >= < <= ! !! or and + - * / % max min merge cat in map filter reduce all some none starts_with ends_with sem_ver fractional $ref substr ?:";

export const NO_OPERATOR: Op = -1;

/**
 * The instruction of an operator; those that jump stand for their first jump: `if` Op.JumpIfFalsy, `and`
 * Op.JumpFalsyKeep, `or` Op.JumpTruthyKeep. NO_OPERATOR for an unknown word.
 */
export function operatorOf(word: Slice): Op {
  const length = word as u32;
  if (length == 1) return oneLetter(word);
  if (length == 2) {
    if (isWord(word, "==")) return Op.Eq;
    if (isWord(word, "!=")) return Op.Ne;
    if (isWord(word, ">=")) return Op.Ge;
    if (isWord(word, "<=")) return Op.Le;
    if (isWord(word, "!!")) return Op.Truthy;
    if (isWord(word, "if") || isWord(word, "?:")) return Op.JumpIfFalsy;
    if (isWord(word, "or")) return Op.JumpTruthyKeep;
    return isWord(word, "in") ? Op.In : NO_OPERATOR;
  }
  if (length == 3) {
    if (isWord(word, "var")) return Op.Var;
    if (isWord(word, "===")) return Op.Same;
    if (isWord(word, "!==")) return Op.NotSame;
    if (isWord(word, "and")) return Op.JumpFalsyKeep;
    if (isWord(word, "max")) return Op.Max;
    if (isWord(word, "min")) return Op.Min;
    if (isWord(word, "cat")) return Op.Cat;
    if (isWord(word, "map")) return Op.Map;
    return isWord(word, "all") ? Op.All : NO_OPERATOR;
  }
  if (isWord(word, "some")) return Op.Some;
  if (isWord(word, "none")) return Op.None;
  if (isWord(word, "merge")) return Op.Merge;
  if (isWord(word, "filter")) return Op.Filter;
  if (isWord(word, "reduce")) return Op.Reduce;
  if (isWord(word, "missing")) return Op.Missing;
  if (isWord(word, "missing_some")) return Op.MissingSome;
  if (isWord(word, "starts_with")) return Op.StartsWith;
  if (isWord(word, "ends_with")) return Op.EndsWith;
  if (isWord(word, "sem_ver")) return Op.SemVer;
  if (isWord(word, "substr")) return Op.Substr;
  return isWord(word, "fractional") ? Op.Fractional : NO_OPERATOR;
}

function oneLetter(word: Slice): Op {
  if (isWord(word, "!")) return Op.Not;
  if (isWord(word, ">")) return Op.Gt;
  if (isWord(word, "<")) return Op.Lt;
  if (isWord(word, "+")) return Op.Add;
  if (isWord(word, "-")) return Op.Sub;
  if (isWord(word, "*")) return Op.Mul;
  if (isWord(word, "/")) return Op.Div;
  return isWord(word, "%") ? Op.Mod : NO_OPERATOR;
}

/** The operator that is meant by what other languages call it, and older flagd did; "" for none. */
export function operatorMeant(word: Slice): Word {
  if (isWord(word, "equals") || isWord(word, "eq") || isWord(word, "=")) return "==";
  if (isWord(word, "notEquals") || isWord(word, "ne") || isWord(word, "<>")) return "!=";
  if (isWord(word, "contains")) return "in";
  if (isWord(word, "not")) return "!";
  if (isWord(word, "&&")) return "and";
  if (isWord(word, "||")) return "or";
  if (isWord(word, "gt")) return ">";
  if (isWord(word, "gte")) return ">=";
  if (isWord(word, "lt")) return "<";
  if (isWord(word, "lte")) return "<=";
  if (isWord(word, "concat")) return "cat";
  return isWord(word, "fractionalEvaluation") ? "fractional" : "";
}
