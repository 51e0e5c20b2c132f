package ptx

import (
	"math/bits"
)

// intFunc is an integer operation on values extended to 64 bits; the result is truncated to the type.
type intFunc func(a, b, c uint64) uint64

var intOps = map[string]func(d *decoder, s *stmt, in *inst){
	"add":  decodeAdd,
	"sub":  decodeAdd,
	"addc": decodeCarry,
	"subc": decodeCarry,
	"mul":  decodeMul,
	"mad":  decodeMul,
	"madc": decodeCarry,
	"mul24": func(d *decoder, s *stmt, in *inst) {
		t := d.typeOf(s)
		in24 := typ{t.kind, 24, 1}
		shift := uint(0)
		if s.has("hi") {
			shift = 16
		}
		d.only(s, "hi", "lo")
		d.integer(s, in, t, 2, func(a, b, _ uint64) uint64 {
			return uint64(int64(in24.extend(a)*in24.extend(b)) >> shift)
		})
	},
	"div": func(d *decoder, s *stmt, in *inst) { decodeDivide(d, s, in) },
	"rem": func(d *decoder, s *stmt, in *inst) { decodeDivide(d, s, in) },
	"sad": func(d *decoder, s *stmt, in *inst) {
		t := d.typeOf(s)
		d.integer(s, in, t, 3, func(a, b, c uint64) uint64 {
			if less(t, a, b) {
				a, b = b, a
			}
			return a - b + c
		})
	},
}

func less(t typ, a, b uint64) bool {
	if t.kind == 's' {
		return int64(a) < int64(b)
	}
	return a < b
}

// integer decodes d, a, b, c of one type; op sees the sources extended to 64 bits.
func (d *decoder) integer(s *stmt, in *inst, t typ, n int, op intFunc) {
	if t.float() || t.kind == 'p' {
		d.unknown(s)
	}
	d.want(s, n+1)
	d.operands(s, in, t, n)
	switch t.bits {
	case 64:
		d.set64(in, each64(op))
	case 32, 16:
		in.kind = kindRow
		in.f = func(d, a, b, c *Row) {
			for i := range d {
				d[i] = uint32(t.truncate(op(t.extend(uint64(a[i])), t.extend(uint64(b[i])), t.extend(uint64(c[i])))))
			}
		}
	default:
		d.unknown(s)
	}
}

// operands sets d and n sources of one type.
func (d *decoder) operands(s *stmt, in *inst, t typ, n int) {
	d.want(s, n+1)
	in.d, in.fd = d.dst(s.args[0], t), fileOf(t.width())
	for i, at := range []struct {
		row  *uint16
		file *file
	}{{&in.a, &in.fa}, {&in.b, &in.fb}, {&in.c, &in.fc}}[:n] {
		*at.row, *at.file = d.src(s.args[i+1], t), fileOf(t.width())
	}
}

func (d *decoder) set64(in *inst, f row64Func) { in.run, in.f64 = runRow64, f }

// fast decodes d, a, b, c of one 32- or 64-bit type with a hot row.
func (d *decoder) fast(s *stmt, in *inst, t typ, n int, f rowFunc, f64 row64Func) {
	d.operands(s, in, t, n)
	if t.bits == 64 {
		d.set64(in, f64)
		return
	}
	in.kind, in.f = kindRow, f
}

// decodeAdd handles add and sub of every type.
func decodeAdd(d *decoder, s *stmt, in *inst) {
	t := d.typeOf(s)
	sub := s.op[0] == "sub"
	switch {
	case t.float():
		decodeArith(d, s, in)
		return
	case s.has("cc"):
		decodeCarry(d, s, in)
		return
	case t.bits == 16:
		d.only(s)
		d.integer(s, in, t, 2, func(a, b, _ uint64) uint64 {
			if sub {
				return a - b
			}
			return a + b
		})
		return
	case s.has("sat"):
		d.only(s, "sat")
		if t.kind != 's' || t.bits != 32 {
			d.unknown(s)
		}
		d.integer(s, in, t, 2, func(a, b, _ uint64) uint64 {
			if sub {
				b = -b
			}
			return uint64(clampSigned(int64(a+b), 32))
		})
		return
	}
	d.only(s)
	if sub {
		d.fast(s, in, t, 2, rows.sub, rows.sub64)
	} else {
		d.fast(s, in, t, 2, rows.add, rows.add64)
	}
}

func clampSigned(v int64, bits int) int64 {
	hi := int64(1)<<(bits-1) - 1
	return max(-hi-1, min(hi, v))
}

