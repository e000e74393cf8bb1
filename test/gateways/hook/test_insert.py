"""What `insert` and `prepare` do to configurations, sound and strange."""

import contextlib
import copy
import hashlib
import json
import os
import unittest

from configurations import HCM, MODULE, ROOT, WithFiles, chains, configuration, listener, manager, named
from serin_config import HTTP_OPTIONS, STATS_TAGS, TYPED_STRUCT, Settings, insert, prepare


class Insert(WithFiles):
    def test_every_http_listener_but_ready(self):
        tcp = {"name": "envoy.filters.network.tcp_proxy", "typed_config": {"cluster": "a"}}
        ads = configuration(
            listener("http", manager(named("cors", "router"))),
            listener("https", manager(named("cors", "router")), manager(named("router")), tcp),
            listener("tcp", tcp),
        )
        before = copy.deepcopy(ads)
        result = insert(ads, self.settings)
        self.assertEqual(ads, before, "what was given is not changed")
        self.assertEqual(
            chains(result),
            {
                "http": [["cors", "serin", "router"]],
                "https": [["cors", "serin", "router"], ["serin", "router"]],
                "tcp": [],
                "ready": [["health_check", "router"]],
            },
        )

    def test_default_filter_chain(self):
        ads = configuration({"name": "http", "default_filter_chain": {"filters": [manager(named("router"))]}})
        chain = insert(ads, self.settings)["static_resources"]["listeners"][0]["default_filter_chain"]
        self.assertEqual(chain["filters"][0]["typed_config"]["http_filters"][0]["name"], "serin")

    def test_placement(self):
        for filters, before, after in (
            ("cors ext_authz ratelimit router", "cors serin ext_authz ratelimit router", "cors ext_authz serin ratelimit router"),
            ("ext_authz lua ext_authz router", "serin ext_authz lua ext_authz router", "ext_authz lua ext_authz serin router"),
            ("cors gzip ratelimit router", "cors gzip serin ratelimit router", "cors gzip serin ratelimit router"),
            ("cors response_map router", "cors serin response_map router", "cors serin response_map router"),
            ("router", "serin router", "serin router"),
        ):
            ads = configuration(listener("http", manager(named(*filters.split()))))
            for placement, wanted in (("before", before), ("after", after)):
                with self.subTest(filters=filters, placement=placement):
                    settings = Settings(str(self.wasm), str(self.policy), placement)
                    self.assertEqual(chains(insert(ads, settings))["http"], [wanted.split()])

    def test_idempotent_also_with_other_settings(self):
        ads = configuration(
            listener("http", manager(named("ext_authz", "router"), mirrored_routes())), clusters=shadow_clusters()
        )
        once = insert(ads, self.settings)
        self.assertEqual(insert(once, self.settings), once)
        other = Settings(str(self.wasm), str(self.policy), "before", True)
        self.assertEqual(insert(once, other), insert(ads, other))
        self.assertEqual(insert(insert(ads, other), other), insert(ads, other))

    def test_filter_comes_by_file_with_a_default_that_ambex_knows(self):
        ads = configuration(listener("http", manager(named("router"))))
        result = insert(ads, self.settings)
        entry = result["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"]["http_filters"][0]
        discovery = entry["config_discovery"]
        self.assertEqual(
            discovery["config_source"]["path_config_source"],
            {"path": str(self.policy), "watched_directory": {"path": str(self.folder)}},
        )
        self.assertIs(discovery["apply_default_config_without_warming"], True)
        self.assertEqual(discovery["default_config"]["@type"], TYPED_STRUCT)
        self.assertEqual(discovery["default_config"]["value"]["config"]["configuration"]["value"], "{}")
        # Outside of the wrapped part nothing has a type that ambex cannot resolve.
        del discovery["default_config"]
        self.assertNotIn("@type", json.dumps(entry))

    def test_settings_from_the_environment(self):
        ads = configuration(listener("http", manager(named("ext_authz", "router"))))
        environ = {"SERIN_WASM": str(self.wasm), "SERIN_POLICY": str(self.policy)}
        for more, wanted in (({}, ["ext_authz", "serin", "router"]), ({"SERIN_PLACEMENT": "before"}, ["serin", "ext_authz", "router"])):
            with changed_environ({**environ, **more}):
                self.assertEqual(chains(insert(ads))["http"], [wanted])
        for wrong, says in (
            ({"SERIN_WASM": ""}, "SERIN_WASM is not set"),
            ({"SERIN_POLICY": ""}, "SERIN_POLICY is not set"),
            ({"SERIN_PLACEMENT": "behind"}, "SERIN_PLACEMENT"),
            ({"SERIN_UPSTREAM": "yes please"}, "SERIN_UPSTREAM"),
        ):
            with self.subTest(wrong=wrong), changed_environ({**environ, **wrong}):
                with self.assertLogs("ambassador.serin", "ERROR") as logged:
                    self.assertIs(insert(ads), ads)
                self.assertIn(says, logged.output[0])


