// How much more traffic a comparison takes, if it goes on as it is.

export interface Forecast {
  /** How many times the present traffic, above 1; Infinity when even FARTHEST times as much would not do. */
  readonly factor: number;
}

const FARTHEST = 10_000;
/** To a twentieth. */
const PRECISION = 1.05;

/**
 * The least multiple of the present traffic that is enough, all rates and latencies staying as they are: what a power
 * analysis would say of an effect as large as the one seen. `isEnough(1)` is false.
 */
export function forecast(isEnough: (factor: number) => boolean): Forecast {
  let short = 1;
  let enough = 2;
  while (!isEnough(enough)) {
    if (enough >= FARTHEST) return { factor: Infinity };
    short = enough;
    enough *= 2;
  }
  while (enough / short > PRECISION) {
    const middle = Math.sqrt(short * enough);
    if (isEnough(middle)) enough = middle;
    else short = middle;
  }
  return { factor: enough };
}
