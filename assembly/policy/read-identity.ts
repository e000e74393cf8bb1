// `identity`: the list of sources.

import * as ascii from "../bytes/ascii";
import { Token } from "../bytes/json-reader";
import { fixed, nextOf } from "../bytes/records";
import { addressOf, isWord, lengthOf, NONE, sameText, Slice } from "../bytes/slice";
import { beginText, put, putNumber, putSlice, textOf, Writer } from "../bytes/writer";
import { Identity, IssueCookie, Secure, Source, SourceKind } from "../core/identity-plan";
import { NO_SLOT } from "../core/plan";
import * as limits from "../vocabulary/limits";
import * as codes from "../vocabulary/problems";
import { headerName, kept, build, record, records, slotFor } from "./build";
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
import { isOneOf } from "./nearest";
import { isToken, isVisible, NO_DURATION, seconds } from "./scalars";

const KNOWN_SOURCES = "cookie header query jwt sourceAddress issueCookie random";
const KNOWN_COOKIE = "name maxAge path domain secure sameSite";

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
    readSource(node, identity.source(identity.count));
    identity.count++;
  }
  return identity;
}

function readSource(node: Node, source: Source): void {
  source.slot = NO_SLOT;
  if (!isKind(node, Token.Object)) return;
  if (node.count != 1) return failCount(node);
  const member = node.head;
  const key = member.key;
  if (isWord(key, "cookie")) {
    source.kind = SourceKind.Cookie;
    readCookieSource(member, source);
  } else if (isWord(key, "header")) {
    source.kind = SourceKind.Header;
    if (!isKind(member, Token.String)) return;
    source.name = headerName(member);
    if (source.name != NONE) source.slot = slotFor(build.plan.inputs.headers, source.name);
  } else if (isWord(key, "query")) {
    source.kind = SourceKind.Query;
    if (!isKind(member, Token.String)) return;
    if (lengthOf(member.text) == 0) return fail(member, codes.NAME, "must be a parameter's name");
    source.name = kept(member.text);
    source.slot = slotFor(build.plan.inputs.params, source.name);
  } else if (isWord(key, "jwt")) {
    source.kind = SourceKind.Jwt;
    if (!isKind(member, Token.String)) return;
    if (lengthOf(member.text) == 0) return fail(member, codes.NAME, "must be a claim's name");
    source.name = kept(member.text);
    source.slot = slotFor(build.plan.inputs.claims, source.name);
  } else if (isWord(key, "sourceAddress")) {
    source.kind = SourceKind.Address;
    if (member.kind != Token.True) fail(member, codes.VALUE, "must be true");
  } else if (isWord(key, "issueCookie")) {
    source.kind = SourceKind.Issue;
    build.plan.drawsRandom = true;
    readIssueCookie(member, source);
    const next = node.next;
    if (next) hintWith(next, codes.NO_EFFECT, "never reached: issueCookie before it always yields");
  } else if (isWord(key, "random")) {
    source.kind = SourceKind.Random;
    build.plan.drawsRandom = true;
    if (member.kind != Token.True) fail(member, codes.VALUE, "must be true");
    if (node.next) failWith(node, codes.CONFLICT, "random always yields, so it can only be the last source");
  } else {
    unknownKey(member, KNOWN_SOURCES);
  }
}

/** A source of no key or several: what is unknown of them is named itself. */
function failCount(node: Node): void {
  let unknown = false;
  for (let member = node.first; member; member = nextOf(member)) {
    if (isOneOf(member.key, KNOWN_SOURCES)) continue;
    unknownKey(member, KNOWN_SOURCES);
    unknown = true;
  }
  if (unknown) return;
  fail(
    node,
    codes.VALUE,
    "a source has exactly one key, one of cookie, header, query, jwt, sourceAddress, issueCookie, random",
  );
}

function readCookieSource(member: Node, source: Source): void {
  if (!isKind(member, Token.String)) return;
  if (!isToken(member.text)) return fail(member, codes.NAME, "must be a cookie's name");
  source.name = kept(member.text);
  source.slot = slotFor(build.plan.inputs.cookies, source.name);
}

const attributes: Writer = fixed<Writer>();

