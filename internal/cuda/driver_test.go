//go:build cuda && cgo && linux

package cuda

import (
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"
	"gorgonia.org/cu"
)

// withoutDriver skips a test where there is a driver.
func withoutDriver(t *testing.T) Info {
	t.Helper()
	info := Status()
	if info.Driver != "" {
		t.Skipf("a driver is here: %s", info.Driver)
	}
	return info
}

func TestNoDriver(t *testing.T) {
	info := withoutDriver(t)
	require.ErrorIs(t, info.Err, ErrNoDriver)
	require.Equal(t, "libcuda.so.1", info.Tried[0])
	require.Len(t, info.Tried, 3)
	for _, name := range info.Tried {
		require.ErrorContains(t, info.Err, name)
	}
	n, err := cu.NumDevices()
	require.Zero(t, n)
	require.ErrorIs(t, Wrap("cuDeviceGetCount", err), ErrNoDevice)
	_, err = cu.Device(0).MakeContext(cu.SchedAuto)
	require.ErrorIs(t, Wrap("cuCtxCreate", err), ErrNoDevice)
	_, err = AllocHost(64)
	require.ErrorIs(t, err, ErrNoDevice)
}

func TestWithDriver(t *testing.T) {
	info := Status()
	if info.Err != nil {
		t.Skipf("no working driver: %v", info.Err)
	}
	require.NotZero(t, info.Version)
	n, err := cu.NumDevices()
	require.NoError(t, err)
	require.Positive(t, n)
}

func TestEveryReferencedSymbolHasATrampoline(t *testing.T) {
	list, err := os.ReadFile("_gen/symbols.txt")
	require.NoError(t, err)
	require.Subset(t, Symbols(), strings.Fields(string(list)))
}

// The generated files must follow from the headers.
func TestGeneratedFilesAreCurrent(t *testing.T) {
	if testing.Short() {
		t.Skip("runs the generator")
	}
	dir := t.TempDir()
	require.NoError(t, os.Mkdir(dir+"/_gen", 0o755))
	for _, name := range []string{"cuda.h", "cuda_calls.h", "_gen/symbols.txt"} {
		text, err := os.ReadFile(name)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(dir+"/"+name, text, 0o644))
	}
	generator := dir + "/generator"
	out, err := exec.Command("go", "build", "-o", generator, "./_gen").CombinedOutput()
	require.NoError(t, err, string(out))
	run := exec.Command(generator)
	run.Dir = dir
	out, err = run.CombinedOutput()
	require.NoError(t, err, string(out))
	for _, name := range []string{"symbols.h", "trampolines.c", "codes.go"} {
		want, err := os.ReadFile(dir + "/" + name)
		require.NoError(t, err)
		have, err := os.ReadFile(name)
		require.NoError(t, err)
		require.Equal(t, string(want), string(have), "%s is stale: run go generate", name)
	}
}

// This test's own binary is linked with gorgonia.org/cu, so it shows what every binary depends on.
func TestBinaryDoesNotNeedLibcuda(t *testing.T) {
	readelf, err := exec.LookPath("readelf")
	if err != nil {
		t.Skip("readelf is not installed")
	}
	self, err := os.Executable()
	require.NoError(t, err)
	out, err := exec.Command(readelf, "-d", self).CombinedOutput()
	require.NoError(t, err, string(out))
	require.Contains(t, string(out), "libc.so")
	require.NotContains(t, string(out), "libcuda")
}

// BenchmarkCall is a call to the table and back, with nothing behind it.
func BenchmarkCall(b *testing.B) {
	restore, err := Provide("empty", nil)
	require.NoError(b, err)
	defer restore()
	for b.Loop() {
		_ = cu.MemFree(0)
	}
}

func TestInject(t *testing.T) {
	t.Cleanup(func() { Inject(nil) })
	var asked []string
	Inject(func(symbol string) (int, bool) {
		asked = append(asked, symbol)
		return int(ErrECCUncorrectable), symbol == "cuMemAlloc_v2"
	})
	_, err := cu.MemAlloc(64)
	require.ErrorIs(t, Wrap("cuMemAlloc", err), ErrECCUncorrectable)
	_, err = cu.NumDevices()
	require.NotErrorIs(t, Wrap("cuDeviceGetCount", err), ErrECCUncorrectable)
	require.Equal(t, []string{"cuMemAlloc_v2", "cuDeviceGetCount"}, asked)

	Inject(nil)
	_, err = cu.MemAlloc(64)
	require.NotErrorIs(t, Wrap("cuMemAlloc", err), ErrECCUncorrectable)
	require.Len(t, asked, 2)
}

// A launch allocates nothing, in Go or in C, on its way to the driver; here it gets no further than the table.
func TestLaunchDoesNotAllocate(t *testing.T) {
	t.Cleanup(func() { Inject(nil) })
	Inject(func(string) (int, bool) { return int(Success), true })
	words := make([]uint64, 8)
	shape := Shape{Grid: [3]int{1, 1, 1}, Block: [3]int{32, 1, 1}}
	var err error
	require.Zero(t, testing.AllocsPerRun(100, func() { err = Launch(cu.Function{}, shape, cu.NoStream, words) }))
	require.NoError(t, err)
}

func TestLaunchRefusesTooManyParameters(t *testing.T) {
	shape := Shape{Grid: [3]int{1, 1, 1}, Block: [3]int{32, 1, 1}}
	require.ErrorIs(t, Launch(cu.Function{}, shape, cu.NoStream, make([]uint64, 1000)), ErrInvalidValue)
}

func TestWrap(t *testing.T) {
	require.NoError(t, Wrap("call", nil))
	other := errors.New("not the driver's")
	require.Equal(t, other, Wrap("call", other))
	require.ErrorIs(t, Wrap("call", cu.OutOfMemory), ErrOutOfMemory)
}

func TestProvideRefusesUnknownSymbols(t *testing.T) {
	var anything byte
	_, err := Provide("broken", map[string]unsafe.Pointer{"cuNoSuchCall": unsafe.Pointer(&anything)})
	require.ErrorContains(t, err, "broken")
	require.NotEqual(t, "broken", Status().Driver)
}

// An empty provider is in charge of every call and can answer none. What a full one does is tested in internal/sim.
func TestProvide(t *testing.T) {
	before := Status()
	restore, err := Provide("empty", nil)
	require.NoError(t, err)
	info := Status()
	require.Equal(t, "empty", info.Driver)
	require.ErrorIs(t, info.Err, ErrNotSupported)
	_, err = cu.MemAlloc(64)
	require.ErrorIs(t, Wrap("cuMemAlloc", err), ErrNotSupported)

	inner, err := Provide("inner", nil)
	require.NoError(t, err)
	require.Equal(t, "inner", Status().Driver)
	inner()
	require.Equal(t, "empty", Status().Driver)
	restore()
	require.Equal(t, before, Status())
}
