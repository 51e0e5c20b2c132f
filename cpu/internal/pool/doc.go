// Package pool shares one set of worker goroutines between all devices of a process.
//
// Fork-join is what a CPU kernel pays per call, and starting goroutines for every call costs more than a small matrix
// product. The workers here persist: after a task they look for the next one for a few tens of microseconds, then park
// on a channel, so that steady work finds them awake and an idle process uses no processor time.
//
// Work is handed out in chunks by an atomic counter. The calling goroutine works too and takes whatever the others have
// not started; a worker that the system does not schedule therefore delays nothing but the chunk it holds.
//
//	p := pool.Acquire()
//	defer p.Release()
//	p.Run(threads, len(x), 4096, task)      // task.Do(worker, lo, hi) for disjoint ranges that cover 0..len(x)-1
package pool
