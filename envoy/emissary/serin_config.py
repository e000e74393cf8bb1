"""What Serin adds to the Envoy configuration that Emissary generates: dictionaries in, dictionaries out.

Runs without diagd, on Python's standard library alone. sitecustomize.py calls it inside of diagd, sidecar/serin-insert
beside it.
"""

import copy
import hashlib
import logging
import os
import re

log = logging.getLogger("ambassador.serin")

NAME = "serin"
TYPE = "type.googleapis.com/envoy.extensions."
WASM = TYPE + "filters.http.wasm.v3.Wasm"
HTTP_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
# ambex knows neither Wasm's type nor that of upstream options. What it cannot resolve it does not skip alone: the
# whole file is skipped, and Envoy has no listener. This wrapper it knows, and Envoy unpacks it.
TYPED_STRUCT = "type.googleapis.com/xds.type.v3.TypedStruct"

# The labels of ../stats-tags.yaml; test/gateways/hook.test.ts holds the two together.
STATS_TAGS = (
    {"tag_name": "serin_rollout", "regex": r"^wasmcustom\.serin\.rollout(\.([^.]+))\."},
    {"tag_name": "serin_flag", "regex": r"^wasmcustom\.serin\.flag(\.([^.]+))\."},
    {"tag_name": "serin_shadow", "regex": r"^wasmcustom\.serin\.shadow(\.([^.]+))\."},
    {"tag_name": "serin_effect", "regex": r"^wasmcustom\.serin\.effect(\.([^.]+))\."},
    {"tag_name": "serin_variant", "regex": r"^wasmcustom\.serin\.rollout\.[^.]+(\.([^.]+))\."},
    {"tag_name": "serin_variant", "regex": r"^wasmcustom\.serin\.flag\.[^.]+(\.([^.]+))$"},
    {"tag_name": "serin_slow", "regex": r"^wasmcustom\.serin\.rollout\.[^.]+\.[^.]+\.users_slow(\.([0-9]+))$"},
    {"tag_name": "serin_goal", "regex": r"^wasmcustom\.serin\.rollout\.[^.]+\.[^.]+\.users_goal(\.([^.]+))$"},
    {"tag_name": "serin_goal", "regex": r"^wasmcustom\.serin\.rollout\.[^.]+\.[^.]+\.goal(\.([^.]+))\."},
    {"tag_name": "serin_pointer", "regex": r"^wasmcustom\.serin\.shadow\.[^.]+\.at(\.([^.]+))$"},
)


class Unexpected(Exception):
    """Something is not as it has to be; nothing is changed then."""


def _module_fault(module):
    """Why Envoy cannot load the module, as far as its sections show; None for a module that is whole.

    A section is a byte with its id (0 custom, 1 type ... 10 code, 11 data, 12 data count, 13 tag), its length as LEB128
    of at most 5 bytes, and its content: https://webassembly.github.io/spec/core/binary/modules.html. A cut between two
    sections leaves a sound file, so the last one that the filter has, its data, must be there.
    """
    if module[4:8] != b"\1\0\0\0":
        return "is not a WebAssembly module of version 1"
    ids, at = set(), 8
    while at < len(module):
        start, section = at, module[at]
        if section > 13:
            return f"is damaged: section {section} at byte {start} is unknown"
        size, at = 0, at + 1
        for shift in range(0, 35, 7):
            if at == len(module):
                return f"is not whole: byte {at} should continue the length of section {section}"
            byte, at = module[at], at + 1
            size |= (byte & 0x7F) << shift
            if byte < 0x80:
                break
        else:
            return f"is damaged: section {section} at byte {start} has no length"
        if size > len(module) - at:
            left = len(module) - at
            return f"is not whole: section {section} at byte {start} has {size} bytes, of which {left} are there"
        ids.add(section)
        at += size
    for section, name in ((10, "code"), (11, "data")):
        if section not in ids:
            return f"is not whole: it has no {name} section"
    return None


class Settings:
    """What an operator says, by environment variables."""

    def __init__(self, wasm, policy, placement="after", upstream=False):
        self.wasm = wasm
        self.policy = policy
        self.placement = placement
        self.upstream = upstream

    @classmethod
    def read(cls, environ):
        """Raises Unexpected for a variable that is missing or says nothing that is known."""

        def path(name):
            value = environ.get(name, "")
            if value == "":
                raise Unexpected(f"{name} is not set")
            return os.path.abspath(value)

        placement = environ.get("SERIN_PLACEMENT") or "after"
        if placement not in ("before", "after"):
            raise Unexpected(f"SERIN_PLACEMENT is {placement!r}, it has to be before or after (ext_authz)")
        upstream = environ.get("SERIN_UPSTREAM") or "false"
        if upstream not in ("true", "false"):
            raise Unexpected(f"SERIN_UPSTREAM is {upstream!r}, it has to be true or false")
        return cls(path("SERIN_WASM"), path("SERIN_POLICY"), placement, upstream == "true")

    def check_files(self):
        """Raises Unexpected for a file with which Envoy would refuse every listener.

        What the policy says is not looked at: Envoy serves by the default while it is bad.
        """
        try:
            with open(self.wasm, "rb") as file:
                module = file.read()
        except OSError as error:
            raise Unexpected(f"SERIN_WASM: {self.wasm}: {error.strerror}") from error
        if not module.startswith(b"\0asm"):
            raise Unexpected(f"SERIN_WASM: {self.wasm} is not a WebAssembly module")
        named = re.search(r"-([0-9a-f]{8,64})\.wasm$", self.wasm)
        if named and not hashlib.sha256(module).hexdigest().startswith(named[1]):
            raise Unexpected(f"SERIN_WASM: {self.wasm} is not the module whose SHA-256 its name says")
        fault = _module_fault(module)
        if fault is not None:
            raise Unexpected(f"SERIN_WASM: {self.wasm} {fault}")
        if not os.path.isfile(self.policy):
            raise Unexpected(f"SERIN_POLICY: {self.policy}: no such file")
        # Envoy takes a file of any other name for protobuf's text format.
        if not self.policy.endswith((".json", ".yaml", ".yml")):
            raise Unexpected(f"SERIN_POLICY: {self.policy} has to end in .json or .yaml")


