package pool

import (
	"sync"
	"sync/atomic"
	"time"
)

// A worker is one goroutine with a place to put a job. The inbox holds nil (idle), an offered job, or one of the two
// marks below.
type worker struct {
	inbox  atomic.Pointer[job]
	parked atomic.Bool
	wake   chan struct{}
	_      [64]byte
}

var (
	busy = new(job) // the worker has taken its job
	quit = new(job) // the worker shall end
)

// offer puts j in the inbox of an idle worker and wakes it if it has parked.
func (w *worker) offer(j *job) bool {
	j.active.Add(1)
	if w.inbox.Load() != nil || !w.inbox.CompareAndSwap(nil, j) {
		j.active.Add(-1)
		return false
	}
	w.rouse()
	return true
}

// stop ends the worker, which is idle or about to be.
func (w *worker) stop() {
	for !w.inbox.CompareAndSwap(nil, quit) {
		time.Sleep(time.Microsecond)
	}
	w.rouse()
}

func (w *worker) rouse() {
	if w.parked.Load() && w.parked.CompareAndSwap(true, false) {
		w.wake <- struct{}{}
	}
}

func (w *worker) loop(exited *sync.WaitGroup) {
	defer exited.Done()
	for {
		j := w.await()
		if j == quit {
			return
		}
		if !w.inbox.CompareAndSwap(j, busy) {
			continue // the caller took it back
		}
		j.work(int(j.ids.Add(1)) - 1)
		w.inbox.Store(nil)
		j.leave()
	}
}

// await looks at the inbox for a while, then parks until somebody fills it.
func (w *worker) await() *job {
	for {
		for start := time.Now(); ; {
			for range 16 {
				if j := w.inbox.Load(); j != nil {
					return j
				}
				pause(pauses)
			}
			if time.Since(start) > spinFor {
				break
			}
		}
		w.park()
	}
}

// park blocks until rouse, unless the inbox was filled before rouse could see that the worker has parked.
func (w *worker) park() {
	w.parked.Store(true)
	if w.inbox.Load() != nil && w.parked.CompareAndSwap(true, false) {
		return
	}
	<-w.wake
}
