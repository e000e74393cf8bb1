// The bench's decision as an Envoy dynamic module: a bucket from the cookie `uid` and the salt `checkout`, the header
// `x-serin-checkout` for users in one of the parts, and a counter for each variant. It declares of the interface what it uses:
// Envoy 1.40, source/extensions/dynamic_modules/abi/abi.h.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef struct {
  const char *ptr;
  size_t length;
} Text;

enum { REQUEST_HEADERS = 0, CONTINUE = 0 };

extern bool envoy_dynamic_module_callback_http_get_header(void *filter, uint32_t map, Text key, Text *value, size_t index,
                                                          size_t *count);
extern bool envoy_dynamic_module_callback_http_set_header(void *filter, uint32_t map, Text key, Text value);
extern void envoy_dynamic_module_callback_http_clear_route_cache(void *filter);
extern uint32_t envoy_dynamic_module_callback_http_filter_config_define_counter(void *config, Text name, Text *labels,
                                                                                size_t count, size_t *id);
extern uint32_t envoy_dynamic_module_callback_http_filter_increment_counter(void *filter, size_t id, Text *values,
                                                                            size_t count, uint64_t by);

#define TEXT(literal) ((Text){literal, sizeof(literal) - 1})

static const uint32_t PART = 214748365; // 5 % of the hash space of 2^32
static const Text SALT = {"checkout/", 9};
static const Text COOKIE = {"cookie", 6};
static const Text HEADER = {"x-serin-checkout", 16};
static const Text VARIANTS[3] = {{NULL, 0}, {"b", 1}, {"c", 1}};
static size_t counters[3];

static uint32_t rotate(uint32_t value, int by) { return value << by | value >> (32 - by); }

static uint32_t mixed(uint32_t block) { return rotate(block * 0xcc9e2d51u, 15) * 0x1b873593u; }

// MurmurHash3 x86 32 (Austin Appleby, public domain) with seed 0, little endian.
static uint32_t murmur3(const char *bytes, size_t length) {
  uint32_t hash = 0;
  size_t at = 0;
  for (; at + 4 <= length; at += 4) {
    uint32_t block;
    memcpy(&block, bytes + at, 4);
    hash = rotate(hash ^ mixed(block), 13) * 5 + 0xe6546b64u;
  }
  if (at < length) {
    uint32_t tail = 0;
    memcpy(&tail, bytes + at, length - at);
    hash ^= mixed(tail);
  }
  hash ^= (uint32_t)length;
  hash = (hash ^ hash >> 16) * 0x85ebca6bu;
  hash = (hash ^ hash >> 13) * 0xc2b2ae35u;
  return hash ^ hash >> 16;
}

// The value of the cookie `uid`, empty without.
static Text userOf(Text cookies) {
  const char *at = cookies.ptr;
  const char *end = at + cookies.length;
  while (at < end) {
    while (at < end && *at == ' ') at++;
    const char *stop = memchr(at, ';', (size_t)(end - at));
    if (stop == NULL) stop = end;
    if (stop - at > 4 && memcmp(at, "uid=", 4) == 0) return (Text){at + 4, (size_t)(stop - at - 4)};
    at = stop + 1;
  }
  return (Text){NULL, 0};
}

static int variantOf(Text user) {
  char salted[256];
  if (user.length == 0 || user.length > sizeof salted - SALT.length) return 0;
  memcpy(salted, SALT.ptr, SALT.length);
  memcpy(salted + SALT.length, user.ptr, user.length);
  uint32_t hash = murmur3(salted, SALT.length + user.length);
  if (hash < PART) return 1;
  return hash >= 0u - PART ? 2 : 0;
}

const char *envoy_dynamic_module_on_program_init(void) { return "v0.1.0"; }

void *envoy_dynamic_module_on_http_filter_config_new(void *config, Text name, Text text) {
  (void)name, (void)text;
  const Text names[3] = {TEXT("stable"), TEXT("b"), TEXT("c")};
  for (int i = 0; i < 3; i++)
    if (envoy_dynamic_module_callback_http_filter_config_define_counter(config, names[i], NULL, 0, &counters[i]) != 0)
      return NULL;
  return counters;
}

void envoy_dynamic_module_on_http_filter_config_destroy(void *config) { (void)config; }

void *envoy_dynamic_module_on_http_filter_new(void *config, void *filter) {
  (void)filter;
  return config;
}

uint32_t envoy_dynamic_module_on_http_filter_request_headers(void *filter, void *module, bool isEnd) {
  (void)module, (void)isEnd;
  Text cookies = {NULL, 0};
  envoy_dynamic_module_callback_http_get_header(filter, REQUEST_HEADERS, COOKIE, &cookies, 0, NULL);
  int variant = variantOf(userOf(cookies));
  Text forged = {NULL, 0};
  envoy_dynamic_module_callback_http_get_header(filter, REQUEST_HEADERS, HEADER, &forged, 0, NULL);
  // No client may choose: without a variant, what it sent is removed.
  if (variant != 0 || forged.ptr != NULL) {
    envoy_dynamic_module_callback_http_set_header(filter, REQUEST_HEADERS, HEADER, VARIANTS[variant]);
    envoy_dynamic_module_callback_http_clear_route_cache(filter);
  }
  envoy_dynamic_module_callback_http_filter_increment_counter(filter, counters[variant], NULL, 0, 1);
  return CONTINUE;
}

// Envoy does not load a module without these.

uint32_t envoy_dynamic_module_on_http_filter_request_body(void *filter, void *module, bool isEnd) {
  (void)filter, (void)module, (void)isEnd;
  return CONTINUE;
}

uint32_t envoy_dynamic_module_on_http_filter_request_trailers(void *filter, void *module) {
  (void)filter, (void)module;
  return CONTINUE;
}

uint32_t envoy_dynamic_module_on_http_filter_response_headers(void *filter, void *module, bool isEnd) {
  (void)filter, (void)module, (void)isEnd;
  return CONTINUE;
}

uint32_t envoy_dynamic_module_on_http_filter_response_body(void *filter, void *module, bool isEnd) {
  (void)filter, (void)module, (void)isEnd;
  return CONTINUE;
}

uint32_t envoy_dynamic_module_on_http_filter_response_trailers(void *filter, void *module) {
  (void)filter, (void)module;
  return CONTINUE;
}

void envoy_dynamic_module_on_http_filter_stream_complete(void *filter, void *module) { (void)filter, (void)module; }

void envoy_dynamic_module_on_http_filter_destroy(void *module) { (void)module; }

// Envoy does not load a module without these either; it never calls them here.
#define NEVER(name)                                                                                                    \
  void envoy_dynamic_module_on_http_filter_##name(void) {}

NEVER(http_callout_done)
NEVER(http_stream_headers)
NEVER(http_stream_data)
NEVER(http_stream_trailers)
NEVER(http_stream_complete)
NEVER(http_stream_reset)
NEVER(scheduled)
NEVER(downstream_above_write_buffer_high_watermark)
NEVER(downstream_below_write_buffer_low_watermark)
