package ptx

import (
	"math/bits"
	"sync/atomic"
	"unsafe"
)

func onesCount(m uint32) int { return bits.OnesCount32(m) }

// target is the memory that an access goes to.
type target struct {
	data  []byte
	init  []uint64 // one bit per byte, nil: not tracked
	alloc *allocation
	space space
	base  uint64 // address of data[0]
}

// strides[s] is the row of s*lane: the offsets of a contiguous access.
var strides [33]Row

func init() {
	for s := range strides {
		for i := range strides[s] {
			strides[s][i] = uint32(s * i)
		}
	}
}

// resolve turns the addresses of the active lanes into checked offsets (w.offs) from the start of a target (w.tgt). It
// returns the lanes that go to the same target as the first; the caller repeats for the others. Inactive lanes get the
// first one's offset, so that row operations on all lanes are harmless.
func (w *warp) resolve(in *inst, m uint32, row uint16, f file, off int64, sp space, id int, bytes uint32) uint32 {
	first := firstLane(m)
	addr := w.lane(f, row, first) + uint64(off)
	if f == file32 {
		addr = uint64(uint32(addr))
	}
	w.locate(in, sp, id, addr, first)
	t := &w.tgt
	var high uint64
	if f == file64 {
		q := &w.q[row]
		if m != fullMask {
			for i := range w.tmp64 {
				w.tmp64[i] = q[first]
			}
			rows.blend64(&w.tmp64, q, m)
			q = &w.tmp64
		}
		high = rows.narrow(q, t.base-uint64(off), &w.offs)
	} else {
		r, add := &w.r[row], uint32(off)-uint32(t.base)
		x := r[first] + add
		for i := range w.offs {
			w.offs[i] = x
			if m>>i&1 != 0 {
				w.offs[i] = r[i] + add
			}
		}
	}
	limit := uint64(len(t.data))
	if t.space == spaceLocal {
		limit = uint64(w.b.l.kernel.local)
	}
	rows.survey(&w.offs, &strides[bytes], &w.info)
	if high>>32 != 0 || uint64(w.info[1])+uint64(bytes) > limit {
		m = w.inside(in, m, row, f, off, bytes, limit)
		rows.survey(&w.offs, &strides[bytes], &w.info)
	}
	align := bytes
	if in.mem.joined {
		align = uint32(in.mem.size)
	}
	if w.info[2]&(align-1) != 0 {
		lanes(m, func(i int) {
			if w.offs[i]&(align-1) != 0 {
				w.fault(in, Misaligned, i, t.base+uint64(w.offs[i]), "address %#x is not a multiple of %d", t.base+uint64(w.offs[i]), align)
			}
		})
	}
	if t.space == spaceLocal {
		rows.add(&w.offs, &w.offs, &w.b.l.localStride, nil)
		rows.survey(&w.offs, &strides[bytes], &w.info)
	}
	if m != fullMask {
		w.info[3] = 1
	}
	return m
}

// locate finds the target of an address.
func (w *warp) locate(in *inst, sp space, id int, addr uint64, lane int) {
	b, t := w.b, &w.tgt
	t.base, t.alloc = 0, nil
	if sp == spaceGeneric {
		window := addr >> windowShift
		sp = [16]space{spaceGlobal, spaceShared, spaceLocal, spaceConst, spaceParam}[window]
		t.base = window << windowShift
	}
	t.space = sp
	switch sp {
	case spaceShared:
		t.data, t.init = b.shared, b.sharedSet
	case spaceLocal:
		t.data, t.init = w.local, w.localSet
	case spaceParam:
		t.data, t.init = b.l.Params, nil
	default:
		a := b.allocs[id]
		if a == nil || addr-a.base >= uint64(len(a.data)) {
			if a = b.l.find(addr); a == nil {
				w.fault(in, OutOfBounds, lane, addr, "address %#x: %s", addr, b.l.Memory.explain(addr))
			}
			b.allocs[id] = a
		}
		t.data, t.init, t.alloc, t.base, t.space = a.data, a.init, a, a.base, spaceGlobal
	}
}

