# Swiftlet. `make help` lists the targets.
SWIFT   ?= swift
PREFIX  ?= /usr/local
DESTDIR ?=
UNITDIR ?= $(PREFIX)/lib/systemd/system
DATADIR ?= $(PREFIX)/share
RELEASE := .build/release
# Linked without symbols (Package.swift, `fullyStatic`): a copy that is written in one piece starts faster than one that strip(1) writes.
BARE_PROGRAMS := containerd-shim-swiftlet-v2 swiftlet-oci
PROGRAMS := swiftletd swiftlet mock-kubelet
# All programs carry the Swift runtime with them; the first two are fully static (see Package.swift).
RELEASE_FLAGS := -c release --static-swift-stdlib

.PHONY: help build run test unit integration install proto lint format bench bench-shim bench-executor bench-images bench-pull bench-plugin kill-sweep sweep sweep-daemon volume fuzz asan soak help-pages order clean deps deps-build

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

deps-build: ## Debian packages that the build needs
	@.ci/packages build

deps: ## Debian packages that the build and the tests need
	@.ci/packages build test

build: deps-build ## all programs, optimised, in .build/release
	$(SWIFT) build $(RELEASE_FLAGS)

run: deps build ## a pod of two containers from a real image, driven by the mock kubelet
	Integration/demo/run.sh $(RELEASE)

test: deps build ## unit and integration tests
	SWIFT=$(SWIFT) Integration/run-tests $(RELEASE)

unit: deps ## the unit tests alone
	$(SWIFT) test

integration: deps build ## the integration tests alone
	SWIFT=$(SWIFT) Integration/run-tests --integration-only $(RELEASE)

install: build ## programs, systemd units, shell completion and documents below PREFIX
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(UNITDIR) $(DESTDIR)$(DATADIR)/bash-completion/completions \
		$(DESTDIR)$(DATADIR)/zsh/site-functions $(DESTDIR)$(DATADIR)/fish/vendor_completions.d $(DESTDIR)$(DATADIR)/doc/swiftlet
	install -m 0755 $(addprefix $(RELEASE)/,$(BARE_PROGRAMS)) $(DESTDIR)$(PREFIX)/bin/
	install -s -m 0755 $(addprefix $(RELEASE)/,$(PROGRAMS)) $(DESTDIR)$(PREFIX)/bin/
	for unit in swiftletd.service swiftletd.socket; do \
		sed 's|@PREFIX@|$(PREFIX)|g' packaging/systemd/$$unit > $(DESTDIR)$(UNITDIR)/$$unit || exit 1; done
	$(RELEASE)/swiftlet completion bash > $(DESTDIR)$(DATADIR)/bash-completion/completions/swiftlet
	$(RELEASE)/swiftlet completion zsh > $(DESTDIR)$(DATADIR)/zsh/site-functions/_swiftlet
	$(RELEASE)/swiftlet completion fish > $(DESTDIR)$(DATADIR)/fish/vendor_completions.d/swiftlet.fish
	install -m 0644 docs/*.md $(DESTDIR)$(DATADIR)/doc/swiftlet/

order: deps ## the list of what a container's life calls, for the linker (root, minutes)
	for program in swiftlet-oci containerd-shim-swiftlet-v2; do \
		$(SWIFT) build $(RELEASE_FLAGS) --product $$program -Xlinker -Map=$(CURDIR)/.build/$$program.map -Xlinker --no-demangle || exit 1; done
	Integration/order/run.sh $(RELEASE) .build > .build/calls.order
	mv .build/calls.order Sources/calls.order

proto: ## generate the C and Swift code of proto/ again
	@.ci/packages build proto
	SWIFT=$(SWIFT) proto/generate.sh

lint: ## what can be held mechanically of the style
	@SWIFT=$(SWIFT) .ci/lint $(RELEASE)

format: ## swift-format over everything written by hand
	$(SWIFT) format format --in-place --configuration .swift-format $$(git ls-files '*.swift' | grep -v '\.pb\.swift$$')

bench: bench-shim bench-executor ## the figures of docs/benchmarks.md, beside the peers

bench-shim: deps build ## the shim beside containerd-shim-runc-v2, against its bars
	Integration/bench/shim.sh $(RELEASE) $(PARTS)

bench-executor: deps build ## swiftlet-oci beside crun and runc, against its bars
	@.ci/packages bench
	Integration/bench/executor.sh $(RELEASE)

bench-images: deps build ## loading and unpacking images beside umoci, containerd and tar, against the bars
	Integration/bench/images.sh $(RELEASE)

kill-sweep: deps build ## swiftlet killed at every system call that touches the store
	SWIFTLET_SWEEP_STRIDE=1 SWIFTLET_TEST_SECONDS=7200 Integration/run-tests --integration-only $(RELEASE) killed_at_any_call

FUZZ_SECONDS ?= 600
fuzz: deps-build ## what reads foreign bytes under libFuzzer, FUZZ_SECONDS (600) for each of TARGETS (all)
	SWIFT=$(SWIFT) Integration/fuzz/build.sh .build-fuzz fuzz
	Integration/fuzz/run.sh .build-fuzz $(FUZZ_SECONDS) $(TARGETS)

# A clone that becomes a container's process has nothing to free: leaks are not looked for.
asan: deps ## the unit tests of what the shim is made of, under AddressSanitizer
	SWIFT=$(SWIFT) Integration/fuzz/build.sh .build-asan tests
	ASAN_OPTIONS=detect_leaks=0 .build-asan/tests

bench-pull: deps build ## pulling from a registry on loopback, beside skopeo and umoci
	Integration/bench/pull.sh $(RELEASE)

sweep: deps build ## a fault at every system call of a container's life (about a quarter of an hour)
	Integration/sweep/run.sh $(RELEASE) 1

sweep-daemon: deps ## swiftletd killed at two hundred moments of a pod's life
	SWIFTLET_SWEEP_POINTS=25 $(SWIFT) test --filter DaemonSweepTests

bench-plugin: deps build ## swiftletd against its bars, and beside containerd's CRI plugin with runc
	Integration/bench/plugin.sh $(RELEASE) $(PARTS)

volume: deps build ## a gibibyte of output through every kind of stream, compared by its hash
	SWIFTLET_VOLUME=1024 SWIFT=$(SWIFT) Integration/run-tests --integration-only $(RELEASE) every_kind_of_stream

soak: deps build ## 200 pods of the mock kubelet for a quarter of an hour, with probes, restarts and random deletions
	Integration/soak.sh $(RELEASE)

help-pages: build ## docs/commands.md from the programs' own help
	.ci/help-pages $(RELEASE) > docs/commands.md

clean: ## remove what was built
	rm -rf .build .build-fuzz .build-asan
