//go:build cuda && cgo && linux

package sim

// #include <cuda.h>
import "C"

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unsafe"

	"github.com/tandem-compute/tandem/internal/cuda"
	"github.com/tandem-compute/tandem/internal/ptx"
)

// module is loaded PTX.
type module struct {
	handle    uintptr
	context   *context
	ptx       *ptx.Module
	functions map[string]*function
}

// function is a kernel of a module.
type function struct {
	handle     uintptr
	module     *module
	name       string
	kernel     *ptx.Kernel
	params     []ptx.Param
	words      int // bytes of the parameter block
	maxDynamic int // bytes of dynamic shared memory that a launch may ask for
}

// loadModule parses PTX text. The driver compiles for one device; here only the target's name can fail to fit.
func (s *simulator) loadModule(c *context, image string) (*module, cuda.Code, error) {
	if strings.HasPrefix(image, "\x7fELF") || strings.HasPrefix(image, "\x50\xed\x55\xba") {
		return nil, cuda.ErrNoBinaryForGPU, nil // machine code; there is no machine
	}
	parsed, err := s.parse(image)
	if err != nil {
		s.fault = &Fault{Device: c.device.ordinal, Err: err}
		return nil, cuda.ErrInvalidPTX, err
	}
	if !s.runs(parsed.Target) {
		return nil, cuda.ErrNoBinaryForGPU, nil
	}
	m := &module{context: c, ptx: parsed.Clone(), functions: map[string]*function{}}
	if code := s.placeVariables(m); code != cuda.Success {
		return nil, code, nil
	}
	m.handle = s.own(c, m)
	return m, cuda.Success, nil
}

// placeVariables gives the module's variables their places on the device.
func (s *simulator) placeVariables(m *module) cuda.Code {
	d := m.context.device
	var blocks []block
	var total int64
	for _, name := range m.ptx.Globals() {
		addr, size, err := m.ptx.Global(d.memory, name)
		if err != nil {
			return cuda.ErrInvalidPTX // an initial value that cannot be
		}
		blocks = append(blocks, block{addr, size, m.context, m})
		total += size
	}
	if total > d.limit-d.used {
		d.memory.Unload(m.ptx)
		return cuda.ErrOutOfMemory
	}
	for _, b := range blocks {
		s.hold(b)
	}
	return cuda.Success
}

// variable finds a module's variable.
func (m *module) variable(name string) (addr uint64, size int64, code cuda.Code) {
	addr, size, err := m.ptx.Global(m.context.device.memory, name)
	if err != nil {
		return 0, 0, cuda.ErrNotFound
	}
	return addr, size, cuda.Success
}

// parse parses a text once, however often it is loaded.
func (s *simulator) parse(text string) (*ptx.Module, error) {
	if m, ok := s.parsed[text]; ok {
		return m, nil
	}
	m, err := ptx.Parse(text)
	if err == nil {
		s.parsed[text] = m
	}
	return m, err
}

// runs reports whether the devices can run PTX for a target: an older or equal one, or, for one with the suffix a, which
// promises nothing to other architectures, the very same.
func (s *simulator) runs(target string) bool {
	name, _, _ := strings.Cut(target, ",")
	digits, specific := strings.CutSuffix(strings.TrimPrefix(strings.TrimSpace(name), "sm_"), "a")
	version, err := strconv.Atoi(digits)
	mine := s.config.Capability[0]*10 + s.config.Capability[1]
	if err != nil {
		return false
	}
	return version == mine || version < mine && !specific
}

func (s *simulator) unload(m *module) {
	for _, f := range m.functions {
		s.drop(m.context, f.handle)
	}
	s.drop(m.context, m.handle)
	s.releaseAll(func(b block) bool { return b.module == m })
	m.context.device.memory.Unload(m.ptx)
}

// function returns a kernel of a module by name.
func (s *simulator) function(m *module, name string) (*function, cuda.Code) {
	if f, ok := m.functions[name]; ok {
		return f, cuda.Success
	}
	kernel, err := m.ptx.Entry(name)
	if err != nil {
		for _, entry := range m.ptx.Entries() {
			if entry == name { // it exists, and the interpreter cannot run it
				s.fault = &Fault{Kernel: name, Device: m.context.device.ordinal, Err: err}
				return nil, cuda.ErrInvalidPTX
			}
		}
		return nil, cuda.ErrNotFound
	}
	f := &function{module: m, name: name, kernel: kernel, params: kernel.Params()}
	f.maxDynamic = sharedPerBlock - kernel.StaticShared()
	for _, p := range f.params {
		f.words = max(f.words, p.Offset+p.Size)
	}
	f.handle = s.own(m.context, f)
	m.functions[name] = f
	return f, cuda.Success
}

// pack reads the parameters through the driver's array of pointers, each with the size that the PTX declares.
func (f *function) pack(params *unsafe.Pointer) ([]byte, cuda.Code) {
	if len(f.params) > 0 && params == nil {
		return nil, cuda.ErrInvalidValue
	}
	packed := make([]byte, f.words)
	for i, p := range unsafe.Slice(params, len(f.params)) {
		if p == nil {
			return nil, cuda.ErrInvalidValue
		}
		copy(packed[f.params[i].Offset:], unsafe.Slice((*byte)(p), f.params[i].Size))
	}
	return packed, cuda.Success
}

// shape is the geometry of a launch.
type shape struct {
	grid, block [3]int
	shared      int
}

