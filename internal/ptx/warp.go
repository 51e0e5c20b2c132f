package ptx

// warp is 32 threads. Constants and special registers are rows behind the registers; predicates are lane masks.
type warp struct {
	r     []Row
	q     []Row64
	p     []uint32
	carry uint32

	mask  uint32  // lanes that execute now
	alive uint32  // lanes that have not exited
	at    int32   // block to execute
	meet  int32   // block where this path rejoins
	stack []frame // paths that wait

	id      int
	b       *blockState
	done    bool
	waits   *inst // the barrier the warp waits at
	barrier int   // its number

	tmp      Row
	tmp64    Row64
	offs     Row
	repeat   [4]uint32 // survey of offs against the last pattern
	info     [4]uint32 // minimum, maximum, or of offs; whether they are not contiguous
	tgt      target
	local    []byte
	localSet []uint64
	copies   []*asyncCopy
	groups   [32]int32 // cp.async groups committed by each lane
	reads    []uint64  // shared words touched since the last barrier
	writes   []uint64
	steps    int64 // instructions in this quantum
	executed int64
	laneSum  uint64
}

// frame is a path of the divergence stack: where it goes on, where it rejoins, and its lanes.
type frame struct {
	at, meet int32
	mask     uint32
}

type status uint8

const (
	running status = iota
	atBarrier
	finished
	yielded
)

// run executes until a barrier, the end, or the end of the quantum. Control moves between basic blocks only.
func (w *warp) run(limit int64) status {
	k := w.b.l.kernel
	counts := w.b.counts
	for {
		for w.at == w.meet || w.mask == 0 {
			n := len(w.stack) - 1
			if n < 0 {
				w.done = true
				return finished
			}
			f := w.stack[n]
			w.stack = w.stack[:n]
			w.at, w.meet, w.mask = f.at, f.meet, f.mask&w.alive
		}
		if w.steps > limit {
			return yielded
		}
		blk := &k.blocks[w.at]
		counts[w.at]++
		w.steps += int64(blk.steps)
		w.laneSum += uint64(onesCount(w.mask)) * uint64(blk.steps)
		code := k.code[blk.start:blk.end]
		moved := false
		for i := range code {
			in := &code[i]
			m := w.mask
			if in.guard >= 0 {
				p := w.p[in.guard]
				if in.guardNeg {
					p = ^p
				}
				if m &= p; m == 0 && in.kind != kindBranch {
					continue
				}
			}
			switch in.kind {
			case kindRow:
				if m == fullMask {
					in.f(&w.r[in.d], &w.r[in.a], &w.r[in.b], &w.r[in.c])
				} else {
					in.f(&w.tmp, &w.r[in.a], &w.r[in.b], &w.r[in.c])
					rows.blend(&w.r[in.d], &w.tmp, m)
				}
			case kindFmaRun:
				w.fmaRun(k.fmaRecs[in.imm:in.imm+in.imm2], m)
			case kindRun:
				in.run(w, in, m)
			case kindBranch:
				w.branch(in, m, blk.next)
				moved = true
			case kindIndexed:
				w.branchIndexed(in, m, blk.next)
				moved = true
			case kindReturn:
				w.alive &^= m
				w.mask &^= m
			case kindBarrier:
				w.at = blk.next
				if w.b.arrive(w, in, m) {
					return atBarrier
				}
				moved = true
			}
		}
		if !moved {
			w.at = blk.next
		}
	}
}

func (w *warp) fmaRun(recs [][4]uint32, m uint32) {
	if m == fullMask {
		rows.fmaRun(&w.r[0], &recs[0], len(recs))
		return
	}
	for _, r := range recs {
		rows.fma(&w.tmp, &w.r[r[1]/128], &w.r[r[2]/128], &w.r[r[3]/128])
		rows.blend(&w.r[r[0]/128], &w.tmp, m)
	}
}