def insert(ads, settings=None):
    """The configuration with the filter in each HTTP listener but the ready listener.

    `ads` is what Emissary writes for ambex; it is not changed. Inserting again changes nothing more. On anything
    unexpected the result is `ads` as it was, and the reason stands in the log at error level: without Serin
    everybody gets the stable version, without listeners nobody gets anything.
    """
    try:
        if settings is None:
            settings = Settings.read(os.environ)
        settings.check_files()
        return _with_filter(ads, settings)
    except Unexpected as error:
        log.error("serin: the filter is left out, the configuration stays as Emissary made it: %s", error)
    except Exception:  # whatever it was: Emissary has to go on
        log.exception("serin: the filter is left out, the configuration stays as Emissary made it")
    return ads


def prepare(bootstrap, settings=None):
    """The bootstrap with the labels of Serin's stats, and with the VM, without which `insert` may end in a crash.

    `bootstrap` is not changed, and returned as it was when it is none.
    """
    try:
        if settings is None:
            settings = Settings.read(os.environ)
        result = copy.deepcopy(_dict(bootstrap, "the bootstrap"))
        _add_stats_tags(result)
        settings.check_files()
        _add_vm(result, settings)
        return result
    except Exception as error:
        log.error("serin: the bootstrap stays as Emissary made it: %s", error)
        return bootstrap


def _add_stats_tags(bootstrap):
    config = _dict(bootstrap.setdefault("stats_config", {}), "stats_config")
    tags = _list(config.setdefault("stats_tags", []), "stats_tags")
    ours = {tag["tag_name"] for tag in STATS_TAGS}
    theirs = [tag for tag in tags if _dict(tag, "a stats tag").get("tag_name") not in ours]
    config["stats_tags"] = theirs + [dict(tag) for tag in STATS_TAGS]


def _add_vm(bootstrap, settings):
    """Starts the VM with Envoy itself, before there is a worker, a cluster or a listener. It loads an empty policy.

    V8 protects its code with the processor's memory protection keys where there are any (PKU), and threads that were
    there before V8 may not run it: an Envoy that gets its first Wasm filter after its workers have started dies with a
    segmentation fault (1.36.4 and 1.37.0). So an Emissary whose first Listener comes late would. Besides, stats of a VM
    belong to whoever starts it: to a cluster with the upstream filter, `cluster.NAME.wasmcustom.serin.…` without labels.
    """
    extensions = _list(bootstrap.get("bootstrap_extensions", []), "bootstrap_extensions")
    others = [one for one in extensions if _dict(one, "an extension").get("name") != NAME]
    service = {"@type": TYPE + "wasm.v3.WasmService", "singleton": True, "config": _plugin("serin.upstream", settings)}
    bootstrap["bootstrap_extensions"] = [*others, {"name": NAME, "typed_config": service}]


def _with_filter(ads, settings):
    result = copy.deepcopy(_dict(ads, "the configuration"))
    resources = _dict(result.get("static_resources"), "static_resources")
    for listener in _list(resources.get("listeners", []), "listeners"):
        for manager in _managers(_dict(listener, "a listener")):
            if not _is_ready(manager):
                manager["http_filters"] = _chain(manager.get("http_filters"), settings, listener.get("name"))
    if settings.upstream:
        shadows = _shadow_clusters(resources)
        for cluster in _list(resources.get("clusters", []), "clusters"):
            if _dict(cluster, "a cluster").get("name") in shadows:
                _add_upstream_filter(cluster, settings)
    return result


def _managers(listener):
    """The HTTP connection managers of a listener; a TCP listener has none."""
    chains = list(_list(listener.get("filter_chains", []), "filter_chains"))
    if "default_filter_chain" in listener:
        chains.append(listener["default_filter_chain"])
    for chain in chains:
        for network in _list(_dict(chain, "a filter chain").get("filters", []), "filters"):
            if _dict(network, "a network filter").get("name") == "envoy.filters.network.http_connection_manager":
                yield _dict(network.get("typed_config"), "an HTTP connection manager")