class Unexpected(WithFiles):
    def test_strange_configurations_stay(self):
        sound = listener("http", manager(named("cors", "router")))
        for what, ads in (
            ("nothing", None),
            ("a list", []),
            ("no static_resources", {"@type": "x"}),
            ("listeners by name", {"static_resources": {"listeners": {"a": sound}}}),
            ("a listener that is a text", configuration(sound, "http")),
            ("no router at the end", configuration(sound, listener("odd", manager(named("router", "cors"))))),
            ("no filters", configuration(sound, listener("odd", manager([])))),
            ("filters that are none", configuration(sound, listener("odd", manager(None)))),
            ("a manager without a configuration", configuration(sound, listener("odd", {"name": HCM}))),
            ("filters without names", configuration(sound, listener("odd", manager([{}, *named("router")])))),
        ):
            with self.subTest(what):
                self.assert_left(ads, says="left out")

    def test_files_with_which_envoy_would_refuse_the_listener(self):
        ads = configuration(listener("http", manager(named("router"))))
        self.wasm.write_bytes(b"<html>")
        self.assert_left(ads, says="is not a WebAssembly module")
        self.wasm.unlink()
        self.assert_left(ads, says=str(self.wasm))
        self.wasm.write_bytes(MODULE + b"\0")
        self.assert_left(ads, says="not the module whose SHA-256")
        self.wasm.write_bytes(MODULE)
        self.policy.rename(self.folder / "filter.txt")
        self.assert_left(ads, says="no such file")
        self.assert_left(ads, Settings(str(self.wasm), str(self.folder / "filter.txt")), "has to end in")

    def test_a_module_without_a_hash_in_its_name_has_to_be_whole(self):
        ads = configuration(listener("http", manager(named("router"))))
        wasm = self.folder / "serin.wasm"
        settings = Settings(str(wasm), str(self.policy))
        built = (ROOT / "build/serin.wasm").read_bytes()
        for whole in (MODULE, built, built + b"\0\x83\0\1xy", MODULE + b"\0\1\0"):
            wasm.write_bytes(whole)
            settings.check_files()
            self.assertEqual(chains(insert(ads, settings))["http"], [["serin", "router"]])
        ends = section_ends(built)
        self.assertEqual(ends[-1], len(built))
        cuts = {*range(0, 64), *range(0, len(built), 997), *ends[:-1]}
        cuts.update(end + more for end in ends for more in (-1, 1, 2, 3) if end + more < len(built))
        for module in [MODULE[:length] for length in range(len(MODULE))] + [built[:length] for length in sorted(cuts)]:
            with self.subTest(length=len(module)):
                wasm.write_bytes(module)
                self.assert_left(ads, settings, "is not whole" if len(module) >= 8 else "is not a WebAssembly module")
        for module, says in (
            (b"\0asm\x0d\0\1\0" + MODULE[8:], "is not a WebAssembly module of version 1"),
            (MODULE + b"\0", "is not whole: byte 15"),
            (MODULE + b"\x0e\0", "section 14 at byte 14 is unknown"),
            (MODULE + b"\0\x80\x80\x80\x80\x80\0", "has no length"),
            (MODULE + b"\0\xff\xff\xff\xff\x0f", "4294967295 bytes"),
            (MODULE + b"<html>", "section 60 at byte 14 is unknown"),
        ):
            with self.subTest(says):
                wasm.write_bytes(module)
                self.assert_left(ads, settings, says)

    def test_a_cut_module_whose_name_has_its_own_hash(self):
        ads = configuration(listener("http", manager(named("router"))))
        cut = MODULE[:-1]
        wasm = self.folder / f"serin-{hashlib.sha256(cut).hexdigest()[:12]}.wasm"
        wasm.write_bytes(cut)
        self.assert_left(ads, Settings(str(wasm), str(self.policy)), "is not whole")

    def test_deeper_than_python_goes(self):
        deep = []
        for _ in range(100_000):
            deep = [deep]
        ads = configuration(listener("http", manager(named("router"))))
        ads["static_resources"]["listeners"][0]["deep"] = deep
        with self.assertLogs("ambassador.serin", "ERROR"):
            self.assertIs(insert(ads, self.settings), ads)


