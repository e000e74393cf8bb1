// `identity`: the list of sources. The cookie that Serin issues: policy/read-issue-cookie.ts.

import { Token } from "../bytes/json-reader";
import { nextOf } from "../bytes/records";
import { isWord, lengthOf, NONE } from "../bytes/slice";
import { Identity, Source, SourceKind } from "../core/identity-plan";
import { NO_SLOT } from "../core/plan";
import { TokenPlace } from "../core/token-plan";
import * as limits from "../vocabulary/limits";
import * as codes from "../vocabulary/problems";
import { headerName, kept, build, record, records, slotFor } from "./build";
import { isOneOf } from "./nearest";
import { Node } from "./node";
import {
  fail,
  failWith,
  hintWith,
  isKind,
  isTruth,
  putOverLimit,
  missingKey,
  report,
  unknownKey,
} from "./problems";
import { readIssueCookie } from "./read-issue-cookie";
import { isToken } from "./scalars";

const KNOWN_SOURCES = "cookie header query jwt sourceAddress issueCookie random decode";
const KNOWN_CLAIM = "claim from";
const KNOWN_FROM = "cookie header";

/** Reads an identity list. @returns null when it was reported */
export function readIdentity(list: Node): Identity | null {
  if (!isKind(list, Token.Array)) return null;
  if (list.count > (limits.SOURCES as u32)) {
    putOverLimit(limits.SOURCES, " sources");
    report(list, codes.LIMIT);
    return null;
  }
  const identity = record<Identity>();
  if (!identity) return null;
  identity.index = build.plan.identityCount;
  build.plan.identityCount++;
  identity.sources = records<Source>(list.count);
  if (identity.sources.isNone) return null;
  for (let node = list.first; node; node = nextOf(node)) {
    const source = identity.source(identity.count);
    source.index = identity.count;
    readSource(node, source, identity);
    identity.count++;
  }
  return identity;
}

function readSource(node: Node, source: Source, identity: Identity): void {
  source.slot = NO_SLOT;
  if (!isKind(node, Token.Object)) return;
  const member = sourceIn(node, source);
  if (!member) return;
  const key = member.key;
  if (isWord(key, "cookie")) {
    source.kind = SourceKind.Cookie;
    readCookieSource(member, source);
  } else if (isWord(key, "header")) {
    source.kind = SourceKind.Header;
    if (!isKind(member, Token.String)) return;
    source.name = headerName(member);
    if (source.name != NONE) source.slot = slotFor(build.plan.inputs.headers, source.name);
    if (isWord(source.name, "x-forwarded-for")) {
      hintWith(
        member,
        codes.CLIENT_ADDRESS,
        "x-forwarded-for is a list that clients may begin themselves and each proxy adds to: sourceAddress: true is the client's address, as Envoy's use_remote_address and xff_num_trusted_hops find it",
      );
    }
  } else if (isWord(key, "query")) {
    source.kind = SourceKind.Query;
    if (!isKind(member, Token.String)) return;
    if (lengthOf(member.text) == 0) return fail(member, codes.NAME, "must be a parameter's name");
    source.name = kept(member.text);
    source.slot = slotFor(build.plan.inputs.params, source.name);
  } else if (isWord(key, "jwt")) {
    source.kind = SourceKind.Jwt;
    readClaim(member, source);
  } else if (isWord(key, "sourceAddress")) {
    source.kind = SourceKind.Address;
    if (member.kind != Token.True) fail(member, codes.VALUE, "must be true");
  } else if (isWord(key, "issueCookie")) {
    source.kind = SourceKind.Issue;
    build.plan.drawsRandom = true;
    if (readIssueCookie(member, source)) {
      if (!identity.kept) identity.kept = source;
    } else if (source.index != 0) {
      hintWith(
        member,
        codes.LOGIN_MOVES_USERS,
        "a user who logs in gets another identity, and perhaps another variant: keep: true looks for this cookie first",
      );
    }
    const next = node.next;
    if (next)
      hintWith(next, codes.NO_EFFECT, "never reached: issueCookie before it always gives an identity");
  } else if (isWord(key, "random")) {
    source.kind = SourceKind.Random;
    build.plan.drawsRandom = true;
    if (member.kind != Token.True) fail(member, codes.VALUE, "must be true");
    if (node.next)
      failWith(node, codes.CONFLICT, "random always gives an identity, so it can only be the last source");
  } else {
    unknownKey(member, KNOWN_SOURCES);
  }
}

