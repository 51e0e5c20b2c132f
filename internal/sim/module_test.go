//go:build cuda && cgo && linux

package sim_test

import (
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"
	"gorgonia.org/cu"

	"github.com/tandem-compute/tandem/internal/cuda"
	"github.com/tandem-compute/tandem/internal/sim"
)

// variables has a counter and a table of constants; step adds the table's entries to the counter, and answers it.
const variables = `
.version 7.1
.target sm_80
.address_size 64
.visible .global .align 4 .u32 counter = 5;
.visible .const .align 4 .b32 table[2] = {1, 2};

.visible .entry step(.param .u64 out)
.maxntid 32, 1, 1
{
	.reg .b32 %r<4>;
	.reg .b64 %rd<2>;
	ld.param.u64 %rd1, [out];
	ld.global.u32 %r1, [counter];
	ld.const.u32 %r2, [table];
	add.u32 %r1, %r1, %r2;
	ld.const.u32 %r2, [table+4];
	add.u32 %r1, %r1, %r2;
	st.global.u32 [counter], %r1;
	st.global.u32 [%rd1], %r1;
	ret;
}
`

// step runs the kernel of variables once.
func step(t *testing.T, m cu.Module, out cu.DevicePtr) uint32 {
	t.Helper()
	f, err := m.Function("step")
	require.NoError(t, err)
	require.NoError(t, cuda.Launch(f, line(1, 1), cu.NoStream, []uint64{uint64(out)}))
	return download[uint32](t, out, 1)[0]
}

func TestModuleVariables(t *testing.T) {
	open(t, checked())
	free, _, err := cu.MemInfo()
	require.NoError(t, err)
	first, err := cu.LoadData(variables)
	require.NoError(t, err)
	out := upload(t, []uint32{0})
	require.EqualValues(t, 8, step(t, first, out))
	require.EqualValues(t, 11, step(t, first, out))

	counter, size, err := first.Global("counter")
	require.NoError(t, err)
	require.EqualValues(t, 4, size)
	require.Equal(t, []uint32{11}, download[uint32](t, counter, 1))
	table, size, err := first.Global("table")
	require.NoError(t, err)
	require.EqualValues(t, 8, size)
	require.NoError(t, cu.MemsetD32(counter, 100, 1))
	words := []uint32{10, 20}
	require.NoError(t, cu.MemcpyHtoD(table, unsafe.Pointer(&words[0]), 8))
	require.EqualValues(t, 130, step(t, first, out))

	second, err := cu.LoadData(variables)
	require.NoError(t, err)
	require.EqualValues(t, 8, step(t, second, out), "every load has variables of its own")

	_, _, err = first.Global("nobody")
	require.ErrorIs(t, cuda.Wrap("", err), cuda.ErrNotFound)
	_, _, err = first.Global("step")
	require.ErrorIs(t, cuda.Wrap("", err), cuda.ErrNotFound, "a kernel is no variable")
	require.ErrorIs(t, cuda.Wrap("", cu.MemFree(counter)), cuda.ErrInvalidValue)
	require.ErrorIs(t, cuda.Wrap("", cu.MemcpyDtoH(unsafe.Pointer(&words[0]), counter, 5)), cuda.ErrInvalidValue, "past its end")

	require.NoError(t, first.Unload())
	require.ErrorIs(t, cuda.Wrap("", cu.MemcpyDtoH(unsafe.Pointer(&words[0]), counter, 4)), cuda.ErrInvalidValue, "gone with its module")
	require.NoError(t, second.Unload())
	require.NoError(t, cu.MemFree(out))
	left, _, err := cu.MemInfo()
	require.NoError(t, err)
	require.Equal(t, free, left)
	require.Zero(t, sim.Stats().Live)
}

func TestModuleVariablesNeedMemory(t *testing.T) {
	open(t, sim.Config{Memory: 11})
	_, err := cu.LoadData(variables)
	require.ErrorIs(t, cuda.Wrap("", err), cuda.ErrOutOfMemory)
	free, _, err := cu.MemInfo()
	require.NoError(t, err)
	require.EqualValues(t, 11, free)
}

func TestLaunchLimitOfAKernel(t *testing.T) {
	open(t, checked())
	m, err := cu.LoadData(variables)
	require.NoError(t, err)
	f, err := m.Function("step")
	require.NoError(t, err)
	threads, err := f.Attribute(cu.FnMaxThreadsPerBlock)
	require.NoError(t, err)
	require.Equal(t, 32, threads)
	require.ErrorIs(t, cuda.Launch(f, line(1, 33), cu.NoStream, []uint64{0}), cuda.ErrInvalidValue)
}

// A pointer of another device is out of bounds, until peer access makes it reachable; copies between devices are free.
func TestDevicesHaveTheirOwnMemory(t *testing.T) {
	config := checked()
	config.Devices = 2
	there := open(t, config)
	far := upload(t, []uint32{7})
	openContext(t, 1)
	near := upload(t, []uint32{0})
	m, err := cu.LoadData(variables)
	require.NoError(t, err)
	f, err := m.Function("step")
	require.NoError(t, err)

	require.NoError(t, cu.MemcpyDtoD(near, far, 4))
	require.Equal(t, []uint32{7}, download[uint32](t, near, 1))
	require.NoError(t, there.EnablePeerAccess(0))
	require.EqualValues(t, 8, step(t, m, far))
	require.NoError(t, there.DisablePeerAccess())

	require.NoError(t, cuda.Launch(f, line(1, 1), cu.NoStream, []uint64{uint64(far)}))
	require.ErrorIs(t, cuda.Wrap("", cu.Synchronize()), cuda.ErrIllegalAddress)
	fault := sim.LastFault()
	require.Equal(t, 1, fault.Device)
	require.ErrorContains(t, fault, "out of bounds")
	require.ErrorContains(t, fault, "the address is one of device 0")
	require.NoError(t, cu.SetCurrentContext(there))
	require.Equal(t, []uint32{8}, download[uint32](t, far, 1), "and the fault is the other device's alone")
}

// What is wrong with PTX reaches the caller by way of Faulted, with its line.
func TestFaultedExplainsPTXThatDoesNotLoad(t *testing.T) {
	open(t, checked())
	const head = ".version 7.1\n.target sm_80\n.address_size 64\n"
	_, err := cu.LoadData(head + ".visible .entry a( { }")
	err = sim.Faulted(cuda.Wrap("cuModuleLoadData", err))
	require.ErrorIs(t, err, cuda.ErrInvalidPTX)
	require.ErrorContains(t, err, "sim: loading a module on device 0: ptx: line 4: ")

	m, err := cu.LoadData(head + ".visible .entry a() {\n\tfrobnicate.b32 %r1;\n}")
	require.NoError(t, err)
	_, err = m.Function("a")
	err = sim.Faulted(cuda.Wrap("cuModuleGetFunction", err))
	require.ErrorIs(t, err, cuda.ErrInvalidPTX)
	require.ErrorContains(t, err, "sim: loading a on device 0: ptx: line 5: frobnicate.b32 %r1;")
}
