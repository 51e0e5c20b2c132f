package ptx

import "math"

var floatOps = map[string]func(d *decoder, s *stmt, in *inst){
	"fma":      decodeArith,
	"neg":      decodeSign,
	"abs":      decodeSign,
	"copysign": decodeCopySign,
	"min":      decodeMinMax,
	"max":      decodeMinMax,
	"rcp":      decodeUnary,
	"sqrt":     decodeUnary,
	"rsqrt":    decodeUnary,
	"ex2":      decodeUnary,
	"lg2":      decodeUnary,
	"sin":      decodeUnary,
	"cos":      decodeUnary,
	"tanh":     decodeUnary,
	"testp":    decodeTest,
}

// floatMode is what an arithmetic opcode's suffixes say.
type floatMode struct {
	rounding  rounding
	ftz, sat  bool
	relu, nan bool
	approx    bool
}

// floatMode reads the suffixes between the first word and the type.
func (d *decoder) floatMode(s *stmt, t typ) (m floatMode) {
	for _, p := range s.op[1 : len(s.op)-1] {
		switch p {
		case "rn", "rz", "rm", "rp":
			m.rounding = roundingOf[p]
		case "ftz":
			m.ftz = true
		case "sat":
			m.sat = true
		case "relu":
			m.relu = true
		case "NaN":
			m.nan = true
		case "xorsign":
			d.unknown(s)
		case "approx", "full":
			m.approx = true
		case "noftz":
		default:
			d.unknown(s)
		}
	}
	if !t.float() || t.kind == 't' {
		d.unknown(s)
	}
	return m
}

// floatFunc is an operation on the bits of a type.
type floatFunc func(a, b, c uint64) uint64

// floats spreads op over rows; 16-bit packed types apply it to both halves.
func (d *decoder) floats(s *stmt, in *inst, t typ, n int, op floatFunc) {
	d.operands(s, in, t, n)
	switch {
	case t.bits == 64:
		d.set64(in, each64(op))
	case t.lanes == 2:
		in.kind, in.f = kindRow, each3(func(a, b, c uint32) uint32 {
			lo := op(uint64(a&0xffff), uint64(b&0xffff), uint64(c&0xffff))
			hi := op(uint64(a>>16), uint64(b>>16), uint64(c>>16))
			return uint32(hi<<16 | lo)
		})
	default:
		in.kind, in.f = kindRow, each3(func(a, b, c uint32) uint32 {
			return uint32(op(uint64(a), uint64(b), uint64(c)))
		})
	}
}

// decodeArith handles add, sub, mul, mad and fma of the float types.
func decodeArith(d *decoder, s *stmt, in *inst) {
	t := d.typeOf(s)
	mode := d.floatMode(s, t)
	name, n := s.op[0], 2
	if name == "fma" || name == "mad" {
		name, n = "fma", 3
	}
	if t.bits == 32 && mode == (floatMode{}) {
		d.fast(s, in, t, n, map[string]rowFunc{"add": rows.fadd, "sub": rows.fsub, "mul": rows.fmul, "fma": rows.fma}[name], nil)
		in.fma = name == "fma"
		return
	}
	d.floats(s, in, t, n, arith(name, t, mode))
}

// arith builds an operation on the bits of one type.
func arith(name string, t typ, m floatMode) floatFunc {
	r := m.rounding
	switch t.bits {
	case 64:
		return map[string]floatFunc{
			"add": func(a, b, _ uint64) uint64 { return b64(addF64(f64(a), f64(b), r)) },
			"sub": func(a, b, _ uint64) uint64 { return b64(addF64(f64(a), -f64(b), r)) },
			"mul": func(a, b, _ uint64) uint64 { return b64(mulF64(f64(a), f64(b), r)) },
			"fma": func(a, b, c uint64) uint64 { return b64(fmaF64(f64(a), f64(b), f64(c), r)) },
		}[name]
	case 32:
		op := map[string]func(a, b, c float32) float32{
			"add": func(a, b, _ float32) float32 { return addF32(a, b, r) },
			"sub": func(a, b, _ float32) float32 { return addF32(a, -b, r) },
			"mul": func(a, b, _ float32) float32 { return mulF32(a, b, r) },
			"fma": func(a, b, c float32) float32 { return fmaF32(a, b, c, r) },
		}[name]
		return func(a, b, c uint64) uint64 {
			x, y, z := uint32(a), uint32(b), uint32(c)
			if m.ftz {
				x, y, z = flush32(x), flush32(y), flush32(z)
			}
			return uint64(m.finish32(b32(op(f32(x), f32(y), f32(z)))))
		}
	}
	f := t.format()
	op := map[string]func(a, b, c float64) float64{
		"add": func(a, b, _ float64) float64 { return zeroSum(oddSum(a, b), a, b, r) },
		"sub": func(a, b, _ float64) float64 { return zeroSum(oddSum(a, -b), a, -b, r) },
		"mul": func(a, b, _ float64) float64 { return a * b }, // exact
		"fma": func(a, b, c float64) float64 { p := float64(a * b); return zeroSum(oddSum(p, c), p, c, r) },
	}[name]
	return func(a, b, c uint64) uint64 {
		x, y, z := f.value(m.flush(f, a)), f.value(m.flush(f, b)), f.value(m.flush(f, c))
		return m.finish16(f, f.round(op(x, y, z), r))
	}
}

