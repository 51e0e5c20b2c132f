package ptx

import (
	"math"
	"math/bits"
)

var moveOps = map[string]func(d *decoder, s *stmt, in *inst){
	"mov":      decodeMov,
	"cvt":      decodeCvt,
	"cvta":     decodeCvta,
	"selp":     decodeSelect,
	"slct":     decodeSlct,
	"setp":     decodeSetp,
	"set":      decodeSet,
	"isspacep": decodeIsSpace,
}

func decodeMov(d *decoder, s *stmt, in *inst) {
	d.want(s, 2)
	t := d.typeOf(s)
	to, from := s.args[0], s.args[1]
	switch {
	case t.kind == 'p':
		decodeMovPred(d, s, in)
	case to.kind == argVec:
		decodeUnpack(d, in, t, to.vec, from)
	case from.kind == argVec:
		decodePack(d, in, t, to, from.vec)
	case from.name == "%clock" || from.name == "%clock_hi" || from.name == "%clock64" || from.name == "%globaltimer":
		in.d, in.fd = d.dst(to, t), fileOf(t.bits)
		high := from.name == "%clock_hi"
		in.run = func(w *warp, in *inst, m uint32) {
			now := uint64(w.executed)
			if high {
				now >>= 32
			}
			for i := range 32 {
				w.tmp[i], w.tmp64[i] = uint32(now), now
			}
			w.putFile(in.fd, in.d, m)
		}
	default:
		d.fast(s, in, t, 1, rows.mov, rows.mov64)
	}
}

func decodeMovPred(d *decoder, s *stmt, in *inst) {
	in.pd = d.pred(s.args[0])
	if from := s.args[1]; from.kind == argNumber {
		in.imm = -int64(min(from.bits, 1))
	} else {
		in.pq = d.pred(from)
	}
	in.run = func(w *warp, in *inst, m uint32) {
		v := uint32(in.imm)
		if in.pq >= 0 {
			v = w.p[in.pq]
		}
		w.p[in.pd] = v&m | w.p[in.pd]&^m
	}
}

// decodeUnpack handles mov.b64 {lo, hi}, q and its like.
func decodeUnpack(d *decoder, in *inst, t typ, to []operand, from operand) {
	part := typ{'b', t.bits / max(len(to), 1), 1}
	if len(to) != 2 && len(to) != 4 || part.bits < 16 {
		d.fail("vector of %d elements of %d bits", len(to), part.bits)
	}
	in.a, in.fa = d.src(from, t), fileOf(t.bits)
	for _, o := range to {
		in.vec = append(in.vec, d.dst(o, part))
	}
	in.fv, in.vdef = file32, uint8(len(to))
	in.run = func(w *warp, in *inst, m uint32) {
		var v Row64
		for i := range v {
			v[i] = w.lane(in.fa, in.a, i)
		}
		for e, row := range in.vec {
			for i := range v {
				w.tmp[i] = uint32(part.truncate(v[i] >> (e * part.bits)))
			}
			w.put(row, m)
		}
	}
}

// decodePack handles mov.b64 q, {lo, hi} and its like.
func decodePack(d *decoder, in *inst, t typ, to operand, from []operand) {
	part := typ{'b', t.bits / max(len(from), 1), 1}
	if len(from) != 2 && len(from) != 4 || part.bits < 16 {
		d.fail("vector of %d elements of %d bits", len(from), part.bits)
	}
	in.d, in.fd = d.dst(to, t), fileOf(t.bits)
	for _, o := range from {
		in.vec = append(in.vec, d.src(o, part))
	}
	in.fv = file32
	in.run = func(w *warp, in *inst, m uint32) {
		clear(w.tmp64[:])
		for e, row := range in.vec {
			for i, x := range &w.r[row] {
				w.tmp64[i] |= uint64(x) << (e * part.bits)
			}
		}
		if in.fd == file64 {
			w.put64(in.d, m)
			return
		}
		rows.low32(&w.tmp, &w.tmp64, nil)
		w.put(in.d, m)
	}
}

// decodeCvta converts between a state space's addresses and generic ones: the window is added or removed.
func decodeCvta(d *decoder, s *stmt, in *inst) {
	d.want(s, 2)
	t := d.typeOf(s)
	if t.bits != 64 {
		d.unknown(s)
	}
	d.only(s, "to", "global", "shared", "local", "const", "param", "cta")
	in.d, in.fd = d.dst(s.args[0], t), file64
	in.a, in.fa = d.src(s.args[1], t), file64
	window := uint64(0)
	switch {
	case s.has("shared"):
		window = sharedWindow
	case s.has("local"):
		window = localWindow
	case s.has("param"):
		window = paramWindow
		if v := d.cur.scope.variable(s.args[1].name); v != nil && d.env.resolve(v).env != d.root {
			window = localWindow
		}
	}
	switch {
	case window == 0: // global and const addresses are generic ones
		d.set64(in, rows.mov64)
	case s.has("to"):
		d.set64(in, each64(func(a, _, _ uint64) uint64 { return a & windowMask }))
	default:
		d.set64(in, each64(func(a, _, _ uint64) uint64 { return a | window }))
	}
}

