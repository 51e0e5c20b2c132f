package ptx

import (
	"sync"
	"sync/atomic"
)

// touched is which 32-byte sectors of global memory a launch read and wrote: what must come from memory and go there
// even if every cache were large enough.
type touched struct{ maps sync.Map } // *allocation -> *[2]sectorMap

type sectorMap []atomic.Uint64

// of is the maps of an allocation, of what was read and of what was written.
func (t *touched) of(a *allocation) *[2]sectorMap {
	if m, ok := t.maps.Load(a); ok {
		return m.(*[2]sectorMap)
	}
	words := (len(a.data)>>5 + 64) >> 6
	m, _ := t.maps.LoadOrStore(a, &[2]sectorMap{make(sectorMap, words), make(sectorMap, words)})
	return m.(*[2]sectorMap)
}

// add enters a sector and reports whether it is new.
func (m sectorMap) add(sector uint32) bool {
	bit := uint64(1) << (sector & 63)
	return m[sector>>6].Or(bit)&bit == 0
}

// countDistinct adds to the meter the sectors of an access that the launch had not read, or written, before.
func (w *warp) countDistinct(m, bytes uint32, store bool) {
	maps := w.b.l.touched.of(w.tgt.alloc)
	seen := maps[0]
	if store {
		seen = maps[1]
	}
	last := ^uint32(0)
	lanes(m, func(i int) {
		for s := w.offs[i] >> 5; s <= (w.offs[i]+bytes-1)>>5; s++ {
			if s != last && seen.add(s) {
				w.b.meter.GlobalDistinct++
			}
			last = s
		}
	})
}
