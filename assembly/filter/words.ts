// Names that the host is called with, as slices, from the words of vocabulary/.

import { fixed } from "../bytes/records";
import { Slice, sliceOfWord } from "../bytes/slice";
import * as headerNames from "../vocabulary/headers";
import * as statNames from "../vocabulary/stats";
import { isVmOpen, openVm } from "./vm";


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
  baggage: Slice;
  decisionState: Slice;
  responseFlags: Slice;
  grpcStatus: Slice;
  control: Slice;
  clusterName: Slice;
  rootId: Slice;
  pluginName: Slice;
  contentType: Slice;
  upstream: Slice;
  codeDetails: Slice;
  upstreamAddress: Slice;
  acceptEncoding: Slice;
  attempts: Slice;
  trailerStatus: Slice;
  headerStatus: Slice;
  effectDetails: Slice;
}

export const words: Words = fixed<Words>();

/** Names the words and opens the VM's arena. @returns false without memory: the words are named all the same */
export function prepareWords(): bool {
  if (isVmOpen()) return true;
  words.clusterHeader = sliceOfWord(headerNames.CLUSTER);
  words.clusterState = sliceOfWord(headerNames.STATE_CLUSTER);
  words.flagsHeader = sliceOfWord(headerNames.FLAGS);
  words.ipTags = sliceOfWord(headerNames.IP_TAGS);
  words.cookie = sliceOfWord("cookie");
  words.setCookie = sliceOfWord("set-cookie");
  words.clearRouteCache = sliceOfWord("clear_route_cache");
  words.sourceAddress = sliceOfWord("source\0address");
  words.responseCode = sliceOfWord("response\0code");
  words.contentLength = sliceOfWord("response\0headers\0content-length");
  words.effectDetails = sliceOfWord("serin_effect");
  words.shadowHeader = sliceOfWord(headerNames.SHADOW);
  words.baggage = sliceOfWord(headerNames.BAGGAGE);
  words.decisionState = sliceOfWord(headerNames.STATE_DECISION);
  words.responseFlags = sliceOfWord("response\0flags");
  words.grpcStatus = sliceOfWord("response\0grpc_status");
  words.control = sliceOfWord(statNames.CONTROL);
  words.clusterName = sliceOfWord("xds\0cluster_name");
  words.pluginName = sliceOfWord("plugin_name");
  words.contentType = sliceOfWord("response\0headers\0content-type");
  words.rootId = sliceOfWord("plugin_root_id");
  words.upstream = sliceOfWord(headerNames.ROOT_ID_UPSTREAM);
  words.codeDetails = sliceOfWord("response\0code_details");
  words.trailerStatus = sliceOfWord("response\0trailers\0grpc-status");
  words.headerStatus = sliceOfWord("response\0headers\0grpc-status");
  words.attempts = sliceOfWord("upstream\0request_attempt_count");
  words.upstreamAddress = sliceOfWord("upstream\0address");
  words.acceptEncoding = sliceOfWord("accept-encoding");
  return openVm();
}
