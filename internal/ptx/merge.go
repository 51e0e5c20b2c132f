package ptx

// Clang leaves the scalar accesses of a vector in shared memory to the assembler, which joins them: same base register,
// offsets that fill an aligned 8 or 16 bytes, nothing in between that could be seen. mergeNeighbours does the same.
// Loads become one instruction, which is several times faster here, too; stores stay, and only the meter counts them
// as one.
func (k *Kernel) mergeNeighbours() {
	for _, blk := range k.blocks {
		m := merger{k: k, groups: map[mergeKey][]int32{}}
		for i := blk.start; i < blk.end; i++ {
			m.add(i)
		}
		m.flush()
	}
}

// merger collects the candidates of one block.
type merger struct {
	k      *Kernel
	groups map[mergeKey][]int32 // instructions that may be joined
}

type mergeKey struct {
	row  uint16 // of the address
	file file
	load bool
}

func (m *merger) add(i int32) {
	in := &m.k.code[i]
	x := in.mem
	switch {
	case x != nil && x.space == spaceShared && x.n == 1 && x.size == 4 && !x.sync && in.guard < 0 && in.fv == file32 && in.flags == 0:
		key := mergeKey{in.a, in.fa, in.vdef > 0}
		for other := range m.groups {
			if !other.load || !key.load { // a store may not pass a load or another store
				if other != key {
					m.flush()
					break
				}
			}
		}
		m.groups[key] = append(m.groups[key], i)
	case in.kind >= kindBranch, x != nil && x.space != spaceGlobal, in.kind == kindRun && in.fd == fileNone && in.vdef == 0 && in.pd < 0:
		m.flush() // it may touch shared memory, or order accesses
	}
	in.visit(func(row *uint16, f file, def bool) { // a new value in the base register ends its groups
		for _, load := range []bool{false, true} {
			key := mergeKey{*row, f, load}
			if g := m.groups[key]; def && g != nil {
				m.join(g)
				delete(m.groups, key)
			}
		}
	})
}

func (m *merger) flush() {
	for _, g := range m.groups {
		m.join(g)
	}
	clear(m.groups)
}

// join merges fours, then twos, of a group.
func (m *merger) join(group []int32) {
	at := map[int64]int32{}
	for _, i := range group {
		at[m.k.code[i].imm] = i
	}
	for _, n := range []int64{4, 2} {
		for _, i := range group {
			in := &m.k.code[i]
			if in.imm&(4*n-1) != 0 || !m.free(i) {
				continue
			}
			parts := []int32{i}
			for j := int64(1); j < n; j++ {
				if p, ok := at[in.imm+4*j]; ok && m.free(p) {
					parts = append(parts, p)
				}
			}
			if len(parts) == int(n) {
				m.unite(parts)
			}
		}
	}
}

func (m *merger) free(i int32) bool {
	in := &m.k.code[i]
	return in.kind != kindGone && in.mem.merge == 1 && in.mem.n == 1
}

// unite makes one access of its parts, which are in the order of their offsets.
func (m *merger) unite(parts []int32) {
	first, last := parts[0], parts[0]
	isPart := map[int32]bool{}
	for _, p := range parts {
		first, last = min(first, p), max(last, p)
		isPart[p] = true
	}
	lead := &m.k.code[first]
	if lead.vdef == 0 || !m.movable(first, last, isPart) {
		for _, p := range parts {
			m.k.code[p].mem.merge = 0
		}
		lead.mem.merge = uint8(len(parts))
		return
	}
	var rows []uint16
	for _, p := range parts {
		rows = append(rows, m.k.code[p].vec[0])
		if p != first {
			m.k.code[p].kind = kindGone
		}
	}
	lead.imm = m.k.code[parts[0]].imm
	lead.vec, lead.vdef = rows, uint8(len(rows))
	lead.mem.n, lead.mem.joined = uint8(len(rows)), true
}

// movable reports whether the loads may all happen at the first one: nobody in between reads or writes what the later
// ones define.
func (m *merger) movable(first, last int32, isPart map[int32]bool) bool {
	defined := map[uint16]bool{}
	for p := range isPart {
		row := m.k.code[p].vec[0]
		if defined[row] {
			return false
		}
		defined[row] = true
	}
	ok := true
	for i := first + 1; i < last; i++ {
		if isPart[i] || m.k.code[i].kind == kindGone {
			continue
		}
		m.k.code[i].visit(func(row *uint16, f file, _ bool) {
			if f == file32 && defined[*row] {
				ok = false
			}
		})
	}
	return ok
}