def _is_ready(manager):
    """Whether this serves Kubernetes' readiness probe alone: a health check that answers by itself, and no route."""
    routes = manager.get("route_config", {})
    if "rds" in manager or _dict(routes, "route_config").get("virtual_hosts"):
        return False
    filters = _list(manager.get("http_filters"), "http_filters")
    return any(entry.get("name") == "envoy.filters.http.health_check" for entry in filters)


def _chain(filters, settings, listener):
    names = [_dict(entry, "an HTTP filter").get("name") for entry in _list(filters, "http_filters")]
    if not names or names[-1] != "envoy.filters.http.router":
        raise Unexpected(f"listener {listener}: its last HTTP filter is {names[-1] if names else None}, not the router")
    chain = [entry for entry in filters if entry["name"] != NAME]
    at = _place([entry["name"] for entry in chain], settings.placement)
    return chain[:at] + [_filter(settings)] + chain[at:]


def _place(names, placement):
    auth = [index for index, name in enumerate(names) if name == "envoy.filters.http.ext_authz"]
    if auth:
        return auth[0] if placement == "before" else auth[-1] + 1
    # Where the auth service would have been: rate limits may then depend on the variant.
    later = ("envoy.filters.http.ratelimit", "envoy.filters.http.response_map", "envoy.filters.http.router")
    return min(index for index, name in enumerate(names) if name in later)


def _filter(settings):
    empty = {"@type": "type.googleapis.com/google.protobuf.StringValue", "value": "{}"}
    return {
        "name": NAME,
        "config_discovery": {
            "config_source": {
                "resource_api_version": "V3",
                "path_config_source": {
                    "path": settings.policy,
                    # Kubernetes swaps the link `..data` of the folder; the file itself is never renamed.
                    "watched_directory": {"path": os.path.dirname(settings.policy)},
                },
            },
            "type_urls": [WASM],
            # What serves when the file is refused at a cold start. Without it every request would be answered 500.
            "apply_default_config_without_warming": True,
            "default_config": {
                "@type": TYPED_STRUCT,
                "type_url": WASM,
                "value": {"config": {**_plugin("serin", settings), "configuration": empty}},
            },
        },
    }


def _plugin(root_id, settings):
    """As `serin publish` writes it, so that the default, the file and the upstream filter share one VM."""
    return {
        "name": NAME,
        "root_id": root_id,
        "vm_config": {
            "vm_id": NAME,
            "runtime": "envoy.wasm.runtime.v8",
            "code": {"local": {"filename": settings.wasm}},
        },
        "failure_policy": "FAIL_RELOAD",
        "reload_config": {"backoff": {"base_interval": "0.1s"}},
    }


def _shadow_clusters(resources):
    """Names of the clusters that get copies and nothing else."""
    mirrored, routed = set(), set()
    for route in _objects_with(resources.get("listeners", []), "route"):
        action = route["route"]
        if not isinstance(action, dict):
            continue
        mirrored.update(mirror.get("cluster") for mirror in action.get("request_mirror_policies", []))
        routed.add(action.get("cluster"))
        weighted = action.get("weighted_clusters", {}).get("clusters", [])
        routed.update(cluster.get("name") for cluster in weighted)
    return mirrored - routed


def _objects_with(value, key):
    if isinstance(value, dict):
        if key in value:
            yield value
        for member in value.values():
            yield from _objects_with(member, key)
    elif isinstance(value, list):
        for item in value:
            yield from _objects_with(item, key)


def _add_upstream_filter(cluster, settings):
    options = _dict(cluster.setdefault("typed_extension_protocol_options", {}), "typed_extension_protocol_options")
    old = options.get(HTTP_OPTIONS)
    if old is not None and old.get("value", {}).get("http_filters", [{}])[0].get("name") != NAME:
        raise Unexpected(f"cluster {cluster['name']} has HttpProtocolOptions already")
    # Envoy takes these options in place of the cluster's own fields, so they say again what those said.
    protocol = "http2_protocol_options" if "http2_protocol_options" in cluster else "http_protocol_options"
    value = {"explicit_http_config": {protocol: copy.deepcopy(cluster.get(protocol, {}))}}
    if "common_http_protocol_options" in cluster:
        value["common_http_protocol_options"] = copy.deepcopy(cluster["common_http_protocol_options"])
    value["http_filters"] = [
        {"name": NAME, "typed_config": {"@type": WASM, "config": _plugin("serin.upstream", settings)}},
        {
            "name": "envoy.filters.http.upstream_codec",
            "typed_config": {"@type": TYPE + "filters.http.upstream_codec.v3.UpstreamCodec"},
        },
    ]
    type_url = f"type.googleapis.com/{HTTP_OPTIONS}"
    options[HTTP_OPTIONS] = {"@type": TYPED_STRUCT, "type_url": type_url, "value": value}


def _dict(value, what):
    if not isinstance(value, dict):
        raise Unexpected(f"{what} is no object but {type(value).__name__}")
    return value


def _list(value, what):
    if not isinstance(value, list):
        raise Unexpected(f"{what} is no list but {type(value).__name__}")
    return value