// decodeMul handles mul and mad: .lo, .hi and .wide.
func decodeMul(d *decoder, s *stmt, in *inst) {
	t := d.typeOf(s)
	if t.float() {
		decodeArith(d, s, in)
		return
	}
	if s.has("cc") {
		decodeCarry(d, s, in)
		return
	}
	n := 2
	if s.op[0] == "mad" {
		n = 3
	}
	switch {
	case s.has("wide"):
		d.only(s, "wide")
		decodeWide(d, s, in, t, n)
	case s.has("hi"):
		d.only(s, "hi", "sat")
		sat := s.has("sat")
		d.integer(s, in, t, n, func(a, b, c uint64) uint64 {
			h := mulHigh(t, a, b)
			if n == 2 {
				return h
			}
			if sat {
				return uint64(clampSigned(int64(t.extend(h)+c), t.bits))
			}
			return h + c
		})
	case s.has("lo") && t.bits == 32 && n == 2:
		d.only(s, "lo")
		d.fast(s, in, t, 2, rows.mul, nil)
	case s.has("lo") && t.bits == 32:
		d.only(s, "lo")
		d.fast(s, in, t, 3, rows.mad, nil)
	case s.has("lo"):
		d.only(s, "lo")
		d.integer(s, in, t, n, func(a, b, c uint64) uint64 {
			if n == 2 {
				return a * b
			}
			return a*b + c
		})
	default:
		d.unknown(s)
	}
}

// mulHigh gives the upper half of the product of two extended values.
func mulHigh(t typ, a, b uint64) uint64 {
	if t.bits < 64 {
		return uint64(int64(a*b) >> t.bits)
	}
	h, _ := bits.Mul64(a, b)
	if t.kind == 's' {
		if int64(a) < 0 {
			h -= b
		}
		if int64(b) < 0 {
			h -= a
		}
	}
	return h
}

// decodeWide handles mul.wide and mad.wide: the result and the addend are twice as wide as the factors.
func decodeWide(d *decoder, s *stmt, in *inst, t typ, n int) {
	d.want(s, n+1)
	wide := typ{t.kind, 2 * t.bits, 1}
	in.d, in.fd = d.dst(s.args[0], wide), fileOf(wide.bits)
	in.a, in.fa = d.src(s.args[1], t), file32
	in.b, in.fb = d.src(s.args[2], t), file32
	if n == 3 {
		in.c, in.fc = d.src(s.args[3], wide), fileOf(wide.bits)
	}
	switch t.bits {
	case 16:
		in.kind = kindRow
		in.f = func(d, a, b, c *Row) {
			for i := range d {
				p := uint32(t.extend(uint64(a[i])) * t.extend(uint64(b[i])))
				if n == 3 {
					p += c[i]
				}
				d[i] = p
			}
		}
	case 32:
		in.run = runWide
		switch {
		case t.kind == 's' && n == 2:
			in.wide = rows.mulWideS
		case n == 2:
			in.wide = rows.mulWideU
		case t.kind == 's':
			in.wide = rows.madWideS
		default:
			in.wide = rows.madWideU
		}
	default:
		d.unknown(s)
	}
}

func decodeDivide(d *decoder, s *stmt, in *inst) {
	t := d.typeOf(s)
	if t.float() {
		decodeDivideFloat(d, s, in)
		return
	}
	d.only(s)
	rem := s.op[0] == "rem"
	d.integer(s, in, t, 2, func(a, b, _ uint64) uint64 {
		switch {
		case b == 0 && rem: // not specified; what the hardware's routine gives
			return a
		case b == 0:
			return ^uint64(0)
		case t.kind == 's' && rem:
			if int64(b) == -1 {
				return 0
			}
			return uint64(int64(a) % int64(b))
		case t.kind == 's':
			if int64(b) == -1 {
				return -a
			}
			return uint64(int64(a) / int64(b))
		case rem:
			return a % b
		}
		return a / b
	})
}

// decodeCarry handles the multi-word instructions. The carry of a warp is a lane mask.
func decodeCarry(d *decoder, s *stmt, in *inst) {
	t := d.typeOf(s)
	d.only(s, "cc", "lo", "hi")
	base := s.op[0]
	if base == "addc" || base == "subc" || base == "madc" {
		in.flags |= flagCarryIn
		base = base[:3]
	}
	if s.has("cc") {
		in.flags |= flagCarryOut
	}
	n := 2
	if base == "mad" {
		n = 3
	}
	if t.bits != 32 && t.bits != 64 {
		d.unknown(s)
	}
	d.operands(s, in, t, n)
	high, sub := s.has("hi"), base == "sub"
	step := func(a, b, c, carry uint64) (r, out uint64) {
		if n == 3 {
			p := a * b
			if high {
				p = mulHigh(t, t.extend(a), t.extend(b))
			}
			a, b = t.truncate(p), c
		}
		if sub {
			r, out = bits.Sub64(a, b, carry)
		} else {
			r, out = bits.Add64(a, b, carry)
		}
		if t.bits == 32 {
			out = r >> 32 & 1
		}
		return t.truncate(r), out
	}
	in.run = func(w *warp, in *inst, m uint32) {
		var carry uint32
		if in.flags&flagCarryIn != 0 {
			carry = w.carry
		}
		for i := range 32 {
			a, b, c := w.lane(in.fa, in.a, i), w.lane(in.fb, in.b, i), w.lane(in.fc, in.c, i)
			r, out := step(a, b, c, uint64(carry>>i&1))
			w.tmp[i], w.tmp64[i] = uint32(r), r
			if in.flags&flagCarryOut != 0 && m>>i&1 != 0 {
				w.carry = w.carry&^(1<<i) | uint32(out)<<i
			}
		}
		if in.fd == file64 {
			w.put64(in.d, m)
		} else {
			w.put(in.d, m)
		}
	}
}
