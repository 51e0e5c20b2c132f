//go:build cuda && cgo && linux

package sim

// #include <cuda.h>
import "C"

import (
	"fmt"

	"github.com/tandem-compute/tandem/internal/cuda"
	"github.com/tandem-compute/tandem/internal/ptx"
)

// device is one imaginary GPU.
type device struct {
	ordinal int
	memory  *ptx.Memory // in a range of addresses of its own
	limit   int64
	used    int64
	primary *context // the primary context while somebody retains it
	holders int      // how often it is retained
	flags   uint
}

// Limits common to the architectures that the simulator imagines.
const (
	warpSize          = 32
	maxThreads        = 1024
	maxGridX          = 1<<31 - 1
	maxGridYZ         = 1<<16 - 1
	threadsPerSM      = 2048
	blocksPerSM       = 32
	registersPerSM    = 65536
	sharedPerBlock    = 48 << 10 // without asking for more
	sharedReserved    = 1 << 10  // what the system keeps of every block's shared memory, from sm_80 on
	driverVersion     = 12040
	clockKilohertz    = 1_000_000
	imaginaryBusID    = 0x51
	megabyte          = 1 << 20
	constantMemory    = 64 << 10
	memoryBusBits     = 5120
	assumedRegisters  = 32 // per thread: the interpreter has no register allocator
	imaginaryL2       = 40 * megabyte
	textureAlignment  = 512
	pitchAlignment    = 32
	maxPitch          = 1<<31 - 1
	asyncEngines      = 2
	singleDoubleRatio = 2
	leastPriority     = 0
	greatestPriority  = -5
)

var maxBlock = [3]int{maxThreads, maxThreads, 64}
var maxGrid = [3]int{maxGridX, maxGridYZ, maxGridYZ}

// sharedPerSM is the shared memory of a multiprocessor, by architecture.
func (s *simulator) sharedPerSM() int {
	switch cc := s.config.Capability; {
	case cc[0] >= 9:
		return 228 << 10
	case cc == [2]int{8, 0}, cc == [2]int{8, 7}:
		return 164 << 10
	case cc[0] == 8:
		return 100 << 10
	case cc == [2]int{7, 0}, cc == [2]int{7, 2}:
		return 96 << 10
	default:
		return 64 << 10
	}
}

// sharedOptin is the most shared memory that one block can ask for.
func (s *simulator) sharedOptin() int {
	if s.config.Capability[0] >= 8 {
		return s.sharedPerSM() - sharedReserved
	}
	return s.sharedPerSM()
}

func (s *simulator) device(ordinal int) (*device, bool) {
	if ordinal < 0 || ordinal >= len(s.devices) {
		return nil, false
	}
	return s.devices[ordinal], true
}

func (s *simulator) deviceName() string {
	return fmt.Sprintf("Tandem simulator sm_%d%d", s.config.Capability[0], s.config.Capability[1])
}

// attribute answers cuDeviceGetAttribute. Textures and surfaces do not exist here, so their extents are 0.
func (s *simulator) attribute(d *device, attribute int) (int, cuda.Code) {
	switch attribute {
	case C.CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_BLOCK:
		return maxThreads, cuda.Success
	case C.CU_DEVICE_ATTRIBUTE_MAX_BLOCK_DIM_X, C.CU_DEVICE_ATTRIBUTE_MAX_BLOCK_DIM_Y, C.CU_DEVICE_ATTRIBUTE_MAX_BLOCK_DIM_Z:
		return maxBlock[attribute-C.CU_DEVICE_ATTRIBUTE_MAX_BLOCK_DIM_X], cuda.Success
	case C.CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_X, C.CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_Y, C.CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_Z:
		return maxGrid[attribute-C.CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_X], cuda.Success
	case C.CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK:
		return sharedPerBlock, cuda.Success
	case C.CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN:
		return s.sharedOptin(), cuda.Success
	case C.CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_MULTIPROCESSOR:
		return s.sharedPerSM(), cuda.Success
	case C.CU_DEVICE_ATTRIBUTE_RESERVED_SHARED_MEMORY_PER_BLOCK:
		return s.sharedPerSM() - s.sharedOptin(), cuda.Success
	case C.CU_DEVICE_ATTRIBUTE_TOTAL_CONSTANT_MEMORY:
		return constantMemory, cuda.Success
	case C.CU_DEVICE_ATTRIBUTE_WARP_SIZE:
		return warpSize, cuda.Success
	case C.CU_DEVICE_ATTRIBUTE_MAX_PITCH:
		return maxPitch, cuda.Success
	case C.CU_DEVICE_ATTRIBUTE_MAX_REGISTERS_PER_BLOCK, C.CU_DEVICE_ATTRIBUTE_MAX_REGISTERS_PER_MULTIPROCESSOR:
		return registersPerSM, cuda.Success
	case C.CU_DEVICE_ATTRIBUTE_CLOCK_RATE, C.CU_DEVICE_ATTRIBUTE_MEMORY_CLOCK_RATE:
		return clockKilohertz, cuda.Success
	case C.CU_DEVICE_ATTRIBUTE_TEXTURE_ALIGNMENT, C.CU_DEVICE_ATTRIBUTE_SURFACE_ALIGNMENT:
		return textureAlignment, cuda.Success
	case C.CU_DEVICE_ATTRIBUTE_TEXTURE_PITCH_ALIGNMENT:
		return pitchAlignment, cuda.Success
	case C.CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT:
		return s.config.SMs, cuda.Success
	case C.CU_DEVICE_ATTRIBUTE_PCI_BUS_ID:
		return imaginaryBusID + d.ordinal, cuda.Success
	case C.CU_DEVICE_ATTRIBUTE_GLOBAL_MEMORY_BUS_WIDTH:
		return memoryBusBits, cuda.Success
	case C.CU_DEVICE_ATTRIBUTE_L2_CACHE_SIZE:
		return imaginaryL2, cuda.Success
	case C.CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_MULTIPROCESSOR:
		return threadsPerSM, cuda.Success
	case C.CU_DEVICE_ATTRIBUTE_MAX_BLOCKS_PER_MULTIPROCESSOR:
		return blocksPerSM, cuda.Success
	case C.CU_DEVICE_ATTRIBUTE_ASYNC_ENGINE_COUNT:
		return asyncEngines, cuda.Success
	case C.CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR, C.CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR:
		return s.config.Capability[attribute-C.CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR], cuda.Success
	case C.CU_DEVICE_ATTRIBUTE_SINGLE_TO_DOUBLE_PRECISION_PERF_RATIO:
		return singleDoubleRatio, cuda.Success
	case C.CU_DEVICE_ATTRIBUTE_GPU_OVERLAP, C.CU_DEVICE_ATTRIBUTE_CONCURRENT_KERNELS, C.CU_DEVICE_ATTRIBUTE_UNIFIED_ADDRESSING,
		C.CU_DEVICE_ATTRIBUTE_GLOBAL_L1_CACHE_SUPPORTED, C.CU_DEVICE_ATTRIBUTE_LOCAL_L1_CACHE_SUPPORTED,
		C.CU_DEVICE_ATTRIBUTE_MEMORY_POOLS_SUPPORTED:
		return 1, cuda.Success
	}
	if attribute < C.CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_BLOCK || attribute > C.CU_DEVICE_ATTRIBUTE_MEMORY_POOLS_SUPPORTED {
		return 0, cuda.ErrInvalidValue
	}
	return 0, cuda.Success
}
