package ptx

import (
	"math"
	"math/bits"
)

// cvtMode is what a cvt's suffixes say.
type cvtMode struct {
	to, from typ
	rounding rounding
	toInt    bool // .rni, .rzi, .rmi, .rpi
	ftz, sat bool
	relu     bool
}

func decodeCvt(d *decoder, s *stmt, in *inst) {
	if len(s.op) < 3 {
		d.unknown(s)
	}
	if s.op[1] == "pack" {
		decodeCvtPack(d, s, in)
		return
	}
	c := d.cvtMode(s)
	if c.to.lanes == 2 {
		decodeCvtPair(d, s, in, c)
		return
	}
	d.want(s, 2)
	in.a, in.fa = d.anySrc(s.args[1], c.from)
	row, class := d.reg(s.args[0].name)
	if int(class) < min(c.to.bits, 16) || c.to.float() && int(class) != c.to.width() {
		d.fail("%s has %d bits, the result %d", s.args[0].name, class, c.to.bits)
	}
	in.d, in.fd = row, fileOf(int(class))
	if d.cvtFast(in, c, class) {
		return
	}
	register := typ{'b', int(class), 1}
	op := c.scalar()
	in.run = func(w *warp, in *inst, m uint32) {
		for i := range 32 {
			v := op(w.lane(in.fa, in.a, i))
			if c.to.kind == 's' {
				v = c.to.extend(v)
			}
			v = register.truncate(v)
			w.tmp[i], w.tmp64[i] = uint32(v), v
		}
		w.putFile(in.fd, in.d, m)
	}
}

func (d *decoder) cvtMode(s *stmt) (c cvtMode) {
	n := len(s.op)
	var ok1, ok2 bool
	c.to, ok1 = parseType(s.op[n-2])
	c.from, ok2 = parseType(s.op[n-1])
	if !ok1 || !ok2 {
		d.unknown(s)
	}
	for _, p := range s.op[1 : n-2] {
		switch p {
		case "rn", "rz", "rm", "rp", "rna":
			c.rounding = roundingOf[p]
		case "rni", "rzi", "rmi", "rpi":
			c.rounding, c.toInt = roundingOf[p], true
		case "ftz":
			c.ftz = true
		case "sat":
			c.sat = true
		case "relu":
			c.relu = true
		default:
			d.unknown(s)
		}
	}
	if c.from.float() && !c.to.float() && !c.toInt {
		d.fail("cvt from float to integer needs .rni, .rzi, .rmi or .rpi")
	}
	return c
}

// cvtFast uses a hot row where there is one.
func (d *decoder) cvtFast(in *inst, c cvtMode, class regClass) bool {
	plain := !c.sat && !c.to.float() && !c.from.float()
	switch {
	case plain && class == 64 && c.to.bits == 64 && c.from.bits == 32 && in.fa == file32:
		in.run, in.wide = runWide, rows.zext
		if c.from.kind == 's' {
			in.wide = rows.sext
		}
	case plain && class == 32 && c.to.bits == 32 && in.fa == file64 && c.from.bits >= 32:
		in.run, in.thin = runThin, rows.low32
	case c.to == typ{'f', 32, 1} && c.from == typ{'s', 32, 1} && c.rounding == roundNearest && !c.sat && in.fa == file32:
		in.kind, in.f = kindRow, rows.f32FromS32
	case c == cvtMode{to: typ{'s', 32, 1}, from: typ{'f', 32, 1}, rounding: roundZero, toInt: true} && class == 32:
		in.kind, in.f = kindRow, rows.s32FromF32
	default:
		return false
	}
	return true
}

// decodeCvtPair handles cvt.rn.f16x2.f32 d, a, b: a goes to the upper half.
func decodeCvtPair(d *decoder, s *stmt, in *inst, c cvtMode) {
	d.want(s, 3)
	if c.from != (typ{'f', 32, 1}) {
		d.unknown(s)
	}
	in.d, in.fd = d.dst(s.args[0], c.to), file32
	in.a, in.fa = d.src(s.args[1], c.from), file32
	in.b, in.fb = d.src(s.args[2], c.from), file32
	c.to.lanes = 1
	op := c.scalar()
	in.kind, in.f = kindRow, each2(func(a, b uint32) uint32 {
		return uint32(op(uint64(a))<<16 | op(uint64(b)))
	})
}

// decodeCvtPack handles cvt.pack.sat.to.s32{.b32} d, a, b{, c}: b and a saturated, and above them what c holds.
func decodeCvtPack(d *decoder, s *stmt, in *inst) {
	n := 3
	if s.typ() == "b32" {
		n = 4
	}
	d.want(s, n)
	to, ok := parseType(s.op[min(3, len(s.op)-1)])
	if len(s.op) != n+2 || s.op[2] != "sat" || s.op[4] != "s32" || !ok || to.float() || to.bits > 16 || (to.bits == 8) != (n == 4) {
		d.unknown(s)
	}
	from := typ{'s', 32, 1}
	d.operands(s, in, from, n-1)
	sat := func(v uint32) uint32 { return uint32(to.truncate(saturateInt(from.extend(uint64(v)), true, to))) }
	in.kind, in.f = kindRow, each3(func(a, b, c uint32) uint32 {
		r := sat(a)<<to.bits | sat(b)
		if n == 4 {
			r |= c << (2 * to.bits)
		}
		return r
	})
}

