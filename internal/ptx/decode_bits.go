package ptx

import "math/bits"

var bitOps = map[string]func(d *decoder, s *stmt, in *inst){
	"and": func(d *decoder, s *stmt, in *inst) {
		d.logic(s, in, rows.and, rows.and64, func(a, b, _ uint64) uint64 { return a & b })
	},
	"or": func(d *decoder, s *stmt, in *inst) {
		d.logic(s, in, rows.or, rows.or64, func(a, b, _ uint64) uint64 { return a | b })
	},
	"xor": func(d *decoder, s *stmt, in *inst) {
		d.logic(s, in, rows.xor, rows.xor64, func(a, b, _ uint64) uint64 { return a ^ b })
	},
	"not":   decodeNot,
	"cnot":  decodeNot,
	"lop3":  decodeLop3,
	"shl":   decodeShift,
	"shr":   decodeShift,
	"shf":   decodeFunnel,
	"popc":  decodeBitCount,
	"clz":   decodeBitCount,
	"bfind": decodeBitCount,
	"brev": func(d *decoder, s *stmt, in *inst) {
		t := d.typeOf(s)
		d.integer(s, in, t, 1, func(a, _, _ uint64) uint64 { return bits.Reverse64(a) >> (64 - t.bits) })
	},
	"bfe":  decodeExtract,
	"bfi":  decodeInsert,
	"prmt": decodePermute,
	"dp4a": decodeDot,
	"dp2a": decodeDot,
	"szext": func(d *decoder, s *stmt, in *inst) {
		t := d.typeOf(s)
		wrap := s.has("wrap")
		d.only(s, "wrap", "clamp")
		d.integer(s, in, t, 2, func(a, b, _ uint64) uint64 {
			if wrap {
				b &= 31
			}
			if b >= 32 {
				return a
			}
			if b == 0 {
				return 0
			}
			return typ{t.kind, int(b), 1}.extend(a)
		})
	},
}

// logic decodes and, or, xor on bits or predicates.
func (d *decoder) logic(s *stmt, in *inst, f rowFunc, f64 row64Func, op intFunc) {
	t := d.typeOf(s)
	d.only(s)
	switch {
	case t.kind == 'p':
		d.want(s, 3)
		in.pd, in.pq, in.ps = d.pred(s.args[0]), d.pred(s.args[1]), d.pred(s.args[2])
		in.run = func(w *warp, in *inst, m uint32) {
			r := uint32(op(uint64(w.p[in.pq]), uint64(w.p[in.ps]), 0))
			w.p[in.pd] = r&m | w.p[in.pd]&^m
		}
	default:
		d.fast(s, in, t, 2, f, f64) // 16-bit rows keep their upper half zero
	}
}

func decodeNot(d *decoder, s *stmt, in *inst) {
	t := d.typeOf(s)
	d.only(s)
	logical := s.op[0] == "cnot"
	if t.kind == 'p' {
		d.want(s, 2)
		in.pd, in.pq = d.pred(s.args[0]), d.pred(s.args[1])
		in.run = func(w *warp, in *inst, m uint32) { w.p[in.pd] = ^w.p[in.pq]&m | w.p[in.pd]&^m }
		return
	}
	d.integer(s, in, t, 1, func(a, _, _ uint64) uint64 {
		if !logical {
			return ^a
		}
		if a == 0 {
			return 1
		}
		return 0
	})
}

// decodeLop3 handles lop3.b32 d, a, b, c, table: the table's bit 4a+2b+c is the result.
func decodeLop3(d *decoder, s *stmt, in *inst) {
	d.only(s)
	d.want(s, 5)
	t := d.typeOf(s)
	table := d.literal(s.args[4])
	five := *s
	five.args = s.args[:4]
	d.operands(&five, in, t, 3)
	in.kind = kindRow
	in.f = each3(func(a, b, c uint32) (r uint32) {
		for k, term := range [8]uint32{^a & ^b & ^c, ^a & ^b & c, ^a & b & ^c, ^a & b & c, a & ^b & ^c, a & ^b & c, a & b & ^c, a & b & c} {
			if table>>k&1 != 0 {
				r |= term
			}
		}
		return r
	})
}

// literal gives an operand that must be an immediate.
func (d *decoder) literal(o operand) uint64 {
	if o.kind != argNumber || o.num != numInt {
		d.fail("operand must be an integer immediate")
	}
	return o.bits
}