// branch sends the lanes of taken to the target and the others on. If both sides have lanes, one goes on the stack, and
// below it, once per rejoining block, the frame in which they go on together.
func (w *warp) branch(in *inst, taken uint32, next int32) {
	m := w.mask
	switch taken {
	case m:
		w.at = in.target
		return
	case 0:
		w.at = next
		return
	}
	w.diverge(in.rejoin)
	switch in.rejoin {
	case in.target: // one side is empty: its lanes only wait
		w.mask, w.at = m&^taken, next
	case next:
		w.mask, w.at = taken, in.target
	default:
		w.stack = append(w.stack, frame{in.target, in.rejoin, taken})
		w.mask, w.at = m&^taken, next
	}
}

// diverge pushes the frame that waits for all lanes at the rejoining block. A loop's back edge diverges on every trip
// with the same one: a single frame is enough.
func (w *warp) diverge(rejoin int32) {
	if w.meet != rejoin {
		w.stack = append(w.stack, frame{rejoin, w.meet, w.mask})
		w.meet = rejoin
	}
}

// branchIndexed handles brx.idx: each lane goes to targets[index].
func (w *warp) branchIndexed(in *inst, m uint32, next int32) {
	rest := w.mask &^ m
	var paths []frame
	if rest != 0 {
		paths = append(paths, frame{next, in.rejoin, rest})
	}
	index := &w.r[in.a]
	for m != 0 {
		i := index[firstLane(m)]
		if i >= uint32(len(in.targets)) {
			w.fault(in, OutOfBounds, firstLane(m), uint64(i), "branch index %d of %d targets", i, len(in.targets))
		}
		var same uint32
		lanes(m, func(l int) {
			if index[l] == i {
				same |= 1 << l
			}
		})
		paths = append(paths, frame{in.targets[i], in.rejoin, same})
		m &^= same
	}
	if len(paths) == 1 {
		w.at = paths[0].at
		return
	}
	w.diverge(in.rejoin)
	w.stack = append(w.stack, paths[1:]...)
	w.at, w.mask = paths[0].at, paths[0].mask
}

// put blends tmp into a register.
func (w *warp) put(row uint16, m uint32) {
	if m == fullMask {
		w.r[row] = w.tmp
		return
	}
	rows.blend(&w.r[row], &w.tmp, m)
}

// put64 blends tmp64 into a register.
func (w *warp) put64(row uint16, m uint32) {
	if m == fullMask {
		w.q[row] = w.tmp64
		return
	}
	rows.blend64(&w.q[row], &w.tmp64, m)
}

func (w *warp) putFile(f file, row uint16, m uint32) {
	if f == file64 {
		w.put64(row, m)
	} else {
		w.put(row, m)
	}
}

// lane reads one lane of an operand.
func (w *warp) lane(f file, row uint16, i int) uint64 {
	switch f {
	case file32:
		return uint64(w.r[row][i])
	case file64:
		return w.q[row][i]
	}
	return 0
}

// source gives the source predicate; without one all lanes are true.
func (w *warp) source(in *inst) uint32 {
	if in.ps < 0 {
		return fullMask
	}
	if in.psNeg {
		return ^w.p[in.ps]
	}
	return w.p[in.ps]
}

func runRow64(w *warp, in *inst, m uint32) {
	if m == fullMask {
		in.f64(&w.q[in.d], &w.q[in.a], &w.q[in.b], &w.q[in.c])
		return
	}
	in.f64(&w.tmp64, &w.q[in.a], &w.q[in.b], &w.q[in.c])
	rows.blend64(&w.q[in.d], &w.tmp64, m)
}

func runWide(w *warp, in *inst, m uint32) {
	c := &w.tmp64
	if in.fc == file64 {
		c = &w.q[in.c]
	}
	if m == fullMask {
		in.wide(&w.q[in.d], &w.r[in.a], &w.r[in.b], c)
		return
	}
	in.wide(&w.tmp64, &w.r[in.a], &w.r[in.b], c)
	rows.blend64(&w.q[in.d], &w.tmp64, m)
}

func runShift(w *warp, in *inst, m uint32) {
	in.shift(&w.tmp64, &w.q[in.a], &w.r[in.b], &w.r[in.c])
	w.put64(in.d, m)
}

func runThin(w *warp, in *inst, m uint32) {
	in.thin(&w.tmp, &w.q[in.a], &w.q[in.b])
	w.put(in.d, m)
}
