"""The hook as Emissary calls it: {"ads", "bootstrap"} comes on standard input and goes, changed, to standard output."""

import json
import sys

import sitecustomize

given = json.load(sys.stdin)
ads = sitecustomize.insert(given["ads"])
json.dump({"ads": ads, "bootstrap": sitecustomize.prepare(given["bootstrap"])}, sys.stdout)
