# Tandem. Two commands do all the set-up on a fresh machine:
#
#   make run    what devices are here, a quick self-test, and the benchmark against gonum
#   make test   the tests, with and without the tag cuda; prints what each part took

GO ?= go
CUDA_FLAGS = CGO_CFLAGS=-I$(CURDIR)/internal/cuda
TANDEM = bin/tandem

.PHONY: run test data build lint generate generated support ledger compilers cross purego avx512 arm64 race fuzz mutate peers

include kernels/kernels.mk

build: ## builds bin/tandem, with the GPU path where cgo is to be had
	@mkdir -p bin
	@if [ "$$($(GO) env GOOS)$$($(GO) env CGO_ENABLED)" = linux1 ]; then \
		$(CUDA_FLAGS) $(GO) build -tags cuda -o $(TANDEM) ./cmd/tandem; \
	else $(GO) build -o $(TANDEM) ./cmd/tandem; fi

run: build
	$(TANDEM) info
	$(TANDEM) check --quick
	$(TANDEM) bench --peer gonum --rounds 9 --filter '^gemm/f32/(64x64x64|256x256x256|1024x1024x1024|8x4096x4096)$$'

# Each part says how long it took.
timed = @start=$$(date +%s); echo "== $(1)"; { $(2); } || { echo "== $(1): failed" >&2; exit 1; }; echo "== $(1): $$(($$(date +%s) - start)) s"

test:
	@$(MAKE) -s data || echo "== no data set: the PCA example's test on real images is left out" >&2
	$(call timed,go test,$(GO) test -timeout 20m ./...)
	$(call timed,go test -tags cuda,$(CUDA_FLAGS) $(GO) test -tags cuda -timeout 20m . ./cmd/... ./gpu/... ./internal/cuda/... ./internal/device/... ./internal/sim/...)

FASHION = /usr/share/datasets/fashion-mnist

data: ## the data set that the PCA example reads, from Debian's packages
	@[ -d $(FASHION) ] || { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq dataset-fashion-mnist; } >/dev/null

lint: ## format, vet and staticcheck
	$(call timed,gofmt,test -z "$$(gofmt -l $$(git ls-files '*.go'))" || { gofmt -l $$(git ls-files '*.go'); false; })
	$(call timed,vet,$(GO) vet ./... && $(CUDA_FLAGS) $(GO) vet -tags cuda ./...)
	$(call timed,staticcheck,$(GO) run honnef.co/go/tools/cmd/staticcheck@v0.8.2 ./...)
	$(call timed,staticcheck -tags cuda,$(CUDA_FLAGS) $(GO) run honnef.co/go/tools/cmd/staticcheck@v0.8.2 -tags cuda . ./cmd/... ./gpu/... ./internal/...)

GENERATED = cpu/internal/vec cpu/internal/gemm internal/ptx internal/cuda internal/sim internal/parity

generate: ## remakes assembly, trampolines and the support matrix
	for d in $(GENERATED); do (cd $$d && $(GO) generate ./...) || exit 1; done

support: build ## SUPPORT.md, by the devices of this machine and the simulator
	$(TANDEM) info --matrix SUPPORT.md >/dev/null

generated: generate ## fails when a generated file differs from what is committed; remakes kernels however new they look
	$(MAKE) -B kernels
	git diff --exit-code -- $(GENERATED) kernels/ptx SUPPORT.md

ledger: ptxas ## fails when the ledger differs from the kernels
	git diff --exit-code kernels/LEDGER.md

compilers: nvcc ## two compilers' PTX must do the same, to the bit
	TANDEM_TEST_PTX=$(CURDIR)/out/nvcc $(GO) test ./kernels
	TANDEM_TEST_PTX=$(CURDIR)/out/nvcc $(CUDA_FLAGS) $(GO) test -tags cuda -timeout 30m -run TestCompilersAgree ./gpu

cross: ## the library for machines that are not this one
	for t in linux/arm64 darwin/arm64 windows/amd64; do \
		echo "== $$t"; CGO_ENABLED=0 GOOS=$${t%/*} GOARCH=$${t#*/} $(GO) vet ./... || exit 1; done
	CGO_ENABLED=0 $(GO) build ./...

purego: ## without assembly
	$(GO) test -tags purego -short . ./cpu/... ./internal/parity

avx512: ## the AVX-512 kernels on an emulated processor, where there is none
	.ci/avx512-emulated/run

arm64: ## one case an op on linux/arm64, where Go fuses multiply-add
	@mkdir -p out
	CGO_ENABLED=0 GOARCH=arm64 $(GO) test -c -o out/parity.arm64 ./internal/parity
	cd internal/parity && qemu-aarch64 ../../out/parity.arm64 -test.short -test.run 'TestCPU'

race: ## the race detector on everything concurrent, and on one case an op
	$(GO) test -race -short . ./cpu/internal/pool ./internal/parity ./internal/ptx
	$(CUDA_FLAGS) $(GO) test -tags cuda -race -short ./internal/cuda ./internal/sim
	$(CUDA_FLAGS) $(GO) test -tags cuda -race -short -run 'TestGoroutines|TestNetwork|TestFault|TestOutOfMemory' ./gpu

FUZZTIME ?= 20s

fuzz: ## every fuzz target of the repository, each for FUZZTIME
	@git grep -o 'func Fuzz[A-Za-z0-9]*' -- '*_test.go' | while IFS=: read -r file target; do \
		echo "== $$file: $${target#func }"; \
		$(GO) test -run '^$$' -fuzz "^$${target#func }$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 1s "./$$(dirname $$file)" </dev/null || exit 1; done

mutate: ## small wrongs in kernels, which the suite must notice; make mutate DRAW=5 runs five of each path, drawn by the commit
	$(GO) run ./internal/cmd/mutate $(if $(DRAW),-draw $(DRAW) -seed $$(git rev-parse HEAD))

peers: ## the benchmark's peers, from Debian and the Python index
	apt-get install -y libopenblas0-pthread libblis4-pthread python3-venv
	python3 -m venv out/peers
	out/peers/bin/pip install -q torch numpy onednn-cpu-gomp
	@echo 'export TANDEM_PEER_PYTHON=$(CURDIR)/out/peers/bin/python TANDEM_PEER_ONEDNN=$(CURDIR)/out/peers/lib/libdnnl.so.3'
