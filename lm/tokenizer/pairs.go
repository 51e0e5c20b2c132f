package tokenizer

import "math/bits"

// noMerge is the value of a pair that is not merged.
const noMerge = ^uint64(0)

// pairs maps two tokens that stand side by side to the rank of their merge (upper half) and the token that it makes
// (lower half), so that a smaller value is merged first. It is a hash table with open addressing, at most half full.
type pairs struct {
	slots []pairSlot
	shift int
}

type pairSlot struct{ pair, merge uint64 } // merge is noMerge where the slot is free

func newPairs(n int) *pairs {
	size := bits.Len(uint(2*n + 1))
	p := &pairs{slots: make([]pairSlot, 1<<size), shift: 64 - size}
	for i := range p.slots {
		p.slots[i].merge = noMerge
	}
	return p
}

// slot is where the pair is or would be.
func (p *pairs) slot(pair uint64) *pairSlot {
	for i := (pair * 0x9e3779b97f4a7c15) >> p.shift; ; i++ {
		s := &p.slots[i&uint64(len(p.slots)-1)]
		if s.merge == noMerge || s.pair == pair {
			return s
		}
	}
}

func pairOf(a, b int32) uint64 { return uint64(uint32(a))<<32 | uint64(uint32(b)) }

func (p *pairs) get(a, b int32) uint64 { return p.slot(pairOf(a, b)).merge }

// set enters a merge, in the place of an earlier one of the pair.
func (p *pairs) set(a, b int32, rank int, made int32) {
	s := p.slot(pairOf(a, b))
	s.pair, s.merge = pairOf(a, b), uint64(rank)<<32|uint64(uint32(made))
}