func decodeIsSpace(d *decoder, s *stmt, in *inst) {
	d.want(s, 2)
	window, ok := map[string]uint64{"global": 0, "shared": 1, "local": 2, "const": 3, "param": 4}[s.typ()]
	if !ok {
		d.unknown(s)
	}
	in.pd = d.pred(s.args[0])
	in.a, in.fa = d.src(s.args[1], typ{'b', 64, 1}), file64
	in.run = func(w *warp, in *inst, m uint32) {
		var r uint32
		for i, x := range &w.q[in.a] {
			if x>>windowShift == window {
				r |= 1 << i
			}
		}
		w.p[in.pd] = r&m | w.p[in.pd]&^m
	}
}

func decodeSelect(d *decoder, s *stmt, in *inst) {
	d.want(s, 4)
	d.only(s)
	t := d.typeOf(s)
	three := *s
	three.args = s.args[:3]
	d.operands(&three, in, t, 2)
	in.ps, in.psNeg = d.pred(s.args[3]), s.args[3].neg
	in.run = runSelect
}

func runSelect(w *warp, in *inst, m uint32) {
	p := w.source(in)
	if in.fd == file64 {
		w.tmp64 = w.q[in.b]
		rows.blend64(&w.tmp64, &w.q[in.a], p)
		w.put64(in.d, m)
		return
	}
	w.tmp = w.r[in.b]
	rows.blend(&w.tmp, &w.r[in.a], p)
	w.put(in.d, m)
}

// decodeSlct handles slct d, a, b, c: a where c >= 0, else b. NaN selects b.
func decodeSlct(d *decoder, s *stmt, in *inst) {
	d.want(s, 4)
	tc := d.typeOf(s)
	td, ok := parseType(s.op[len(s.op)-2])
	if !ok || tc.bits != 32 {
		d.unknown(s)
	}
	three := *s
	three.args = s.args[:3]
	d.operands(&three, in, td, 2)
	in.c, in.fc = d.src(s.args[3], tc), file32
	in.run = func(w *warp, in *inst, m uint32) {
		var p uint32
		for i, c := range &w.r[in.c] {
			if tc.float() && f32(c) >= 0 || !tc.float() && int32(c) >= 0 {
				p |= 1 << i
			}
		}
		if in.fd == file64 {
			w.tmp64 = w.q[in.b]
			rows.blend64(&w.tmp64, &w.q[in.a], p)
			w.put64(in.d, m)
			return
		}
		w.tmp = w.r[in.b]
		rows.blend(&w.tmp, &w.r[in.a], p)
		w.put(in.d, m)
	}
}

// compare is a comparison: the type, and which of the four outcomes make it true.
type compare struct {
	typ     typ
	ftz     bool
	outcome uint8
}

const (
	whenLess uint8 = 1 << iota
	whenEqual
	whenGreater
	whenUnordered
)

var comparisons = map[string]uint8{
	"eq": whenEqual, "ne": whenLess | whenGreater,
	"lt": whenLess, "le": whenLess | whenEqual, "gt": whenGreater, "ge": whenGreater | whenEqual,
	"lo": whenLess, "ls": whenLess | whenEqual, "hi": whenGreater, "hs": whenGreater | whenEqual,
	"equ": whenEqual | whenUnordered, "neu": whenLess | whenGreater | whenUnordered,
	"ltu": whenLess | whenUnordered, "leu": whenLess | whenEqual | whenUnordered,
	"gtu": whenGreater | whenUnordered, "geu": whenGreater | whenEqual | whenUnordered,
	"num": whenLess | whenEqual | whenGreater, "nan": whenUnordered,
}

// decodeSetp handles setp.cmp{.logic}{.ftz}.type p{|q}, a, b{, {!}c}: p = (a cmp b) logic c, q = !(a cmp b) logic c.
func decodeSetp(d *decoder, s *stmt, in *inst) {
	n := d.comparison(s, in, d.typeOf(s), s.op[1:len(s.op)-1])
	d.want(s, n)
	if s.args[0].name != "_" {
		in.pd = d.pred(s.args[0])
	}
	if pair := s.args[0].pair; pair != "" && pair != "_" {
		in.pq = d.pred(operand{name: pair})
	}
	in.run = runSetp
}