def section_ends(module):
    """Where each section of a sound module ends: cut there, all that is left fits exactly."""
    ends, at = [], 8
    while at < len(module):
        size, shift, at = 0, 0, at + 1
        while True:
            size |= (module[at] & 0x7F) << shift
            at, shift = at + 1, shift + 7
            if module[at - 1] < 0x80:
                break
        at += size
        ends.append(at)
    return ends


def mirrored_routes():
    mirror = {"cluster": "stable", "request_mirror_policies": [{"cluster": "copies"}]}
    weighted = {"weighted_clusters": {"clusters": [{"name": "shared", "weight": 1}]}, "request_mirror_policies": [{"cluster": "shared"}]}
    return [{"match": {"prefix": "/"}, "route": mirror}, {"match": {"prefix": "/w"}, "route": weighted}]


def shadow_clusters():
    return [
        {"name": "stable"},
        {"name": "shared"},
        {"name": "copies", "http2_protocol_options": {"hpack_table_size": 0}, "common_http_protocol_options": {"idle_timeout": "5s"}},
    ]


class Upstream(WithFiles):
    def setUp(self):
        super().setUp()
        self.settings = Settings(str(self.wasm), str(self.policy), upstream=True)
        self.ads = configuration(listener("http", manager(named("router"), mirrored_routes())), clusters=shadow_clusters())

    def test_only_clusters_that_get_copies_and_nothing_else(self):
        stable, shared, copies = insert(self.ads, self.settings)["static_resources"]["clusters"]
        self.assertEqual([stable, shared], shadow_clusters()[:2])
        options = copies["typed_extension_protocol_options"][HTTP_OPTIONS]
        self.assertEqual(options["@type"], TYPED_STRUCT)
        value = options["value"]
        self.assertEqual(value["explicit_http_config"], {"http2_protocol_options": {"hpack_table_size": 0}})
        self.assertEqual(value["common_http_protocol_options"], {"idle_timeout": "5s"})
        serin, codec = value["http_filters"]
        self.assertEqual(serin["typed_config"]["config"]["root_id"], "serin.upstream")
        self.assertEqual(codec["name"], "envoy.filters.http.upstream_codec")

    def test_options_of_somebody_else(self):
        theirs = {HTTP_OPTIONS: {"@type": "x", "explicit_http_config": {}}}
        self.ads["static_resources"]["clusters"][2]["typed_extension_protocol_options"] = theirs
        self.assert_left(self.ads, says="copies has HttpProtocolOptions")


class Bootstrap(WithFiles):
    def test_labels_are_added_once_beside_others(self):
        theirs = {"tag_name": "theirs", "regex": "x"}
        for bootstrap in ({"node": {"id": "a"}}, {"stats_config": {"stats_tags": [theirs], "use_all_default_tags": True}}):
            before = copy.deepcopy(bootstrap)
            result = prepare(bootstrap, self.settings)
            self.assertEqual(bootstrap, before)
            self.assertEqual(prepare(result, self.settings), result)
            self.assertEqual(result["stats_config"]["stats_tags"][-len(STATS_TAGS) :], list(STATS_TAGS))
        self.assertEqual(result["stats_config"]["stats_tags"][0], theirs)
        self.assertIs(result["stats_config"]["use_all_default_tags"], True)

    def test_the_vm_is_there_before_any_worker(self):
        theirs = {"name": "envoy.bootstrap.internal_listener"}
        extensions = prepare({"bootstrap_extensions": [theirs]}, self.settings)["bootstrap_extensions"]
        self.assertEqual([one["name"] for one in extensions], [theirs["name"], "serin"])
        self.assertEqual(extensions[1]["typed_config"]["config"]["root_id"], "serin.upstream")
        self.wasm.unlink()
        with self.assertLogs("ambassador.serin", "ERROR"):
            self.assertEqual(prepare({}, self.settings), {}, "without the file Envoy would not start")

    def test_what_is_no_bootstrap_stays(self):
        for strange in (None, [], {"stats_config": []}, {"stats_config": {"stats_tags": {}}}, {"bootstrap_extensions": {}}):
            with self.assertLogs("ambassador.serin", "ERROR"):
                self.assertIs(prepare(strange, self.settings), strange)


@contextlib.contextmanager
def changed_environ(values):
    before = dict(os.environ)
    os.environ.update(values)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


if __name__ == "__main__":
    unittest.main()
