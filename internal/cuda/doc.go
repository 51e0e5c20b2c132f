// Package cuda is the CUDA driver, found at run time.
//
// gorgonia.org/cu, the binding that Tandem's GPU path is written against, refers to 159 driver calls and would have the
// linker look for libcuda. This package defines all of them as trampolines through a table instead. The table is filled
// on first use: from libcuda.so.1 where there is one, or by a provider in the process, such as the simulator in
// internal/sim. One binary therefore starts on every machine, and says in [Status] what it found.
//
//	cu.MemAlloc ─► cuMemAlloc_v2 (trampolines.c) ─► table ─┬─► libcuda.so.1
//	                                                      └─► a provider
//
// The trampolines exist under the build tag cuda on Linux with cgo. cu is compiled against the cuda.h of this directory:
//
//	CGO_CFLAGS=-I$(go list -f '{{.Dir}}' github.com/tandem-compute/tandem/internal/cuda) go build -tags cuda
//
// The text file libcuda.so in this directory is a linker script that satisfies cu's -lcuda; the binary depends on libc
// alone. Everything lives in one directory, so that vendoring, which copies directories of Go packages, keeps it.
//
// Beside the trampolines the package has what cu lacks: kernel attributes, pinned memory, stream capture and graph
// launch, errors that name the call and carry the driver's code, and a hook that makes any call fail ([Inject]).
package cuda

//go:generate go run ./_gen
