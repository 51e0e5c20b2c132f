package ptx

import (
	"sync/atomic"
	"unsafe"
)

// runAtomic executes atom and red, lane by lane.
func runAtomic(w *warp, in *inst, m uint32) {
	x := in.mem
	for rest := m; rest != 0; {
		part := w.resolve(in, rest, in.a, in.fa, in.imm, x.space, x.id, uint32(x.size))
		w.check(in, part, uint32(x.size), x.id, false)
		w.check(in, part, uint32(x.size), x.id, true)
		if w.tgt.space == spaceGlobal {
			stored, polled := w.b.stored, w.b.polled
			w.b.acquire()
			w.b.release()
			w.b.stored, w.b.polled = stored, polled
		}
		p := unsafe.Pointer(unsafe.SliceData(w.tgt.data))
		lanes(part, func(i int) {
			at := unsafe.Add(p, w.offs[i])
			b, c := w.lane(in.fb, in.b, i), w.lane(in.fc, in.c, i)
			var old uint64
			if w.tgt.space == spaceGlobal {
				old = updateAtomic(at, x.size, func(old uint64) uint64 { return x.rmw.f(old, b, c) })
			} else {
				old = loadElement(at, x.size)
				storeElement(at, x.size, x.rmw.f(old, b, c))
			}
			if x.rmw.f(old, b, c) != old {
				w.b.stored = true
			} else {
				w.b.polled = true // a failed compare-and-swap and its like
			}
			w.tmp[i], w.tmp64[i] = uint32(old), old
		})
		if x.rmw.want {
			w.putFile(in.fd, in.d, part)
		}
		rest &^= part
	}
}

// updateAtomic replaces the value at p by f of it and returns the old one. A 16-bit value is part of a 32-bit word.
func updateAtomic(p unsafe.Pointer, size uint8, f func(uint64) uint64) uint64 {
	switch size {
	case 8:
		for {
			old := atomic.LoadUint64((*uint64)(p))
			if atomic.CompareAndSwapUint64((*uint64)(p), old, f(old)) {
				return old
			}
		}
	case 4:
		for {
			old := atomic.LoadUint32((*uint32)(p))
			if atomic.CompareAndSwapUint32((*uint32)(p), old, uint32(f(uint64(old)))) {
				return uint64(old)
			}
		}
	}
	shift := uint32(uintptr(p)&2) * 8
	word := (*uint32)(unsafe.Add(p, -int(uintptr(p)&2)))
	for {
		old := atomic.LoadUint32(word)
		half := uint64(old >> shift & 0xffff)
		next := old&^(0xffff<<shift) | uint32(f(half)&0xffff)<<shift
		if atomic.CompareAndSwapUint32(word, old, next) {
			return half
		}
	}
}