/** The one member that says what the source is, `decode` beside it read; null when it was reported. */
function sourceIn(node: Node, source: Source): Node | null {
  let found: Node | null = null;
  let decode: Node | null = null;
  let sources: u32 = 0;
  let isSound = true;
  for (let member = node.first; member; member = nextOf(member)) {
    if (isWord(member.key, "decode")) {
      decode = member;
      if (isTruth(member)) source.decodes = member.kind == Token.True;
    } else if (isOneOf(member.key, KNOWN_SOURCES)) {
      found = member;
      sources++;
    } else {
      unknownKey(member, KNOWN_SOURCES);
      isSound = false;
    }
  }
  if (!isSound) return null;
  if (sources != 1 || !found) {
    fail(
      node,
      codes.VALUE,
      "a source has exactly one key, one of cookie, header, query, jwt, sourceAddress, issueCookie, random",
    );
    return null;
  }
  if (decode && !isWord(found.key, "cookie") && !isWord(found.key, "header"))
    failWith(decode, codes.CONFLICT, "decode is for cookie and header alone");
  return found;
}

/** `jwt: sub`, or `jwt: { claim: sub, from: { cookie: session } }`. */
function readClaim(node: Node, source: Source): void {
  if (node.kind == Token.String) {
    if (nameClaim(node, source)) source.slot = slotFor(build.plan.inputs.claims, source.name);
    return;
  }
  if (node.kind != Token.Object)
    return fail(node, codes.TYPE, "must be a claim's name, or an object of claim and from");
  let claim: Node | null = null;
  let from: Node | null = null;
  for (let member = node.first; member; member = nextOf(member)) {
    if (isWord(member.key, "claim")) claim = member;
    else if (isWord(member.key, "from")) from = member;
    else unknownKey(member, KNOWN_CLAIM);
  }
  if (!claim) missingKey(node, "claim", "the claim's name");
  else if (isKind(claim, Token.String)) nameClaim(claim, source);
  // Without it: the bearer token, as in the short form.
  if (from) source.token = readPlace(from);
  else if (source.name != NONE) source.slot = slotFor(build.plan.inputs.claims, source.name);
}

function nameClaim(node: Node, source: Source): bool {
  if (lengthOf(node.text) == 0) {
    fail(node, codes.NAME, "must be a claim's name");
    return false;
  }
  source.name = kept(node.text);
  return true;
}

/** The cookie or header that holds the token: one for each in the plan, so that it is read once a request. */
function readPlace(node: Node): TokenPlace | null {
  if (!isKind(node, Token.Object)) return null;
  if (node.count != 1 || !isOneOf(node.head.key, KNOWN_FROM)) {
    for (let member = node.first; member; member = nextOf(member)) {
      if (!isOneOf(member.key, KNOWN_FROM)) {
        unknownKey(member, KNOWN_FROM);
        return null;
      }
    }
    fail(node, codes.VALUE, "has exactly one key, cookie or header");
    return null;
  }
  const member = node.head;
  const isCookie = isWord(member.key, "cookie");
  if (!isKind(member, Token.String)) return null;
  let name = NONE;
  if (!isCookie) name = headerName(member);
  else if (isToken(member.text)) name = kept(member.text);
  else fail(member, codes.NAME, "must be a cookie's name");
  if (name == NONE) return null;
  const inputs = build.plan.inputs;
  const slot = slotFor(isCookie ? inputs.cookies : inputs.headers, name);
  for (let other = build.plan.tokens; other; other = nextOf(other)) if (other.slot == slot) return other;
  const place = record<TokenPlace>();
  if (!place) return null;
  place.slot = slot;
  place.isCookie = isCookie;
  place.next = build.plan.tokens;
  build.plan.tokens = place;
  return place;
}

function readCookieSource(member: Node, source: Source): void {
  if (!isKind(member, Token.String)) return;
  if (!isToken(member.text)) return fail(member, codes.NAME, "must be a cookie's name");
  source.name = kept(member.text);
  source.slot = slotFor(build.plan.inputs.cookies, source.name);
}
