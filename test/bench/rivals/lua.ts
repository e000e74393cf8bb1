// The same decision in Lua: what people write who have no filter.

import type { Part } from "../../support/assignment.ts";

/**
 * A script for Envoy's Lua filter: a bucket from the cookie `uid` and the salt `checkout`, the header `x-serin-checkout`
 * for users in one of the parts, and a counter for each variant.
 */
export function luaSource(parts: readonly Part[]): string {
  const branches = parts.map(
    ({ variant, begin, end }) =>
      `if hash >= ${begin} and hash < ${end} then variant = ${JSON.stringify(variant)} end`,
  );
  return `local bit = require("bit")
local band, bxor, rol, rshift, bor, lshift = bit.band, bit.bxor, bit.rol, bit.rshift, bit.bor, bit.lshift
local function mul(a, b)
  local al, ah = band(a, 0xffff), rshift(a, 16)
  return band(al * b + lshift(band(ah * band(b, 0xffff), 0xffff), 16), 0xffffffff)
end
local function murmur3(s)
  local h, n = 0, #s
  local blocks = n - n % 4
  for i = 1, blocks, 4 do
    local a, b, c, d = s:byte(i, i + 3)
    local k = bor(a, lshift(b, 8), lshift(c, 16), lshift(d, 24))
    h = bxor(h, mul(rol(mul(k, 0xcc9e2d51), 15), 0x1b873593))
    h = band(mul(rol(h, 13), 5) + 0xe6546b64, 0xffffffff)
  end
  local k = 0
  for i = n, blocks + 1, -1 do k = bor(lshift(k, 8), s:byte(i)) end
  if n > blocks then h = bxor(h, mul(rol(mul(k, 0xcc9e2d51), 15), 0x1b873593)) end
  h = bxor(h, n)
  h = mul(bxor(h, rshift(h, 16)), 0x85ebca6b)
  h = mul(bxor(h, rshift(h, 13)), 0xc2b2ae35)
  h = bxor(h, rshift(h, 16))
  return h < 0 and h + 4294967296 or h
end
function envoy_on_request(handle)
  local headers = handle:headers()
  local uid = string.match(headers:get("cookie") or "", "uid=([^;]+)")
  headers:remove("x-serin-checkout")
  local variant = "stable"
  if uid then
    local hash = murmur3("checkout/" .. uid)
    ${branches.join("\n    ")}
  end
  if variant ~= "stable" then headers:replace("x-serin-checkout", variant) end
  handle:stats():counter(variant):inc()
end
`;
}
