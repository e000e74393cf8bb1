// Did Serin find the differences that were planted in the service under test, and none else? As agreement.ts: each
// disagreement in one line.

import { isFarFrom } from "./shares.ts";
import type { ReceivedByShadow } from "./checkout.ts";
import type { MismatchPlaces } from "./envoy-log.ts";
import type { ShadowPlan } from "./policy-plan.ts";
import { drawnOf, shadowCountsOf } from "./shadow-counts.ts";
import type { Figures } from "./table.ts";

/** Where the planted fault shows. */
const PLANTED_POINTER = "/cart/total";

/** Compares what Envoy counted since its start with the policy, and with what the service under test got and planted. */
export function findShadowDisagreements(
  { shadows, places, ledger, counts }: Figures,
  received: ReceivedByShadow,
): string[] {
  return shadows.flatMap((shadow) => {
    const counted = shadowCountsOf(counts, shadow.name);
    const { copies, planted } = received.of(shadow.name);
    const found = [
      ...shareDisagreements(shadow, drawnOf(counted), ledger.requestsFor(shadow.name)),
      ...placeDisagreements(places, shadow.name, planted),
    ];
    if (counted.settled !== counted.sent) {
      found.push(`${counted.settled} verdicts on ${counted.sent} copies`);
    }
    // What is cut or late may have come to the service, or not, and its difference is not seen.
    const lost = counted.timeout + counted.reset;
    if (copies > counted.sent || copies < counted.sent - lost) {
      found.push(`Envoy sent ${counted.sent} copies, the service got ${copies}`);
    }
    if (counted.body > planted || counted.body < planted - lost) {
      found.push(`${counted.body} body mismatches, but ${planted} were planted`);
    }
    if (counted.status > 0) found.push(`${counted.status} status mismatches, but none was planted`);
    if (counted.unavailable > 0) found.push(`${counted.unavailable} copies were not sent: no healthy host`);
    return found.map((line) => `${shadow.name}: ${line}`);
  });
}

/** What was found of what was planted, for each shadow. */
export function foundLines({ shadows, counts }: Figures, received: ReceivedByShadow): string[] {
  return shadows.map(({ name }) => {
    const { copies, planted } = received.of(name);
    const { body } = shadowCountsOf(counts, name);
    return `${body} of the ${planted} mismatches planted in ${name}'s ${copies} answers, and no other`;
  });
}

function shareDisagreements(
  { percent, drawsRequests }: ShadowPlan,
  drawn: number,
  requests: number,
): string[] {
  if (requests === 0) return ["no requests"];
  if (!drawsRequests || !isFarFrom(drawn / requests, percent / 100, requests)) return [];
  return [`${drawn} of ${requests} requests were sampled, target share ${percent}%`];
}

function placeDisagreements(places: MismatchPlaces, shadow: string, planted: number): string[] {
  const seen = places.of(shadow);
  const elsewhere = seen.filter((place) => place !== PLANTED_POINTER);
  if (elsewhere.length > 0) return [`mismatch at ${elsewhere.join(", ")}, where nothing was planted`];
  return planted > 0 && seen.length === 0 ? [`Envoy's log has no position of a mismatch`] : [];
}
