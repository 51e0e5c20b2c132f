package ptx

import "fmt"

// barrierState is one of a block's 16 barriers.
type barrierState struct {
	arrived int // threads, in whole warps
	want    int // threads, 0: all warps that have not exited
	open    bool
	popc    uint32 // bar.red
	any     bool
	notAll  bool
	members []*warp // who takes part, waiting or not
}

// arrive executes a barrier instruction; it reports whether the warp has to wait.
func (b *blockState) arrive(w *warp, in *inst, m uint32) bool {
	if m != w.alive {
		w.fault(in, DivergentBarrier, firstLane(w.alive&^m), 0, "lanes %08x of %08x are here", m, w.alive)
	}
	id := w.r[in.vec[0]][firstLane(m)]
	want := 0
	if len(in.vec) > 1 {
		want = int(w.r[in.vec[1]][firstLane(m)])
	}
	if id > 15 || want < 0 || want%32 != 0 || want > maxThreads {
		w.fault(in, Unsupported, -1, 0, "barrier %d with %d threads", id, want)
	}
	bar := &b.bars[id]
	if bar.open && bar.want != want {
		w.fault(in, Deadlock, -1, 0, "barrier %d wants %d threads here and %d elsewhere", id, want, bar.want)
	}
	bar.open, bar.want = true, want
	bar.arrived += 32
	bar.members = append(bar.members, w)
	if in.ps >= 0 {
		p := w.source(in) & m
		bar.popc += uint32(onesCount(p))
		bar.any = bar.any || p != 0
		bar.notAll = bar.notAll || p != m
	}
	b.meter.Barriers++
	if in.imm != 'a' {
		w.waits, w.barrier = in, int(id)
	}
	b.complete(bar)
	return w.waits != nil
}

// complete lets the waiting warps go on once enough have arrived.
func (b *blockState) complete(bar *barrierState) {
	want := bar.want
	if want == 0 {
		for _, w := range b.warps {
			if !w.done {
				want += 32
			}
		}
	}
	if !bar.open || bar.arrived < want {
		return
	}
	members := bar.members
	if bar.want == 0 {
		members = b.warps
	}
	b.endInterval(members)
	for _, w := range bar.members {
		if in := w.waits; in != nil && &b.bars[w.barrier] == bar {
			w.waits = nil
			w.barrierResult(in, bar)
		}
	}
	*bar = barrierState{}
}

// barrierResult delivers bar.red.
func (w *warp) barrierResult(in *inst, bar *barrierState) {
	var all uint32
	switch in.logic {
	case 'p':
		for i := range w.tmp {
			w.tmp[i] = bar.popc
		}
		w.put(in.d, w.alive)
		return
	case 'a':
		all = -uint32(b2n(!bar.notAll))
	case 'o':
		all = -uint32(b2n(bar.any))
	default:
		return
	}
	w.p[in.pd] = all&w.alive | w.p[in.pd]&^w.alive
}

// exited lets barriers go on that waited for a warp which has ended instead.
func (b *blockState) exited(w *warp) {
	if len(w.copies) > 0 {
		w.copies = w.copies[:0] // nobody can see them any more
	}
	for i := range b.bars {
		if b.bars[i].open && b.bars[i].want == 0 {
			b.complete(&b.bars[i])
		}
	}
}

// stuck reports a block whose warps all wait.
func (b *blockState) stuck() {
	var list []string
	var in *inst
	for _, w := range b.warps {
		if !w.done {
			in = w.waits
			list = append(list, fmt.Sprintf("warp %d at barrier %d, line %d", w.id, w.barrier, w.waits.line))
		}
	}
	f := b.fault(Deadlock, fmt.Sprintf("all warps wait: %v", list))
	f.Line, f.Instr = int(in.line), b.l.kernel.module.line(int(in.line))
	panic(f)
}
