package pool

import (
	"sync"
	"sync/atomic"
	"time"
)

// Task is work that can be cut into ranges.
type Task interface {
	// Do works on items lo..hi-1. During one Run no two calls at a time have the same worker, and
	// 0 <= worker < threads of that Run: it indexes private scratch.
	Do(worker, lo, hi int)
}

// MaxThreads is the most that one Run uses.
const MaxThreads = maxWorkers + 1

const (
	spinFor         = 30 * time.Microsecond // how long a goroutine looks for work or completion before it parks
	maxWorkers      = 1023                  // beyond the caller
	chunksPerThread = 4                     // finer than one each, so that a slow core does not hold up the others
)

// Pool is the process's set of workers. Its methods may be called from any goroutine.
type Pool struct {
	mu      sync.Mutex // guards refs, growth of workers, free
	refs    int
	workers atomic.Pointer[[]*worker]
	free    []*job
	exited  sync.WaitGroup
}

var shared Pool

// Acquire returns the process's pool. Every Acquire wants one Release.
func Acquire() *Pool {
	shared.mu.Lock()
	defer shared.mu.Unlock()
	shared.refs++
	return &shared
}

// Release gives the pool back. The last one stops all workers and returns when they have ended; no Run of the
// releasing holder may be in progress.
func (p *Pool) Release() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.refs--; p.refs > 0 {
		return
	}
	if ws := p.workers.Swap(nil); ws != nil {
		for _, w := range *ws {
			w.stop()
		}
	}
	p.free = nil
	p.exited.Wait()
}

// Run calls t.Do on disjoint ranges that together cover 0..n-1 and returns when all are done. It uses up to threads
// goroutines, the caller's among them. Every range starts at a multiple of grain and, but for a shorter n, holds at
// least grain items; how the items are cut depends on threads, never on timing. With threads <= 1 or n <= grain the
// one call is t.Do(0, 0, n).
//
// A panic in a task stops the handing out of chunks and continues in the caller. Tasks may call Run themselves.
// Run does not allocate once it has started its workers.
func (p *Pool) Run(threads, n, grain int, t Task) {
	if n <= 0 {
		return
	}
	grain = max(grain, 1)
	if threads <= 1 || n <= grain {
		t.Do(0, 0, n)
		return
	}
	j := p.job()
	j.task, j.n, j.grain = t, n, grain
	j.chunks = min(n/grain, chunksPerThread*threads)
	j.next.Store(0)
	j.ids.Store(1)
	j.active.Store(1)

	posted := p.post(j, min(threads, j.chunks)-1)
	j.work(0)
	p.retract(j, posted)
	j.join()

	failure := j.failure.Swap(nil)
	j.task = nil
	p.recycle(j)
	if failure != nil {
		panic(failure.value)
	}
}

// post offers the job to up to want idle workers and returns how many workers it looked at.
func (p *Pool) post(j *job, want int) (looked int) {
	ws := p.grown(min(want, maxWorkers))
	for _, w := range ws {
		if want == 0 {
			break
		}
		looked++
		if w.offer(j) {
			want--
		}
	}
	return looked
}

// retract takes the job back from workers that have not begun it.
func (p *Pool) retract(j *job, looked int) {
	ws := p.workers.Load()
	if ws == nil {
		return
	}
	for _, w := range (*ws)[:looked] {
		if w.inbox.Load() == j && w.inbox.CompareAndSwap(j, nil) {
			j.active.Add(-1)
		}
	}
}

// grown returns the workers, of which there are then at least n.
func (p *Pool) grown(n int) []*worker {
	if ws := p.workers.Load(); ws != nil && len(*ws) >= n {
		return *ws
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	var ws []*worker
	if old := p.workers.Load(); old != nil {
		ws = append(ws, *old...)
	}
	for len(ws) < n {
		w := &worker{wake: make(chan struct{}, 1)}
		ws = append(ws, w)
		p.exited.Add(1)
		go w.loop(&p.exited)
	}
	p.workers.Store(&ws)
	return ws
}

func (p *Pool) job() *job {
	p.mu.Lock()
	defer p.mu.Unlock()
	if n := len(p.free); n > 0 {
		j := p.free[n-1]
		p.free = p.free[:n-1]
		return j
	}
	return &job{done: make(chan struct{}, 1)}
}

func (p *Pool) recycle(j *job) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.free = append(p.free, j)
}