// inside keeps the lanes whose whole access lies in the target. The first lane must be one of them.
func (w *warp) inside(in *inst, m uint32, row uint16, f file, off int64, bytes uint32, limit uint64) (part uint32) {
	t := &w.tgt
	first := firstLane(m)
	lanes(m, func(i int) {
		v := w.lane(f, row, i) + uint64(off) - t.base
		if f == file32 {
			v = uint64(uint32(v))
		}
		if v < limit && limit-v >= uint64(bytes) {
			part |= 1 << i
		} else if i == first {
			w.fault(in, OutOfBounds, i, t.base+v, "%d bytes at offset %d of %d bytes of %v memory", bytes, int64(v), limit, t.space)
		}
	})
	for i := range w.offs {
		if part>>i&1 == 0 {
			w.offs[i] = w.offs[first]
		}
	}
	return part
}

func runLoad(w *warp, in *inst, m uint32) {
	x := in.mem
	bytes := x.bytes()
	for m != 0 {
		part := w.resolve(in, m, in.a, in.fa, in.imm, x.space, x.id, bytes)
		w.check(in, part, bytes, x.id, false)
		p := unsafe.Pointer(unsafe.SliceData(w.tgt.data))
		switch {
		case x.sync && w.tgt.space == spaceGlobal:
			w.b.acquire()
			w.loadSync(in, p, part)
		case x.size == 4 && in.fv == file32:
			w.load32(in, p, part)
		default:
			w.loadAny(in, p, part)
		}
		m &^= part
	}
}

// load32 is the usual load: 32-bit elements into 32-bit registers.
func (w *warp) load32(in *inst, p unsafe.Pointer, m uint32) {
	o := &w.offs
	switch {
	case in.mem.n == 1 && w.info[3] == 0:
		rows.mov(&w.r[in.vec[0]], (*Row)(unsafe.Add(p, o[0])), nil, nil)
	case m != fullMask:
		for e, row := range in.vec {
			d := &w.r[row]
			for mm := m; mm != 0; mm &= mm - 1 {
				i := bits.TrailingZeros32(mm)
				d[i] = *(*uint32)(unsafe.Add(p, uintptr(o[i])+uintptr(4*e)))
			}
		}
	case in.mem.n == 4:
		d0, d1, d2, d3 := &w.r[in.vec[0]], &w.r[in.vec[1]], &w.r[in.vec[2]], &w.r[in.vec[3]]
		for i, x := range o {
			s := (*[4]uint32)(unsafe.Add(p, x))
			d0[i], d1[i], d2[i], d3[i] = s[0], s[1], s[2], s[3]
		}
	default:
		for e, row := range in.vec {
			d := &w.r[row]
			for i, x := range o {
				d[i] = *(*uint32)(unsafe.Add(p, uintptr(x)+uintptr(4*e)))
			}
		}
	}
}

// loadAny handles every width; elements are extended to their register.
func (w *warp) loadAny(in *inst, p unsafe.Pointer, m uint32) {
	x := in.mem
	size := uintptr(x.size)
	extend := typ{'u', int(x.size) * 8, 1}
	if x.signed {
		extend.kind = 's'
	}
	for e, row := range in.vec {
		switch {
		case size == 2 && in.fv == file32 && !x.signed:
			d := &w.r[row]
			for mm := m; mm != 0; mm &= mm - 1 {
				i := bits.TrailingZeros32(mm)
				d[i] = uint32(*(*uint16)(unsafe.Add(p, uintptr(w.offs[i])+uintptr(e)*2)))
			}
			continue
		case size == 8 && in.fv == file64:
			d := &w.q[row]
			for mm := m; mm != 0; mm &= mm - 1 {
				i := bits.TrailingZeros32(mm)
				d[i] = *(*uint64)(unsafe.Add(p, uintptr(w.offs[i])+uintptr(e)*8))
			}
			continue
		}
		for mm := m; mm != 0; mm &= mm - 1 {
			i := bits.TrailingZeros32(mm)
			v := loadElement(unsafe.Add(p, uintptr(w.offs[i])+uintptr(e)*size), x.size)
			if x.signed {
				v = extend.extend(v)
			}
			w.setLane(in, row, i, v)
		}
	}
}

func (w *warp) setLane(in *inst, row uint16, i int, v uint64) {
	switch {
	case in.fv == file64:
		w.q[row][i] = v
	case in.flags&flagNarrow != 0:
		w.r[row][i] = uint32(v & 0xffff)
	default:
		w.r[row][i] = uint32(v)
	}
}

