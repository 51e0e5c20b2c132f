package ptx

import (
	"math/bits"
	"sort"
	"unsafe"
)

// PTX registers are virtual and nearly SSA: 900 registers of one GEMM would fill 115 KiB per warp, far past the L1
// cache. compact gives registers that never live together the same row (linear scan). Lanes are independent, so
// liveness along paths is right under divergence; a guarded definition keeps the old value of some lanes and so counts
// as a use. It also finds the registers that may be read before they are written, and puts the constants behind.
func (k *Kernel) compact() {
	for _, f := range []file{file32, file64} {
		n := &k.regs32
		if f == file64 {
			n = &k.regs64
		}
		l := newLiveness(k, f, *n)
		l.solve()
		row, used := l.assign()
		for i := range k.code {
			k.code[i].visit(func(p *uint16, pf file, _ bool) {
				switch {
				case pf != f:
				case *p&constBit != 0:
					*p = *p&^constBit + uint16(used)
				default:
					*p = row[*p]
				}
			})
		}
		early := map[uint16]bool{}
		for r := range *n {
			if l.in[0].has(r) && !early[row[r]] {
				early[row[r]] = true
				if f == file64 {
					k.clear64 = append(k.clear64, row[r])
				} else {
					k.clear32 = append(k.clear32, row[r])
				}
			}
		}
		*n = used
	}
}

type bitset []uint64

func (s bitset) has(i int) bool { return s[i>>6]>>(i&63)&1 != 0 }
func (s bitset) add(i int)      { s[i>>6] |= 1 << (i & 63) }

// liveness is the classical data flow over blocks for one register file.
type liveness struct {
	k            *Kernel
	file         file
	n            int
	use, def, in []bitset
	out          []bitset
	first, last  []int // extent of each register's live range in instructions
}

func newLiveness(k *Kernel, f file, n int) *liveness {
	l := &liveness{k: k, file: f, n: n, first: make([]int, n), last: make([]int, n)}
	words := (n + 63) / 64
	for _, s := range []*[]bitset{&l.use, &l.def, &l.in, &l.out} {
		flat := make(bitset, words*(len(k.blocks)+1))
		for b := 0; b <= len(k.blocks); b++ {
			*s = append(*s, flat[b*words:(b+1)*words])
		}
	}
	for r := range l.first {
		l.first[r], l.last[r] = len(k.code), -1
	}
	for b, blk := range k.blocks {
		for i := blk.start; i < blk.end; i++ {
			in := &k.code[i]
			in.visit(func(p *uint16, pf file, def bool) {
				if pf != f || *p&constBit != 0 {
					return
				}
				r := int(*p)
				l.touch(r, int(i))
				if (!def || in.guard >= 0) && !l.def[b].has(r) {
					l.use[b].add(r)
				}
				if def {
					l.def[b].add(r)
				}
			})
		}
	}
	return l
}

func (l *liveness) touch(r, at int) { l.first[r], l.last[r] = min(l.first[r], at), max(l.last[r], at) }

func (l *liveness) solve() {
	k := l.k
	for changed := true; changed; {
		changed = false
		for b := len(k.blocks) - 1; b >= 0; b-- {
			last := &k.code[k.blocks[b].end-1]
			out := l.out[b]
			merge := func(s int32) {
				for j, x := range l.in[s] {
					out[j] |= x
				}
			}
			if last.guard >= 0 || last.kind != kindBranch && last.kind != kindIndexed && last.kind != kindReturn {
				merge(k.blocks[b].next)
			}
			if last.kind == kindBranch {
				merge(last.target)
			}
			for _, t := range last.targets {
				merge(t)
			}
			for j := range out {
				v := l.use[b][j] | out[j]&^l.def[b][j]
				if v != l.in[b][j] {
					l.in[b][j], changed = v, true
				}
			}
		}
	}
	for b, blk := range k.blocks {
		for j := range l.in[b] {
			for x := l.in[b][j]; x != 0; x &= x - 1 {
				l.touch(j<<6+bits.TrailingZeros64(x), int(blk.start)-1)
			}
			for x := l.out[b][j]; x != 0; x &= x - 1 {
				l.touch(j<<6+bits.TrailingZeros64(x), int(blk.end))
			}
		}
	}
}

// assign gives each register a row. A row is free again strictly after its owner's last use: a destination never
// shares with a source of the same instruction, because some instructions write before they have read all lanes.
func (l *liveness) assign() (row []uint16, used int) {
	order := make([]int, l.n)
	for i := range order {
		order[i] = i
	}
	sort.SliceStable(order, func(a, b int) bool { return l.first[order[a]] < l.first[order[b]] })
	row = make([]uint16, l.n)
	var free []uint16
	active := map[int][]uint16{} // last use -> rows
	at := -2
	for _, r := range order {
		for ; at < l.first[r]; at++ {
			free = append(free, active[at]...)
			delete(active, at)
		}
		if len(free) == 0 {
			free = append(free, uint16(used))
			used++
		}
		row[r] = free[len(free)-1]
		free = free[:len(free)-1]
		end := max(l.last[r], l.first[r])
		active[end] = append(active[end], row[r])
	}
	return row, used
}

// fuse turns runs of unguarded fma.rn.f32 into one instruction and drops the instructions that are gone.
func (k *Kernel) fuse() {
	var code []inst
	isFma := func(in *inst) bool { return in.kind == kindRow && in.fma && in.guard < 0 }
	for b := range k.blocks {
		blk := &k.blocks[b]
		start := int32(len(code))
		for i := blk.start; i < blk.end; i++ {
			in := k.code[i]
			if in.kind == kindGone {
				continue
			}
			n := int32(1)
			for isFma(&in) && i+n < blk.end && isFma(&k.code[i+n]) {
				n++
			}
			if n > 1 {
				in.imm, in.imm2 = int64(len(k.fmaRecs)), int64(n)
				for j := i; j < i+n; j++ {
					x := &k.code[j]
					k.fmaRecs = append(k.fmaRecs, [4]uint32{rowOffset(x.d), rowOffset(x.a), rowOffset(x.b), rowOffset(x.c)})
				}
				in.kind = kindFmaRun
				i += n - 1
			}
			code = append(code, in)
		}
		blk.start, blk.end = start, int32(len(code))
	}
	k.code = code
}

func rowOffset(row uint16) uint32 { return uint32(row) * 128 }

// goFmaRun is fmaRun in Go.
func goFmaRun(base *Row, recs *[4]uint32, n int) {
	for _, r := range unsafe.Slice(recs, n) {
		at := func(off uint32) *Row { return (*Row)(unsafe.Add(unsafe.Pointer(base), off)) }
		goFma(at(r[0]), at(r[1]), at(r[2]), at(r[3]))
	}
}
