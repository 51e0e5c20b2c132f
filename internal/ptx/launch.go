package ptx

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
)

// Launch describes one execution of a kernel.
type Launch struct {
	Grid, Block [3]int // 0 counts as 1
	Shared      int    // bytes of dynamic shared memory
	Params      []byte // the parameter block, laid out as Kernel.Params says
	Memory      *Memory
	Peers       []*Memory // of other devices, which the kernel may reach as well
	Options     Options
}

// Options control an execution. The zero value runs deterministically on one worker, with bounds and alignment checks.
type Options struct {
	Workers  int  // goroutines that execute blocks; 0 means 1, and only 1 is deterministic
	Sanitize bool // find uninitialised reads and races
	Precise  bool // with Sanitize: shared races name both lines, at twice the time
	Meter    *Meter
	Distinct bool // with Meter: also count each sector of global memory once
	Coverage *Coverage
	MMA      MMAModel
	Seed     uint64          // not 0: start blocks and switch warps in an order drawn from it
	Budget   int64           // warp instructions, 0: no limit
	Ctx      context.Context // nil: not cancellable
}

const (
	quantum     = 1 << 14 // warp instructions before a warp gives way
	pollQuantum = 1 << 8  // the same for a block that only polled the last time
	maxResident = 256     // blocks that a worker keeps open
	maxThreads  = 1024
	maxShared   = 227 << 10
	maxGrid     = 1<<31 - 1
)

// launch is a running Launch.
type launch struct {
	Launch
	kernel      *Kernel
	globals     map[*variable]*allocation
	touched     touched
	localStride Row
	blocks      int
	order       []int32      // start order, nil: ascending
	next        atomic.Int64 // next block to start
	stop        atomic.Bool  // a worker failed
	executed    atomic.Int64 // warp instructions
	progress    atomic.Int64 // quanta in which something happened
	active      atomic.Int64 // workers that run
	idle        atomic.Int64 // those that see no progress
	clock       atomic.Int64 // synchronisation events, for races between blocks
	releases    []atomic.Int64
	mu          sync.Mutex
	err         error
}

// Run executes the kernel and returns when all blocks have ended. The error is a *Fault if the kernel is to blame.
// After an error the contents of memory that the kernel writes are not specified.
func (k *Kernel) Run(l *Launch) error {
	r := &launch{Launch: *l, kernel: k}
	if err := r.validate(); err != nil {
		return fmt.Errorf("ptx: launch of %s: %w", k.name, err)
	}
	var err error
	if r.globals, err = l.Memory.place(k.module); err != nil {
		return fmt.Errorf("ptx: launch of %s: %w", k.name, err)
	}
	for i := range r.localStride {
		r.localStride[i] = uint32(i * k.local)
	}
	if r.Options.Sanitize {
		r.releases = make([]atomic.Int64, r.blocks)
	}
	if r.Options.Seed != 0 {
		r.order = make([]int32, r.blocks)
		rng := rand.New(rand.NewPCG(r.Options.Seed, 0))
		for i, p := range rng.Perm(r.blocks) {
			r.order[i] = int32(p)
		}
	}
	var wg sync.WaitGroup
	workers := min(max(r.Options.Workers, 1), r.blocks)
	r.active.Store(int64(workers))
	for i := 1; i < workers; i++ {
		wg.Go(func() { newWorker(r, i).run() })
	}
	newWorker(r, 0).run() // one of them is the caller
	wg.Wait()
	return r.err
}

func (l *launch) validate() error {
	l.blocks = 1
	threads := 1
	for i := range l.Grid {
		if l.Grid[i] == 0 {
			l.Grid[i] = 1
		}
		if l.Block[i] == 0 {
			l.Block[i] = 1
		}
		if l.Grid[i] < 0 || l.Block[i] < 0 || l.Grid[i] > maxGrid || l.Block[i] > maxThreads {
			return fmt.Errorf("grid %v, block %v: at most %d blocks and %d threads along an axis", l.Grid, l.Block, maxGrid, maxThreads)
		}
		threads *= l.Block[i]
		if l.blocks *= l.Grid[i]; l.blocks > maxGrid {
			return fmt.Errorf("grid %v has too many blocks", l.Grid)
		}
	}
	k := l.kernel
	switch {
	case threads > k.threads:
		return fmt.Errorf("%d threads per block, the limit is %d", threads, k.threads)
	case l.Shared < 0 || k.dynamic+l.Shared > maxShared:
		return fmt.Errorf("%d bytes of shared memory, the limit is %d", k.dynamic+l.Shared, maxShared)
	case len(l.Params) < k.paramSize:
		return fmt.Errorf("parameter block of %d bytes, %d wanted", len(l.Params), k.paramSize)
	case l.Memory == nil:
		return errors.New("no memory")
	}
	params := alignedBytes(k.paramSize)
	copy(params, l.Params)
	l.Params = params
	return nil
}

// find is the allocation at an address, nil if there is none that the kernel may reach.
func (l *launch) find(addr uint64) *allocation {
	a := l.Memory.find(addr)
	for i := 0; a == nil && i < len(l.Peers); i++ {
		a = l.Peers[i].find(addr)
	}
	return a
}

// fail records the first error and stops the other workers.
func (l *launch) fail(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err == nil {
		l.err = err
	}
	l.stop.Store(true)
}
