// Stats of the places where bodies differ. A shadow has as many as MOST_PLACES in the whole process: the workers agree on
// them through shared data, so that each place has one stat, and no worker counts as `other` what another one names.

import * as ascii from "../../bytes/ascii";
import { fixed, takeRecord, takeRun } from "../../bytes/records";
import { addressOf, lengthOf, NONE, Slice } from "../../bytes/slice";
import { beginText, put, putByte, putSlice, restartText, textOf, Writer } from "../../bytes/writer";
import {
  beginPlaces,
  hasMorePlaces,
  MOST_PLACES,
  placeCount,
  placeHash,
  placeText,
  noteRoot,
} from "../../core/json-places";
import { addToMetric, defineMetric, MetricKind } from "../../host/metrics";
import { readShared, SharedValue, writeShared, Written } from "../../host/shared-data";
import * as statNames from "../../vocabulary/stats";
import { Place, Places, ShadowState } from "../records";
import { survive } from "../survive";
import { vmArena } from "../vm";

const name: Writer = fixed<Writer>();
const list: Writer = fixed<Writer>();
const shared: SharedValue = fixed<SharedValue>();
const WORD: u32 = sizeof<u64>() as u32;
/** Workers that meet new places at the same moment write one after the other. */
const TRIES: u32 = 8;

/**
 * Counts the places of a body that differs: each once.
 * @param isKnown whether the last comparison of JSON found them; else the whole body differs
 */
export function countPlaces(shadow: Slice, state: ShadowState, isKnown: bool): void {
  let places = state.places;
  if (places == null) {
    places = takeRecord<Places>(vmArena());
    const all = takeRun<Place>(vmArena(), MOST_PLACES);
    if (places == null || all.isNone) return survive("memory", "no memory for the places of a shadow");
    places.all = all;
    state.places = places;
  }
  if (!isKnown) {
    beginPlaces();
    noteRoot();
  }
  let others = hasMorePlaces();
  for (let i: u32 = 0; i < placeCount(); i++) {
    const place = placeOf(shadow, places, placeHash(i));
    if (place == null) {
      others = true;
      continue;
    }
    if (place.metric == 0) place.metric = define(shadow, placeText(i));
    addToMetric(place.metric, 1);
  }
  if (!others) return;
  if (places.other == 0) places.other = define(shadow, NONE);
  addToMetric(places.other, 1);
}

/** `serin.shadow.<name>.at.<place>`; NONE for those past the most. */
function define(shadow: Slice, place: Slice): u32 {
  beginText(name);
  put(name, statNames.SHADOW);
  putSlice(name, shadow);
  putByte(name, ascii.DOT);
  put(name, statNames.AT);
  putByte(name, ascii.DOT);
  if (place == NONE) put(name, statNames.AT_OTHER);
  else putSlice(name, place);
  return defineMetric(MetricKind.Counter, textOf(name));
}

/** The place of this hash; null when the shadow has as many others as it may have. */
function placeOf(shadow: Slice, places: Places, hash: u64): Place | null {
  for (let i: u32 = 0; i < TRIES; i++) {
    const known = find(places, hash);
    if (known != null || places.count == MOST_PLACES) return known;
    restartText(name);
    put(name, "serin.places.");
    putSlice(name, shadow);
    const key = textOf(name);
    if (!readShared(key, shared)) break;
    if (bringIn(places, shared.bytes)) continue;
    beginText(list);
    if (shared.bytes != NONE) putSlice(list, shared.bytes);
    for (let byte: u32 = 0; byte < 64; byte += 8) putByte(list, (hash >> (byte as u64)) as u8);
    const written = writeShared(key, textOf(list), shared);
    if (written == Written.DONE) return add(places, hash);
    if (written == Written.FAILED) break;
  }
  // The host keeps nothing for us: this worker counts by itself.
  return add(places, hash);
}

function find(places: Places, hash: u64): Place | null {
  for (let i: u32 = 0; i < places.count; i++) {
    const place = places.all.at(i);
    if (place.hash == hash) return place;
  }
  return null;
}

function add(places: Places, hash: u64): Place {
  const place = places.all.at(places.count);
  place.hash = hash;
  place.metric = 0;
  places.count++;
  return place;
}

/** Brings in what other workers have added. @returns whether there was any */
function bringIn(places: Places, bytes: Slice): bool {
  let any = false;
  for (let at: u32 = 0; at + WORD <= lengthOf(bytes) && places.count < MOST_PLACES; at += WORD) {
    const hash = load<u64>(addressOf(bytes) + at);
    if (find(places, hash) != null) continue;
    add(places, hash);
    any = true;
  }
  return any;
}
