//go:build cuda && cgo && linux

package sim_test

import (
	_ "embed"
	"runtime"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"
	"gorgonia.org/cu"

	"github.com/tandem-compute/tandem/internal/cuda"
	"github.com/tandem-compute/tandem/internal/ptx"
	"github.com/tandem-compute/tandem/internal/sim"
)

//go:generate clang++-19 --cuda-device-only -nocudainc -nocudalib -x cuda --cuda-gpu-arch=sm_80 --cuda-feature=+ptx71 -O3 -std=c++20 -ffp-contract=off -S testdata/kernels.cu -o testdata/kernels.ptx

//go:embed testdata/kernels.ptx
var kernels string

// checked is a Config that sanitizes, as CI runs it.
func checked() sim.Config {
	return sim.Config{Options: ptx.Options{Workers: 2, Sanitize: true}}
}

// open installs a simulator and makes a context current on the test's thread.
func open(t *testing.T, c sim.Config) cu.CUContext {
	t.Helper()
	require.NoError(t, sim.Install(c))
	return openContext(t, 0)
}

func openContext(t *testing.T, device cu.Device) cu.CUContext {
	t.Helper()
	runtime.LockOSThread()
	ctx, err := device.MakeContext(cu.SchedAuto)
	require.NoError(t, err)
	t.Cleanup(func() {
		_ = cu.SetCurrentContext(cu.CUContext{})
		runtime.UnlockOSThread()
	})
	return ctx
}

func kernel(t *testing.T, name string) cu.Function {
	t.Helper()
	m, err := cu.LoadData(kernels)
	require.NoError(t, err)
	f, err := m.Function(name)
	require.NoError(t, err)
	return f
}

// upload copies a slice to a new allocation.
func upload[T any](t *testing.T, x []T) cu.DevicePtr {
	t.Helper()
	n := int64(len(x)) * int64(unsafe.Sizeof(x[0]))
	p, err := cu.MemAlloc(n)
	require.NoError(t, err)
	require.NoError(t, cu.MemcpyHtoD(p, unsafe.Pointer(&x[0]), n))
	return p
}

func download[T any](t *testing.T, p cu.DevicePtr, n int) []T {
	t.Helper()
	x := make([]T, n)
	require.NoError(t, cu.MemcpyDtoH(unsafe.Pointer(&x[0]), p, int64(n)*int64(unsafe.Sizeof(x[0]))))
	return x
}

func line(grid, block int) cuda.Shape {
	return cuda.Shape{Grid: [3]int{grid, 1, 1}, Block: [3]int{block, 1, 1}}
}

// ramp is 0, 1, 2 ... times step: sums and products of it are exact in float32.
func ramp(n int, step float32) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(i) * step
	}
	return x
}

func TestStatusNamesTheSimulator(t *testing.T) {
	require.NoError(t, sim.Install(sim.Config{}))
	info := cuda.Status()
	require.NoError(t, info.Err)
	require.Equal(t, "sim", info.Driver)
	require.Equal(t, cu.Version(), info.Version)

	sim.Uninstall()
	require.NotEqual(t, "sim", cuda.Status().Driver)
	require.Zero(t, sim.Stats())
}

func TestConfigIsChecked(t *testing.T) {
	for _, c := range []sim.Config{{Devices: 65}, {Devices: -1}, {Capability: [2]int{3, 5}}, {Memory: -1}, {SMs: -1}} {
		require.Error(t, sim.Install(c), "%+v", c)
	}
}

// The whole path: Go, cu, trampoline, simulator, interpreter; by cu's Launch and by ours.
func TestSaxpy(t *testing.T) {
	const n = 1000
	const a = float32(3)
	for name, launch := range map[string]func(f cu.Function, words []uint64) error{
		"cu": func(f cu.Function, words []uint64) error {
			params := make([]unsafe.Pointer, len(words))
			for i := range words {
				params[i] = unsafe.Pointer(&words[i])
			}
			return f.Launch(8, 1, 1, 128, 1, 1, 0, cu.NoStream, params)
		},
		"cuda": func(f cu.Function, words []uint64) error { return cuda.Launch(f, line(8, 128), cu.NoStream, words) },
	} {
		t.Run(name, func(t *testing.T) {
			open(t, checked())
			y, x := upload(t, ramp(n, 1)), upload(t, ramp(n, 2))
			words := []uint64{uint64(y), uint64(x), uint64(*(*uint32)(unsafe.Pointer(new(a)))), n}
			require.NoError(t, launch(kernel(t, "saxpy"), words))
			require.NoError(t, cu.Synchronize())
			require.Equal(t, ramp(n, 1+2*a), download[float32](t, y, n))

			s := sim.Stats()
			require.EqualValues(t, 1, s.Launches)
			require.EqualValues(t, 8, s.Blocks)
			require.EqualValues(t, 2*4*n, s.ToDevice)
			require.EqualValues(t, 4*n, s.ToHost)
			require.EqualValues(t, 2*4*n, s.Live)
			require.EqualValues(t, 2, s.Allocations)
		})
	}
}

