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

func newStream(t *testing.T) cu.Stream {
	t.Helper()
	s, err := cu.MakeStream(cu.NonBlocking)
	require.NoError(t, err)
	return s
}

func newEvent(t *testing.T) cu.Event {
	t.Helper()
	e, err := cu.MakeEvent(cu.DefaultEvent)
	require.NoError(t, err)
	return e
}

// hostWords is n page-locked words.
func hostWords(t *testing.T, n int) []uint32 {
	t.Helper()
	p, err := cuda.AllocHost(int64(4 * n))
	require.NoError(t, err)
	words := unsafe.Slice((*uint32)(p), n)
	clear(words)
	return words
}

func deferred() sim.Config {
	c := checked()
	c.Deferred = true
	return c
}

// With Config.Deferred a read that nobody waited for sees old data.
func TestDeferredWorkWaitsForSynchronization(t *testing.T) {
	open(t, deferred())
	s := newStream(t)
	p, host := upload(t, []uint32{1}), hostWords(t, 1)
	require.NoError(t, cu.MemsetD32Async(p, 2, 1, s))
	require.NoError(t, cu.MemcpyDtoHAsync(unsafe.Pointer(&host[0]), p, 4, s))
	require.Zero(t, host[0])
	require.NoError(t, s.Synchronize())
	require.EqualValues(t, 2, host[0])
}

func TestPollingMakesProgress(t *testing.T) {
	open(t, deferred())
	s, e := newStream(t), newEvent(t)
	p := upload(t, []uint32{1})
	for range 3 {
		require.NoError(t, cu.MemsetD32Async(p, 2, 1, s))
	}
	require.NoError(t, e.Record(s))
	polls := 0
	for ; e.Query() != nil; polls++ {
		require.Less(t, polls, 10)
	}
	require.Positive(t, polls)
	require.NoError(t, s.Query())
}

// One stream waits for another by an event, and not for what the other does after it.
func TestEventsOrderStreams(t *testing.T) {
	open(t, deferred())
	producer, consumer, e := newStream(t), newStream(t), newEvent(t)
	p, host := upload(t, []uint32{1}), hostWords(t, 1)
	require.NoError(t, cu.MemsetD32Async(p, 2, 1, producer))
	require.NoError(t, e.Record(producer))
	require.NoError(t, cu.MemsetD32Async(p, 3, 1, producer))
	require.NoError(t, consumer.Wait(e, 0))
	require.NoError(t, cu.MemcpyDtoHAsync(unsafe.Pointer(&host[0]), p, 4, consumer))
	require.NoError(t, consumer.Synchronize())
	require.EqualValues(t, 2, host[0])
	require.NoError(t, cu.Synchronize())
	require.Equal(t, []uint32{3}, download[uint32](t, p, 1))
}

// The default stream is ordered with blocking streams and ignores the others.
func TestDefaultStreamOrder(t *testing.T) {
	open(t, deferred())
	ordered, err := cu.MakeStream(cu.DefaultStream)
	require.NoError(t, err)
	free := newStream(t)
	p, q := upload(t, []uint32{1}), upload(t, []uint32{1})
	require.NoError(t, cu.MemsetD32Async(p, 2, 1, ordered))
	require.NoError(t, cu.MemsetD32Async(q, 2, 1, free))
	require.Equal(t, []uint32{2}, download[uint32](t, p, 1))
	require.Equal(t, []uint32{1}, download[uint32](t, q, 1))
	require.NoError(t, free.Synchronize())
	require.Equal(t, []uint32{2}, download[uint32](t, q, 1))

	host := hostWords(t, 1)
	require.NoError(t, cu.MemsetD32Async(p, 3, 1, cu.NoStream))
	require.NoError(t, cu.MemcpyDtoHAsync(unsafe.Pointer(&host[0]), p, 4, ordered))
	require.NoError(t, ordered.Synchronize())
	require.EqualValues(t, 3, host[0])
}

// What was enqueued behind a fault never runs.
func TestFaultDropsTheQueue(t *testing.T) {
	open(t, deferred())
	s := newStream(t)
	p, host := upload(t, []uint32{1}), hostWords(t, 1)
	require.NoError(t, cuda.Launch(kernel(t, "trap"), line(1, 1), s, nil))
	require.NoError(t, cu.MemcpyDtoHAsync(unsafe.Pointer(&host[0]), p, 4, s))
	require.ErrorIs(t, cuda.Wrap("", s.Synchronize()), cuda.ErrLaunchFailed)
	require.Zero(t, host[0])
}

