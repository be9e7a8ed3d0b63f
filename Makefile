# `make test` is all that must hold before a change goes in, `make prove` what is tried
# beyond that; `make help` lists the rest.
# The steps run one after the other, cheapest first, and the first failure ends them.

SHELL := /usr/bin/env bash
.SHELLFLAGS := -eu -o pipefail -c
.NOTPARALLEL:
.DEFAULT_GOAL := help

GO ?= go
# Linters live in a module of their own, so that they are pinned and never appear among
# the library's requirements.
TOOL := $(GO) tool -modfile=tools/go.mod
# No single package may take longer; a hanging test shows its goroutines.
TEST_TIMEOUT ?= 5m
FUZZ_TIME ?= 10s
# How long fresh worlds are simulated, in seconds, and the first of their seeds: another
# one each time, made of the date. To repeat a run, give it the one that was printed.
WORLD_TIME ?= 300
WORLD_FIRST ?= $(shell date -u +%Y%m%d%H%M%S)0000
# How long real processes are killed, paused and cut off.
CHAOS_TIME ?= 2m
# What a browser may have to load for a member in memory, compressed, in bytes. Without
# inlining it is 8% smaller; a member in a window has time enough for the calls.
WASM_LIMIT := 1500000
WASM_FLAGS := -buildvcs=false -trimpath -ldflags='-s -w' -gcflags=all=-l
CROSS := darwin/arm64 windows/amd64 linux/arm64

STEP = printf '\n== %s\n'
FAIL = { printf 'make %s: %s\n' '$@' "$$message" >&2; exit 1; }

.PHONY: help test check-tools check-race check-format vet lint race bench-smoke wasm cross fmt bench
.PHONY: prove fuzz prove-corpus prove-worlds prove-explore prove-bite prove-chaos bite cover

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

test: check-tools check-format vet lint race bench-smoke wasm cross ## all checks and tests; under ten minutes on two cores
	@$(STEP) 'all good'

check-tools:
	@message='Go is missing: install Go 1.26 or newer from https://go.dev/dl/'; \
	command -v $(GO) >/dev/null || $(FAIL); \
	message='gzip is missing: install it (Debian: apt-get install -y gzip)'; \
	command -v gzip >/dev/null || $(FAIL); \
	$(STEP) "$$($(GO) version)"

# The race detector needs cgo, and cgo a C compiler.
check-race:
	@cc=$$($(GO) env CC); message="the race detector needs a C compiler, and $$cc is missing: install gcc (Debian: apt-get install -y gcc libc6-dev)"; \
	if ! command -v $${cc%% *} >/dev/null; then \
		if command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ]; then \
			$(STEP) 'the C compiler for the race detector'; \
			{ apt-get update -q && apt-get install -y -q gcc libc6-dev; } || $(FAIL); \
		else $(FAIL); fi; \
	fi

check-format:
	@$(STEP) 'gofmt'; unformatted=$$(gofmt -l .); \
	message="not formatted, run 'make fmt': $$unformatted"; \
	[ -z "$$unformatted" ] || $(FAIL)

vet:
	@$(STEP) 'go vet'; message='go vet found something'; \
	$(GO) vet ./... || $(FAIL)

lint:
	@$(STEP) 'staticcheck'; message='staticcheck found something, or could not be fetched'; \
	$(TOOL) staticcheck ./... || $(FAIL)

race: check-race
	@$(STEP) 'go test -race'; message='a test failed; repeat one with: go test -race -run NAME ./PACKAGE'; \
	CGO_ENABLED=1 $(GO) test -race -timeout $(TEST_TIMEOUT) ./... || $(FAIL)

# The packages of this module that have benchmarks.
BENCHED = $$(find . -name '*_test.go' -not -path './bench/*' -exec grep -l '^func Benchmark' {} + | xargs -r -n1 dirname | sort -u)

# Once each, so that benchmarks do not rot; it measures nothing.
bench-smoke:
	@$(STEP) 'benchmarks, once each'; message='a benchmark does not run any more'; \
	packages="$(BENCHED)"; \
	if [ -n "$$packages" ]; then $(GO) test -short -run '^$$' -bench . -benchtime 1x -timeout $(TEST_TIMEOUT) $$packages || $(FAIL); fi

wasm:
	@$(STEP) 'js/wasm'; dir=$$(mktemp -d); trap 'rm -rf "$$dir"' EXIT; \
	message='the library does not build for browsers'; \
	GOOS=js GOARCH=wasm $(GO) build $(WASM_FLAGS) -o $$dir/member.wasm ./internal/wasm-size || $(FAIL); \
	size=$$(gzip -9 -c $$dir/member.wasm | wc -c); \
	echo "a member in memory: $$size bytes compressed, $(WASM_LIMIT) are allowed"; \
	message='the browser build is too large: see what the last change imports (go tool nm -size -sort size)'; \
	[ $$size -le $(WASM_LIMIT) ] || $(FAIL); \
	if ! command -v node >/dev/null; then echo 'node is not here, so the browser build was not run'; exit 0; fi; \
	message='a member does not run in js/wasm: it should print 5'; \
	[ "$$("$$($(GO) env GOROOT)/lib/wasm/go_js_wasm_exec" $$dir/member.wasm 2>$$dir/problems)" = 5 ] || { cat $$dir/problems; $(FAIL); }; \
	echo 'and it runs'

