package pool

import (
	"sync/atomic"
	"time"
)

// A job is one Run in progress.
type job struct {
	task             Task
	n, grain, chunks int
	done             chan struct{} // the last worker out tells a caller that has parked
	failure          atomic.Pointer[failure]

	_      [64]byte
	next   atomic.Int64 // the next chunk to hand out
	ids    atomic.Int64 // the next worker index
	active atomic.Int64 // who still refers to the job: the caller and the workers that it was offered to
	_      [64]byte
}

// failure is a recovered panic.
type failure struct{ value any }

// work takes chunks until there are none left.
func (j *job) work(worker int) {
	defer j.recover()
	for {
		c := int(j.next.Add(1)) - 1
		if c >= j.chunks {
			return
		}
		j.task.Do(worker, j.bound(c), j.bound(c+1))
	}
}

// bound returns where chunk c begins: the grains are divided evenly, the last chunk takes the rest.
func (j *job) bound(c int) int {
	if c == j.chunks {
		return j.n
	}
	return j.n / j.grain * c / j.chunks * j.grain
}

// recover keeps the first panic for the caller and lets nobody start another chunk.
func (j *job) recover() {
	if v := recover(); v != nil {
		j.failure.CompareAndSwap(nil, &failure{v})
		j.next.Store(int64(j.chunks))
	}
}

// join waits until no worker refers to the job.
func (j *job) join() {
	for start := time.Now(); ; {
		for range 16 {
			if j.active.Load() == 1 {
				return
			}
			pause(pauses)
		}
		if time.Since(start) > spinFor {
			break
		}
	}
	if j.active.Add(-1) > 0 {
		<-j.done
	}
}

// leave is a worker's last touch of the job.
func (j *job) leave() {
	if j.active.Add(-1) == 0 {
		j.done <- struct{}{}
	}
}
