package ptx

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"unsafe"
)

// blockState is a thread block: no goroutine and no stack of its own. It can be put aside after any quantum.
type blockState struct {
	l         *launch
	index     int
	coord     [3]int
	shared    []byte
	sharedSet []uint64
	warps     []*warp
	bars      [16]barrierState
	counts    []uint64 // executions of each basic block
	allocs    []*allocation
	shapes    []shape
	meter     Meter
	banks     bankScratch
	mma       mmaScratch
	acquired  int64
	stored    bool // something became visible to others in this quantum
	polled    bool // something was read that others may change
	waited    bool // it only polled in its last quantum

	touchedLo, touchedHi uint32 // words of the warps' bitmaps in use
	bitmapWords          int
	epoch                uint32
	tags                 []tagWord
}

// worker executes blocks, several by turns when they wait for each other.
type worker struct {
	l    *launch
	rng  *rand.Rand // nil: deterministic
	all  []*blockState
	free []*blockState
	open []*blockState
	idle int   // quanta since something happened
	seen int64 // the launch's progress then
}

func newWorker(l *launch, i int) *worker {
	w := &worker{l: l}
	if l.Options.Seed != 0 {
		w.rng = rand.New(rand.NewPCG(l.Options.Seed, uint64(i)+1))
	}
	return w
}

// run starts blocks in order and stays with a block until it has ended, unless it polls: then it goes to the end of the
// line and another is opened beside it, so that the block it may wait for can run. Lower blocks have always started
// first, so kernels that wait for lower blocks only always make progress.
func (wk *worker) run() {
	defer wk.finish()
	for !wk.l.stop.Load() {
		if len(wk.open) == 0 && !wk.start() {
			return
		}
		b := wk.open[0]
		b.waited = b.polled && !b.stored
		b.stored, b.polled = false, false
		switch done := b.step(wk.rng); {
		case done:
			wk.open = wk.open[1:]
			wk.free = append(wk.free, b)
		case b.polled || wk.rng != nil:
			wk.open = append(wk.open[1:], b)
			if len(wk.open) < maxResident {
				wk.start()
			}
		}
		wk.watch(b)
	}
}

// watch notices when nothing happens any more. A deadlock is certain only if all workers see nothing but polling.
func (wk *worker) watch(b *blockState) {
	l := wk.l
	if b.stored || !b.polled {
		l.progress.Add(1)
	}
	if p := l.progress.Load(); p != wk.seen {
		if wk.idle > patience {
			l.idle.Add(-1)
		}
		wk.idle, wk.seen = 0, p
		return
	}
	if wk.idle++; wk.idle <= patience {
		return
	}
	if wk.idle == patience+1 {
		l.idle.Add(1)
	}
	if l.idle.Load() >= l.active.Load() && l.progress.Load() == wk.seen {
		panic(b.fault(Deadlock, fmt.Sprintf("%d open blocks only poll: nobody is left to wake them", len(wk.open))))
	}
	runtime.Gosched()
}

// patience is the number of quanta without progress that make a worker idle: every block it can open had its turn.
const patience = 2 * maxResident

// finish adds up what the worker's blocks counted, and turns a fault into the launch's error.
func (wk *worker) finish() {
	l := wk.l
	l.active.Add(-1)
	if r := recover(); r != nil {
		f, ok := r.(*Fault)
		if !ok {
			panic(r)
		}
		l.fail(f)
	}
	k := l.kernel
	var total Meter
	for _, b := range wk.all {
		if l.Options.Coverage != nil {
			l.Options.Coverage.add(k, b.counts)
		}
		for i, n := range b.counts {
			c := &k.blocks[i].classes
			b.meter.Arithmetic += n * uint64(c[classArithmetic])
			b.meter.Memory += n * uint64(c[classMemory])
			b.meter.Matrix += n * uint64(c[classMatrix])
			b.meter.Control += n * uint64(c[classControl])
			b.meter.Instructions += n * uint64(k.blocks[i].steps)
		}
		for _, w := range b.warps {
			b.meter.Lanes += w.laneSum
		}
		total.Add(&b.meter)
	}
	if l.Options.Meter != nil {
		meterMu.Lock()
		l.Options.Meter.Add(&total)
		meterMu.Unlock()
	}
}

// start opens the next block of the grid.
func (wk *worker) start() bool {
	l := wk.l
	i := int(l.next.Add(1) - 1)
	if i >= l.blocks {
		return false
	}
	if l.order != nil {
		i = int(l.order[i])
	}
	var b *blockState
	if n := len(wk.free); n > 0 {
		b, wk.free = wk.free[n-1], wk.free[:n-1]
	} else {
		b = newBlock(l)
		wk.all = append(wk.all, b)
	}
	b.start(i)
	wk.open = append(wk.open, b)
	return true
}

