# Build, try and test strake on this machine. Needs root and apt.
SHELL := /bin/bash
PACKAGES := gcc pkg-config mount lxc lxc-dev nftables dnsmasq-base isc-dhcp-client busybox-static mmdebstrap debootstrap uidmap e2fsprogs btrfs-progs git gnupg iproute2 iputils-ping procps man-db openssh-client openssh-server rsync systemd curl python3
GO_WANTED := $(shell sed -n 's/^go //p' go.mod)
GO_FETCHED := $(HOME)/.cache/strake-go
# What is built is the same in whichever folder it is built, and built once.
export GOFLAGS += -trimpath
GO ?= $(shell [ -x $(GO_FETCHED)/bin/go ] && echo $(GO_FETCHED)/bin/go || echo go)
SOURCES := $(shell find cmd reconcile spec generations -name '*.go' -o -name '*.c' -o -name '*.h') go.mod go.sum

.PHONY: all deps go emulator demo check rooms whole test fuzz test-vm bench fmt clean

all: strake

# deps installs what is missing of the system packages, and nothing else.
deps:
	@missing=$$(for p in $(PACKAGES); do dpkg-query -W -f '$${Status}' $$p 2>/dev/null | grep -q 'ok installed' || echo $$p; done); \
	if [ -n "$$missing" ]; then \
		echo "installing" $$missing; \
		apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $$missing; \
	fi

# go sees to a Go that can build this. One older than 1.21 can't fetch what go.mod
# asks for by itself, but the toolchain is a module as any other.
go: deps
	@command -v go >/dev/null || { apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -y -q golang-go; }
	@$(GO) version | grep -qE 'go1\.(2[1-9]|[3-9][0-9])' || { \
		echo "fetching go$(GO_WANTED): $$(go version) is too old"; \
		dir=$$(cd / && go mod download -json golang.org/toolchain@v0.0.1-go$(GO_WANTED).linux-$$(go env GOARCH) | sed -n 's/.*"Dir": "\(.*\)".*/\1/p') && \
		chmod +x "$$dir"/bin/* "$$dir"/pkg/tool/*/* && mkdir -p $(dir $(GO_FETCHED)) && ln -sfn "$$dir" $(GO_FETCHED); \
	}

strake: deps go $(SOURCES)
	$(GO) build -o strake ./cmd/strake

demo: strake
	examples/quickstart/demo.sh

# check reads the code. `go tool` would build staticcheck, and all of Go's own
# packages, once more: it knows nothing of -trimpath.
check: deps go
	$(GO) vet ./...
	$(GO) run honnef.co/go/tools/cmd/staticcheck ./...

# test is everything but the emulated host. Tests are linked without what a debugger
# needs, which is a third of that work. Fuzz targets run over what they were given
# and what was ever found; to find more is fuzz's own work.
test: check rooms whole

# rooms tries every package by itself, whole the program. What that needs of time is
# measured and bounded: it has the machine to itself, also where make may do two
# things at once.
TEST := $(GO) test -vet=off -ldflags=-w -count=1 -parallel 6 -timeout 30m
rooms: check
	$(TEST) $$($(GO) list ./... | grep -v /cmd/strake$$)

whole: check rooms $(filter test-vm,$(MAKECMDGOALS))
	$(TEST) ./cmd/strake

# fuzz tries every fuzz target that there is, two at a time with one worker each:
# for FUZZTIME what reads configurations and strake's own records, the others for
# FUZZTIME_SHORT. What it finds is kept in testdata/fuzz beside the target, and is a
# test from then on. Half of its time goes into building everything once more. Before
# Go 1.27 the end of FUZZTIME itself can be taken for a failure
# (golang.org/issue/75804): where nothing was found, such a run is done again.
FUZZTIME ?= 30s
FUZZTIME_SHORT ?= 3s
fuzz: deps go
	@grep -r --include='*_test.go' -o '^func Fuzz[A-Za-z0-9_]*' cmd reconcile spec generations | sort | sed 's,^\(.*\)/[^/]*:func ,\1 ,' | \
		xargs -P 2 -L 1 sh -c 'in=./$$0 target=$$1; echo "fuzz $$target in $$in"; \
			case "$$1" in FuzzLoad|FuzzLock|FuzzRecord|FuzzJournal|FuzzRead|FuzzFlatten) span=$(FUZZTIME) ;; *) span=$(FUZZTIME_SHORT) ;; esac; \
			try() { $(GO) test -run "^$$" -parallel 1 -fuzz "^$$target\$$" -fuzztime $$span -fuzzminimizetime 1s "$$in" 2>&1; }; \
			said=$$(try) && { echo "$$said" | tail -n 1; exit; }; echo "$$said"; \
			case $$said in *"Failing input"*) exit 1 ;; *"context deadline exceeded"*) try ;; *) exit 1 ;; esac'

# test-vm tries strake on a stock Debian 12 (with STRAKE_VM_SUITE=trixie: 13; systemd,
# cgroup2 alone, AppArmor) that an emulator boots; it takes some minutes. LONG=1 tries
# VLANs and LVM on it as well.
test-vm: emulator
	STRAKE_VM_LONG=$(LONG) $(GO) test -tags vm -vet=off -ldflags=-w -count=1 -timeout 30m -run TestStockHost ./cmd/strake

emulator: deps go
	@command -v qemu-system-x86_64 >/dev/null || { apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends qemu-system-x86; }

# bench writes the table of reconcile/README.md; make bench ARGS="-quick -rows 1,3" only looks.
bench: strake
	$(GO) run ./cmd/internal/bench $(ARGS)

fmt:
	gofmt -w cmd reconcile spec generations

clean:
	rm -f strake