// comparison reads the comparison, the logic and the sources; it returns how many operands there must be.
func (d *decoder) comparison(s *stmt, in *inst, t typ, suffixes []string) int {
	if len(s.args) < 3 || t.lanes == 2 {
		d.unknown(s)
	}
	in.cmp.typ = t
	known := false
	n := 3
	for _, p := range suffixes {
		switch p {
		case "and", "or", "xor":
			in.logic, n = p[0], 4
		case "ftz":
			in.cmp.ftz = true
		default:
			outcome, ok := comparisons[p]
			if !ok || known {
				d.unknown(s)
			}
			in.cmp.outcome, known = outcome, true
		}
	}
	if !known {
		d.unknown(s)
	}
	if !t.float() && in.cmp.outcome&whenUnordered != 0 {
		d.unknown(s)
	}
	in.a, in.fa = d.src(s.args[1], t), fileOf(t.bits)
	in.b, in.fb = d.src(s.args[2], t), fileOf(t.bits)
	if n == 4 && len(s.args) == 4 {
		in.ps, in.psNeg = d.pred(s.args[3]), s.args[3].neg
	}
	return n
}

func runSetp(w *warp, in *inst, m uint32) {
	r := w.compare(in)
	inverse := ^r
	switch c := w.source(in); in.logic {
	case 'a':
		r, inverse = r&c, inverse&c
	case 'o':
		r, inverse = r|c, inverse|c
	case 'x':
		r, inverse = r^c, inverse^c
	}
	if in.pd >= 0 {
		w.p[in.pd] = r&m | w.p[in.pd]&^m
	}
	if in.pq >= 0 {
		w.p[in.pq] = inverse&m | w.p[in.pq]&^m
	}
}

// compare evaluates in.cmp on all lanes.
func (w *warp) compare(in *inst) uint32 {
	var lt, eq, gt, un uint32
	switch t := in.cmp.typ; {
	case t.float() && t.bits == 32 && !in.cmp.ftz:
		lt, eq, un = rows.fcmp(&w.r[in.a], &w.r[in.b])
		gt = ^(lt | eq | un)
	case t.float():
		value := t.valueFunc(floatMode{ftz: in.cmp.ftz})
		for i := range 32 {
			x, y := value(w.lane(in.fa, in.a, i)), value(w.lane(in.fb, in.b, i))
			switch bit := uint32(1) << i; {
			case x < y:
				lt |= bit
			case x == y:
				eq |= bit
			case x > y:
				gt |= bit
			default:
				un |= bit
			}
		}
	case t.bits == 64:
		flip := uint64(0)
		if t.kind != 's' {
			flip = 1 << 63
		}
		gt, eq = rows.icmp64(&w.q[in.a], &w.q[in.b], flip)
		lt = ^(gt | eq)
	case t.bits == 16 && t.kind == 's':
		a, b := w.r[in.a], w.r[in.b]
		for i := range a {
			a[i], b[i] = a[i]<<16, b[i]<<16
		}
		gt, eq = rows.icmp(&a, &b, 0)
		lt = ^(gt | eq)
	default:
		flip := uint32(0)
		if t.kind != 's' {
			flip = 1 << 31
		}
		gt, eq = rows.icmp(&w.r[in.a], &w.r[in.b], flip)
		lt = ^(gt | eq)
	}
	var r uint32
	for i, mask := range [4]uint32{lt, eq, gt, un} {
		r |= mask & -uint32(in.cmp.outcome>>i&1)
	}
	return r
}

// decodeSet handles set: the result is all ones, or 1.0 for a float destination.
func decodeSet(d *decoder, s *stmt, in *inst) {
	if len(s.op) < 4 {
		d.unknown(s)
	}
	td, ok := parseType(s.op[len(s.op)-2])
	if !ok || td.bits != 32 {
		d.unknown(s)
	}
	d.want(s, d.comparison(s, in, d.typeOf(s), s.op[1:len(s.op)-2]))
	in.d, in.fd = d.dst(s.args[0], td), file32
	yes := ^uint32(0)
	if td.float() {
		yes = math.Float32bits(1)
	}
	in.run = func(w *warp, in *inst, m uint32) {
		r := w.compare(in)
		switch c := w.source(in); in.logic {
		case 'a':
			r &= c
		case 'o':
			r |= c
		case 'x':
			r ^= c
		}
		for i := range w.tmp {
			w.tmp[i] = yes & -(r >> i & 1)
		}
		w.put(in.d, m)
	}
}

// integral rounds to an integer.
func integral(x float64, mode rounding) float64 {
	switch mode {
	case roundNearest:
		return math.RoundToEven(x)
	case roundDown:
		return math.Floor(x)
	case roundUp:
		return math.Ceil(x)
	}
	return math.Trunc(x)
}

// oddFromInt gives a 64-bit magnitude as a float64 rounded to odd.
func oddFromInt(v uint64) float64 {
	s := bits.Len64(v) - 53
	if s <= 0 {
		return float64(v)
	}
	q := v >> s
	if q<<s != v {
		q |= 1
	}
	return math.Ldexp(float64(q), s)
}
