"""Puts Serin into the Envoy configuration of Emissary-ingress.

Python loads a module of this name at its start, from the folders of PYTHONPATH. When diagd then loads the class that
makes Envoy's configuration, its `split_config` is wrapped: serin_config.insert adds the filter to what it returns.
Nothing else of Emissary is touched, and other Python programs of the container are left alone.

    SERIN_WASM       serin.wasm, its hash in the file's name
    SERIN_POLICY     what `serin publish` wrote, in a folder that Kubernetes swaps as a whole
    SERIN_PLACEMENT  before or after ext_authz (after)
    SERIN_UPSTREAM   true: the filter on the clusters of `shadow: true` Mappings too (false)

    python3 sitecustomize.py    in the container: says whether all of this fits together, exit status 0 or 1
"""

import importlib.abc
import importlib.machinery
import importlib.util
import inspect
import logging
import os
import sys

_FOLDER = os.path.dirname(os.path.abspath(__file__))
if _FOLDER not in sys.path:
    sys.path.append(_FOLDER)

from serin_config import STATS_TAGS, Settings, Unexpected, insert, prepare  # noqa: E402

__all__ = ["KNOWN_VERSIONS", "STATS_TAGS", "attach", "check", "insert", "prepare"]

# Emissary's versions in which the function below was found to be what this expects; 3.10.0 and 4.1.0 are tested.
KNOWN_VERSIONS = ("3.5.1", "3.8.2", "3.9.1", "3.10.0", "4.0.1", "4.1.0")

_CONFIG = "ambassador.envoy.v3.v3config"
_DIAGD = "ambassador_diag.diagd"

log = logging.getLogger("ambassador.serin")


def attach(module):
    """Wraps `V3Config.split_config` of this module. A module without it is left alone, and the log says so."""
    original = getattr(getattr(module, "V3Config", None), "split_config", None)
    if original is None or list(inspect.signature(original).parameters) != ["self"]:
        log.error(
            "serin: the filter is NOT loaded: this Emissary (%s) has no V3Config.split_config(self); known are %s",
            _version(),
            ", ".join(KNOWN_VERSIONS),
        )
        return False
    if hasattr(original, "serin"):
        return True

    def split_config(self):
        result = original(self)
        if not isinstance(result, tuple) or len(result) != 3:
            log.error(
                "serin: the filter is left out: split_config of this Emissary (%s) returns %s; known are %s",
                _version(),
                type(result).__name__,
                ", ".join(KNOWN_VERSIONS),
            )
            return result
        bootstrap, ads, clustermap = result
        changed = insert(ads)
        prepared = bootstrap if changed is ads else prepare(bootstrap)
        if split_config.serin is None:
            split_config.serin = prepared is not bootstrap
        if split_config.serin is False and changed is not ads:
            # Envoy may run by the first bootstrap, which has no VM: a filter that comes later would kill it.
            log.error("serin: the filter is left out until this pod is started anew: it was missing at the start")
            return result
        # Where the filter is left out Envoy gets what it would have got without us, to the letter.
        return result if changed is ads or prepared is bootstrap else (prepared, changed, clustermap)

    # Whether the first configuration had the filter; None before there is one.
    split_config.serin = None
    module.V3Config.split_config = split_config
    if _version() not in KNOWN_VERSIONS:
        log.warning(
            "serin: not tested with this Emissary (%s); known are %s", _version(), ", ".join(KNOWN_VERSIONS)
        )
    return True


def check():
    """Everything that keeps the filter from being loaded in this container, a sentence each."""
    faults = []
    try:
        Settings.read(os.environ).check_files()
    except Unexpected as error:
        faults.append(str(error))
    try:
        module = importlib.import_module(_CONFIG)
    except ImportError as error:
        faults.append(f"no Emissary here: {error}")
        return faults
    original = getattr(getattr(module, "V3Config", None), "split_config", None)
    if not hasattr(original, "serin") and not attach(module):
        faults.append("this Emissary has no V3Config.split_config(self)")
    elif _FOLDER not in os.environ.get("PYTHONPATH", "").split(os.pathsep):
        faults.append(f"PYTHONPATH does not name {_FOLDER}: diagd does not load this file")
    return faults


def _version():
    """Emissary's own word for its version."""
    try:
        return importlib.import_module("ambassador.VERSION").Version.strip()
    except Exception as error:  # it has moved: the name of the fault is all there is to say
        return f"version unknown: {error}"


class _Finder(importlib.abc.MetaPathFinder):
    """Waits for the two modules, so that programs without Emissary load nothing of it."""

    def find_spec(self, fullname, path=None, target=None):
        if fullname not in (_CONFIG, _DIAGD):
            return None
        spec = importlib.machinery.PathFinder.find_spec(fullname, path)
        if spec is None or spec.loader is None:
            return None
        run = spec.loader.exec_module

        def exec_module(module):
            run(module)
            try:
                if fullname == _CONFIG:
                    attach(module)
                elif _CONFIG not in sys.modules:
                    # diagd is complete and what was waited for never came: a later Emissary has it elsewhere.
                    attach(module)
            except Exception:  # Emissary has to start
                log.exception("serin: the filter is NOT loaded")

        spec.loader.exec_module = exec_module
        return spec


def _load_next():
    """Another file of this name, which this one hides from Python."""
    elsewhere = [folder for folder in sys.path if os.path.abspath(folder or ".") != _FOLDER]
    spec = importlib.machinery.PathFinder.find_spec("sitecustomize", elsewhere)
    if spec is not None and spec.loader is not None:
        spec.loader.exec_module(importlib.util.module_from_spec(spec))


if __name__ == "__main__":
    found = check()
    print(f"Emissary: {_version()}; known: {', '.join(KNOWN_VERSIONS)}")
    for fault in found:
        print(f"fault: {fault}")
    print("the filter is left out" if found else "the filter is in")
    sys.exit(1 if found else 0)
elif __name__ == "sitecustomize":
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder())
    try:
        _load_next()
    except Exception:  # theirs, not ours: Python itself would have said as much and gone on
        log.exception("serin: another sitecustomize.py failed")
