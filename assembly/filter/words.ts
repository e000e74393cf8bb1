// Names that are told to the host, as UTF-8 bytes: written once for each VM, from the words of vocabulary/.

import { Arena, openArena, take } from "../bytes/arena";
import { NONE, Slice, sliceOf } from "../bytes/slice";
import {
  HEADER_CLUSTER,
  HEADER_FLAGS,
  HEADER_IP_TAGS,
  HEADER_SHADOW,
  ROOT_ID_UPSTREAM,
  STATE_CLUSTER,
  STATE_DECISION,
} from "../vocabulary/headers";
import { STAT_CONTROL } from "../vocabulary/stats";

/** What lives as long as the VM: words, stat records, streams. Never closed. */
export let vmArena: Arena = changetype<Arena>(0);

export let wordClusterHeader: Slice = NONE;
export let wordClusterState: Slice = NONE;
export let wordFlagsHeader: Slice = NONE;
export let wordIpTags: Slice = NONE;
export let wordCookie: Slice = NONE;
export let wordSetCookie: Slice = NONE;
export let wordClearRouteCache: Slice = NONE;
export let wordSourceAddress: Slice = NONE;
export let wordResponseCode: Slice = NONE;
export let wordContentLength: Slice = NONE;
export let wordShadowHeader: Slice = NONE;
export let wordDecisionState: Slice = NONE;
export let wordResponseFlags: Slice = NONE;
export let wordGrpcStatus: Slice = NONE;
export let wordControl: Slice = NONE;
export let wordClusterName: Slice = NONE;
export let wordRootId: Slice = NONE;
export let wordUpstream: Slice = NONE;

/** Opens the VM's arena and writes the words. @returns false without memory */
export function prepareWords(): bool {
  if (changetype<usize>(vmArena) != 0) return true;
  const arena = openArena();
  if (!arena) return false;
  vmArena = arena;
  wordClusterHeader = written(HEADER_CLUSTER);
  wordClusterState = written(STATE_CLUSTER);
  wordFlagsHeader = written(HEADER_FLAGS);
  wordIpTags = written(HEADER_IP_TAGS);
  wordCookie = written("cookie");
  wordSetCookie = written("set-cookie");
  wordClearRouteCache = written("clear_route_cache");
  wordSourceAddress = written("source\0address");
  wordContentLength = written("response\0headers\0content-length");
  wordShadowHeader = written(HEADER_SHADOW);
  wordDecisionState = written(STATE_DECISION);
  wordResponseFlags = written("response\0flags");
  wordGrpcStatus = written("response\0grpc_status");
  wordControl = written(STAT_CONTROL);
  wordClusterName = written("xds\0cluster_name");
  wordRootId = written("plugin_root_id");
  wordUpstream = written(ROOT_ID_UPSTREAM);
  wordResponseCode = written("response\0code");
  return !vmArena.failed;
}

/** An ASCII word as bytes that live as long as the VM. */
export function written(word: string): Slice {
  const length = word.length as u32;
  const to = take(vmArena, length);
  if (to == 0) return NONE;
  for (let i: u32 = 0; i < length; i++) {
    store<u8>(to + i, load<u16>(changetype<usize>(word) + ((i as usize) << 1)) as u8);
  }
  return sliceOf(to, length);
}
