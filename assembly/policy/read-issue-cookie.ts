// `issueCookie`: the cookie that a visitor without any identity gets.

import * as ascii from "../bytes/ascii";
import { Token } from "../bytes/json-reader";
import { fixed, nextOf } from "../bytes/records";
import { addressOf, isWord, lengthOf, NONE, sameText, Slice, startsWithWordInLower } from "../bytes/slice";
import { beginText, put, putNumber, putSlice, textOf, Writer } from "../bytes/writer";
import { IssueCookie, Secure, Source } from "../core/identity-plan";
import * as codes from "../vocabulary/problems";
import { build, kept, record, slotFor } from "./build";
import { Node } from "./node";
import { fail, failWith, isKind, isTruth, missingKey, unknownKey } from "./problems";
import { isToken, isVisible, NO_DURATION, seconds } from "./scalars";

const KNOWN_COOKIE = "name maxAge path domain secure sameSite httpOnly partitioned keep always";

const attributes: Writer = fixed<Writer>();

/** Reads the cookie. @returns whether a user keeps it: it is then looked for before all other sources */
export function readIssueCookie(node: Node, source: Source): bool {
  if (!isKind(node, Token.Object)) return false;
  let keep = false;
  let always = false;
  let httpOnly = true;
  let partitioned: Node | null = null;
  let pathNode: Node | null = null;
  let domainNode: Node | null = null;
  let secureNode: Node | null = null;
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
      pathNode = member;
      if (!isAttribute(path) || load<u8>(addressOf(path)) != ascii.SLASH)
        fail(member, codes.VALUE, "must be a path: a slash, then visible characters without ;");
    } else if (isWord(member.key, "domain")) {
      if (!isKind(member, Token.String)) continue;
      domain = member.text;
      domainNode = member;
      if (!isAttribute(domain)) fail(member, codes.VALUE, "must be a domain");
    } else if (isWord(member.key, "secure")) {
      if (isTruth(member)) secure = member.kind == Token.True ? Secure.Always : Secure.Never;
      secureNode = member;
    } else if (isWord(member.key, "httpOnly")) {
      if (isTruth(member)) httpOnly = member.kind == Token.True;
    } else if (isWord(member.key, "partitioned")) {
      if (isTruth(member) && member.kind == Token.True) partitioned = member;
    } else if (isWord(member.key, "keep")) {
      if (isTruth(member)) keep = member.kind == Token.True;
    } else if (isWord(member.key, "always")) {
      if (isTruth(member)) always = member.kind == Token.True;
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
  if (partitioned && secure == Secure.Never) {
    failWith(partitioned, codes.CONFLICT, "browsers drop a partitioned cookie that is not secure");
  }
  if (!hasName) missingKey(node, "name", "the cookie that is issued");
  if (name == NONE) return keep;
  // Browsers hold these names to rules, in any case of their letters (RFC 6265bis section 4.1.3), and drop what breaks them.
  const isHost = startsWithWordInLower(name, "__host-");
  const isPrefixed = isHost || startsWithWordInLower(name, "__secure-");
  if (isPrefixed && secureNode && secure == Secure.Never)
    failWith(
      secureNode,
      codes.CONFLICT,
      "browsers drop a cookie __Host-... or __Secure-... that is not secure",
    );
  if (isHost && domainNode)
    failWith(domainNode, codes.CONFLICT, "browsers drop a cookie __Host-... with a domain");
  if (isHost && pathNode && !isWord(path, "/"))
    failWith(pathNode, codes.CONFLICT, "browsers drop a cookie __Host-... whose path is not /");
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
  if (httpOnly) put(attributes, "; HttpOnly");
  put(attributes, "; SameSite=");
  if (sameSite == NONE) put(attributes, "Lax");
  else putSlice(attributes, sameSite);
  if (partitioned) put(attributes, "; Partitioned");
  // A browser takes these from a secure cookie only.
  if (none || partitioned || isPrefixed) secure = Secure.Always;
  source.name = kept(name);
  source.slot = slotFor(build.plan.inputs.cookies, source.name);
  const issue = issueFor(nameNode, source, textOf(attributes), secure, always);
  source.issue = issue;
  return keep;
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
function issueFor(node: Node, source: Source, text: Slice, secure: Secure, always: bool): IssueCookie | null {
  let last: IssueCookie | null = null;
  for (let other = build.plan.issues; other; other = nextOf(other)) {
    last = other;
    if (!sameText(other.name, source.name)) continue;
    if (!sameText(other.attributes, text) || other.secure != secure || other.always != always) {
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
  issue.always = always;
  issue.attributes = kept(text);
  if (last) last.next = issue;
  else build.plan.issues = issue;
  build.plan.issueCount++;
  return issue;
}