// decodeShift handles shl and shr. The amount is always 32 bits wide; one past the width shifts everything out.
func decodeShift(d *decoder, s *stmt, in *inst) {
	t := d.typeOf(s)
	d.only(s)
	d.want(s, 3)
	in.d, in.fd = d.dst(s.args[0], t), fileOf(t.bits)
	in.a, in.fa = d.src(s.args[1], t), fileOf(t.bits)
	in.b, in.fb = d.src(s.args[2], typ{'u', 32, 1}), file32
	left, signed := s.op[0] == "shl", t.kind == 's'
	switch {
	case t.bits == 64:
		in.run = runShift
		switch {
		case left:
			in.shift = rows.sll64
		case !signed:
			in.shift = rows.srl64
		default:
			in.shift = func(d, a *Row64, b, _ *Row) {
				for i := range d {
					d[i] = uint64(int64(a[i]) >> b[i])
				}
			}
		}
	case t.bits == 16:
		in.kind, in.f = kindRow, each2(func(a, b uint32) uint32 {
			if left {
				return uint32(t.truncate(uint64(a) << b))
			}
			return uint32(t.truncate(uint64(int64(t.extend(uint64(a))) >> b)))
		})
	default:
		in.kind = kindRow
		switch {
		case left:
			in.f = rows.sll
		case signed:
			in.f = rows.sra
		default:
			in.f = rows.srl
		}
	}
}

// decodeFunnel handles shf.l and shf.r: 32 bits of the 64-bit value c:... d = b:a shifted.
func decodeFunnel(d *decoder, s *stmt, in *inst) {
	t := d.typeOf(s)
	d.only(s, "l", "r", "wrap", "clamp")
	left, wrap := s.has("l"), s.has("wrap")
	if t.bits != 32 || left == s.has("r") || wrap == s.has("clamp") {
		d.unknown(s)
	}
	d.operands(s, in, t, 3)
	in.kind, in.f = kindRow, each3(func(a, b, c uint32) uint32 {
		if wrap {
			c &= 31
		} else {
			c = min(c, 32)
		}
		v := uint64(b)<<32 | uint64(a)
		if left {
			return uint32(v << c >> 32)
		}
		return uint32(v >> c)
	})
}

// decodeBitCount handles popc, clz and bfind: the result has 32 bits whatever the source has.
func decodeBitCount(d *decoder, s *stmt, in *inst) {
	t := d.typeOf(s)
	d.only(s, "shiftamt")
	d.want(s, 2)
	name, amount := s.op[0], s.has("shiftamt")
	op := func(v uint64) uint32 {
		switch name {
		case "popc":
			return uint32(bits.OnesCount64(v))
		case "clz":
			return uint32(bits.LeadingZeros64(v) - (64 - t.bits))
		}
		if t.kind == 's' && t.truncate(v)>>(t.bits-1) != 0 {
			v = t.truncate(^v)
		}
		if v == 0 {
			return ^uint32(0)
		}
		at := bits.Len64(v) - 1
		if amount {
			at = t.bits - 1 - at
		}
		return uint32(at)
	}
	in.d, in.fd = d.dst(s.args[0], typ{'u', 32, 1}), file32
	in.a, in.fa = d.src(s.args[1], t), fileOf(t.bits)
	if t.bits == 64 {
		in.run, in.thin = runThin, func(d *Row, a, _ *Row64) {
			for i := range d {
				d[i] = op(a[i])
			}
		}
		return
	}
	in.kind, in.f = kindRow, each1(func(a uint32) uint32 { return op(uint64(a)) })
}

// decodeExtract handles bfe d, a, position, length.
func decodeExtract(d *decoder, s *stmt, in *inst) {
	t := d.typeOf(s)
	d.only(s)
	d.want(s, 4)
	op := func(v uint64, b, c uint32) uint64 {
		pos, n := int(b&255), int(c&255)
		have := max(0, min(n, t.bits-pos))
		r := v >> pos & (1<<have - 1)
		if t.kind == 's' && n > 0 && v>>min(pos+n-1, t.bits-1)&1 != 0 {
			r |= ^uint64(0) << have // the field's sign, or the value's past its end, fills the rest
		}
		return t.truncate(r)
	}
	u32 := typ{'u', 32, 1}
	in.d, in.fd = d.dst(s.args[0], t), fileOf(t.bits)
	in.a, in.fa = d.src(s.args[1], t), fileOf(t.bits)
	in.b, in.fb = d.src(s.args[2], u32), file32
	in.c, in.fc = d.src(s.args[3], u32), file32
	if t.bits == 64 {
		in.run, in.shift = runShift, func(d, a *Row64, b, c *Row) {
			for i := range d {
				d[i] = op(a[i], b[i], c[i])
			}
		}
		return
	}
	in.kind, in.f = kindRow, each3(func(a, b, c uint32) uint32 { return uint32(op(uint64(a), b, c)) })
}

