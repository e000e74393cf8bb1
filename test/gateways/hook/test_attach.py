"""How the hook gets into Emissary's class, and what it says where it does not."""

import json
import os
import subprocess
import sys
import textwrap
import unittest

from configurations import HOOK, WithFiles, chains, configuration, listener, manager, named
from serin_config import STATS_TAGS

# As the real one: it sets up logging and loads Emissary's packages, those of Envoy's configuration among them.
DIAGD = """
import logging
logging.basicConfig(level="INFO")
try:
    import ambassador.envoy.v3.v3config
except ImportError:
    pass
"""


class Attach(WithFiles):
    """In a Python of its own, with a stand-in for Emissary's packages: PYTHONPATH is all that is said."""

    def emissary(self, v3config, version="3.10.0"):
        for name, text in (
            ("ambassador/__init__.py", ""),
            ("ambassador/VERSION.py", f"Version = {version!r}"),
            ("ambassador/envoy/__init__.py", ""),
            ("ambassador/envoy/v3/__init__.py", ""),
            ("ambassador/envoy/v3/v3config.py", textwrap.dedent(v3config)),
            ("ambassador_diag/__init__.py", ""),
            ("ambassador_diag/diagd.py", DIAGD),
        ):
            file = self.folder / "emissary" / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)

    def python(self, *arguments, **environ):
        inherited = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        return subprocess.run(
            [sys.executable, *arguments],
            env={
                **inherited,
                "PYTHONPATH": f"{HOOK}{os.pathsep}{self.folder / 'emissary'}",
                "PYTHONDONTWRITEBYTECODE": "1",
                "SERIN_WASM": str(self.wasm),
                "SERIN_POLICY": str(self.policy),
                **environ,
            },
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def configure(self):
        """What diagd does with the class; prints what it got."""
        return self.python(
            "-c",
            "import json, ambassador_diag.diagd\n"
            "from ambassador.envoy.v3.v3config import V3Config\n"
            "print(json.dumps(V3Config().split_config()))",
        )

    def sound(self):
        ads = configuration(listener("http", manager(named("cors", "router"))))
        return f"""
            class V3Config:
                def split_config(self):
                    return {{"node": {{"id": "x"}}}}, {ads!r}, {{"cluster": 1}}
            """

    def test_the_class_of_emissary_is_wrapped(self):
        self.emissary(self.sound())
        run = self.configure()
        bootstrap, ads, clustermap = json.loads(run.stdout)
        self.assertEqual(chains(ads)["http"], [["cors", "serin", "router"]])
        self.assertEqual(bootstrap["stats_config"]["stats_tags"], list(STATS_TAGS))
        self.assertEqual(clustermap, {"cluster": 1})
        self.assertEqual(run.stderr, "")

    def test_where_the_filter_is_left_out_nothing_is_changed(self):
        self.emissary(self.sound())
        self.policy.unlink()
        run = self.configure()
        bootstrap, ads, _ = json.loads(run.stdout)
        self.assertEqual(chains(ads)["http"], [["cors", "router"]])
        self.assertEqual(bootstrap, {"node": {"id": "x"}})
        self.assertRegex(run.stderr, "ERROR.*the filter is left out.*filter.yaml")

    def test_what_was_missing_at_the_start_stays_out(self):
        """Envoy runs by the first bootstrap: without the VM in it, a filter that comes later would kill it."""
        self.emissary(self.sound())
        run = self.python(
            "-c",
            "import os, ambassador_diag.diagd\n"
            "from ambassador.envoy.v3.v3config import V3Config\n"
            "policy = os.environ['SERIN_POLICY']\n"
            "for step in ('', 'x', '', 'x', ''):\n"
            "  os.path.exists(policy) and os.unlink(policy)\n"
            "  step or open(policy, 'w').close()\n"
            "  print('serin' in str(V3Config().split_config()), end=' ')\n"
            "V3Config.split_config.serin = None\n"
            "for step in ('x', ''):\n"
            "  os.path.exists(policy) and os.unlink(policy)\n"
            "  step or open(policy, 'w').close()\n"
            "  print('serin' in str(V3Config().split_config()), end=' ')\n",
        )
        self.assertEqual(run.stdout.split(), "True False True False True False False".split(), run.stderr)
        self.assertIn("until this pod is started anew", run.stderr)

    def test_an_unknown_version_is_tried_and_told(self):
        self.emissary(self.sound(), version="5.0.0")
        run = self.configure()
        self.assertEqual(chains(json.loads(run.stdout)[1])["http"], [["cors", "serin", "router"]])
        self.assertRegex(run.stderr, r"WARNING.*not tested with this Emissary \(5\.0\.0\); known are .*4\.1\.0")

    def test_an_emissary_of_another_shape_goes_on_without(self):
        for shape, prints in (
            ("class V3Config:\n  def split_config(self): return {}, {}", "[{}, {}]"),
            ("class V3Config:\n  def split_config(self, x=1): return [1]", "[1]"),
        ):
            with self.subTest(shape):
                self.emissary(shape, version="9.9.9")
                run = self.configure()
                self.assertEqual(run.stdout.strip(), prints)
                self.assertRegex(run.stderr, r"ERROR.*\(9\.9\.9\).*known are 3\.5\.1")

    def test_an_emissary_that_has_it_elsewhere(self):
        self.emissary("")
        (self.folder / "emissary/ambassador/envoy/v3/v3config.py").unlink()
        run = self.python("-c", "import ambassador_diag.diagd")
        self.assertEqual(run.returncode, 0)
        self.assertRegex(run.stderr, "ERROR.*NOT loaded.*no V3Config.split_config")

    def test_other_programs_and_the_next_sitecustomize(self):
        (self.folder / "emissary").mkdir()
        (self.folder / "emissary/sitecustomize.py").write_text("print('the next one')")
        run = self.python("-c", "import sys; print('ambassador' in sys.modules)")
        self.assertEqual((run.stdout, run.stderr), ("the next one\nFalse\n", ""))
        (self.folder / "emissary/sitecustomize.py").write_text("raise ValueError('theirs')")
        run = self.python("-c", "print('up')")
        self.assertEqual((run.returncode, run.stdout), (0, "up\n"))
        self.assertIn("another sitecustomize.py failed", run.stderr)

    def test_the_check_in_the_container(self):
        self.emissary(self.sound())
        run = self.python(str(HOOK / "sitecustomize.py"))
        self.assertEqual((run.returncode, run.stdout.splitlines()[-1]), (0, "the filter is in"), run.stderr)
        self.assertIn("Emissary: 3.10.0; known: 3.5.1", run.stdout)
        run = self.python(str(HOOK / "sitecustomize.py"), SERIN_POLICY="/nowhere/filter.yaml")
        self.assertEqual(run.returncode, 1)
        self.assertIn("fault: SERIN_POLICY: /nowhere/filter.yaml: no such file", run.stdout)
        self.emissary("class V3Config: pass")
        run = self.python(str(HOOK / "sitecustomize.py"))
        self.assertEqual(run.returncode, 1)
        self.assertIn("fault: this Emissary has no V3Config.split_config(self)", run.stdout)
        alone = self.python(str(HOOK / "sitecustomize.py"), PYTHONPATH=str(HOOK))
        self.assertIn("fault: no Emissary here", alone.stdout)


if __name__ == "__main__":
    unittest.main()
