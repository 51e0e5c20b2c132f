#!/bin/sh
# Compiles the test kernels; the PTX is committed. With NVCC set to an nvcc 13.5, the second compiler's PTX is made, too.
set -e
cd "$(dirname "$0")"
for f in *.cu; do
  clang++-19 --cuda-device-only -nocudainc -nocudalib -x cuda --cuda-gpu-arch=sm_80 --cuda-feature=+ptx71 -O3 -std=c++20 \
    -fms-extensions -ffp-contract=off -Wno-unknown-pragmas -S "$f" -o "${f%.cu}.ptx"
  if [ -n "$NVCC" ]; then
    "$NVCC" -ptx -arch=sm_80 -O3 -std=c++20 --fmad=false "$f" -o "${f%.cu}_nvcc.ptx"
  fi
done
