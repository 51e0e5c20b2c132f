//go:build cuda && cgo && linux

package sim_test

import (
	"runtime"
	"sync"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"
	"gorgonia.org/cu"

	"github.com/tandem-compute/tandem/internal/cuda"
	"github.com/tandem-compute/tandem/internal/sim"
)

func TestCaptureAndLaunch(t *testing.T) {
	for name, c := range map[string]sim.Config{"eager": checked(), "deferred": deferred()} {
		t.Run(name, func(t *testing.T) {
			open(t, c)
			s, f := newStream(t), kernel(t, "reverse")
			in, out := hostWords(t, 64), hostWords(t, 64)
			p := upload(t, make([]uint32, 64))
			before := sim.Stats()
			shape := line(1, 64)
			shape.Shared = 256

			require.NoError(t, cuda.BeginCapture(s, cuda.CaptureThreadLocal))
			capturing, err := cuda.Capturing(s)
			require.NoError(t, err)
			require.True(t, capturing)
			require.NoError(t, cu.MemcpyHtoDAsync(p, unsafe.Pointer(&in[0]), 256, s))
			words := []uint64{uint64(p)}
			require.NoError(t, cuda.Launch(f, shape, s, words))
			words[0] = 0 // parameters were read by Launch
			require.NoError(t, cu.MemcpyDtoHAsync(unsafe.Pointer(&out[0]), p, 256, s))
			g, err := cuda.EndCapture(s)
			require.NoError(t, err)
			nodes, err := cuda.GraphNodes(g)
			require.NoError(t, err)
			require.Equal(t, 3, nodes)
			require.Equal(t, before, sim.Stats(), "capturing runs nothing")

			exec, err := cuda.Instantiate(g)
			require.NoError(t, err)
			require.NoError(t, g.Destroy())
			for round := range uint32(3) {
				for i := range in {
					in[i] = round*100 + uint32(i)
				}
				require.NoError(t, exec.Launch(s))
				require.NoError(t, s.Synchronize())
				require.Equal(t, round*100+63, out[0])
				require.Equal(t, round*100, out[63])
			}
			require.EqualValues(t, 3, sim.Stats().GraphLaunches)
			require.EqualValues(t, 3, sim.Stats().Launches)
			require.NoError(t, exec.Destroy())
			require.ErrorIs(t, exec.Launch(s), cuda.ErrInvalidValue)
		})
	}
}

// A graph whose host memory was freed faults; it does not touch what may lie there now.
func TestGraphOutlivesItsHostMemory(t *testing.T) {
	open(t, checked())
	s, host := newStream(t), hostWords(t, 1)
	p := upload(t, []uint32{1})
	require.NoError(t, cuda.BeginCapture(s, cuda.CaptureGlobal))
	require.NoError(t, cu.MemcpyHtoDAsync(p, unsafe.Pointer(&host[0]), 4, s))
	g, err := cuda.EndCapture(s)
	require.NoError(t, err)
	exec, err := cuda.Instantiate(g)
	require.NoError(t, err)
	require.NoError(t, cuda.FreeHost(unsafe.Pointer(&host[0])))
	require.NoError(t, exec.Launch(s))
	require.ErrorIs(t, cuda.Wrap("", s.Synchronize()), cuda.ErrIllegalAddress)
}

// A stream joins a capture by waiting for an event in it, and must be joined again before the end.
func TestCaptureForkAndJoin(t *testing.T) {
	for name, join := range map[string]bool{"joined": true, "unjoined": false} {
		t.Run(name, func(t *testing.T) {
			open(t, checked())
			origin, branch := newStream(t), newStream(t)
			fork, back := newEvent(t), newEvent(t)
			p := upload(t, []uint32{1, 1})
			require.NoError(t, cuda.BeginCapture(origin, cuda.CaptureGlobal))
			require.NoError(t, fork.Record(origin))
			require.NoError(t, branch.Wait(fork, 0))
			require.NoError(t, cu.MemsetD32Async(p, 2, 1, branch))
			require.NoError(t, cu.MemsetD32Async(p+4, 3, 1, origin))
			require.NoError(t, back.Record(branch))
			require.ErrorIs(t, cuda.Wrap("", back.Synchronize()), cuda.ErrCapturedEvent)
			if join {
				require.NoError(t, origin.Wait(back, 0))
			}
			g, err := cuda.EndCapture(origin)
			if !join {
				require.ErrorIs(t, err, cuda.ErrStreamCaptureUnjoined)
				require.NoError(t, branch.Synchronize(), "the capture is over for all its streams")
				return
			}
			require.NoError(t, err)
			exec, err := cuda.Instantiate(g)
			require.NoError(t, err)
			require.NoError(t, exec.Launch(branch))
			require.NoError(t, branch.Synchronize())
			require.Equal(t, []uint32{2, 3}, download[uint32](t, p, 2))
		})
	}
}