// scalar builds the conversion of one value; the result is truncated to the type.
func (c cvtMode) scalar() func(u uint64) uint64 {
	switch {
	case !c.from.float() && !c.to.float():
		return c.intToInt
	case !c.from.float():
		return c.intToFloat
	case !c.to.float():
		return c.floatToInt
	case c == cvtMode{to: typ{'f', 16, 1}, from: typ{'f', 32, 1}}:
		return func(u uint64) uint64 { return uint64(halfFromF32(uint32(u))) }
	case c == cvtMode{to: typ{'h', 16, 1}, from: typ{'f', 32, 1}}:
		return func(u uint64) uint64 { return uint64(bfloatFromF32(uint32(u))) }
	}
	return c.floatToFloat
}

// halfFromF32 rounds float32 bits to the nearest f16, the usual case of formatF16.round.
func halfFromF32(u uint32) uint32 {
	sign, a := u>>16&0x8000, u&0x7fffffff
	switch {
	case a > 0x7f800000:
		return nan16
	case a >= 0x477ff000: // rounds past the largest
		return sign | 0x7c00
	case a < 0x38800000: // subnormal: adding 1/2 leaves the multiple of 2^-24 in the low bits
		return sign | (math.Float32bits(f32(a)+0.5) - 0x3f000000)
	}
	return sign | (a-0x38000000+0xfff+a>>13&1)>>13
}

// bfloatFromF32 rounds float32 bits to the nearest bf16.
func bfloatFromF32(u uint32) uint32 {
	if u&0x7fffffff > 0x7f800000 {
		return nan16
	}
	return (u + 0x7fff + u>>16&1) >> 16
}

func (c cvtMode) intToInt(u uint64) uint64 {
	v := c.from.extend(u)
	if c.sat {
		v = saturateInt(v, c.from.kind == 's', c.to)
	}
	return c.to.truncate(v)
}

// saturateInt clamps a 64-bit value to the range of a type.
func saturateInt(v uint64, signed bool, to typ) uint64 {
	top := ^uint64(0) >> (64 - to.bits)
	if to.kind == 's' {
		top >>= 1
	}
	if signed && int64(v) < 0 {
		if to.kind != 's' {
			return 0
		}
		return uint64(max(int64(v), -int64(top)-1))
	}
	return min(v, top)
}

func (c cvtMode) intToFloat(u uint64) uint64 {
	v := c.from.extend(u)
	neg := c.from.kind == 's' && int64(v) < 0
	if neg {
		v = -v
	}
	if c.to.bits == 64 {
		return math.Float64bits(intToF64(v, neg, c.rounding))
	}
	x := oddFromInt(v)
	if neg {
		x = -x
	}
	return c.finish(x)
}

// intToF64 rounds a magnitude of up to 64 bits.
func intToF64(v uint64, neg bool, mode rounding) float64 {
	s := max(bits.Len64(v)-53, 0)
	q := v >> s
	rest, half := v-q<<s, uint64(1)<<s>>1
	if rest != 0 {
		switch mode {
		case roundNearest:
			if rest > half || rest == half && q&1 != 0 {
				q++
			}
		case roundDown:
			if neg {
				q++
			}
		case roundUp:
			if !neg {
				q++
			}
		}
	}
	x := math.Ldexp(float64(q), s)
	if neg {
		return -x
	}
	return x
}

func (c cvtMode) source(u uint64) float64 {
	switch c.from.bits {
	case 64:
		return f64(u)
	case 32:
		if c.ftz {
			u = uint64(flush32(uint32(u)))
		}
		return float64(f32(uint32(u)))
	}
	if c.from.kind == 'h' {
		return float64(f32(uint32(u) << 16))
	}
	return halfValue[u&0xffff]
}

// floatToInt saturates. NaN gives 0, but for 64-bit sources or targets the value with only the top bit set.
func (c cvtMode) floatToInt(u uint64) uint64 {
	x := c.source(u)
	if x != x {
		if c.from.bits == 64 || c.to.bits == 64 {
			return 1 << (c.to.bits - 1)
		}
		return 0
	}
	x = integral(x, c.rounding)
	if c.to.kind == 's' {
		limit := math.Ldexp(1, c.to.bits-1)
		switch {
		case x >= limit:
			return 1<<(c.to.bits-1) - 1
		case x < -limit:
			return 1 << (c.to.bits - 1)
		}
		return c.to.truncate(uint64(int64(x)))
	}
	switch {
	case x <= 0:
		return 0
	case x >= math.Ldexp(1, c.to.bits):
		return ^uint64(0) >> (64 - c.to.bits)
	}
	return uint64(x)
}

func (c cvtMode) floatToFloat(u uint64) uint64 {
	x := c.source(u)
	if c.toInt {
		x = math.Copysign(integral(x, c.rounding), x)
	}
	return c.finish(x)
}

// finish rounds to the float type and applies .relu, .sat and .ftz.
func (c cvtMode) finish(x float64) uint64 {
	if c.relu && (x < 0 || x == 0) {
		x = 0
	}
	if c.sat {
		if !(x > 0) {
			x = 0
		}
		x = min(x, 1)
	}
	switch {
	case c.to.kind == 't':
		if x != x {
			return nan32
		}
		f := smallFloat{10, 8}
		return uint64(f.round(x, c.rounding)) << 13
	case c.to.bits == 64:
		return b64(x)
	case c.to.bits == 32:
		r := b32(round32(x, c.rounding))
		if c.ftz {
			r = flush32(r)
		}
		return uint64(r)
	}
	return uint64(c.to.format().round(x, c.rounding))
}
