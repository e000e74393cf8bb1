// What the checkout answers: JSON, the same from each of its versions. In the next one, which gets copies alone, a
// fault is planted: Serin has to find just those answers.

import type { IncomingHttpHeaders } from "node:http";

import * as headerNames from "../../assembly/vocabulary/headers.ts";

export const CHECKOUT_PATH = "/checkout";

const MOST_ITEMS = 6;
const DISCOUNT_FROM_ITEMS = 6;
const PRICE_CENTS = 1990;

/** What a service knows of the copies that it got. */
export interface ReceivedCopies {
  readonly copies: number;
  /** Answered with the planted fault. */
  readonly planted: number;
}

/** Copies by the shadow's name. */
export class ReceivedByShadow {
  readonly #received = new Map<string, ReceivedCopies>();

  of(shadow: string): ReceivedCopies {
    return this.#received.get(shadow) ?? { copies: 0, planted: 0 };
  }

  count(shadow: string, isPlanted: boolean): void {
    const { copies, planted } = this.of(shadow);
    this.#received.set(shadow, { copies: copies + 1, planted: planted + (isPlanted ? 1 : 0) });
  }
}

/** The answer of the checkout as it is, laid out for whoever asks by hand. */
export function answerCheckout(service: string, headers: IncomingHttpHeaders, said: string): string {
  const visitor = visitorOf(headers);
  const items = itemsOf(visitor);
  const answer = {
    service,
    visitor,
    serin: said,
    cart: { items, total: totalOf(items, true) },
    time: new Date().toISOString(),
  };
  return `${JSON.stringify(answer, null, 2)}\n`;
}

/** The answer of the next checkout: other layout, other order, the same JSON, but for the discount that it forgets. */
export function answerNextCheckout(
  service: string,
  headers: IncomingHttpHeaders,
  said: string,
  received: ReceivedByShadow,
): string {
  const visitor = visitorOf(headers);
  const items = itemsOf(visitor);
  const cart = { total: totalOf(items, false), items };
  const shadow = headers[headerNames.SHADOW];
  if (typeof shadow === "string") received.count(shadow, cart.total !== totalOf(items, true));
  return JSON.stringify({ time: new Date().toISOString(), cart, serin: said, visitor, service });
}

function visitorOf(headers: IncomingHttpHeaders): string {
  return headers.cookie ?? "anonymous";
}

/** A visitor's cart is always the same one. */
function itemsOf(visitor: string): number {
  let hash = 0;
  for (const character of visitor) hash = (hash * 31 + (character.codePointAt(0) ?? 0)) % 65_521;
  return 1 + (hash % MOST_ITEMS);
}

function totalOf(items: number, hasDiscount: boolean): number {
  const whole = items * PRICE_CENTS;
  const cents = hasDiscount && items >= DISCOUNT_FROM_ITEMS ? Math.round(whole * 0.9) : whole;
  return cents / 100;
}
