# Building the CUDA kernels. Included by the Makefile, run from the repository's root.
#
#   make kernels   kernels/*.cu -> kernels/ptx/*.ptx with clang 19, and each beside it compressed: both are committed, the
#                  text to be read and compared, the .gz to be embedded
#   make ptxas     assemble every kernel for sm_80 and sm_90, refuse spills, rewrite kernels/LEDGER.md
#   make nvcc      the same sources through NVIDIA's compiler, into out/nvcc: a second opinion for the interpreter's tests

CLANG ?= clang++-19
CLANG_FLAGS := --cuda-device-only -nocudainc -nocudalib -x cuda --cuda-gpu-arch=sm_80 --cuda-feature=+ptx71 \
	-O3 -std=c++20 -fms-extensions -ffp-contract=off -fwrapv -Wall -Wextra -Werror -S

NVIDIA_VERSION := 13.5.37
NVIDIA_VENV := out/nvidia-$(NVIDIA_VERSION)
NVIDIA = $(wildcard $(NVIDIA_VENV)/lib/python3*/site-packages/nvidia/cu13)

CUDA_SOURCES := $(wildcard kernels/*.cu)
CUDA_HEADERS := $(wildcard kernels/*.cuh)
PTX := $(CUDA_SOURCES:kernels/%.cu=kernels/ptx/%.ptx)
NVCC_PTX := $(CUDA_SOURCES:kernels/%.cu=out/nvcc/%.ptx)

.PHONY: kernels ptxas nvcc clang-present

kernels: clang-present $(PTX) $(PTX:=.gz)

clang-present:
	@command -v $(CLANG) >/dev/null || { echo "$(CLANG) not found; on Debian: apt-get install clang-19" >&2; exit 1; }

kernels/ptx/%.ptx kernels/ptx/%.ptx.gz: kernels/%.cu $(CUDA_HEADERS) | clang-present
	@mkdir -p kernels/ptx
	$(CLANG) $(CLANG_FLAGS) $< -o kernels/ptx/$*.ptx
	gzip -n -9 <kernels/ptx/$*.ptx >kernels/ptx/$*.ptx.gz

$(NVIDIA_VENV)/.installed:
	python3 -m venv $(NVIDIA_VENV)
	$(NVIDIA_VENV)/bin/pip install --quiet --no-deps nvidia-cuda-nvcc==$(NVIDIA_VERSION) nvidia-nvvm==$(NVIDIA_VERSION) \
		nvidia-cuda-crt==$(NVIDIA_VERSION) nvidia-cuda-nvdisasm==$(NVIDIA_VERSION) \
		nvidia-cuda-runtime==$(NVIDIA_VERSION)
	chmod +x $(NVIDIA_VENV)/lib/python3*/site-packages/nvidia/cu13/bin/* $(NVIDIA_VENV)/lib/python3*/site-packages/nvidia/cu13/nvvm/bin/*
	touch $@

ptxas: kernels $(NVIDIA_VENV)/.installed
	$(CUDA_FLAGS) go run -tags cuda ./internal/cmd/ledger -tools $(NVIDIA)/bin -work out/ptxas -out kernels/LEDGER.md kernels/ptx/*.ptx

nvcc: $(NVIDIA_VENV)/.installed $(NVCC_PTX)

out/nvcc/%.ptx: kernels/%.cu $(CUDA_HEADERS) | $(NVIDIA_VENV)/.installed
	@mkdir -p out/nvcc
	$(NVIDIA)/bin/nvcc -ptx -arch=sm_80 -O3 -std=c++20 --fmad=false -diag-suppress 186 $< -o $@
