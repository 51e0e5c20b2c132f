//go:build cuda && cgo && linux

package sim_test

import (
	"runtime"
	"strings"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"
	"gorgonia.org/cu"

	"github.com/tandem-compute/tandem/internal/cuda"
	"github.com/tandem-compute/tandem/internal/sim"
)

// program uses the driver for everything the GPU path uses it for. It returns the first error and the
// driver call that it believes failed.
func program() error {
	var first error
	do := func(call string, err error) bool {
		if first == nil && err != nil {
			first = cuda.Wrap(call, err)
		}
		return first == nil
	}
	ctx, err := cu.Device(0).MakeContext(cu.SchedAuto)
	if !do("cuCtxCreate_v2", err) {
		return first
	}
	defer func() { _ = cu.SetCurrentContext(cu.CUContext{}) }()
	_, err = cu.NumDevices()
	do("cuDeviceGetCount", err)
	_, err = cu.Device(0).Attribute(cu.MultiprocessorCount)
	do("cuDeviceGetAttribute", err)
	do("cuCtxSetCurrent", cu.SetCurrentContext(ctx))
	m, err := cu.LoadData(kernels)
	do("cuModuleLoadData", err)
	f, err := m.Function("saxpy")
	do("cuModuleGetFunction", err)
	do("cuFuncSetAttribute", cuda.SetFuncAttribute(f, cuda.FuncMaxDynamicShared, 64<<10))
	s, err := cu.MakeStream(cu.NonBlocking)
	do("cuStreamCreate", err)
	e, err := cu.MakeEvent(cu.DisableTiming)
	do("cuEventCreate", err)
	host, err := cuda.AllocHost(256)
	do("cuMemHostAlloc", err)
	x, err := cu.MemAlloc(256)
	do("cuMemAlloc_v2", err)
	y, err := cu.MemAlloc(256)
	do("cuMemAlloc_v2", err)
	_, _, err = cu.MemInfo()
	do("cuMemGetInfo_v2", err)
	if first != nil {
		return first // what follows would hand null handles to the driver
	}
	clear(unsafe.Slice((*byte)(host), 256))
	do("cuMemcpyHtoD_v2", cu.MemcpyHtoD(x, host, 256))
	do("cuMemcpyHtoDAsync_v2", cu.MemcpyHtoDAsync(x, host, 256, s))
	do("cuMemsetD8Async", cu.MemsetD8Async(y, 0, 256, s))
	do("cuMemcpyDtoDAsync_v2", cu.MemcpyDtoDAsync(y, x, 256, s))
	do("cuEventRecord", e.Record(s))
	do("cuEventSynchronize", e.Synchronize())
	do("cuStreamWaitEvent", s.Wait(e, 0))
	if !do("cuStreamBeginCapture_v2", cuda.BeginCapture(s, cuda.CaptureThreadLocal)) {
		return first
	}
	do("cuLaunchKernel", cuda.Launch(f, line(1, 64), s, []uint64{uint64(y), uint64(x), 0, 64}))
	g, err := cuda.EndCapture(s)
	if !do("cuStreamEndCapture", err) {
		return first
	}
	exec, err := cuda.Instantiate(g)
	if !do("cuGraphInstantiateWithFlags", err) {
		return first
	}
	do("cuGraphDestroy", g.Destroy())
	do("cuGraphLaunch", exec.Launch(s))
	do("cuStreamSynchronize", s.Synchronize())
	do("cuGraphExecDestroy", exec.Destroy())
	do("cuMemcpyDtoH_v2", cu.MemcpyDtoH(host, y, 256))
	do("cuCtxSynchronize", cu.Synchronize())
	do("cuMemFree_v2", cu.MemFree(x))
	do("cuMemFreeHost", cuda.FreeHost(host))
	do("cuEventDestroy_v2", cu.DestroyEvent(&e))
	do("cuStreamDestroy_v2", s.Destroy())
	do("cuModuleUnload", m.Unload())
	do("cuCtxDestroy_v2", ctx.Destroy())
	return first
}

// Whichever call of a program fails, the program ends with an error that carries the code.
func TestEveryCallCanFail(t *testing.T) {
	runtime.LockOSThread() // a program leaves its context on the thread
	defer runtime.UnlockOSThread()
	require.NoError(t, sim.Install(checked()))
	t.Cleanup(func() { cuda.Inject(nil) })

	var calls []string
	cuda.Inject(func(symbol string) (int, bool) {
		calls = append(calls, symbol)
		return 0, false
	})
	require.NoError(t, program())
	require.Greater(t, len(calls), 30)
	// Leaving the context current is the program's clean-up, and its errors are nobody's business.
	calls = calls[:len(calls)-1]

	for failing, symbol := range calls {
		at := 0
		cuda.Inject(func(string) (int, bool) {
			at++
			return int(cuda.ErrECCUncorrectable), at == failing+1
		})
		err := program()
		cuda.Inject(nil)
		require.NoError(t, cu.SetCurrentContext(cu.CUContext{}))
		require.ErrorIs(t, err, cuda.ErrECCUncorrectable, "call %d, %s", failing, symbol)
		var call *cuda.Error
		require.ErrorAs(t, err, &call)
		require.True(t, strings.HasPrefix(symbol, call.Call), "call %d was %s, the error blames %s", failing, symbol, call.Call)
	}
}
