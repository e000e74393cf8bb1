// A variant's figures as sentences.

import { grouped, multiple, percent } from "../terminal/numbers.ts";
import { partOf, type Measure, type MetUsers } from "./measure.ts";

/** `errors 3.9% of users (61 of 1,576) vs 0.8% (50 of 6,424): 4.9× (95% CI 3.3× to 7.2×), limit 1.5×: …` */
export function measureWords(name: string, measure: Measure, more: string, negligible: number): string {
  const figures = `${name} ${sideWords(measure.variant)} vs ${sideWords(measure.baseline, "")}${ratioWords(measure)}`;
  const limit = measure.limit === null ? "" : `, limit ${multiple(measure.limit)}`;
  return `${figures}${limit}: ${conclusion(measure, more, negligible)}`;
}

function conclusion(measure: Measure, more: string, negligible: number): string {
  if (measure.isSignificant) return `significantly ${more}`;
  const { limit, isWithin, isCommon, by } = measure;
  if (limit === null) return "no significant difference";
  if (isCommon) {
    return isWithin
      ? "too many of the baseline's users meet it to show a limit, and nothing speaks for an increase"
      : "too many of the baseline's users meet it to show a limit, and an increase is likelier than none";
  }
  if (isWithin) {
    return by === "negligible"
      ? `below ${percent(negligible)} of users, within the limit`
      : "within the limit";
  }
  if (measure.baseline.users === 0) return "no user of the baseline yet";
  return `an increase above the ${multiple(limit)} limit cannot be ruled out yet`;
}

function sideWords(side: MetUsers, of = " of users"): string {
  return `${percent(partOf(side) ?? 0)}${of} (${grouped(side.met)} of ${grouped(side.users)})`;
}

/** `: 0.79× (99% CI 0.61× to 1.02×)`; nothing without a ratio. */
export function ratioWords({ ratio, interval: { lower, upper, level } }: Measure): string {
  if (ratio === null) return "";
  const seen = ratio === Infinity ? "" : `${multiple(ratio)} `;
  const range =
    upper === Infinity ? `${multiple(lower)} or more` : `${multiple(lower)} to ${multiple(upper)}`;
  return `: ${seen}(${percent(level)} CI ${range})`;
}
