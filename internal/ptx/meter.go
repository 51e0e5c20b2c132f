package ptx

import (
	"math/bits"
	"sync"
)

// Instruction classes of the meter.
const (
	classArithmetic = iota
	classMemory
	classMatrix
	classControl
	numClasses
)

func classOf(in *inst) int {
	switch {
	case in.mem != nil:
		return classMemory
	case in.mma != nil:
		return classMatrix
	case in.kind >= kindBranch:
		return classControl
	}
	return classArithmetic
}

// meterMu lets several launches share a Meter.
var meterMu sync.Mutex

// Meter counts what launches do. Fill one in through Options.Meter; launches add to it when they end.
type Meter struct {
	Instructions uint64 // warp instructions
	Lanes        uint64 // lane instructions: 32 per warp instruction without divergence
	Arithmetic   uint64 // warp instructions by class
	Memory       uint64
	Matrix       uint64
	Control      uint64

	GlobalRequests uint64 // warp accesses to global memory
	GlobalSectors  uint64 // 32-byte sectors they touch; 4 per request of 4 bytes per lane is perfect
	GlobalDistinct uint64 // with Options.Distinct: sectors read or written for the first time in their launch
	GlobalBytes    uint64 // bytes asked for
	SharedRequests uint64 // warp accesses to shared memory, neighbouring scalar ones counted as the one they become
	SharedPasses   uint64 // passes through the banks; above what the width needs: conflicts
	SharedIdeal    uint64 // passes without conflicts
	Barriers       uint64 // warps that waited at a barrier
}

// Add adds another meter's counts.
func (m *Meter) Add(o *Meter) {
	m.Instructions += o.Instructions
	m.Lanes += o.Lanes
	m.Arithmetic += o.Arithmetic
	m.Memory += o.Memory
	m.Matrix += o.Matrix
	m.Control += o.Control
	m.GlobalRequests += o.GlobalRequests
	m.GlobalSectors += o.GlobalSectors
	m.GlobalDistinct += o.GlobalDistinct
	m.GlobalBytes += o.GlobalBytes
	m.SharedRequests += o.SharedRequests
	m.SharedPasses += o.SharedPasses
	m.SharedIdeal += o.SharedIdeal
	m.Barriers += o.Barriers
}

// count meters one access to global or shared memory.
func (w *warp) count(in *inst, m, bytes uint32, id int, s *shape) {
	mt := &w.b.meter
	if w.tgt.space == spaceGlobal {
		mt.GlobalRequests++
		mt.GlobalBytes += uint64(bytes) * uint64(onesCount(m))
		if w.info[3] == 0 {
			mt.GlobalSectors += uint64((w.info[1]+bytes-1)>>5 - w.info[0]>>5 + 1)
			return
		}
		if s == nil {
			s = w.shapeOf(m, bytes, id)
		}
		mt.GlobalSectors += uint64(s.counted(func() uint32 { return sectors(&w.offs, m, bytes) }))
		return
	}
	if w.tgt.space == spaceShared && in.mem.merge > 0 {
		if s == nil {
			s = w.shapeOf(m, bytes, id)
		}
		w.countShared(m, bytes, bytes*uint32(in.mem.merge), s)
	}
}

// countShared meters a shared access that is joined bytes wide.
func (w *warp) countShared(m, bytes, joined uint32, s *shape) {
	mt := &w.b.meter
	mt.SharedRequests++
	mt.SharedPasses += uint64(s.counted(func() uint32 { return w.b.banks.passes(&w.offs, m, joined) }))
	mt.SharedIdeal += uint64(max(joined/4, 1))
}

// counted gives the shape's passes or sectors, computed once per pattern.
func (s *shape) counted(compute func() uint32) uint32 {
	if s == nil {
		return compute()
	}
	if !s.metred {
		s.passes, s.metred = compute(), true
	}
	return s.passes
}

// sectors counts the 32-byte sectors of an access.
func sectors(o *Row, m, bytes uint32) uint32 {
	var seen [64]uint32
	n := 0
	for ; m != 0; m &= m - 1 {
		x := o[bits.TrailingZeros32(m)]
	next:
		for k := x >> 5; k <= (x+bytes-1)>>5; k++ {
			for j := n - 1; j >= 0; j-- {
				if seen[j] == k {
					continue next
				}
			}
			seen[n] = k
			n++
		}
	}
	return uint32(n)
}

// bankScratch lists the words that an access wants from each of the 32 banks.
type bankScratch struct {
	n     [32]uint8
	words [32][32 * 4]uint32
}

// passes counts passes through the banks of 4 bytes: 8-byte accesses go by half warps, 16-byte ones by quarters. Lanes
// that want the same word share it.
func (s *bankScratch) passes(o *Row, m, bytes uint32) (passes uint32) {
	per := min(128/int(bytes), 32)
	for g := 0; g < 32; g += per {
		s.n = [32]uint8{}
		most := uint8(0)
		for i := g; i < g+per; i++ {
			if m>>i&1 == 0 {
				continue
			}
		next:
			for k := o[i] >> 2; k <= (o[i]+bytes-1)>>2; k++ {
				bank := k & 31
				for _, w := range s.words[bank][:s.n[bank]] {
					if w == k {
						continue next
					}
				}
				s.words[bank][s.n[bank]] = k
				s.n[bank]++
				most = max(most, s.n[bank])
			}
		}
		passes += uint32(most)
	}
	return passes
}
