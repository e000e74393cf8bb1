"""What a real diagd makes of sets of resources: one JSON list of Kubernetes resources a line in, its virtual hosts out.

Needs EMISSARY_SRC's Python packages on PYTHONPATH; diagd-compare.ts starts it.
"""

import json
import logging
import sys

import ambassador.utils
from ambassador import IR, Config, EnvoyConfig
from ambassador.fetch import ResourceFetcher
from ambassador.utils import NullSecretHandler

logging.disable(logging.CRITICAL)
log = logging.getLogger("diagd_routes")


def virtual_hosts(resources):
    aconf = Config()
    fetcher = ResourceFetcher(log, aconf)
    fetcher.parse_yaml("---\n".join(json.dumps(one) + "\n" for one in resources), k8s=True)
    aconf.load_all(fetcher.sorted())
    secrets = NullSecretHandler(log, None, None, "0")
    ir = IR(aconf, file_checker=lambda path: True, logger=log, invalidate_groups_for=[], cache=None, secret_handler=secrets)
    _, ads, clusters = EnvoyConfig.generate(ir, cache=None).split_config()
    hosts = {}
    for listener in ads["static_resources"]["listeners"]:
        for chain in listener["filter_chains"]:
            for one in chain["filters"]:
                config = one["typed_config"].get("route_config", {})
                for host in config.get("virtual_hosts", []):
                    for domain in host["domains"]:
                        hosts.setdefault(domain, host["routes"])
    return {"hosts": hosts, "clusters": sorted(clusters)}


for line in sys.stdin:
    print(json.dumps(virtual_hosts(json.loads(line))), flush=True)
