package ptx

var warpOps = map[string]func(d *decoder, s *stmt, in *inst){
	"shfl":       decodeShuffle,
	"vote":       decodeVote,
	"match":      decodeMatch,
	"redux":      decodeRedux,
	"activemask": decodeActiveMask,
	"bar":        decodeBarrier,
	"barrier":    decodeBarrier,
	"mma":        decodeMMA,
	"trap":       decodeTrap,
	"brkpt":      decodeTrap,
	"nanosleep": func(_ *decoder, _ *stmt, in *inst) {
		in.run = func(w *warp, _ *inst, _ uint32) { w.steps += quantum } // gives way to other warps
	},
	"pmevent":        decodeNothing,
	"griddepcontrol": decodeNothing,
}

var u32 = typ{'u', 32, 1}

// decodeShuffle handles shfl.sync.mode.b32 d{|p}, a, b, c, membermask.
func decodeShuffle(d *decoder, s *stmt, in *inst) {
	d.want(s, 5)
	if len(s.op) != 4 || s.op[1] != "sync" || s.op[3] != "b32" {
		d.unknown(s)
	}
	mode := s.op[2]
	if mode != "up" && mode != "down" && mode != "bfly" && mode != "idx" {
		d.unknown(s)
	}
	in.d, in.fd = d.dst(operand{name: s.args[0].name}, u32), file32
	if p := s.args[0].pair; p != "" && p != "_" {
		in.pd = d.pred(operand{name: p})
	}
	in.a, in.fa = d.src(s.args[1], u32), file32
	in.b, in.fb = d.src(s.args[2], u32), file32
	in.c, in.fc = d.src(s.args[3], u32), file32
	in.vec, in.fv = []uint16{d.src(s.args[4], u32)}, file32
	in.imm = int64(mode[0])
	in.run = runShuffle
}

// decodeVote handles vote.sync.all|any|uni.pred p, {!}a, mask and vote.sync.ballot.b32 d, {!}a, mask.
func decodeVote(d *decoder, s *stmt, in *inst) {
	d.want(s, 3)
	if len(s.op) != 4 || s.op[1] != "sync" {
		d.unknown(s)
	}
	in.ps, in.psNeg = d.pred(s.args[1]), s.args[1].neg
	in.a, in.fa = d.src(s.args[2], u32), file32
	switch s.op[2] {
	case "ballot":
		in.d, in.fd = d.dst(s.args[0], u32), file32
	case "all", "any", "uni":
		in.pd = d.pred(s.args[0])
	default:
		d.unknown(s)
	}
	in.imm = map[string]int64{"all": voteAll, "any": voteAny, "uni": voteUniform, "ballot": voteBallot}[s.op[2]]
	in.run = runVote
}

// decodeMatch handles match.any.sync d, a, mask and match.all.sync d{|p}, a, mask.
func decodeMatch(d *decoder, s *stmt, in *inst) {
	d.want(s, 3)
	t := d.typeOf(s)
	d.only(s, "any", "all", "sync")
	in.d, in.fd = d.dst(operand{name: s.args[0].name}, u32), file32
	if p := s.args[0].pair; p != "" {
		in.pd = d.pred(operand{name: p})
	}
	in.a, in.fa = d.src(s.args[1], t), fileOf(t.bits)
	in.b, in.fb = d.src(s.args[2], u32), file32
	if s.has("all") {
		in.imm = 1
	}
	in.run = runMatch
}

// decodeRedux handles redux.sync.op.type d, a, mask.
func decodeRedux(d *decoder, s *stmt, in *inst) {
	d.want(s, 3)
	t := d.typeOf(s)
	if len(s.op) != 4 || s.op[1] != "sync" || t.bits != 32 || t.float() {
		d.unknown(s)
	}
	switch s.op[2] {
	case "add", "min", "max", "and", "or", "xor":
	default:
		d.unknown(s)
	}
	combine := atomicFunc(s.op[2], t)
	in.d, in.fd = d.dst(s.args[0], t), file32
	in.a, in.fa = d.src(s.args[1], t), file32
	in.b, in.fb = d.src(s.args[2], u32), file32
	in.run = func(w *warp, in *inst, m uint32) { w.reduce(in, m, combine) }
}

func decodeActiveMask(d *decoder, s *stmt, in *inst) {
	d.want(s, 1)
	in.d, in.fd = d.dst(s.args[0], u32), file32
	in.run = func(w *warp, in *inst, m uint32) {
		for i := range w.tmp {
			w.tmp[i] = m
		}
		w.put(in.d, m)
	}
}

// decodeBarrier handles bar.sync, bar.arrive, bar.red, bar.warp.sync and the barrier spellings. In vec: the barrier's
// number and the number of threads; imm is the mode.
func decodeBarrier(d *decoder, s *stmt, in *inst) {
	mode := ""
	aligned := s.op[0] == "bar"
	rest := s.op[1:]
	for i, p := range rest {
		switch p {
		case "cta":
		case "aligned":
			aligned = true
		case "warp":
			d.warpBarrier(s, in)
			return
		case "sync", "arrive", "red":
			mode = p
		case "popc", "and", "or", "u32", "pred":
			if i == 0 || mode != "red" {
				d.unknown(s)
			}
		default:
			d.unknown(s)
		}
	}
	if mode == "" {
		d.unknown(s)
	}
	in.kind, in.imm = kindBarrier, int64(mode[0])
	args := s.args
	if mode == "red" {
		if len(args) < 3 {
			d.want(s, 3)
		}
		if s.has("popc") {
			in.d, in.fd = d.dst(args[0], u32), file32
		} else {
			in.pd = d.pred(args[0])
		}
		last := args[len(args)-1]
		in.ps, in.psNeg = d.pred(last), last.neg
		in.logic = 'p'
		if s.has("and") {
			in.logic = 'a'
		} else if s.has("or") {
			in.logic = 'o'
		}
		args = args[1 : len(args)-1]
	}
	if len(args) < 1 || len(args) > 2 || mode == "arrive" && len(args) != 2 {
		d.fail("barrier with %d operands", len(s.args))
	}
	in.fv = file32
	for _, o := range args {
		in.vec = append(in.vec, d.src(o, u32))
	}
	if !aligned {
		in.flags |= flagUnaligned
	}
}

func (d *decoder) warpBarrier(s *stmt, in *inst) {
	d.want(s, 1)
	in.a, in.fa = d.src(s.args[0], u32), file32
	in.run = func(w *warp, in *inst, m uint32) { w.members(in, m, in.a) }
}

func decodeTrap(_ *decoder, s *stmt, in *inst) {
	in.run = func(w *warp, in *inst, m uint32) { w.fault(in, Trap, firstLane(m), 0, "") }
}
