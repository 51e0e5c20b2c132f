package ptx

import (
	"fmt"
	"math/bits"
	"sync/atomic"
)

// check does the sanitizer's and the meter's work for one access to w.tgt at w.offs.
func (w *warp) check(in *inst, m, bytes uint32, id int, store bool) {
	l, t := w.b.l, &w.tgt
	var sh *shape
	switch {
	case l.Options.Sanitize:
		if store {
			w.markInit(m, bytes)
		} else {
			w.checkInit(in, m, bytes)
		}
		switch {
		case t.space == spaceShared && !in.mem.sync:
			sh = w.trackShared(in, m, bytes, id, store)
		case t.alloc != nil && !in.mem.sync && in.mem.size >= 4:
			w.trackGlobal(in, m, bytes, store)
		}
	case store && t.alloc != nil && !t.alloc.opaque.Load():
		t.alloc.opaque.Store(true)
	}
	if l.Options.Meter != nil && t.space != spaceLocal {
		w.count(in, m, bytes, id, sh)
		if l.Options.Distinct && t.alloc != nil {
			w.countDistinct(m, bytes, store)
		}
	}
}

// checkInit looks at the whole range first, at single lanes only if that fails.
func (w *warp) checkInit(in *inst, m, bytes uint32) {
	t := &w.tgt
	if t.init == nil || t.alloc != nil && t.alloc.opaque.Load() {
		return
	}
	lo, hi := uint64(w.info[0]), uint64(w.info[1]+bytes)
	if hi-lo <= 4096 && allSet(t.init, lo, hi) {
		return
	}
	lanes(m, func(i int) {
		from := uint64(w.offs[i])
		if to := from + uint64(bytes); !allSet(t.init, from, to) {
			at := t.base + firstUnset(t.init, from, to)
			w.fault(in, Uninitialised, i, at, "%v address %#x was never written", t.space, at)
		}
	})
}

func (w *warp) markInit(m, bytes uint32) {
	t := &w.tgt
	if t.init == nil {
		return
	}
	set := mark
	if t.alloc != nil {
		set = setBits // other workers write the same words
	}
	if w.info[3] == 0 {
		set(t.init, uint64(w.info[0]), uint64(w.info[1]+bytes))
		return
	}
	for ; m != 0; m &= m - 1 {
		x := uint64(w.offs[bits.TrailingZeros32(m)])
		set(t.init, x, x+uint64(bytes))
	}
}

// mark is setBits for memory of one block.
func mark(b []uint64, lo, hi uint64) {
	for lo < hi {
		shift := lo & 63
		n := min(64-shift, hi-lo)
		b[lo>>6] |= ^uint64(0) >> (64 - n) << shift
		lo += n
	}
}

// unmark clears the bits [lo, hi).
func unmark(b []uint64, lo, hi uint64) {
	for lo < hi {
		shift := lo & 63
		n := min(64-shift, hi-lo)
		b[lo>>6] &^= ^uint64(0) >> (64 - n) << shift
		lo += n
	}
}

// shape is what an instruction's last address pattern looked like relative to lane 0: the units it touches as a bitmap,
// its bank-conflict passes and its sectors. All depend on relative offsets, so a repeated pattern costs one compare.
type shape struct {
	rel    Row
	bytes  uint32
	back   uint32 // offset of lane 0 minus the smallest offset
	phase  uint32 // smallest offset in the bits of phaseMask, for which the counts were made
	units  [16]uint64
	n      int // words of units in use; 0: too wide
	passes uint32
	metred bool
}

// shapeOf gives the cached shape of an access by the whole warp, nil for others.
func (w *warp) shapeOf(m, bytes uint32, id int) *shape {
	if m != fullMask {
		return nil
	}
	s := &w.b.shapes[id]
	o := &w.offs
	mask := w.phaseMask(bytes)
	if s.bytes == bytes && (o[0]-s.back)&mask == s.phase {
		rows.survey(o, &s.rel, &w.repeat)
		if w.repeat[3] == 0 {
			return s
		}
	}
	grain := w.b.l.kernel.grain
	lo, hi := w.info[0], w.info[1]
	*s = shape{bytes: bytes, back: o[0] - lo, phase: lo & mask}
	for i := range o {
		s.rel[i] = o[i] - o[0]
	}
	base := lo >> grain
	if n := int((hi+bytes-1)>>grain-base)/64 + 1; n <= len(s.units) {
		s.n = n
		for _, x := range o {
			for k := x>>grain - base; k <= (x+bytes-1)>>grain-base; k++ {
				s.units[k>>6] |= 1 << (k & 63)
			}
		}
	}
	return s
}

// phaseMask says how far a pattern may be shifted: shared words by anything, since all banks are alike; smaller elements
// by whole words, global ones by whole sectors.
func (w *warp) phaseMask(bytes uint32) uint32 {
	switch {
	case w.tgt.space == spaceGlobal:
		return 31
	case bytes < 4:
		return 3
	}
	return 0
}

// trackShared records the units of an access in the warp's bitmap of this barrier interval.
func (w *warp) trackShared(in *inst, m, bytes uint32, id int, store bool) *shape {
	if w.b.l.Options.Precise {
		w.b.tag(w, in, m, bytes, store)
		return nil
	}
	bm := w.reads
	if store {
		bm = w.writes
	}
	b, grain := w.b, w.b.l.kernel.grain
	b.touchedLo = min(b.touchedLo, w.info[0]>>grain>>6)
	b.touchedHi = max(b.touchedHi, (w.info[1]+bytes-1)>>grain>>6+1)
	s := w.shapeOf(m, bytes, id)
	if s == nil || s.n == 0 {
		for ; m != 0; m &= m - 1 {
			x := w.offs[bits.TrailingZeros32(m)]
			mark(bm, uint64(x>>grain), uint64((x+bytes-1)>>grain+1))
		}
		return s
	}
	k := (w.offs[0] - s.back) >> grain
	q, r := int(k>>6), k&63
	for i, x := range s.units[:s.n] {
		bm[q+i] |= x << r
		if r != 0 {
			bm[q+i+1] |= x >> (64 - r)
		}
	}
	return s
}