// finish32 applies .ftz and .sat to a result.
func (m floatMode) finish32(u uint32) uint32 {
	if m.ftz {
		u = flush32(u)
	}
	if m.sat {
		u = saturate32(u)
	}
	return u
}

// flush replaces a 16-bit subnormal by zero under .ftz.
func (m floatMode) flush(f smallFloat, h uint64) uint32 {
	if m.ftz && h>>f.fraction&(1<<f.exponent-1) == 0 {
		h &= 1 << 15
	}
	return uint32(h)
}

// finish16 applies .ftz, .sat and .relu to a 16-bit result.
func (m floatMode) finish16(f smallFloat, h uint32) uint64 {
	v := f.value(h)
	switch {
	case m.sat && !(v > 0), m.relu && v < 0, m.relu && h == 1<<15:
		return 0
	case m.sat && v > 1:
		return uint64(f.round(1, roundNearest))
	}
	return uint64(m.flush(f, uint64(h)))
}

func decodeSign(d *decoder, s *stmt, in *inst) {
	t := d.typeOf(s)
	neg := s.op[0] == "neg"
	if !t.float() {
		d.only(s)
		d.integer(s, in, t, 1, func(a, _, _ uint64) uint64 {
			if neg || t.extend(a)>>63 != 0 {
				return -a
			}
			return a
		})
		return
	}
	m := d.floatMode(s, t)
	sign := uint64(1) << (t.bits - 1)
	d.floats(s, in, t, 1, func(a, _, _ uint64) uint64 {
		if m.ftz && t.bits == 32 {
			a = uint64(flush32(uint32(a)))
		}
		if neg {
			return a ^ sign
		}
		return a &^ sign
	})
}

func decodeCopySign(d *decoder, s *stmt, in *inst) {
	t := d.typeOf(s)
	d.floatMode(s, t)
	sign := uint64(1) << (t.bits - 1)
	d.floats(s, in, t, 2, func(a, b, _ uint64) uint64 { return a&sign | b&^sign })
}

func decodeMinMax(d *decoder, s *stmt, in *inst) {
	t := d.typeOf(s)
	isMin := s.op[0] == "min"
	if !t.float() {
		decodeMinMaxInt(d, s, in, t, isMin)
		return
	}
	m := d.floatMode(s, t)
	n := len(s.args) - 1
	if n < 2 || n > 3 || n == 3 && t.bits != 32 {
		d.fail("%d operands", len(s.args))
	}
	pick := maxF
	if isMin {
		pick = minF
	}
	value := t.valueFunc(m)
	d.floats(s, in, t, n, func(a, b, c uint64) uint64 {
		x, y := value(a), value(b)
		if m.nan && (x != x || y != y) {
			return t.nan()
		}
		r := pick(x, y)
		if n == 3 {
			z := value(c)
			if m.nan && z != z {
				return t.nan()
			}
			r = pick(r, z)
		}
		return t.bitsOf(r)
	})
}

// valueFunc reads the type's bits as a float64, flushing subnormals under .ftz.
func (t typ) valueFunc(m floatMode) func(u uint64) float64 {
	switch t.bits {
	case 64:
		return f64
	case 32:
		return func(u uint64) float64 {
			if m.ftz {
				u = uint64(flush32(uint32(u)))
			}
			return float64(f32(uint32(u)))
		}
	}
	f := t.format()
	return func(u uint64) float64 { return f.value(m.flush(f, u)) }
}

// bitsOf gives the bits of a value of the type, rounded to nearest.
func (t typ) bitsOf(v float64) uint64 {
	switch t.bits {
	case 64:
		return b64(v)
	case 32:
		return uint64(b32(float32(v)))
	}
	return uint64(t.format().round(v, roundNearest))
}

func (t typ) nan() uint64 { return t.bitsOf(math.NaN()) }