func loadElement(p unsafe.Pointer, size uint8) uint64 {
	switch size {
	case 1:
		return uint64(*(*uint8)(p))
	case 2:
		return uint64(*(*uint16)(p))
	case 4:
		return uint64(*(*uint32)(p))
	}
	return *(*uint64)(p)
}

func storeElement(p unsafe.Pointer, size uint8, v uint64) {
	switch size {
	case 1:
		*(*uint8)(p) = uint8(v)
	case 2:
		*(*uint16)(p) = uint16(v)
	case 4:
		*(*uint32)(p) = uint32(v)
	default:
		*(*uint64)(p) = v
	}
}

// loadSync and storeSync are volatile, relaxed, acquire and release accesses: Go atomics.
func (w *warp) loadSync(in *inst, p unsafe.Pointer, m uint32) {
	x := in.mem
	for e, row := range in.vec {
		lanes(m, func(i int) {
			at := unsafe.Add(p, uintptr(w.offs[i])+uintptr(e)*uintptr(x.size))
			var v uint64
			switch x.size {
			case 4:
				v = uint64(atomic.LoadUint32((*uint32)(at)))
			case 8:
				v = atomic.LoadUint64((*uint64)(at))
			default:
				v = loadElement(at, x.size)
			}
			if x.signed {
				v = typ{'s', int(x.size) * 8, 1}.extend(v)
			}
			w.setLane(in, row, i, v)
		})
	}
}

func (w *warp) storeSync(in *inst, p unsafe.Pointer, m uint32) {
	x := in.mem
	for e, row := range in.vec {
		lanes(m, func(i int) {
			at := unsafe.Add(p, uintptr(w.offs[i])+uintptr(e)*uintptr(x.size))
			switch v := w.lane(in.fv, row, i); x.size {
			case 4:
				atomic.StoreUint32((*uint32)(at), uint32(v))
			case 8:
				atomic.StoreUint64((*uint64)(at), v)
			default:
				storeElement(at, x.size, v)
			}
		})
	}
}

func runStore(w *warp, in *inst, m uint32) {
	x := in.mem
	bytes := x.bytes()
	for m != 0 {
		part := w.resolve(in, m, in.a, in.fa, in.imm, x.space, x.id, bytes)
		w.check(in, part, bytes, x.id, true)
		p := unsafe.Pointer(unsafe.SliceData(w.tgt.data))
		if w.tgt.space == spaceGlobal {
			w.b.stored = true
		}
		switch {
		case w.tgt.space == spaceParam:
			w.fault(in, OutOfBounds, firstLane(part), 0, "store to param memory")
		case x.sync && w.tgt.space == spaceGlobal:
			w.b.release()
			w.storeSync(in, p, part)
		case x.size == 4 && in.fv == file32:
			w.store32(in, p, part)
		default:
			for e, row := range in.vec {
				for mm := part; mm != 0; mm &= mm - 1 {
					i := bits.TrailingZeros32(mm)
					storeElement(unsafe.Add(p, uintptr(w.offs[i])+uintptr(e)*uintptr(x.size)), x.size, w.lane(in.fv, row, i))
				}
			}
		}
		m &^= part
	}
}

func (w *warp) store32(in *inst, p unsafe.Pointer, m uint32) {
	o := &w.offs
	switch {
	case in.mem.n == 1 && w.info[3] == 0:
		rows.mov((*Row)(unsafe.Add(p, o[0])), &w.r[in.vec[0]], nil, nil)
	case m == fullMask && in.mem.n == 4:
		d0, d1, d2, d3 := &w.r[in.vec[0]], &w.r[in.vec[1]], &w.r[in.vec[2]], &w.r[in.vec[3]]
		for i, x := range o {
			*(*[4]uint32)(unsafe.Add(p, x)) = [4]uint32{d0[i], d1[i], d2[i], d3[i]}
		}
	default:
		for e, row := range in.vec {
			d := &w.r[row]
			for mm := m; mm != 0; mm &= mm - 1 {
				i := bits.TrailingZeros32(mm)
				*(*uint32)(unsafe.Add(p, uintptr(o[i])+uintptr(4*e))) = d[i]
			}
		}
	}
}