// endInterval looks for shared words that one of the warps wrote and another touched since the last barrier, and
// forgets the accesses.
func (b *blockState) endInterval(warps []*warp) {
	if !b.l.Options.Sanitize || len(b.shared) == 0 {
		return
	}
	if b.l.Options.Precise {
		b.epoch++
		return
	}
	for q := b.touchedLo; q < b.touchedHi+1 && int(q) < b.bitmapWords; q++ {
		var written, touched, twice uint64
		for _, w := range warps {
			t := w.reads[q] | w.writes[q]
			twice |= touched & t
			touched |= t
			written |= w.writes[q]
		}
		if x := twice & written; x != 0 {
			b.reportRace(warps, q, bits.TrailingZeros64(x))
		}
		for _, w := range warps {
			w.reads[q], w.writes[q] = 0, 0
		}
	}
	if len(warps) == len(b.warps) {
		b.touchedLo, b.touchedHi = ^uint32(0), 0
	}
	for _, w := range warps {
		for _, c := range w.copies { // still on their way: they may land at any time
			w.trackCopy(c)
		}
	}
}

func (b *blockState) reportRace(warps []*warp, q uint32, bit int) {
	addr := (uint64(q)<<6 + uint64(bit)) << b.l.kernel.grain
	var readers, writers []int
	for _, w := range warps {
		if w.writes[q]>>bit&1 != 0 {
			writers = append(writers, w.id)
		} else if w.reads[q]>>bit&1 != 0 {
			readers = append(readers, w.id)
		}
	}
	f := b.fault(SharedRace, fmt.Sprintf("shared address %#x is written by warps %v and read by warps %v between two barriers; Options.Precise names the line", addr, writers, readers))
	f.Address = addr
	panic(f)
}

// tagWord is who touched a shared unit last in which barrier interval.
type tagWord struct {
	writeEpoch, readEpoch uint32
	writer, reader        int32 // warp; reader -2: several
	writeLine, readLine   int32
}

// tag checks an access against the units' tags, which name the other line.
func (b *blockState) tag(w *warp, in *inst, m, bytes uint32, store bool) {
	grain := b.l.kernel.grain
	me := int32(w.id)
	lanes(m, func(i int) {
		x := w.offs[i]
		for k := x >> grain; k <= (x+bytes-1)>>grain; k++ {
			t := &b.tags[k]
			if t.writeEpoch == b.epoch && t.writer != me {
				w.fault(in, SharedRace, i, uint64(x), "shared address %#x was written by warp %d at line %d since the last barrier", x, t.writer, t.writeLine)
			}
			read := t.readEpoch == b.epoch
			if store {
				if read && t.reader != me {
					w.fault(in, SharedRace, i, uint64(x), "shared address %#x was read by another warp at line %d since the last barrier", x, t.readLine)
				}
				t.writeEpoch, t.writer, t.writeLine = b.epoch, me, in.line
				continue
			}
			if read && t.reader != me {
				t.reader = -2
			} else {
				t.readEpoch, t.reader, t.readLine = b.epoch, me, in.line
			}
		}
	})
}

// writerMap holds, for one launch, the block (+1) that plainly wrote each 4-byte word of an allocation last.
type writerMap struct {
	l     *launch
	block []uint32
}

// trackGlobal finds words that one block writes and another touches without any synchronisation between them. It sees
// write-then-touch only; running the launch with another Seed turns the order round.
func (w *warp) trackGlobal(in *inst, m, bytes uint32, store bool) {
	b, a := w.b, w.tgt.alloc
	wm := a.writers.Load()
	if wm == nil || wm.l != b.l {
		if !store {
			return
		}
		a.writers.CompareAndSwap(wm, &writerMap{b.l, make([]uint32, len(a.data)/4+1)})
		if wm = a.writers.Load(); wm.l != b.l {
			return // another launch works on the same memory: it keeps the map
		}
	}
	me := uint32(b.index + 1)
	for ; m != 0; m &= m - 1 {
		i := bits.TrailingZeros32(m)
		x := w.offs[i]
		for k := x >> 2; k < (x+bytes)>>2; k++ {
			other := atomic.LoadUint32(&wm.block[k])
			if other == me {
				continue
			}
			if other != 0 && !b.sawRelease(other-1) {
				addr := w.tgt.base + uint64(k)*4
				w.fault(in, GlobalRace, i, addr, "address %#x was written by block %d", addr, other-1)
			}
			if store {
				atomic.StoreUint32(&wm.block[k], me)
			}
		}
	}
}

// release and acquire keep the clocks behind sawRelease: a fence or a synchronising access of the writer, then a
// synchronising access of the reader.
func (b *blockState) release() {
	b.stored = true
	if l := b.l; l.releases != nil && l.releases[b.index].Load() == 0 {
		l.releases[b.index].Store(l.clock.Add(1))
	}
}

func (b *blockState) acquire() {
	b.polled = true
	if l := b.l; l.releases != nil {
		b.acquired = l.clock.Add(1)
	}
}

func (b *blockState) sawRelease(block uint32) bool {
	at := b.l.releases[block].Load()
	return at != 0 && at < b.acquired
}
