# `make test` is all that must hold before a change goes in; `make help` lists the rest.
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
# What a browser may have to load for a member in memory, compressed, in bytes. Without
# inlining it is 8% smaller; a member in a window has time enough for the calls.
WASM_LIMIT := 1500000
WASM_FLAGS := -buildvcs=false -trimpath -ldflags='-s -w' -gcflags=all=-l
CROSS := darwin/arm64 windows/amd64 linux/arm64

STEP = printf '\n== %s\n'
FAIL = { printf 'make %s: %s\n' '$@' "$$message" >&2; exit 1; }

.PHONY: help test check-tools check-race check-format vet lint race bench-smoke wasm cross fmt bench fuzz

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

fuzz: ## fuzz each decoder for a while (FUZZ_TIME=10s)
	@find . -name '*_test.go' -not -path './bench/*' -exec grep -Ho '^func Fuzz[A-Za-z0-9_]*' {} + | sed 's/:func / /' | sort | \
	while read -r file name; do \
		$(STEP) "$$name in $$(dirname $$file)"; message="$$name found something; the input is in testdata/fuzz"; \
		$(GO) test -run '^$$' -fuzz "^$$name\$$" -fuzztime $(FUZZ_TIME) $$(dirname $$file) || $(FAIL); \
	done