// Parameters are read by their declared size: the high bytes of a word hold rubbish that must not matter.
func TestParameterSizes(t *testing.T) {
	open(t, checked())
	out := upload(t, make([]uint64, 6))
	const rubbish = 0xdead_beef_dead_be00
	words := []uint64{uint64(out), rubbish | 0x7f, 0xdead_beef_dead_1234, 0xdead_beef_89ab_cdef, 0x0123_4567_89ab_cdef, 0xdead_beef_3fc0_0000, 0x4009_21fb_5444_2d18}
	require.NoError(t, cuda.Launch(kernel(t, "params"), line(1, 1), cu.NoStream, words))
	require.Equal(t, []uint64{0x7f, 0x1234, 0x89ab_cdef, 0x0123_4567_89ab_cdef, 0x3fc0_0000, 0x4009_21fb_5444_2d18}, download[uint64](t, out, 6))
}

func TestDynamicSharedMemory(t *testing.T) {
	open(t, checked())
	x := make([]uint32, 256)
	for i := range x {
		x[i] = uint32(i)
	}
	p, f := upload(t, x), kernel(t, "reverse")
	shape := line(2, 128)
	shape.Shared = 512
	require.NoError(t, cuda.Launch(f, shape, cu.NoStream, []uint64{uint64(p)}))
	y := download[uint32](t, p, 256)
	require.EqualValues(t, 127, y[0])
	require.EqualValues(t, 128, y[255])

	shape.Shared = 100 << 10
	require.ErrorIs(t, cuda.Launch(f, shape, cu.NoStream, []uint64{uint64(p)}), cuda.ErrInvalidValue)
	require.ErrorIs(t, cuda.SetFuncAttribute(f, cuda.FuncMaxDynamicShared, 1<<20), cuda.ErrInvalidValue)
	require.NoError(t, cuda.SetFuncAttribute(f, cuda.FuncMaxDynamicShared, shape.Shared))
	require.NoError(t, cuda.Launch(f, shape, cu.NoStream, []uint64{uint64(p)}))
	require.Equal(t, x, download[uint32](t, p, 256))
}

func TestLaunchLimits(t *testing.T) {
	open(t, checked())
	f := kernel(t, "trap")
	for _, shape := range []cuda.Shape{
		{Grid: [3]int{0, 1, 1}, Block: [3]int{1, 1, 1}},
		{Grid: [3]int{1, 1 << 16, 1}, Block: [3]int{1, 1, 1}},
		{Grid: [3]int{1, 1, 1}, Block: [3]int{1025, 1, 1}},
		{Grid: [3]int{1, 1, 1}, Block: [3]int{32, 32, 2}},
		{Grid: [3]int{1, 1, 1}, Block: [3]int{1, 1, 65}},
	} {
		require.ErrorIs(t, cuda.Launch(f, shape, cu.NoStream, nil), cuda.ErrInvalidValue, "%+v", shape)
	}
	require.NoError(t, cu.Synchronize())
	require.Zero(t, sim.Stats().Launches)
}

// Meter and coverage of the interpreter see what is launched, and see one kernel where a text is loaded twice.
func TestMeterAndCoverage(t *testing.T) {
	c := checked()
	c.Meter, c.Coverage = new(ptx.Meter), new(ptx.Coverage)
	open(t, c)
	x := upload(t, ramp(64, 1))
	for _, n := range []uint64{64, 0} { // every thread works, none does
		require.NoError(t, cuda.Launch(kernel(t, "saxpy"), line(1, 64), cu.NoStream, []uint64{uint64(x), uint64(x), 0, n}))
	}
	require.NoError(t, cu.Synchronize())
	require.EqualValues(t, 2*3, c.Meter.GlobalRequests, "two warps, two loads and a store")
	require.EqualValues(t, 2*3*4, c.Meter.GlobalSectors)
	require.NotEmpty(t, c.Coverage.Blocks())
	require.Empty(t, c.Coverage.Missed())
	for _, b := range c.Coverage.Blocks() {
		require.Equal(t, "saxpy", b.Kernel)
	}
}

// A fault poisons its context as on a device: the launch succeeds, the next call and every later one do not.
func TestFaultPoisonsTheContext(t *testing.T) {
	open(t, checked())
	p, f := upload(t, make([]uint32, 32)), kernel(t, "wild")
	require.NoError(t, cuda.Launch(f, line(1, 32), cu.NoStream, []uint64{uint64(p)}))
	err := cuda.Wrap("cuCtxSynchronize", cu.Synchronize())
	require.ErrorIs(t, err, cuda.ErrIllegalAddress)
	_, again := cu.MemAlloc(64)
	require.ErrorIs(t, cuda.Wrap("cuMemAlloc", again), cuda.ErrIllegalAddress)

	fault := sim.LastFault()
	require.NotNil(t, fault)
	require.Equal(t, "wild", fault.Kernel)
	require.Equal(t, [3]int{32, 1, 1}, fault.Block)
	var account *ptx.Fault
	require.ErrorAs(t, sim.Faulted(err), &account)
	require.ErrorIs(t, sim.Faulted(err), cuda.ErrIllegalAddress)

	openContext(t, 0) // another context is sound
	require.NoError(t, cu.Synchronize())
}

