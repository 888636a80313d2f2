# Build, try and test strake on this machine. Needs root and apt.
SHELL := /bin/bash
PACKAGES := gcc pkg-config lxc lxc-dev nftables busybox-static mmdebstrap uidmap git iproute2
GO ?= go
SOURCES := $(shell find cmd reconcile spec generations -name '*.go' -o -name '*.c' -o -name '*.h') go.mod go.sum

.PHONY: all deps demo test test-short bench fmt clean

all: strake

# deps installs what is missing of the system packages, and nothing else.
deps:
	@missing=$$(for p in $(PACKAGES); do dpkg-query -W -f '$${Status}' $$p 2>/dev/null | grep -q 'ok installed' || echo $$p; done); \
	if [ -n "$$missing" ]; then \
		echo "installing" $$missing; \
		apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $$missing; \
	fi

strake: deps $(SOURCES)
	$(GO) build -trimpath -o strake ./cmd/strake

demo: strake
	examples/quickstart/demo.sh

test: deps
	$(GO) vet ./...
	$(GO) tool staticcheck ./...
	$(GO) test -count=1 -timeout 18m ./...

# test-short leaves out what needs minutes.
test-short: deps
	$(GO) test -short ./...

bench: strake
	$(GO) run ./cmd/internal/bench

fmt:
	gofmt -w cmd reconcile spec generations

clean:
	rm -f strake
