package ptx

// members checks the member mask of a warp-wide instruction: the active lanes must be its members, and each lane must
// give the same mask.
func (w *warp) members(in *inst, m uint32, row uint16) uint32 {
	mask := w.r[row][firstLane(m)]
	lanes(m, func(i int) {
		if w.r[row][i] != mask {
			w.fault(in, BadLane, i, 0, "member masks %08x and %08x", mask, w.r[row][i])
		}
	})
	if m&^mask != 0 {
		w.fault(in, BadLane, firstLane(m&^mask), 0, "active lanes %08x are not all members of %08x", m, mask)
	}
	if missing := mask & w.alive &^ m; missing != 0 {
		w.fault(in, DivergentBarrier, firstLane(missing), 0, "members %08x, but only lanes %08x are here", mask, m)
	}
	return m
}

func runShuffle(w *warp, in *inst, m uint32) {
	w.members(in, m, in.vec[0])
	a, b, c := &w.r[in.a], &w.r[in.b], &w.r[in.c]
	var valid uint32
	for i := range 32 {
		lane, x := int32(i), int32(b[i]&31)
		segment, clamp := int32(c[i]>>8&31), int32(c[i]&31)
		last := lane&segment | clamp&^segment
		first := lane & segment
		var j int32
		var ok bool
		switch in.imm {
		case 'u':
			j = lane - x
			ok = j >= last
		case 'd':
			j = lane + x
			ok = j <= last
		case 'b':
			j = lane ^ x
			ok = j <= last
		default:
			j = first | x&^segment
			ok = j <= last
		}
		if !ok {
			j = lane
		}
		if m>>i&1 != 0 && m>>uint(j)&1 == 0 {
			w.fault(in, BadLane, i, 0, "lane %d reads lane %d, which does not take part", i, j)
		}
		if ok {
			valid |= 1 << i
		}
		w.tmp[i] = a[j]
	}
	if in.pd >= 0 {
		w.p[in.pd] = valid&m | w.p[in.pd]&^m
	}
	w.put(in.d, m)
}

// Modes of vote.
const (
	voteAll = iota
	voteAny
	voteUniform
	voteBallot
)

func runVote(w *warp, in *inst, m uint32) {
	members := w.members(in, m, in.a)
	yes := w.source(in) & members
	var r uint32
	switch in.imm {
	case voteBallot:
		for i := range w.tmp {
			w.tmp[i] = yes
		}
		w.put(in.d, m)
		return
	case voteAll:
		r = -uint32(b2n(yes == members))
	case voteAny:
		r = -uint32(b2n(yes != 0))
	case voteUniform:
		r = -uint32(b2n(yes == 0 || yes == members))
	}
	w.p[in.pd] = r&m | w.p[in.pd]&^m
}

func runMatch(w *warp, in *inst, m uint32) {
	members := w.members(in, m, in.b)
	all := uint32(0)
	for i := range 32 {
		var same uint32
		lanes(members, func(j int) {
			if w.lane(in.fa, in.a, i) == w.lane(in.fa, in.a, j) {
				same |= 1 << j
			}
		})
		if in.imm == 1 { // match.all: the members if all agree, else nothing
			if same != members {
				same = 0
			} else {
				all |= 1 << i
			}
		}
		w.tmp[i] = same
	}
	if in.pd >= 0 {
		w.p[in.pd] = all&m | w.p[in.pd]&^m
	}
	w.put(in.d, m)
}

func (w *warp) reduce(in *inst, m uint32, combine func(old, b, c uint64) uint64) {
	members := w.members(in, m, in.b)
	first := firstLane(members)
	acc := uint64(w.r[in.a][first])
	lanes(members&^(1<<first), func(i int) { acc = combine(acc, uint64(w.r[in.a][i]), 0) })
	for i := range w.tmp {
		w.tmp[i] = uint32(acc)
	}
	w.put(in.d, m)
}
