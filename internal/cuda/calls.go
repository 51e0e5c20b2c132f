//go:build cuda && cgo && linux

package cuda

/*
#include "driver.h"
*/
import "C"

import (
	"errors"
	"unsafe"

	"gorgonia.org/cu"
)

// Wrap gives an error of gorgonia.org/cu the form of this package: an *Error with the call's name and the driver's
// code. Other errors, and nil, pass through.
func Wrap(call string, err error) error {
	result := cu.Success // its type is not exported; errors.As needs a variable of it
	if err == nil || !errors.As(err, &result) {
		return err
	}
	return &Error{Call: call, Code: Code(result)}
}

// The handles of cu are structs of one C pointer, and cgo gives every package a type of its own for the same C type. A
// handle therefore crosses by its bits.
func function(f cu.Function) C.CUfunction { return *(*C.CUfunction)(unsafe.Pointer(&f)) }
func stream(s cu.Stream) C.CUstream       { return *(*C.CUstream)(unsafe.Pointer(&s)) }
func graph(g cu.Graph) C.CUgraph          { return *(*C.CUgraph)(unsafe.Pointer(&g)) }

// A FuncAttribute is a property of a kernel that can be set.
type FuncAttribute int

// Settable properties of a kernel.
const (
	FuncMaxDynamicShared FuncAttribute = C.CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES    // bytes of dynamic shared memory that a launch may ask for
	FuncSharedCarveout   FuncAttribute = C.CU_FUNC_ATTRIBUTE_PREFERRED_SHARED_MEMORY_CARVEOUT // percent of L1 to use as shared memory; -1 lets the driver choose
)

// Device attributes that gorgonia.org/cu has no name for.
const (
	CooperativeLaunch      cu.DeviceAttribute = C.CU_DEVICE_ATTRIBUTE_COOPERATIVE_LAUNCH
	MaxSharedPerBlockOptin cu.DeviceAttribute = C.CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN
	MaxBlocksPerSM         cu.DeviceAttribute = C.CU_DEVICE_ATTRIBUTE_MAX_BLOCKS_PER_MULTIPROCESSOR
	ReservedSharedPerBlock cu.DeviceAttribute = C.CU_DEVICE_ATTRIBUTE_RESERVED_SHARED_MEMORY_PER_BLOCK
	MemoryPoolsSupported   cu.DeviceAttribute = C.CU_DEVICE_ATTRIBUTE_MEMORY_POOLS_SUPPORTED
)

// SetFuncAttribute sets a property of a kernel. A kernel that wants more than 48 kB of shared memory needs
// FuncMaxDynamicShared set before its first launch.
func SetFuncAttribute(f cu.Function, attribute FuncAttribute, value int) error {
	return check("cuFuncSetAttribute", C.cuFuncSetAttribute(function(f), C.CUfunction_attribute(attribute), C.int(value)))
}

// A Shape is the geometry of a launch: blocks in the grid, threads in a block, bytes of dynamic shared memory.
type Shape struct {
	Grid, Block [3]int
	Shared      int
}

// Launch enqueues a kernel. Every parameter is one 8-byte word: a device pointer, or a scalar in its low bytes (the
// kernel's declaration says how many of them count). It does not allocate. The words are read before it returns.
func Launch(f cu.Function, shape Shape, s cu.Stream, words []uint64) error {
	g, b := shape.Grid, shape.Block
	r := C.tandem_cuda_launch(function(f), C.uint(g[0]), C.uint(g[1]), C.uint(g[2]), C.uint(b[0]), C.uint(b[1]), C.uint(b[2]),
		C.uint(shape.Shared), stream(s), (*C.uint64_t)(unsafe.SliceData(words)), C.int(len(words)))
	return check("cuLaunchKernel", r)
}

// AllocHost allocates page-locked host memory, which asynchronous copies need to be asynchronous. It belongs to the
// current context and is not seen by Go's collector; FreeHost frees it.
func AllocHost(bytes int64) (unsafe.Pointer, error) {
	var p unsafe.Pointer
	err := check("cuMemHostAlloc", C.cuMemHostAlloc(&p, C.size_t(bytes), C.CU_MEMHOSTALLOC_PORTABLE))
	return p, err
}

// FreeHost frees what AllocHost returned.
func FreeHost(p unsafe.Pointer) error { return check("cuMemFreeHost", C.cuMemFreeHost(p)) }

// AllocAsync allocates device memory in stream order, from the device's default pool. Drivers before 11.2 answer
// ErrNotSupported.
func AllocAsync(bytes int64, s cu.Stream) (cu.DevicePtr, error) {
	var p C.CUdeviceptr
	err := check("cuMemAllocAsync", C.cuMemAllocAsync(&p, C.size_t(bytes), stream(s)))
	return cu.DevicePtr(p), err
}

// FreeAsync frees what AllocAsync returned, in stream order.
func FreeAsync(p cu.DevicePtr, s cu.Stream) error {
	return check("cuMemFreeAsync", C.cuMemFreeAsync(C.CUdeviceptr(p), stream(s)))
}