// decodeInsert handles bfi f, a, b, position, length: b with a field of a.
func decodeInsert(d *decoder, s *stmt, in *inst) {
	t := d.typeOf(s)
	d.only(s)
	d.want(s, 5)
	u32 := typ{'u', 32, 1}
	in.d, in.fd = d.dst(s.args[0], t), fileOf(t.bits)
	in.a, in.fa = d.src(s.args[1], t), fileOf(t.bits)
	in.b, in.fb = d.src(s.args[2], t), fileOf(t.bits)
	in.c, in.fc = d.src(s.args[3], u32), file32
	in.vec, in.fv = []uint16{d.src(s.args[4], u32)}, file32
	insert := func(a, b uint64, pos, n uint32) uint64 {
		mask := ^uint64(0)
		if n &= 255; n < 64 {
			mask = 1<<n - 1
		}
		mask <<= pos & 255
		return t.truncate(b&^mask | a<<(pos&255)&mask)
	}
	in.run = func(w *warp, in *inst, m uint32) {
		pos, n := &w.r[in.c], &w.r[in.vec[0]]
		if t.bits == 64 {
			a, b := &w.q[in.a], &w.q[in.b]
			for i := range w.tmp64 {
				w.tmp64[i] = insert(a[i], b[i], pos[i], n[i])
			}
			w.put64(in.d, m)
			return
		}
		a, b := &w.r[in.a], &w.r[in.b]
		for i := range w.tmp {
			w.tmp[i] = uint32(insert(uint64(a[i]), uint64(b[i]), pos[i], n[i]))
		}
		w.put(in.d, m)
	}
}

// decodePermute handles prmt: four bytes picked from b:a, by selector nibbles or one of six modes.
func decodePermute(d *decoder, s *stmt, in *inst) {
	d.want(s, 4)
	if s.op[1] != "b32" {
		d.unknown(s)
	}
	mode := ""
	if len(s.op) == 3 {
		mode = s.op[2]
	}
	selectors, ok := permuteModes[mode]
	if !ok {
		d.unknown(s)
	}
	d.operands(s, in, typ{'b', 32, 1}, 3)
	in.kind, in.f = kindRow, each3(func(a, b, c uint32) (r uint32) {
		v := uint64(b)<<32 | uint64(a)
		if mode != "" {
			c = selectors[c&3]
		}
		for i := range 4 {
			nibble := c >> (4 * i) & 15
			x := uint32(v >> (8 * (nibble & 7)) & 255)
			if nibble&8 != 0 { // replicate the sign
				x = x >> 7 * 255
			}
			r |= x << (8 * i)
		}
		return r
	})
}

var permuteModes = map[string][4]uint32{
	"":     {},
	"f4e":  {0x3210, 0x4321, 0x5432, 0x6543},
	"b4e":  {0x5670, 0x6701, 0x7012, 0x0123},
	"rc8":  {0x0000, 0x1111, 0x2222, 0x3333},
	"ecl":  {0x3210, 0x3211, 0x3222, 0x3333},
	"ecr":  {0x0000, 0x1110, 0x2210, 0x3210},
	"rc16": {0x1010, 0x3232, 0x1010, 0x3232},
}

// decodeDot handles dp4a and dp2a: the sum of products of packed bytes, plus c.
func decodeDot(d *decoder, s *stmt, in *inst) {
	if len(s.op) < 3 {
		d.unknown(s)
	}
	ta, ok1 := parseType(s.op[len(s.op)-2])
	tb, ok2 := parseType(s.op[len(s.op)-1])
	if !ok1 || !ok2 || ta.bits != 32 || tb.bits != 32 {
		d.unknown(s)
	}
	a8, b8 := typ{ta.kind, 8, 1}, typ{tb.kind, 8, 1}
	d.operands(s, in, typ{'b', 32, 1}, 3)
	in.kind = kindRow
	if s.op[0] == "dp4a" {
		in.f = each3(func(a, b, c uint32) uint32 {
			for i := range 4 {
				c += uint32(a8.extend(uint64(a>>(8*i))) * b8.extend(uint64(b>>(8*i))))
			}
			return c
		})
		return
	}
	a16, half := typ{ta.kind, 16, 1}, 0
	if s.op[1] == "hi" {
		half = 16
	}
	in.f = each3(func(a, b, c uint32) uint32 {
		for i := range 2 {
			c += uint32(a16.extend(uint64(a>>(16*i))) * b8.extend(uint64(b>>(8*i+half))))
		}
		return c
	})
}