func newBlock(l *launch) *blockState {
	k := l.kernel
	shared := k.dynamic + l.Shared
	b := &blockState{
		l: l, shared: alignedBytes(shared), counts: make([]uint64, len(k.blocks)),
		allocs: make([]*allocation, k.accesses), shapes: make([]shape, k.accesses),
	}
	threads := l.Block[0] * l.Block[1] * l.Block[2]
	b.warps = make([]*warp, (threads+31)/32)
	if l.Options.Sanitize {
		b.sharedSet = make([]uint64, shared/64+2)
		b.bitmapWords = shared>>k.grain/64 + 20
		if l.Options.Precise {
			b.tags = make([]tagWord, shared>>k.grain+1)
		}
	}
	n32, n64 := k.regs32+len(k.const32), k.regs64+len(k.const64)
	for i := range b.warps {
		w := &warp{id: i, b: b, r: alignedRows(n32 + 1), q: make([]Row64, n64+1), p: make([]uint32, k.preds+1)}
		if k.local > 0 {
			w.local = alignedBytes(32 * k.local)
		}
		if l.Options.Sanitize {
			w.reads, w.writes = make([]uint64, b.bitmapWords+1), make([]uint64, b.bitmapWords+1)
			w.localSet = make([]uint64, k.local/2+2)
		}
		b.warps[i] = w
		b.constants(w)
	}
	return b
}

// alignedRows makes rows that do not cross cache lines more than they must.
func alignedRows(n int) []Row {
	const size = unsafe.Sizeof(Row{})
	raw := make([]byte, (uintptr(n)+1)*size)
	skip := -uintptr(unsafe.Pointer(&raw[0])) & 63
	return unsafe.Slice((*Row)(unsafe.Pointer(&raw[skip])), n)
}

// constants fills the constant rows. Only special registers differ between lanes.
func (b *blockState) constants(w *warp) {
	k := b.l.kernel
	for i, c := range k.const32 {
		row := &w.r[k.regs32+i]
		v := uint32(b.constant(c, w.id, 0))
		for lane := range row {
			if row[lane] = v; c.kind == constSpecial {
				row[lane] = uint32(b.constant(c, w.id, lane))
			}
		}
	}
	for i, c := range k.const64 {
		row := &w.q[k.regs64+i]
		v := b.constant(c, w.id, 0) // %gridid, the only special register of this width, is the same everywhere
		for lane := range row {
			row[lane] = v
		}
	}
}

func (b *blockState) constant(c constant, warp, lane int) uint64 {
	switch c.kind {
	case constSpecial:
		return uint64(b.special(c.value, warp, lane))
	case constParam:
		v := loadElement(unsafe.Pointer(&b.l.Params[c.value]), c.size)
		if c.signed {
			v = typ{'s', int(c.size) * 8, 1}.extend(v)
		}
		if c.narrow {
			v &= 0xffff
		}
		return v
	case constDynamic:
		return uint64(b.l.kernel.dynamic) + c.value
	case constGlobal:
		return b.l.globals[c.v].base + c.value
	}
	return c.value
}

// start makes the state a fresh block.
func (b *blockState) start(index int) {
	l := b.l
	b.index = index
	b.coord = [3]int{index % l.Grid[0], index / l.Grid[0] % l.Grid[1], index / (l.Grid[0] * l.Grid[1])}
	b.acquired = 0
	b.stored, b.polled, b.waited = false, false, false
	b.epoch++
	b.bars = [16]barrierState{}
	b.touchedLo, b.touchedHi = ^uint32(0), 0
	clear(b.sharedSet)
	threads := l.Block[0] * l.Block[1] * l.Block[2]
	for i, w := range b.warps {
		w.alive = fullMask
		if n := threads - i*32; n < 32 {
			w.alive = 1<<n - 1
		}
		w.mask, w.at, w.meet, w.done, w.waits = w.alive, 0, -1, false, nil
		w.stack, w.copies, w.groups, w.carry = w.stack[:0], w.copies[:0], [32]int32{}, 0
		clear(w.localSet)
		clear(w.p)
		for _, r := range l.kernel.clear32 {
			w.r[r] = Row{}
		}
		for _, r := range l.kernel.clear64 {
			w.q[r] = Row64{}
		}
		for _, j := range l.kernel.blockConsts {
			row := &w.r[l.kernel.regs32+j]
			v := b.special(l.kernel.const32[j].value, i, 0)
			for lane := range row {
				row[lane] = v
			}
		}
	}
}

// step runs the block for about one quantum per warp; it reports whether the block has ended.
func (b *blockState) step(rng *rand.Rand) bool {
	limit, turn := int64(quantum), 0
	if b.waited {
		limit = pollQuantum
	}
	if rng != nil {
		limit, turn = 16<<rng.IntN(10), rng.IntN(len(b.warps))
	}
	for {
		left, ran, gaveWay := 0, false, false
		for i := range b.warps {
			w := b.warps[(i+turn)%len(b.warps)]
			if w.done {
				continue
			}
			left++
			if w.waits != nil {
				continue
			}
			ran = true
			w.steps = 0
			switch w.run(limit) {
			case yielded:
				gaveWay = true
			case finished:
				left--
				b.exited(w)
			}
			w.executed += w.steps
			b.account(w.steps)
		}
		switch {
		case left == 0:
			b.endInterval(b.warps)
			return true
		case !ran:
			b.stuck()
		case gaveWay:
			return false
		}
	}
}

// account checks the launch's limits.
func (b *blockState) account(steps int64) {
	l := b.l
	n := l.executed.Add(steps)
	if l.Options.Budget > 0 && n > l.Options.Budget {
		panic(b.fault(BudgetExceeded, fmt.Sprintf("more than %d warp instructions", l.Options.Budget)))
	}
	if ctx := l.Options.Ctx; ctx != nil {
		if err := ctx.Err(); err != nil {
			f := b.fault(Cancelled, err.Error())
			f.cause = err
			panic(f)
		}
	}
	if l.stop.Load() {
		panic(b.fault(Cancelled, "another block failed"))
	}
}