func (s *simulator) checkShape(f *function, sh shape) cuda.Code {
	threads := 1
	for i := range 3 {
		if sh.grid[i] < 1 || sh.grid[i] > maxGrid[i] || sh.block[i] < 1 || sh.block[i] > maxBlock[i] {
			return cuda.ErrInvalidValue
		}
		threads *= sh.block[i]
	}
	if threads > f.kernel.MaxThreads() || sh.shared > f.maxDynamic {
		return cuda.ErrInvalidValue
	}
	return cuda.Success
}

// kernel makes the work that runs a kernel. The parameters are read now, as the driver promises.
func (s *simulator) kernel(f *function, sh shape, params *unsafe.Pointer) (work, cuda.Code) {
	if code := s.checkShape(f, sh); code != cuda.Success {
		return nil, code
	}
	packed, code := f.pack(params)
	if code != cuda.Success {
		return nil, code
	}
	c := f.module.context
	launch := &ptx.Launch{
		Grid: sh.grid, Block: sh.block, Shared: sh.shared, Params: packed, Memory: c.device.memory, Options: s.config.Options,
	}
	for peer := range c.peers {
		launch.Peers = append(launch.Peers, peer.device.memory)
	}
	return func() cuda.Code {
		s.counts.Launches++
		s.counts.Blocks += int64(sh.grid[0]) * int64(sh.grid[1]) * int64(sh.grid[2])
		err := s.run(f, launch)
		if err != nil {
			s.fault = &Fault{Kernel: f.name, Device: c.device.ordinal, Grid: sh.grid, Block: sh.block, Err: s.trace(c, err)}
		}
		return codeOf(err)
	}, cuda.Success
}

// run runs a kernel, and says so to whoever asked for it.
func (s *simulator) run(f *function, l *ptx.Launch) error {
	if s.config.Launched == nil {
		return f.kernel.Run(l)
	}
	metered := *l
	metered.Options.Meter = new(ptx.Meter)
	err := f.kernel.Run(&metered)
	s.config.Launched(Launch{f.name, l.Grid, l.Block, *metered.Options.Meter})
	return err
}

// trace says whose memory a kernel went for, if it is that of a device which it may not reach.
func (s *simulator) trace(c *context, err error) error {
	var fault *ptx.Fault
	if !errors.As(err, &fault) || fault.Kind != ptx.OutOfBounds {
		return err
	}
	if b, ok := s.blocks.holding(fault.Address, 1); ok && b.context.device != c.device {
		return fmt.Errorf("%w: the address is one of device %d", err, b.context.device.ordinal)
	}
	return err
}

// attribute answers cuFuncGetAttribute.
func (s *simulator) functionAttribute(f *function, attribute int) (int, cuda.Code) {
	switch attribute {
	case C.CU_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK:
		return f.kernel.MaxThreads(), cuda.Success
	case C.CU_FUNC_ATTRIBUTE_SHARED_SIZE_BYTES:
		return f.kernel.StaticShared(), cuda.Success
	case C.CU_FUNC_ATTRIBUTE_NUM_REGS:
		return assumedRegisters, cuda.Success
	case C.CU_FUNC_ATTRIBUTE_PTX_VERSION:
		return dotted(f.module.ptx.Version), cuda.Success
	case C.CU_FUNC_ATTRIBUTE_BINARY_VERSION:
		return s.config.Capability[0]*10 + s.config.Capability[1], cuda.Success
	case C.CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES:
		return f.maxDynamic, cuda.Success
	case C.CU_FUNC_ATTRIBUTE_PREFERRED_SHARED_MEMORY_CARVEOUT:
		return -1, cuda.Success
	case C.CU_FUNC_ATTRIBUTE_LOCAL_SIZE_BYTES:
		return f.kernel.Local(), cuda.Success
	case C.CU_FUNC_ATTRIBUTE_CONST_SIZE_BYTES, C.CU_FUNC_ATTRIBUTE_CACHE_MODE_CA:
		return 0, cuda.Success
	}
	return 0, cuda.ErrInvalidValue
}

// dotted turns the version 7.1 into 71.
func dotted(version string) int {
	n, err := strconv.Atoi(strings.ReplaceAll(version, ".", ""))
	if err != nil {
		return 0
	}
	return n
}

func (s *simulator) setFunctionAttribute(f *function, attribute, value int) cuda.Code {
	switch attribute {
	case C.CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES:
		if value < 0 || value+f.kernel.StaticShared() > s.sharedOptin() {
			return cuda.ErrInvalidValue
		}
		f.maxDynamic = value
		return cuda.Success
	case C.CU_FUNC_ATTRIBUTE_PREFERRED_SHARED_MEMORY_CARVEOUT:
		if value < -1 || value > 100 {
			return cuda.ErrInvalidValue
		}
		return cuda.Success
	}
	return cuda.ErrInvalidValue
}

// occupancy is how many blocks of a kernel fit on a multiprocessor.
func (s *simulator) occupancy(f *function, threads int, dynamic int) (int, cuda.Code) {
	if threads < 1 || dynamic < 0 {
		return 0, cuda.ErrInvalidValue
	}
	warps := (threads + warpSize - 1) / warpSize
	shared := f.kernel.StaticShared() + dynamic + s.sharedPerSM() - s.sharedOptin()
	if threads > f.kernel.MaxThreads() || dynamic > f.maxDynamic {
		return 0, cuda.Success
	}
	blocks := min(blocksPerSM, threadsPerSM/warpSize/warps, registersPerSM/(assumedRegisters*warps*warpSize))
	if shared > 0 {
		blocks = min(blocks, s.sharedPerSM()/shared)
	}
	return blocks, cuda.Success
}
