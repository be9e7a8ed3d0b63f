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
TEST_TIMEOUT ?= 10m
FUZZ_TIME ?= 3s
# How many fresh worlds are simulated, and the first of their seeds: another one for each
# state of the sources, so that nobody has played them, and whoever has the same sources
# plays the same. Without git it is made of the date.
WORLDS ?= 4000
WORLD_FIRST ?= $(shell tree=$$(git rev-parse --short=12 'HEAD^{tree}' 2>/dev/null) && printf '%d' "0x$${tree:0:12}" || date -u +%Y%m%d%H%M%S)
# How long real processes are killed, paused and cut off.
CHAOS_TIME ?= 45s
# What a browser may have to load for a member, compressed, in bytes: for one in memory,
# and for that of the package, whose flags are in web/build.go.
WASM_LIMIT := 1500000
# Bounds of small clusters whose every state is visited, each with other liberties: the
# states grow tenfold with every liberty, and all at once would take days.
EXPLORED := '-terms 3' '-terms 2 -entries 3 -crashes 1' '-terms 2 -crashes 2 -unsaved 1' \
	'-terms 2 -reads 1 -beats 1' '-terms 2 -reads 1 -transfers 1' '-terms 2 -removals 1 -crashes 1' \
	'-terms 2 -reconnects 1 -crashes 1' '-terms 2 -prevotes'
# Packages whose tests play worlds, or read what is written here: one thread does that.
ONE_THREAD := sim|sim/world|sim/explore|sim/bite|internal/(floors|formats|logs|pages|scenarios)
CHROMIUM ?= chromium
FIREFOX ?= firefox-esr
CROSS := darwin/arm64 windows/amd64

STEP = printf '\n== %s\n'
FAIL = { printf 'make %s: %s\n' '$@' "$$message" >&2; exit 1; }

.PHONY: help image test check-tools check-race redis-tools check-format vet lint race bench-smoke bench-module wasm browser-tools browser cross fmt bench bench-kv bench-raft
.PHONY: prove fuzz prove-corpus prove-worlds prove-explore prove-bite prove-chaos bite cover

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

test: check-tools check-format vet lint race bench-smoke bench-module wasm browser cross ## all checks and tests; some fifteen minutes on two cores
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

# The Redis port is tested by Redis's own programs, too, where they are to be had.
redis-tools:
	@if ! command -v redis-cli >/dev/null && command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ]; then \
		$(STEP) "Redis's own programs, for the tests"; \
		{ apt-get update -q && apt-get install -y -q redis-tools; } || \
			echo 'redis-tools could not be installed; the tests of the Redis port that need them are skipped'; \
	fi

# A simulated world is one thread: the race detector has nothing to find in it and takes
# eight times as long. What plays worlds side by side, it looks at. go vet was run before.
race: check-race redis-tools
	@$(STEP) 'go test -race'; message='a test failed; repeat one with: go test -race -run NAME ./PACKAGE'; \
	CGO_ENABLED=1 $(GO) test -race -vet=off -timeout $(TEST_TIMEOUT) $$($(GO) list ./... | grep -Ev '/($(ONE_THREAD))$$') || $(FAIL); \
	CGO_ENABLED=1 $(GO) test -race -vet=off -timeout $(TEST_TIMEOUT) -run '^TestACampaignPlaysAllItsWorlds$$' ./sim || $(FAIL); \
	message='a test failed; repeat one with: go test -run NAME ./PACKAGE'; \
	$(GO) test -vet=off -timeout $(TEST_TIMEOUT) $$($(GO) list ./... | grep -E '/($(ONE_THREAD))$$') || $(FAIL)

# The packages of this module that have benchmarks.
BENCHED = $$(find . -name '*_test.go' -not -path './bench/*' -exec grep -l '^func Benchmark' {} + | xargs -r -n1 dirname | sort -u)

# Once each, so that benchmarks do not rot; it measures nothing.
bench-smoke:
	@$(STEP) 'benchmarks, once each'; message='a benchmark does not run any more'; \
	packages="$(BENCHED)"; \
	if [ -n "$$packages" ]; then $(GO) test -vet=off -short -run '^$$' -bench . -benchtime 1x -timeout $(TEST_TIMEOUT) $$packages || $(FAIL); fi