// Pageable memory may be reused as soon as an asynchronous copy from it has returned.
func TestPageableCopiesAreStaged(t *testing.T) {
	open(t, deferred())
	s := newStream(t)
	p := upload(t, []uint32{1})
	host := []uint32{2}
	require.NoError(t, cu.MemcpyHtoDAsync(p, unsafe.Pointer(&host[0]), 4, s))
	host[0] = 3
	got := []uint32{0}
	require.NoError(t, cu.MemcpyDtoHAsync(unsafe.Pointer(&got[0]), p, 4, s))
	require.EqualValues(t, 2, got[0])
}

func TestEventTiming(t *testing.T) {
	open(t, checked())
	s, start, end := newStream(t), newEvent(t), newEvent(t)
	_, err := start.Elapsed(end)
	require.ErrorIs(t, cuda.Wrap("", err), cuda.ErrInvalidHandle, "never recorded")
	require.NoError(t, start.Record(s))
	require.NoError(t, end.Record(s))
	ms, err := start.Elapsed(end)
	require.NoError(t, err)
	require.GreaterOrEqual(t, ms, 0.0)
	untimed, err := cu.MakeEvent(cu.DisableTiming)
	require.NoError(t, err)
	require.NoError(t, untimed.Record(s))
	_, err = start.Elapsed(untimed)
	require.ErrorIs(t, cuda.Wrap("", err), cuda.ErrInvalidHandle)
	require.NoError(t, cu.DestroyEvent(&untimed))
}

func TestDestroyedStreamIsRefused(t *testing.T) {
	open(t, checked())
	s := newStream(t)
	stale := s
	require.NoError(t, s.Destroy())
	require.ErrorIs(t, cuda.Wrap("", stale.Synchronize()), cuda.ErrInvalidHandle)
}

// Eight goroutines share a device, each with its stream; a mistake in locking shows under -race.
func TestConcurrentUse(t *testing.T) {
	const goroutines, rounds, n = 8, 4, 300
	ctx := open(t, checked())
	f := kernel(t, "saxpy")
	var wg sync.WaitGroup
	errs := make([]error, goroutines)
	results := make([][]float32, goroutines)
	for g := range goroutines {
		wg.Go(func() {
			runtime.LockOSThread()
			results[g], errs[g] = accumulate(ctx, f, n, rounds, float32(g))
		})
	}
	wg.Wait()
	for g := range goroutines {
		require.NoError(t, errs[g])
		require.Equal(t, ramp(n, float32(rounds*g)), results[g])
	}
	require.EqualValues(t, goroutines*rounds, sim.Stats().Launches)
	require.Zero(t, sim.Stats().Live)
}

// accumulate adds a times a ramp to zeros, so many rounds, on a stream of its own.
func accumulate(ctx cu.CUContext, f cu.Function, n, rounds int, a float32) ([]float32, error) {
	var failed error
	must := func(err error) {
		if failed == nil {
			failed = err
		}
	}
	must(cu.SetCurrentContext(ctx))
	s, err := cu.MakeStream(cu.NonBlocking)
	must(err)
	bytes := int64(4 * n)
	x, err := cu.MemAlloc(bytes)
	must(err)
	y, err := cu.MemAlloc(bytes)
	must(err)
	src, out := ramp(n, 1), make([]float32, n)
	must(cu.MemcpyHtoDAsync(x, unsafe.Pointer(&src[0]), bytes, s))
	must(cu.MemsetD32Async(y, 0, int64(n), s))
	for range rounds {
		must(cuda.Launch(f, line(3, 128), s, []uint64{uint64(y), uint64(x), uint64(*(*uint32)(unsafe.Pointer(&a))), uint64(n)}))
	}
	must(cu.MemcpyDtoHAsync(unsafe.Pointer(&out[0]), y, bytes, s))
	must(s.Synchronize())
	must(cu.MemFree(x))
	must(cu.MemFree(y))
	must(s.Destroy())
	return out, failed
}

// BenchmarkLaunch is a launch of one warp, from Go through the interpreter and back.
func BenchmarkLaunch(b *testing.B) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	require.NoError(b, sim.Install(sim.Config{}))
	_, err := cu.Device(0).MakeContext(cu.SchedAuto)
	require.NoError(b, err)
	defer func() { _ = cu.SetCurrentContext(cu.CUContext{}) }()
	m, err := cu.LoadData(kernels)
	require.NoError(b, err)
	f, err := m.Function("saxpy")
	require.NoError(b, err)
	x, err := cu.MemAlloc(128)
	require.NoError(b, err)
	words := []uint64{uint64(x), uint64(x), 0, 32}
	for b.Loop() {
		if err := cuda.Launch(f, line(1, 32), cu.NoStream, words); err != nil {
			b.Fatal(err)
		}
	}
	require.NoError(b, cu.Synchronize())
}
