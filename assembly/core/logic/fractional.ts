// flagd's `fractional`: a hash of who is asked about, spread over weighted buckets. Three generations of it are in use
// at once, and give one user different buckets; the policy says which one the applications' SDKs have.
// 1: floats, 100 buckets (flagd before 2026, its Rust evaluator): |int32(hash)| / 2147483647 * 100.
// 2: integers (flagd's decision record "high-precision-fractional-bucketing"): hash * total >> 32.
// 3: as 2, but what is hashed is CBOR, and need not be text (decision record "fractional-non-string-rand-units").
// The arguments are checked as flagd's Go evaluator does today, for all three. (Its own generation 1 had no single bucket
// and took an empty targeting key: neither is of use.)

import { fixed, Run } from "../../bytes/records";
import { lengthOf, NONE, Slice } from "../../bytes/slice";
import { murmur3, murmur3After, murmur3Blocks, murmur3Rest } from "../murmur3";
import { cborOf } from "./cbor";
import { copyValue, numberOf, setArray, setNull, setText, Tag, Value } from "./value";
import { isSpent, spend, spendBytes } from "./work";

/** The weights of one rule add up to no more than this: Go's MaxInt32. */
const MOST: u64 = 2147483647;

/** [flagKey, targetingKey]: what generation 3 hashes when no bucketing value is given. */
const pair: Run<Value> = changetype<Run<Value>>(memory.data(offsetof<Value>() * 2, 8));
const pairValue: Value = fixed<Value>();

/**
 * `[value, [variant, weight]…]` or `[[variant, weight]…]`, which goes by flag key and targeting key.
 * The result is the variant as it is written in the bucket; null when flagd gives none: no value to bucket by, an
 * invalid bucket, weights that are not integers, or whose sum is 0 or too large.
 */
export function fractional(
  result: Value,
  args: Run<Value>,
  count: u32,
  flagKey: Slice,
  targetingKey: Value,
  generation: u32,
): void {
  if (count == 0) return setNull(result);
  const value = args.at(0);
  // A value that is null is not a bucket: Go leaves it out and goes by the targeting key (JavaScript gives null, as all
  // do in generation 3). Any other value that is not a string is read as a bucket, and is not a valid one.
  const isFirst =
    value.tag == Tag.Text || value.tag == Tag.Null || (generation == 3 && value.tag != Tag.Array);
  const first: u32 = isFirst ? 1 : 0;
  const total = totalOf(args, first, count);
  if (total == 0 || total > MOST) return setNull(result);
  const hash = hashOf(value, flagKey, targetingKey, generation);
  if (hash == NO_HASH) return setNull(result);
  if (generation == 1) return chooseByFloats(result, args, first, count, total, hash as u32);

  const place = (hash * total) >> 32;
  let end: u64 = 0;
  for (let i = first; i < count; i++) {
    const bucket = args.at(i);
    end += weightOf(bucket);
    if (place < end) return copyValue(result, bucket.items.at(0));
  }
}

/** The sum of the weights; 0 when an argument is not a bucket. */
function totalOf(args: Run<Value>, first: u32, count: u32): u64 {
  let total: u64 = 0;
  // Each is looked at twice.
  spend(count);
  if (isSpent()) return 0;
  for (let i = first; i < count; i++) {
    const bucket = args.at(i);
    if (bucket.tag != Tag.Array || bucket.count == 0) return 0;
    const variant = bucket.items.at(0);
    if (variant.tag == Tag.Array || variant.tag == Tag.Object) return 0;
    const weight = weightOf(bucket);
    if (weight == NO_WEIGHT) return 0;
    total += weight;
  }
  return total;
}

const NO_WEIGHT: u64 = u64.MAX_VALUE;

/** Default: 1; below 0 it is 0, since weights may be computed. NO_WEIGHT when it is not an integer. */
function weightOf(bucket: Value): u64 {
  if (bucket.count < 2) return 1;
  const value = bucket.items.at(1);
  if (value.tag == Tag.Null) return 1;
  if (value.tag != Tag.Number) return NO_WEIGHT;
  const weight = numberOf(value);
  if (weight != floor<f64>(weight) || weight - weight != 0) return NO_WEIGHT;
  if (weight <= 0) return 0;
  if (weight > (MOST as f64)) return MOST + 1;
  // Below 2^52 the digits of weight + 2^52 are those of the integer: no truncation that could trap.
  return reinterpret<u64>(weight + 4503599627370496.0) & 0xfffffffffffff;
}

/** No hash of 32 bits. */
const NO_HASH: u64 = u64.MAX_VALUE;

/** Hashes the value that users are bucketed by; NO_HASH when there is none. */
function hashOf(value: Value, flagKey: Slice, targetingKey: Value, generation: u32): u64 {
  if (generation == 3 ? value.tag != Tag.Array : value.tag == Tag.Text) {
    if (generation == 3) return value.tag == Tag.Null ? NO_HASH : hashEncoded(value);
    spendBytes(lengthOf(value.bits));
    return isSpent() ? NO_HASH : murmur3(value.bits, 0);
  }
  if (targetingKey.tag != Tag.Text || lengthOf(targetingKey.bits) == 0) return NO_HASH;
  if (generation == 3) {
    setText(pair.at(0), flagKey);
    copyValue(pair.at(1), targetingKey);
    setArray(pairValue, pair, 2);
    return hashEncoded(pairValue);
  }
  spendBytes(lengthOf(flagKey) + lengthOf(targetingKey.bits));
  if (isSpent()) return NO_HASH;
  // One after the other, nothing between them.
  return murmur3After(murmur3Blocks(flagKey, 0), murmur3Rest(flagKey), lengthOf(flagKey), targetingKey.bits);
}

function hashEncoded(value: Value): u64 {
  const encoded = cborOf(value);
  return encoded == NONE ? NO_HASH : murmur3(encoded, 0);
}

/** Generation 1, in the floats of flagd's Go evaluator before it: sums that rounded below 100 leave the last few out. */
function chooseByFloats(
  result: Value,
  args: Run<Value>,
  first: u32,
  count: u32,
  total: u64,
  hash: u32,
): void {
  const place = (abs<f64>(hash as i32 as f64) / 2147483647.0) * 100.0;
  let end: f64 = 0;
  for (let i = first; i < count; i++) {
    const bucket = args.at(i);
    end += (100.0 * (weightOf(bucket) as f64)) / (total as f64);
    if (place < end) return copyValue(result, bucket.items.at(0));
  }
  setNull(result);
}
