package ptx

import (
	"unsafe"
)

// asyncCopy is one cp.async of a warp: the bytes are read when it is issued and land at the wait, so that a kernel
// that forgets to wait sees stale data.
type asyncCopy struct {
	mask  uint32
	size  uint32
	offs  Row
	data  [32][16]byte
	group int32 // per-lane group number, -1: not committed
}

// runCopy issues a cp.async. Bytes past the source size are zero.
func runCopy(w *warp, in *inst, m uint32) {
	size := uint32(in.mem.size)
	c := &asyncCopy{mask: m, size: size, group: -1}
	read := m &^ (w.source(in) & -uint32(b2n(in.ps >= 0))) // lanes with a true ignore predicate read nothing
	var partial Row
	if in.fc != fileNone {
		partial = w.r[in.c]
	}
	for rest := read; rest != 0; {
		whole := rest
		if in.fc != fileNone {
			whole = sameLane(&partial, rest)
		}
		n := size
		if in.fc != fileNone {
			n = min(partial[firstLane(whole)], size)
		}
		if n > 0 {
			w.readSource(in, c, whole, n)
		}
		rest &^= whole
	}
	for rest := m; rest != 0; {
		part := w.resolve(in, rest, in.b, in.fb, in.imm2, spaceShared, in.mem.id+1, size)
		lanes(part, func(i int) { c.offs[i] = w.offs[i] })
		if w.b.l.Options.Meter != nil {
			w.countShared(part, size, size, w.shapeOf(part, size, in.mem.id+1))
		}
		rest &^= part
	}
	if w.b.l.Options.Sanitize {
		lanes(m, func(i int) { unmark(w.b.sharedSet, uint64(c.offs[i]), uint64(c.offs[i]+size)) })
		w.trackCopy(c)
	}
	w.copies = append(w.copies, c)
}

// sameLane gives the lanes of m whose value equals the first one's.
func sameLane(row *Row, m uint32) (same uint32) {
	v := row[firstLane(m)]
	lanes(m, func(i int) {
		if row[i] == v {
			same |= 1 << i
		}
	})
	return same
}

// readSource reads n bytes per lane from global memory.
func (w *warp) readSource(in *inst, c *asyncCopy, m, n uint32) {
	align := n
	if n&(n-1) != 0 {
		align = 1
	}
	for m != 0 {
		part := w.resolve(in, m, in.a, in.fa, in.imm, spaceGlobal, in.mem.id, align)
		if n != align {
			limit := uint32(len(w.tgt.data))
			lanes(part, func(i int) {
				if limit-w.offs[i] < n {
					w.fault(in, OutOfBounds, i, w.tgt.base+uint64(w.offs[i]), "%d bytes past the end", n)
				}
			})
		}
		w.info[3] = 1
		w.check(in, part, n, in.mem.id, false)
		lanes(part, func(i int) { copy(c.data[i][:n], w.tgt.data[w.offs[i]:]) })
		m &^= part
	}
}

// trackCopy counts a copy on its way as a write by its warp.
func (w *warp) trackCopy(c *asyncCopy) {
	b := w.b
	grain := b.l.kernel.grain
	if b.l.Options.Precise {
		return
	}
	lanes(c.mask, func(i int) {
		lo, hi := c.offs[i]>>grain, (c.offs[i]+c.size-1)>>grain+1
		mark(w.writes, uint64(lo), uint64(hi))
		b.touchedLo, b.touchedHi = min(b.touchedLo, lo>>6), max(b.touchedHi, (hi-1)>>6+1)
	})
}

// commitCopies makes the lanes' open copies a group.
func (w *warp) commitCopies(m uint32) {
	for i := 0; i < len(w.copies); i++ {
		c := w.copies[i]
		part := c.mask & m
		if c.group >= 0 || part == 0 {
			continue
		}
		first := w.groups[firstLane(part)]
		var same uint32
		lanes(part, func(l int) {
			if w.groups[l] == first {
				same |= 1 << l
			}
		})
		if same != c.mask { // the others of this copy are in another group: it goes two ways
			rest := *c
			rest.mask = c.mask &^ same
			w.copies = append(w.copies, &rest)
			c.mask = same
		}
		c.group = first
	}
	lanes(m, func(l int) { w.groups[l]++ })
}

// waitCopies lands the groups of the lanes except the latest n.
func (w *warp) waitCopies(in *inst, m uint32, n int) {
	kept := w.copies[:0]
	for _, c := range w.copies {
		var due uint32
		if c.group >= 0 {
			lanes(c.mask&m, func(l int) {
				if int(c.group) < int(w.groups[l])-n {
					due |= 1 << l
				}
			})
		}
		w.land(in, c, due)
		if c.mask &^= due; c.mask != 0 {
			kept = append(kept, c)
		}
	}
	clear(w.copies[len(kept):])
	w.copies = kept
}

func (w *warp) land(in *inst, c *asyncCopy, m uint32) {
	b := w.b
	if m == 0 {
		return
	}
	lanes(m, func(i int) { copy(b.shared[c.offs[i]:c.offs[i]+c.size], c.data[i][:]) })
	if !b.l.Options.Sanitize {
		return
	}
	lanes(m, func(i int) { mark(b.sharedSet, uint64(c.offs[i]), uint64(c.offs[i]+c.size)) })
	if b.l.Options.Precise {
		w.offs = c.offs
		b.tag(w, in, m, c.size, true)
		return
	}
	w.trackCopy(&asyncCopy{mask: m, size: c.size, offs: c.offs})
}

// runLdmatrix loads 8x8 matrices of 16-bit elements: lane 8q+j gives the address of row j of matrix q.
func runLdmatrix(w *warp, in *inst, m uint32) {
	if m != fullMask {
		w.fault(in, DivergentBarrier, firstLane(^m), 0, "ldmatrix needs the whole warp, lanes %08x are here", m)
	}
	n := len(in.vec)
	use := uint32(1<<(8*n) - 1)
	if n == 4 {
		use = fullMask
	}
	part := w.resolve(in, use, in.a, in.fa, in.imm, in.mem.space, in.mem.id, 16)
	if part != use || w.tgt.space != spaceShared {
		w.fault(in, OutOfBounds, firstLane(use&^part), 0, "rows are not all in shared memory")
	}
	w.info[3] = 1
	w.check(in, use, 16, in.mem.id, false)
	data := unsafe.Pointer(unsafe.SliceData(w.tgt.data))
	var out [4]Row
	for q := range in.vec {
		d := &out[q]
		if in.flags&flagTrans == 0 { // lane l holds columns 2(l%4) and +1 of row l/4: a row is 16 bytes of the register
			for j := range 8 {
				*(*[4]uint32)(d[4*j:]) = *(*[4]uint32)(unsafe.Add(data, w.offs[8*q+j]))
			}
			continue
		}
		var rows [8]*[8]uint16
		for j := range rows {
			rows[j] = (*[8]uint16)(unsafe.Add(data, w.offs[8*q+j]))
		}
		for l := range d { // transposed: rows 2(l%4) and +1 of column l/4
			d[l] = uint32(rows[l&3*2][l>>2]) | uint32(rows[l&3*2+1][l>>2])<<16
		}
	}
	for q, row := range in.vec {
		w.r[row] = out[q]
	}
}