// What a capture forbids answers its code at once and spoils the capture.
func TestCaptureRules(t *testing.T) {
	pageable := make([]byte, 4)
	for name, test := range map[string]struct {
		flags  cu.StreamFlags
		misuse func(s cu.Stream, p cu.DevicePtr) error
		code   cuda.Code
	}{
		"synchronize": {cu.NonBlocking, func(s cu.Stream, _ cu.DevicePtr) error { return s.Synchronize() }, cuda.ErrStreamCaptureUnsupported},
		"query":       {cu.NonBlocking, func(s cu.Stream, _ cu.DevicePtr) error { return s.Query() }, cuda.ErrStreamCaptureUnsupported},
		"context":     {cu.NonBlocking, func(cu.Stream, cu.DevicePtr) error { return cu.Synchronize() }, cuda.ErrStreamCaptureUnsupported},
		"alloc": {cu.NonBlocking, func(cu.Stream, cu.DevicePtr) error {
			_, err := cu.MemAlloc(64)
			return err
		}, cuda.ErrStreamCaptureUnsupported},
		"pageable": {cu.NonBlocking, func(s cu.Stream, p cu.DevicePtr) error {
			return cu.MemcpyHtoDAsync(p, unsafe.Pointer(&pageable[0]), 4, s)
		}, cuda.ErrStreamCaptureUnsupported},
		"default stream": {cu.DefaultStream, func(_ cu.Stream, p cu.DevicePtr) error {
			return cu.MemsetD32Async(p, 1, 1, cu.NoStream)
		}, cuda.ErrStreamCaptureImplicit},
	} {
		t.Run(name, func(t *testing.T) {
			open(t, checked())
			p := upload(t, []uint32{1})
			s, err := cu.MakeStream(test.flags)
			require.NoError(t, err)
			require.NoError(t, cuda.BeginCapture(s, cuda.CaptureGlobal))
			require.ErrorIs(t, cuda.Wrap("", test.misuse(s, p)), test.code)
			require.ErrorIs(t, cuda.Wrap("", cu.MemsetD32Async(p, 2, 1, s)), cuda.ErrStreamCaptureInvalidated)
			_, err = cuda.EndCapture(s)
			require.ErrorIs(t, err, cuda.ErrStreamCaptureInvalidated)
			require.NoError(t, s.Synchronize(), "the stream works again")
			require.Equal(t, []uint32{1}, download[uint32](t, p, 1))
		})
	}
}

// A capture cannot wait for what happened outside it, and nothing outside can wait for what will happen in a graph.
func TestCaptureIsIsolated(t *testing.T) {
	open(t, checked())
	s, outside := newStream(t), newStream(t)
	e := newEvent(t)
	require.NoError(t, e.Record(outside))
	require.NoError(t, cuda.BeginCapture(s, cuda.CaptureGlobal))
	require.ErrorIs(t, cuda.Wrap("", s.Wait(e, 0)), cuda.ErrStreamCaptureIsolation)
	_, err := cuda.EndCapture(s)
	require.ErrorIs(t, err, cuda.ErrStreamCaptureInvalidated)

	require.NoError(t, cuda.BeginCapture(s, cuda.CaptureGlobal))
	require.NoError(t, e.Record(s))
	_, err = cuda.EndCapture(s)
	require.NoError(t, err)
	require.ErrorIs(t, cuda.Wrap("", outside.Wait(e, 0)), cuda.ErrCapturedEvent)
}

func TestRelaxedCaptureAllowsAllocation(t *testing.T) {
	open(t, checked())
	s := newStream(t)
	require.NoError(t, cuda.BeginCapture(s, cuda.CaptureRelaxed))
	_, err := cu.MemAlloc(64)
	require.NoError(t, err)
	_, err = cuda.EndCapture(s)
	require.NoError(t, err)
}

func TestCaptureMisuse(t *testing.T) {
	ctx := open(t, checked())
	s := newStream(t)
	_, err := cuda.EndCapture(s)
	require.ErrorIs(t, err, cuda.ErrIllegalState)
	require.ErrorIs(t, cuda.BeginCapture(cu.NoStream, cuda.CaptureGlobal), cuda.ErrStreamCaptureUnsupported)
	require.NoError(t, cuda.BeginCapture(s, cuda.CaptureGlobal))
	require.ErrorIs(t, cuda.BeginCapture(s, cuda.CaptureGlobal), cuda.ErrIllegalState)
	var wg sync.WaitGroup
	wg.Go(func() {
		runtime.LockOSThread()
		require.NoError(t, cu.SetCurrentContext(ctx))
		_, err := cuda.EndCapture(s)
		require.ErrorIs(t, err, cuda.ErrStreamCaptureWrongThread)
	})
	wg.Wait()
	_, err = cuda.EndCapture(s)
	require.NoError(t, err)
}

// A graph can also be built node by node; what must come first does, in whatever order the nodes were added.
func TestExplicitGraph(t *testing.T) {
	open(t, checked())
	g, err := cu.MakeGraph()
	require.NoError(t, err)
	first, err := g.AddEmptyNode(nil)
	require.NoError(t, err)
	second, err := g.AddEmptyNode([]cu.Node{first})
	require.NoError(t, err)
	third, err := g.AddEmptyNode(nil)
	require.NoError(t, err)
	require.NoError(t, g.AddDependencies([]cu.Node{second}, []cu.Node{third}))
	twin, err := g.Clone()
	require.NoError(t, err)
	_, err = cuda.Instantiate(twin)
	require.NoError(t, err)
	require.NoError(t, g.AddDependencies([]cu.Node{third}, []cu.Node{first}))
	_, err = cuda.Instantiate(g)
	require.ErrorIs(t, err, cuda.ErrInvalidValue, "a cycle")
	twin, err = g.Clone()
	require.NoError(t, err)
	_, err = cuda.Instantiate(twin)
	require.ErrorIs(t, err, cuda.ErrInvalidValue, "the copy of a cycle")
	require.NoError(t, g.Destroy())
	require.ErrorIs(t, cuda.Wrap("", g.Destroy()), cuda.ErrInvalidValue)
}