function readIssueCookie(node: Node, source: Source): void {
  if (!isKind(node, Token.Object)) return;
  let name: Slice = NONE;
  let nameNode = node;
  let maxAge: u32 = 0;
  let path: Slice = NONE;
  let domain: Slice = NONE;
  let secure = Secure.Auto;
  let sameSite: Slice = NONE;
  let none: Node | null = null;
  let hasName = false;
  for (let member = node.first; member; member = nextOf(member)) {
    if (isWord(member.key, "name")) {
      hasName = true;
      if (!isKind(member, Token.String)) continue;
      if (isToken(member.text)) name = member.text;
      else fail(member, codes.NAME, "must be a cookie's name");
      nameNode = member;
    } else if (isWord(member.key, "maxAge")) {
      if (!isKind(member, Token.String)) continue;
      maxAge = seconds(member.text);
      if (maxAge == NO_DURATION)
        fail(
          member,
          codes.VALUE,
          'must be a duration like "30d": a whole number and s, m, h, d or w, at most 3650d',
        );
    } else if (isWord(member.key, "path")) {
      if (!isKind(member, Token.String)) continue;
      path = member.text;
      if (!isAttribute(path) || load<u8>(addressOf(path)) != ascii.SLASH)
        fail(member, codes.VALUE, "must be a path: a slash, then visible characters without ;");
    } else if (isWord(member.key, "domain")) {
      if (!isKind(member, Token.String)) continue;
      domain = member.text;
      if (!isAttribute(domain)) fail(member, codes.VALUE, "must be a domain");
    } else if (isWord(member.key, "secure")) {
      if (isTruth(member)) secure = member.kind == Token.True ? Secure.Always : Secure.Never;
    } else if (isWord(member.key, "sameSite")) {
      if (!isKind(member, Token.String)) continue;
      sameSite = member.text;
      if (isWord(sameSite, "None")) none = member;
      else if (!isWord(sameSite, "Lax") && !isWord(sameSite, "Strict"))
        fail(member, codes.VALUE, "must be Strict, Lax or None");
    } else {
      unknownKey(member, KNOWN_COOKIE);
    }
  }
  if (none && secure == Secure.Never) {
    failWith(none, codes.CONFLICT, "browsers drop a cookie with sameSite None that is not secure");
  }
  if (!hasName) missingKey(node, "name", "the cookie that is issued");
  if (name == NONE) return;
  beginText(attributes);
  if (maxAge != 0 && maxAge != NO_DURATION) {
    put(attributes, "; Max-Age=");
    putNumber(attributes, maxAge);
  }
  put(attributes, "; Path=");
  if (path == NONE) put(attributes, "/");
  else putSlice(attributes, path);
  if (domain != NONE) {
    put(attributes, "; Domain=");
    putSlice(attributes, domain);
  }
  put(attributes, "; HttpOnly; SameSite=");
  if (sameSite == NONE) put(attributes, "Lax");
  else putSlice(attributes, sameSite);
  // A browser takes None from a secure cookie only.
  if (none) secure = Secure.Always;
  source.name = kept(name);
  source.slot = slotFor(build.plan.inputs.cookies, source.name);
  source.issue = issueFor(nameNode, source, textOf(attributes), secure);
}

/** Visible ASCII without `;`: what a cookie's attribute may be (RFC 6265 section 4.1.1). */
function isAttribute(text: Slice): bool {
  if (!isVisible(text, 1024)) return false;
  const begin = addressOf(text);
  for (let i: u32 = 0; i < lengthOf(text); i++) {
    if (load<u8>(begin + i) == ascii.SEMICOLON) return false;
  }
  return true;
}

/** The plan's cookie of this name; one name has one set of attributes. */
function issueFor(node: Node, source: Source, text: Slice, secure: Secure): IssueCookie | null {
  let last: IssueCookie | null = null;
  for (let other = build.plan.issues; other; other = nextOf(other)) {
    last = other;
    if (!sameText(other.name, source.name)) continue;
    if (!sameText(other.attributes, text) || other.secure != secure) {
      failWith(node, codes.CONFLICT, "another issueCookie of this name has other attributes");
    }
    return other;
  }
  const issue = record<IssueCookie>();
  if (!issue) return null;
  issue.index = build.plan.issueCount;
  issue.name = source.name;
  issue.slot = source.slot;
  issue.secure = secure;
  issue.attributes = kept(text);
  if (last) last.next = issue;
  else build.plan.issues = issue;
  build.plan.issueCount++;
  return issue;
}
