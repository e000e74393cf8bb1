# One command for each thing a person wants from Serin. `make` alone lists them.
# Needs Node 20 or newer; `make demo`, `make e2e` and `make test` also Python 3 (for Envoy itself), and `make test`
# Go 1.24 or newer (for Emissary's ADS server).
# `make compose` Docker with Compose; `make test` installs what that needs, on Debian and as root (or SKIP_COMPOSE=1).

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory
TSX := node --import tsx

# Stamps: what npm itself writes last, and what the build writes.
MODULES := node_modules/.package-lock.json
WASM := build/serin.wasm
CLI := build/cli/cli.js
SERVICES := build/services/upstream.mjs

WASM_SOURCES := $(shell find assembly tools/project/gate -name '*.ts' 2>/dev/null) tools/project/build.ts asconfig.json
SERVICE_SOURCES := $(shell find test/upstream test/compose/load -name '*.ts' 2>/dev/null)
CLI_SOURCES := $(shell find tools assembly/vocabulary -name '*.ts' 2>/dev/null)

.PHONY: help
help: ## this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-18s %s\n", $$1, $$2 }' Makefile

.PHONY: setup
setup: $(MODULES) ## install the pinned npm packages

.PHONY: build
build: $(WASM) $(CLI) $(SERVICES) ## build/serin.wasm, checked by the binary gate, and the command line

.PHONY: demo
demo: build ## a real Envoy, users who come and go, a live table (ONCE=1: a bounded run that checks itself)
	@exec $(TSX) tools/demo/main.ts

.PHONY: compose
compose: engine build ## the whole scene in containers, in the foreground (PROFILES=observability,dashboard,emissary-hop)
	@if docker compose version >/dev/null 2>&1; then set -- docker compose; else set -- docker-compose; fi; \
	export COMPOSE_PROFILES="$(PROFILES)"; trap : INT TERM HUP; \
	"$$@" up --remove-orphans; status=$$?; trap '' INT TERM HUP; \
	"$$@" down --remove-orphans --timeout 3; exit $$status

.PHONY: engine
engine:
	@command -v docker >/dev/null || { echo "make compose needs Docker, and there is no docker on the PATH" >&2; exit 2; }
	@why=$$(docker version 2>&1 >/dev/null) || { echo "make compose needs a Docker engine, and none answers: $$(echo "$$why" | tail -n 1)" >&2; exit 2; }
	@docker compose version >/dev/null 2>&1 || command -v docker-compose >/dev/null || { echo "make compose needs Docker Compose: there is neither \`docker compose\` nor docker-compose" >&2; exit 2; }

.PHONY: check
check: $(MODULES) ## the quick part of the tests, before each commit (four minutes on two cores)
	@$(TSX) tools/project/test-all.ts --quick

.PHONY: test
test: $(MODULES) ## everything, as CI runs it
	@$(TSX) tools/project/test-all.ts

.PHONY: e2e
e2e: build ## only what runs on a real Envoy
	@$(TSX) tools/project/test-all.ts e2e

.PHONY: oci
oci: build ## build/oci: the .wasm as an OCI image layout, for Istio and Envoy Gateway; prints its digest
	@$(TSX) tools/project/release/oci-layout.ts

.PHONY: release
release: build ## build/release: the .wasm, both OCI layouts, the npm package, an SBOM, checksums; the same bytes from the same commit
	@$(TSX) tools/project/release/main.ts

.PHONY: bench
bench: build ## what a request costs, as ratios from one run
	@$(TSX) test/bench/main.ts
	@$(TSX) test/bench/flags.ts
	@$(TSX) test/bench/shadows.ts

.PHONY: bench-validate
bench-validate: build ## what `serin validate` costs for a policy of 1 MB, YAML beside JSON
	@$(TSX) test/bench/validate.ts $(ARGS)

.PHONY: bench-instructions
bench-instructions: build ## the same in instructions, under callgrind: many minutes (ARGS="--ways count,full")
	@$(TSX) test/bench/instructions.ts $(ARGS)

.PHONY: bench-guest
bench-guest: build ## the filter's own instructions by function, held to test/bench/budget.json (ARGS="--ways count")
	@$(TSX) test/bench/guest-profile.ts --ways count --budget test/bench/budget.json $(ARGS)

.PHONY: bench-rivals
bench-rivals: build ## bench-instructions of Serin beside what people would write without it
	@$(TSX) test/bench/instructions.ts --ways native,c,lua,rust,empty-filter,not-concerned,count,count-header,matched,full,full-header $(ARGS)

.PHONY: clean
clean: ## remove what was built (installed packages and Envoy stay)
	@rm -rf build

$(MODULES): package-lock.json | node
	@echo "installing npm packages"
	@npm ci --no-audit --no-fund --loglevel=error
	@touch $@

$(WASM): $(WASM_SOURCES) | $(MODULES)
	@$(TSX) tools/project/build.ts wasm

$(CLI): $(CLI_SOURCES) package.json | $(MODULES)
	@$(TSX) tools/project/build.ts cli

$(SERVICES): $(SERVICE_SOURCES) | $(MODULES)
	@$(TSX) tools/project/build.ts services

.PHONY: node
node:
	@command -v node >/dev/null || { echo "Serin needs Node 20 or newer, and there is no node on the PATH: install it from your system or nodejs.org" >&2; exit 1; }
	@node -e 'const [major, minor] = process.versions.node.split(".").map(Number); if (major < 20 || (major === 20 && minor < 11)) { console.error("Serin needs Node 20.11 or newer, this is " + process.version); process.exit(1); }'