# The comparisons are a module of their own, so that no rival is among the library's
# requirements. What they need beyond the library is not to be had everywhere.
bench-module:
	@$(STEP) 'the comparisons in bench'; cd bench; \
	if ! $(GO) mod download 2>/dev/null; then echo 'their modules could not be fetched, so they were not looked at'; exit 0; fi; \
	message='go vet found something in bench'; $(GO) vet ./... || $(FAIL); \
	message='a test failed in bench'; $(GO) test -vet=off ./... || $(FAIL)

wasm:
	@$(STEP) 'js/wasm'; dir=$$(mktemp -d); trap 'rm -rf "$$dir"' EXIT; \
	for program in '' ./internal/wasm-size; do \
		message='a program does not build for browsers'; $(GO) run ./web/dist $$dir $$program || $(FAIL); \
	done; \
	message='a program for browsers is too large: see what the last change imports (go tool nm -size -sort size)'; \
	for packed in $$dir/*.wasm.gz; do [ $$(wc -c <$$packed) -le $(WASM_LIMIT) ] || $(FAIL); done; \
	if ! command -v node >/dev/null; then echo 'node is not here, so the browser build was not run'; exit 0; fi; \
	message='a member does not run in js/wasm: it should print 5'; \
	[ "$$("$$($(GO) env GOROOT)/lib/wasm/go_js_wasm_exec" $$dir/wasm-size.wasm 2>$$dir/problems)" = 5 ] || { cat $$dir/problems; $(FAIL); }; \
	echo 'and it runs'

# Real browsers test what runs in them, where they are to be had.
browser-tools:
	@if ! { command -v $(CHROMIUM) && command -v npm; } >/dev/null && command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ]; then \
		$(STEP) 'a browser, and what drives it'; \
		{ apt-get update -q && apt-get install -y -q chromium npm; } || \
			echo 'chromium and npm could not be installed; the tests in a browser are skipped'; \
	fi; \
	if ! command -v $(FIREFOX) >/dev/null && command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ]; then \
		$(STEP) 'another browser'; \
		{ apt-get update -q && apt-get install -y -q firefox-esr; } || echo 'firefox-esr could not be installed; the tests in it are skipped'; \
	fi

browser: browser-tools ## the tests that run in a real browser
	@$(STEP) 'in a browser'; \
	if ! command -v $(CHROMIUM) >/dev/null; then echo 'skipped: $(CHROMIUM) is not here'; exit 0; fi; \
	if ! command -v npm >/dev/null; then echo 'skipped: npm is not here'; exit 0; fi; \
	if ! (cd web && npm ci --silent --prefer-offline); then echo 'skipped: npm cannot fetch what drives the browser'; exit 0; fi; \
	message='a test failed in the browser'; \
	GOOS=js GOARCH=wasm CHROMIUM=$$(command -v $(CHROMIUM)) $(GO) test -timeout $(TEST_TIMEOUT) -exec "node $$PWD/web/test/go-exec.mjs" ./fsys/opfs || $(FAIL); \
	message='the types of the package in web/ do not fit'; \
	(cd web && npx tsc -p .) || $(FAIL); \
	message='what the tests of windows run does not build'; built=$$(mktemp -d); trap 'rm -rf "$$built"' EXIT; \
	node web/test/built.mjs $$built || $(FAIL); \
	message='a test of windows failed'; \
	(cd web && BALSA_BUILT=$$built CHROMIUM=$$(command -v $(CHROMIUM)) FIREFOX=$$(command -v $(FIREFOX)) node test/run.mjs test/*.test.mjs) || $(FAIL)

# Nobody runs these programs, so that the compiler need not make them fast.
cross:
	@$(STEP) 'other platforms'; \
	for platform in $(CROSS); do \
		echo $$platform; message="does not build for $$platform"; \
		CGO_ENABLED=0 GOOS=$${platform%/*} GOARCH=$${platform#*/} $(GO) build -buildvcs=false -gcflags='all=-N -l' ./... || $(FAIL); \
	done

fmt: ## format all Go files
	gofmt -w .

bench: ## run all benchmarks for real
	packages="$(BENCHED)"; $(GO) test -run '^$$' -bench . -benchmem -timeout 60m $$packages

bench-kv: ## compare the key-value service with etcd, both on this machine; a few minutes
	cd bench && $(GO) run ./kv

bench-raft: ## compare the library with other Raft libraries; 25 minutes on a machine that does nothing else
	mkdir -p build && cd bench && $(GO) run ./raft -out ../build/bench-raft.md

