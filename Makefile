# Build, try and test strake on this machine. Needs root and apt.
SHELL := /bin/bash
PACKAGES := gcc pkg-config lxc lxc-dev nftables busybox-static mmdebstrap uidmap git iproute2
GO ?= go
SOURCES := $(shell find cmd reconcile spec generations -name '*.go' -o -name '*.c' -o -name '*.h') go.mod go.sum

.PHONY: all deps go demo test test-short bench fmt clean

all: strake

# deps installs what is missing of the system packages, and nothing else.
deps:
	@missing=$$(for p in $(PACKAGES); do dpkg-query -W -f '$${Status}' $$p 2>/dev/null | grep -q 'ok installed' || echo $$p; done); \
	if [ -n "$$missing" ]; then \
		echo "installing" $$missing; \
		apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $$missing; \
	fi

# go looks for a Go that can fetch the one that go.mod asks for.
go:
	@command -v $(GO) >/dev/null || { apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -y -q golang-go; }
	@$(GO) version | grep -qE 'go1\.(2[1-9]|[3-9][0-9])' || { \
		echo "$$($(GO) version) is too old to fetch Go 1.26 by itself (1.21 or newer can):" >&2; \
		echo "  install Go from https://go.dev/dl, or on Debian 12: apt install -t bookworm-backports golang-go" >&2; exit 1; }

strake: deps go $(SOURCES)
	$(GO) build -trimpath -o strake ./cmd/strake

demo: strake
	examples/quickstart/demo.sh

test: deps go
	$(GO) vet ./...
	$(GO) tool staticcheck ./...
	$(GO) test -count=1 -timeout 18m ./...

# test-short leaves out what needs minutes.
test-short: deps go
	$(GO) test -short ./...

# bench writes the table of reconcile/README.md; make bench ARGS="-quick -rows 1,3" only looks.
bench: strake
	$(GO) run ./cmd/internal/bench $(ARGS)

fmt:
	gofmt -w cmd reconcile spec generations

clean:
	rm -f strake