cross:
	@$(STEP) 'other platforms'; \
	for platform in $(CROSS); do \
		echo $$platform; message="does not build for $$platform"; \
		CGO_ENABLED=0 GOOS=$${platform%/*} GOARCH=$${platform#*/} $(GO) build -buildvcs=false ./... || $(FAIL); \
	done

fmt: ## format all Go files
	gofmt -w .

bench: ## run all benchmarks for real
	packages="$(BENCHED)"; $(GO) test -run '^$$' -bench . -benchmem -timeout 60m $$packages

prove: check-tools prove-corpus prove-explore prove-bite fuzz prove-worlds prove-chaos ## look for what no test has seen yet; under 15 minutes on two cores
	@$(STEP) 'nothing found'

# An input that is new is not made smaller for a minute, but the next one is tried.
fuzz: ## fuzz each decoder for a while (FUZZ_TIME=10s)
	@find . -name '*_test.go' -not -path './bench/*' -exec grep -Ho '^func Fuzz[A-Za-z0-9_]*' {} + | sed 's/:func / /' | sort | \
	while read -r file name; do \
		$(STEP) "$$name in $$(dirname $$file)"; message="$$name found something; the input is in testdata/fuzz"; \
		$(GO) test -run '^$$' -fuzz "^$$name\$$" -fuzztime $(FUZZ_TIME) -fuzzminimizetime 10x $$(dirname $$file) || $(FAIL); \
	done

prove-corpus:
	@$(STEP) 'worlds that once broke'; message='a world broke that had been mended'; \
	$(GO) test -count 1 -run '^TestWorldsThatOnceBroke$$' ./sim/world || $(FAIL)

# In batches, so that it ends soon after the time is up and tells how far it came.
prove-worlds:
	@first=$(WORLD_FIRST); $(STEP) "fresh worlds for $(WORLD_TIME) seconds; WORLD_FIRST=$$first"; \
	message='a promise was broken; the lines above replay it. Mend it, and add the seed to sim/world/testdata/corpus.txt'; \
	dir=$$(mktemp -d); trap 'rm -rf "$$dir"' EXIT; $(GO) build -o "$$dir/sim" ./sim; end=$$((SECONDS + $(WORLD_TIME))); \
	while [ $$SECONDS -lt $$end ]; do \
		"$$dir/sim" -first $$first -seeds 200 -failures 3 | grep -Ev '^  [a-z-]+ +[0-9]+$$' || $(FAIL); first=$$((first + 200)); \
	done

prove-explore:
	@$(STEP) 'every state of a small cluster'; message='a promise was broken; the lines above are the shortest way there'; \
	$(GO) run ./sim/explore || $(FAIL)

prove-bite:
	@$(STEP) 'some faults are planted'; message='a fault was planted in the code and no test saw it'; \
	$(GO) test -count 1 ./sim/bite || $(FAIL)

bite: ## plant every known fault in the code and see whether a test catches it; a quarter of an hour
	@$(STEP) 'all faults are planted'; message='a fault was planted in the code and no test saw it'; \
	$(GO) run ./sim/bite || $(FAIL)

# What is left, about 3% of each, is of four kinds: stops that only a bug of this code or a
# member that lies would come to (raft.broken, contradicts, messages that are not well
# formed); a second read of a place of the disk that fails where the first did not
# (storage/wal: search.go, view.go); a full disk in the middle of making do with a full
# disk (flush.go, writer.go); and returns at once for what callers do not ask.
cover: ## how much of raft and storage/wal all tests and the simulator run, and what is left
	@$(STEP) 'statements run'; message='a test failed'; dir=$$(mktemp -d); trap 'rm -rf "$$dir"' EXIT; \
	$(GO) test -coverpkg=./raft/...,./storage/wal -coverprofile="$$dir/profile" ./raft/... ./storage/wal ./host ./sim/world >"$$dir/out" || { cat "$$dir/out"; $(FAIL); }; \
	awk '!/^mode:/ { size[$$1] = $$2; run[$$1] += $$3 } \
		END { for (b in size) { p = b; sub("/[^/]*$$", "", p); all[p] += size[b]; if (run[b]) ran[p] += size[b]; else if (size[b]) print "left", b } \
		for (p in all) printf "%5.1f%% of %d statements in %s\n", 100 * ran[p] / all[p], all[p], p }' "$$dir/profile" | sed 's|github.com/balsaraft/balsa/||' | sort -V

prove-chaos:
	@$(STEP) 'real processes under faults'; message='a promise was broken; the files are where the lines above say'; \
	if [ "$$($(GO) env GOHOSTOS)" = linux ]; then $(GO) run ./sim/chaos -for $(CHAOS_TIME) || $(FAIL); \
	else echo 'skipped: it needs Linux'; fi