func decodeMinMaxInt(d *decoder, s *stmt, in *inst, t typ, isMin bool) {
	d.only(s)
	if t.bits == 32 {
		f := map[bool]map[byte]rowFunc{
			true:  {'s': rows.minS, 'u': rows.minU},
			false: {'s': rows.maxS, 'u': rows.maxU},
		}[isMin][t.kind]
		if f == nil {
			d.unknown(s)
		}
		d.fast(s, in, t, 2, f, nil)
		return
	}
	d.integer(s, in, t, 2, func(a, b, _ uint64) uint64 {
		if less(t, a, b) == isMin {
			return a
		}
		return b
	})
}

// decodeDivideFloat handles div: .rn, .rz, .rm, .rp, .approx and .full.
func decodeDivideFloat(d *decoder, s *stmt, in *inst) {
	t := d.typeOf(s)
	m := d.floatMode(s, t)
	if t.bits == 32 && (m == floatMode{} || m == floatMode{approx: true}) {
		d.fast(s, in, t, 2, rows.fdiv, nil)
		return
	}
	switch t.bits {
	case 64:
		d.floats(s, in, t, 2, func(a, b, _ uint64) uint64 { return b64(divF64(f64(a), f64(b), m.rounding)) })
	case 32:
		d.floats(s, in, t, 2, func(a, b, _ uint64) uint64 {
			x, y := uint32(a), uint32(b)
			if m.ftz {
				x, y = flush32(x), flush32(y)
			}
			return uint64(m.finish32(b32(divF32(f32(x), f32(y), m.rounding))))
		})
	default:
		d.unknown(s)
	}
}

// decodeUnary handles the functions of one argument.
func decodeUnary(d *decoder, s *stmt, in *inst) {
	t := d.typeOf(s)
	m := d.floatMode(s, t)
	name := s.op[0]
	if name == "sqrt" && t.bits == 32 && (m == floatMode{} || m == floatMode{approx: true}) {
		d.fast(s, in, t, 1, rows.fsqrt, nil)
		return
	}
	switch t.bits {
	case 64:
		d.floats(s, in, t, 1, func(a, _, _ uint64) uint64 { return b64(unaryF64(name, f64(a), m.rounding)) })
	case 32:
		d.floats(s, in, t, 1, func(a, _, _ uint64) uint64 {
			x := uint32(a)
			if m.ftz {
				x = flush32(x)
			}
			return uint64(m.finish32(b32(unaryF32(name, f32(x), m.rounding))))
		})
	default:
		f := t.format()
		d.floats(s, in, t, 1, func(a, _, _ uint64) uint64 {
			x := f.value(m.flush(f, a))
			return m.finish16(f, f.round(unaryF64(name, x, roundNearest), roundNearest))
		})
	}
}

func unaryF32(name string, x float32, mode rounding) float32 {
	switch name {
	case "rcp":
		return divF32(1, x, mode)
	case "sqrt":
		return sqrtF32(x, mode)
	}
	return float32(unaryF64(name, float64(x), roundNearest))
}

func unaryF64(name string, x float64, mode rounding) float64 {
	switch name {
	case "rcp":
		return divF64(1, x, mode)
	case "sqrt":
		return sqrtF64(x, mode)
	case "rsqrt":
		return 1 / math.Sqrt(x)
	case "ex2":
		return math.Exp2(x)
	case "lg2":
		return math.Log2(x)
	case "sin":
		return math.Sin(x)
	case "cos":
		return math.Cos(x)
	}
	return math.Tanh(x)
}

// decodeTest handles testp.
func decodeTest(d *decoder, s *stmt, in *inst) {
	t := d.typeOf(s)
	d.want(s, 2)
	if t.kind != 'f' || t.bits < 32 {
		d.unknown(s)
	}
	in.pd = d.pred(s.args[0])
	in.a, in.fa = d.src(s.args[1], t), fileOf(t.bits)
	test, ok := floatTests[s.op[1]]
	if !ok || len(s.op) != 3 {
		d.unknown(s)
	}
	smallest := math.Ldexp(1, -126)
	if t.bits == 64 {
		smallest = math.Ldexp(1, -1022)
	}
	value := t.valueFunc(floatMode{})
	in.run = func(w *warp, in *inst, m uint32) {
		var r uint32
		for i := range 32 {
			if test(value(w.lane(in.fa, in.a, i)), smallest) {
				r |= 1 << i
			}
		}
		w.p[in.pd] = r&m | w.p[in.pd]&^m
	}
}

var floatTests = map[string]func(x, smallest float64) bool{
	"finite":     func(x, _ float64) bool { return finite(x) },
	"infinite":   func(x, _ float64) bool { return math.IsInf(x, 0) },
	"number":     func(x, _ float64) bool { return x == x },
	"notanumber": func(x, _ float64) bool { return x != x },
	"normal":     func(x, s float64) bool { return finite(x) && math.Abs(x) >= s },
	"subnormal":  func(x, s float64) bool { return x != 0 && math.Abs(x) < s },
}
