// Who comes to the shop and to which page: users come a few times within a minute and leave, and new ones take their
// place. Evidence counts distinct users, so a crowd that stayed for ever would soon have shown all that it can.

/** One user asks for one page. */
export interface Arrival {
  readonly user: string;
  readonly path: string;
}

/** Each page as often as it is asked for: evidence of the checkout's release comes from half of the visits. */
export const PAGES: readonly string[] = ["/checkout", "/checkout", "/cart", "/search"];

/** Users who will come again: so many at most. */
const PRESENT = 1000;
/** The part of the visits that are a new user's first one while there are fewer. */
const NEW_WHILE_FEW = 2 / 3;
/** Visits of one user: at least and at most, 3 in the mean. */
const VISITS_LEAST = 2;
const VISITS_MOST = 4;

/** Users by number, the first is 1. */
export function userName(number: number): string {
  return `u-${number}`;
}

/** Visits without end; `random` gives numbers from 0 to below 1. Holds those who are present, and nobody else. */
export function* arrivals(random: () => number = Math.random): Generator<Arrival, never> {
  const present: { readonly user: string; left: number }[] = [];
  const below = (limit: number): number => Math.floor(random() * limit);
  for (let arrived = 0; ;) {
    const path = PAGES[below(PAGES.length)] ?? "";
    if (present.length === 0 || (present.length < PRESENT && random() < NEW_WHILE_FEW)) {
      const visits = VISITS_LEAST + below(VISITS_MOST - VISITS_LEAST + 1);
      const user = userName(++arrived);
      present.push({ user, left: visits - 1 });
      yield { user, path };
      continue;
    }
    const at = below(present.length);
    const visitor = present[at];
    const last = present.at(-1);
    if (visitor === undefined || last === undefined) continue;
    visitor.left--;
    if (visitor.left === 0) {
      present[at] = last;
      present.pop();
    }
    yield { user: visitor.user, path };
  }
}