func TestBlockingLaunchAnswersItsFault(t *testing.T) {
	c := checked()
	c.Blocking = true
	open(t, c)
	require.ErrorIs(t, cuda.Launch(kernel(t, "trap"), line(1, 1), cu.NoStream, nil), cuda.ErrLaunchFailed)
	require.Equal(t, "trap", sim.LastFault().Kernel)
}

func TestModuleErrors(t *testing.T) {
	open(t, checked())
	_, err := cu.LoadData("this is no PTX")
	require.ErrorIs(t, cuda.Wrap("cuModuleLoadData", err), cuda.ErrInvalidPTX)
	log := &cu.JITErrorLogBuffer{Buffer: make([]byte, 256)}
	_, err = cu.LoadDataEx("this is no PTX", log)
	require.ErrorIs(t, cuda.Wrap("cuModuleLoadDataEx", err), cuda.ErrInvalidPTX)
	require.NotZero(t, log.Buffer[0], "the log says why")
	_, err = cu.LoadData("\x7fELF")
	require.ErrorIs(t, cuda.Wrap("cuModuleLoadData", err), cuda.ErrNoBinaryForGPU)
	_, err = cu.Load("testdata/absent.ptx")
	require.ErrorIs(t, cuda.Wrap("cuModuleLoad", err), cuda.ErrFileNotFound)

	m, err := cu.Load("testdata/kernels.ptx")
	require.NoError(t, err)
	_, err = m.Function("absent")
	require.ErrorIs(t, cuda.Wrap("cuModuleGetFunction", err), cuda.ErrNotFound)
	require.NoError(t, m.Unload())
	_, err = m.Function("saxpy")
	require.ErrorIs(t, cuda.Wrap("cuModuleGetFunction", err), cuda.ErrInvalidHandle)
}

func TestCapabilityDecidesWhatLoads(t *testing.T) {
	for _, test := range []struct {
		target string
		mine   [2]int
		loads  bool
	}{
		{"sm_80", [2]int{8, 0}, true}, {"sm_80", [2]int{9, 0}, true}, {"sm_90", [2]int{8, 0}, false},
		{"sm_90a", [2]int{9, 0}, true}, {"sm_90a", [2]int{10, 0}, false},
	} {
		open(t, sim.Config{Capability: test.mine})
		_, err := cu.LoadData(".version 8.0\n.target " + test.target + "\n.address_size 64\n")
		if test.loads {
			require.NoError(t, err, "%+v", test)
			continue
		}
		require.ErrorIs(t, cuda.Wrap("cuModuleLoadData", err), cuda.ErrNoBinaryForGPU, "%+v", test)
	}
}

func TestDeviceProperties(t *testing.T) {
	open(t, sim.Config{Devices: 2, Capability: [2]int{9, 0}, SMs: 5, Memory: 1 << 20})
	n, err := cu.NumDevices()
	require.NoError(t, err)
	require.Equal(t, 2, n)
	d := cu.Device(1)
	major, minor, err := d.ComputeCapability()
	require.NoError(t, err)
	require.Equal(t, [2]int{9, 0}, [2]int{major, minor})
	for attribute, want := range map[cu.DeviceAttribute]int{
		cu.MultiprocessorCount: 5, cu.WarpSize: 32, cu.MaxThreadsPerBlock: 1024, cu.MaxBlockDimZ: 64, cu.MaxGridDimY: 65535,
		cu.MaxSharedMemoryPerBlock: 48 << 10, cuda.MaxSharedPerBlockOptin: 227 << 10, cu.ManagedMemory: 0,
	} {
		have, err := d.Attribute(attribute)
		require.NoError(t, err)
		require.Equal(t, want, have, "attribute %d", attribute)
	}
	name, err := d.Name()
	require.NoError(t, err)
	require.Equal(t, "Tandem simulator sm_90", name)
	total, err := d.TotalMem()
	require.NoError(t, err)
	require.EqualValues(t, 1<<20, total)
	first, err := cu.Device(0).UUID()
	require.NoError(t, err)
	second, err := d.UUID()
	require.NoError(t, err)
	require.NotEqual(t, first, second)
	_, err = cu.Device(2).TotalMem()
	require.ErrorIs(t, cuda.Wrap("cuDeviceTotalMem", err), cuda.ErrInvalidDevice)
}

func TestOccupancy(t *testing.T) {
	open(t, sim.Config{})
	f := kernel(t, "reverse")
	for _, test := range []struct{ threads, shared, blocks int }{{1024, 0, 2}, {256, 0, 8}, {32, 0, 32}, {256, 40 << 10, 4}, {2048, 0, 0}} {
		n, err := f.MaxActiveBlocksPerMultiProcessor(test.threads, int64(test.shared))
		require.NoError(t, err)
		require.Equal(t, test.blocks, n, "%+v", test)
	}
}
