"""What the hook's tests share: configurations of the form that Emissary makes, and the files that the hook needs."""

import copy
import hashlib
import pathlib
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[3]
HOOK = ROOT / "envoy" / "emissary"
sys.path.insert(0, str(HOOK))

from serin_config import Settings, insert  # noqa: E402

# The least that the hook takes for a whole module: an empty code section and an empty data section.
MODULE = b"\0asm\1\0\0\0" b"\x0a\1\0" b"\x0b\1\0"
HCM = "envoy.filters.network.http_connection_manager"


def named(*names):
    return [{"name": name if name == "serin" else f"envoy.filters.http.{name}"} for name in names]


def manager(filters, routes=({"match": {"prefix": "/"}, "route": {"cluster": "stable"}},)):
    hosts = [{"name": "all", "domains": ["*"], "routes": list(routes)}]
    return {"name": HCM, "typed_config": {"http_filters": filters, "route_config": {"virtual_hosts": hosts}}}


def listener(name, *network_filters):
    return {"name": name, "filter_chains": [{"filters": [one]} for one in network_filters]}


def configuration(*listeners, clusters=()):
    ready = {"http_filters": named("health_check", "router"), "route_config": {"name": "local_route"}}
    return {
        "@type": "/envoy.config.bootstrap.v3.Bootstrap",
        "static_resources": {
            "listeners": [*listeners, listener("ready", {"name": HCM, "typed_config": ready})],
            "clusters": list(clusters),
        },
    }


def chains(ads):
    return {
        one["name"]: [
            [entry["name"].removeprefix("envoy.filters.http.") for entry in network["typed_config"]["http_filters"]]
            for chain in one["filter_chains"]
            for network in chain["filters"]
            if network["name"] == HCM
        ]
        for one in ads["static_resources"]["listeners"]
    }


class WithFiles(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.wasm = self.folder / f"serin-{hashlib.sha256(MODULE).hexdigest()[:12]}.wasm"
        self.wasm.write_bytes(MODULE)
        self.policy = self.folder / "filter.yaml"
        self.policy.write_text("resources: []")
        self.settings = Settings(str(self.wasm), str(self.policy))

    def assert_left(self, ads, settings=None, says=""):
        before = copy.deepcopy(ads)
        with self.assertLogs("ambassador.serin", "ERROR") as logged:
            self.assertIs(insert(ads, settings or self.settings), ads)
        self.assertEqual(ads, before)
        self.assertIn(says, logged.output[0])
