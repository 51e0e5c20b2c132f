package pool

import (
	"math"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/require"
)

// cover counts how often each item was visited and refuses a worker index out of range or in use.
type cover struct {
	threads, grain int
	seen           []atomic.Int32
	inUse          []atomic.Bool
	wrong          atomic.Int32
}

func newCover(threads, n, grain int) *cover {
	return &cover{threads: threads, grain: grain, seen: make([]atomic.Int32, n), inUse: make([]atomic.Bool, max(threads, 1))}
}

func (c *cover) Do(worker, lo, hi int) {
	if worker < 0 || worker >= len(c.inUse) || c.inUse[worker].Swap(true) {
		c.wrong.Add(1)
		return
	}
	if lo%c.grain != 0 || hi-lo < min(c.grain, len(c.seen)) {
		c.wrong.Add(1)
	}
	for i := lo; i < hi; i++ {
		c.seen[i].Add(1)
	}
	c.inUse[worker].Store(false)
}

func (c *cover) check(t *testing.T) {
	t.Helper()
	require.Zero(t, c.wrong.Load(), "calls with a bad range or a worker index that was bad or in use")
	for i := range c.seen {
		require.EqualValues(t, 1, c.seen[i].Load(), "item %d", i)
	}
}

func TestRunCoversEveryItemOnce(t *testing.T) {
	p := Acquire()
	defer p.Release()
	for _, threads := range []int{0, 1, 2, 3, 8} {
		for _, n := range []int{0, 1, 2, 3, 7, 64, 1000} {
			for _, grain := range []int{1, 2, 5, 64, 999, 2000} {
				c := newCover(threads, n, grain)
				p.Run(threads, n, grain, c)
				c.check(t)
			}
		}
	}
}

func TestConcurrentCallers(t *testing.T) {
	p := Acquire()
	defer p.Release()
	var callers sync.WaitGroup
	for range 8 {
		callers.Go(func() {
			for range 200 {
				c := newCover(3, 50, 1)
				p.Run(3, 50, 1, c)
				c.check(t)
			}
		})
	}
	callers.Wait()
}

type taskFunc func(worker, lo, hi int)

func (f taskFunc) Do(worker, lo, hi int) { f(worker, lo, hi) }

func TestTasksMayRunTasks(t *testing.T) {
	p := Acquire()
	defer p.Release()
	var items atomic.Int64
	p.Run(4, 16, 1, taskFunc(func(_, lo, hi int) {
		for range hi - lo {
			p.Run(4, 32, 1, taskFunc(func(_, lo, hi int) { items.Add(int64(hi - lo)) }))
		}
	}))
	require.EqualValues(t, 16*32, items.Load())
}

func TestPanicReachesCaller(t *testing.T) {
	p := Acquire()
	defer p.Release()
	for at := range 16 {
		require.PanicsWithValue(t, at, func() {
			p.Run(3, 16, 1, taskFunc(func(_, lo, hi int) {
				if lo <= at && at < hi {
					panic(at)
				}
			}))
		})
	}
	c := newCover(3, 100, 1)
	p.Run(3, 100, 1, c)
	c.check(t)
}

// A worker that is stuck elsewhere must not hold up a caller: the caller does the work itself.
func TestCallerDoesNotWaitForBusyWorkers(t *testing.T) {
	p := Acquire()
	defer p.Release()
	release, held := make(chan struct{}), make(chan struct{})
	go p.Run(2, 2, 1, taskFunc(func(_, lo, _ int) {
		held <- struct{}{}
		<-release
	}))
	<-held
	c := newCover(2, 100, 1)
	p.Run(2, 100, 1, c)
	c.check(t)
	go func() { <-held }()
	close(release)
}

func TestWorkersParkAndWake(t *testing.T) {
	p := Acquire()
	defer p.Release()
	for range 5 {
		c := newCover(3, 100, 1)
		p.Run(3, 100, 1, c)
		c.check(t)
		require.Eventually(t, func() bool {
			for _, w := range *p.workers.Load() {
				if !w.parked.Load() {
					return false
				}
			}
			return true
		}, 10*time.Second, time.Millisecond, "idle workers do not park")
	}
}

func TestLastReleaseEndsAllWorkers(t *testing.T) {
	before := runtime.NumGoroutine()
	p, q := Acquire(), Acquire()
	p.Run(6, 100, 1, newCover(6, 100, 1))
	p.Release()
	require.NotNil(t, q.workers.Load())
	q.Run(6, 100, 1, newCover(6, 100, 1))
	q.Release()
	require.Nil(t, q.workers.Load())
	for end := time.Now().Add(10 * time.Second); runtime.NumGoroutine() > before; time.Sleep(time.Millisecond) {
		require.True(t, time.Now().Before(end), "%d goroutines, before: %d", runtime.NumGoroutine(), before)
	}
}

func TestRunDoesNotAllocate(t *testing.T) {
	p := Acquire()
	defer p.Release()
	var c Task = taskFunc(func(_, _, _ int) {})
	require.Zero(t, testing.AllocsPerRun(100, func() { p.Run(3, 100, 1, c) }))
}

func TestQuota(t *testing.T) {
	file := func(s string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(s)} }
	v1 := "sys/fs/cgroup/cpu,cpuacct/"
	for name, c := range map[string]struct {
		files fstest.MapFS
		want  float64
	}{
		"no cgroup": {fstest.MapFS{}, math.Inf(1)},
		"v2":        {fstest.MapFS{"proc/self/cgroup": file("0::/a/b\n"), "sys/fs/cgroup/a/b/cpu.max": file("150000 100000\n")}, 1.5},
		"v2 none":   {fstest.MapFS{"proc/self/cgroup": file("0::/\n"), "sys/fs/cgroup/cpu.max": file("max 100000\n")}, math.Inf(1)},
		"v2 ancestor": {fstest.MapFS{"proc/self/cgroup": file("0::/a/b\n"), "sys/fs/cgroup/a/b/cpu.max": file("400000 100000\n"),
			"sys/fs/cgroup/a/cpu.max": file("200000 100000\n")}, 2},
		"v1": {fstest.MapFS{"proc/self/cgroup": file("5:memory:/x\n4:cpu,cpuacct:/x\n"), v1 + "x/cpu.cfs_quota_us": file("300000\n"),
			v1 + "x/cpu.cfs_period_us": file("100000\n")}, 3},
		"v1 none": {fstest.MapFS{"proc/self/cgroup": file("4:cpu,cpuacct:/\n"), v1 + "cpu.cfs_quota_us": file("-1\n"),
			v1 + "cpu.cfs_period_us": file("100000\n")}, math.Inf(1)},
	} {
		require.Equal(t, c.want, quota(c.files), name)
	}
	require.Positive(t, DefaultThreads())
}

func BenchmarkForkJoin(b *testing.B) {
	p := Acquire()
	defer p.Release()
	var empty Task = taskFunc(func(_, _, _ int) {})
	for b.Loop() {
		p.Run(2, 8, 1, empty)
	}
}
