// Names that the host is called with, as UTF-8 bytes: written once per VM, from the words of vocabulary/.

import { take } from "../bytes/arena";
import { fixed } from "../bytes/records";
import { NONE, Slice, sliceOf } from "../bytes/slice";
import * as headerNames from "../vocabulary/headers";
import * as statNames from "../vocabulary/stats";
import { isVmOpen, openVm, vmArena } from "./vm";


@unmanaged
class Words {
  clusterHeader: Slice;
  clusterState: Slice;
  flagsHeader: Slice;
  ipTags: Slice;
  cookie: Slice;
  setCookie: Slice;
  clearRouteCache: Slice;
  sourceAddress: Slice;
  responseCode: Slice;
  contentLength: Slice;
  shadowHeader: Slice;
  decisionState: Slice;
  responseFlags: Slice;
  grpcStatus: Slice;
  control: Slice;
  clusterName: Slice;
  rootId: Slice;
  pluginName: Slice;
  contentType: Slice;
  upstream: Slice;
}

export const words: Words = fixed<Words>();

/** Opens the VM's arena and writes the words. @returns false without memory */
export function prepareWords(): bool {
  if (isVmOpen()) return true;
  if (!openVm()) return false;
  words.clusterHeader = written(headerNames.CLUSTER);
  words.clusterState = written(headerNames.STATE_CLUSTER);
  words.flagsHeader = written(headerNames.FLAGS);
  words.ipTags = written(headerNames.IP_TAGS);
  words.cookie = written("cookie");
  words.setCookie = written("set-cookie");
  words.clearRouteCache = written("clear_route_cache");
  words.sourceAddress = written("source\0address");
  words.responseCode = written("response\0code");
  words.contentLength = written("response\0headers\0content-length");
  words.shadowHeader = written(headerNames.SHADOW);
  words.decisionState = written(headerNames.STATE_DECISION);
  words.responseFlags = written("response\0flags");
  words.grpcStatus = written("response\0grpc_status");
  words.control = written(statNames.CONTROL);
  words.clusterName = written("xds\0cluster_name");
  words.pluginName = written("plugin_name");
  words.contentType = written("response\0headers\0content-type");
  words.rootId = written("plugin_root_id");
  words.upstream = written(headerNames.ROOT_ID_UPSTREAM);
  return !vmArena().failed;
}

/** An ASCII word as bytes that live as long as the VM. */
export function written(word: string): Slice {
  const length = word.length as u32;
  const to = take(vmArena(), length);
  if (to == 0) return NONE;
  for (let i: u32 = 0; i < length; i++) {
    store<u8>(to + i, load<u16>(changetype<usize>(word) + ((i as usize) << 1)) as u8);
  }
  return sliceOf(to, length);
}