image: ## build the program that the Dockerfile copies, and the image where a Docker engine is
	@$(STEP) 'a static program for an image'; message='the program does not build'; mkdir -p build/data; \
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags='-s -w' -o build/balsa ./cmd/balsa || $(FAIL); \
	if docker info >/dev/null 2>&1; then message='docker build failed'; docker build -t balsa . || $(FAIL); \
	else echo 'no Docker engine is here: build/balsa is ready for docker build'; fi

prove: check-tools prove-corpus prove-explore prove-bite fuzz prove-worlds prove-chaos ## look for what no test has seen yet; some six minutes on two cores
	@$(STEP) 'nothing found'

# One program for each package, built with go test's own flags for fuzzing; the first alone,
# so that what all share is compiled once. Then one core for each decoder, as many side by
# side as there are. An input that is new is not made smaller for a minute, but the next one
# is tried. Before Go 1.27 the end of the time may be taken for a failure
# (go.dev/issue/75804): a decoder that breaks leaves its input.
fuzz: ## fuzz each decoder for a while (FUZZ_TIME=10s)
	@$(STEP) 'decoders are fuzzed for $(FUZZ_TIME) each'; message='what fuzzes the decoders does not build'; \
	export built=$$(mktemp -d) cache="$$($(GO) env GOCACHE)/fuzz"; trap 'rm -rf "$$built"' EXIT; cores=$$(getconf _NPROCESSORS_ONLN); \
	find . -name '*_test.go' -not -path './bench/*' -exec grep -Ho '^func Fuzz[A-Za-z0-9_]*' {} + | sed -E 's|/[^/]*:func | |' | sort >"$$built/decoders"; \
	build() { cut -d' ' -f1 "$$built/decoders" | uniq | sed "$$1" | xargs -P "$$2" -I PACKAGE $(GO) test -c -vet=off -fuzz . -o "$$built/PACKAGE/fuzz" PACKAGE; }; \
	build '1!d' 1 && build 1d "$$cores" || $(FAIL); \
	message='a decoder broke; the input is in its testdata/fuzz'; \
	<"$$built/decoders" xargs -P "$$cores" -L 1 bash -c '\
		ended_by_time() { grep -q "^ *context deadline exceeded$$" <<<"$$out" && ! grep -q "Failing input written" <<<"$$out"; }; \
		if out=$$(cd "$$0" && "$$built/$$0/fuzz" -test.run "^$$" -test.fuzz "^$$1\$$" -test.fuzzcachedir "$$cache/$$0" \
			-test.fuzztime $(FUZZ_TIME) -test.fuzzminimizetime 10x -test.parallel 1 -test.timeout $(TEST_TIMEOUT) -test.paniconexit0 2>&1) || ended_by_time; \
		then echo "$$0 $$1: $$(grep -o "execs: [0-9]*" <<<"$$out" | tail -1)"; \
		else printf "%s %s\n%s\n" "$$0" "$$1" "$$out"; exit 1; fi' || $(FAIL)

prove-corpus:
	@$(STEP) 'worlds that once broke'; message='a world broke that had been mended'; \
	$(GO) test -count 1 -run '^TestWorldsThatOnceBroke$$' ./sim/world || $(FAIL)

# In batches, so that it tells how far it came.
prove-worlds:
	@first=$(WORLD_FIRST); $(STEP) "$(WORLDS) fresh worlds; WORLD_FIRST=$$first"; \
	message='a promise was broken; the lines above replay it. Mend it, and add the seed to sim/world/testdata/corpus.txt'; \
	dir=$$(mktemp -d); trap 'rm -rf "$$dir"' EXIT; $(GO) build -o "$$dir/sim" ./sim; end=$$((first + $(WORLDS))); \
	while [ $$first -lt $$end ]; do \
		"$$dir/sim" -first $$first -seeds 200 -failures 3 | grep -Ev '^  [a-z-]+ +[0-9]+$$' || $(FAIL); first=$$((first + 200)); \
	done

prove-explore:
	@$(STEP) 'every state of small clusters'; message='a promise was broken; the lines above are the shortest way there'; \
	dir=$$(mktemp -d); trap 'rm -rf "$$dir"' EXIT; $(GO) build -o "$$dir/explore" ./sim/explore; \
	for bounds in $(EXPLORED); do "$$dir/explore" $$bounds | grep -v '^one member' || $(FAIL); done

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
