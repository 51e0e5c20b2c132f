package ptx

import "math/bits"

// Row is one 32-bit register of a warp: 32 lanes side by side. 16-bit registers use the low half, the rest is zero.
type Row = [32]uint32

// Row64 is one 64-bit register of a warp.
type Row64 = [32]uint64

const fullMask = ^uint32(0)

type (
	rowFunc   func(d, a, b, c *Row)               // 32-bit arithmetic
	row64Func func(d, a, b, c *Row64)             // 64-bit arithmetic
	wideFunc  func(d *Row64, a, b *Row, c *Row64) // 32-bit operands, 64-bit result and addend
	shiftFunc func(d, a *Row64, b, c *Row)        // 64-bit operand and result, 32-bit amounts
	thinFunc  func(d *Row, a, b *Row64)           // 64-bit operands, 32-bit result
)

// rowSet is the set of hot row operations. Each exists in Go (goRows) and, where there is AVX2, in assembly.
type rowSet struct {
	mov, add, sub, mul, mad, and, or, xor, sll, srl, sra rowFunc
	minS, maxS, minU, maxU                               rowFunc
	fma, fadd, fsub, fmul, fdiv, fsqrt, f32FromS32       rowFunc
	s32FromF32                                           rowFunc // towards zero, saturating, NaN gives 0
	mov64, add64, sub64, and64, or64, xor64              row64Func
	sll64, srl64                                         shiftFunc
	mulWideU, mulWideS, madWideU, madWideS               wideFunc
	zext, sext                                           wideFunc
	low32                                                thinFunc

	blend   func(d, t *Row, mask uint32)
	blend64 func(d, t *Row64, mask uint32)
	// icmp compares as signed after xor with flip.
	icmp   func(a, b *Row, flip uint32) (gt, eq uint32)
	icmp64 func(a, b *Row64, flip uint64) (gt, eq uint32)
	fcmp   func(a, b *Row) (lt, eq, unordered uint32)
	// narrow stores the low halves of q - base and returns the or of the differences.
	narrow func(q *Row64, base uint64, out *Row) (or uint64)
	// survey returns minimum, maximum and or of the offsets, and whether any differs from offs[0] + pattern.
	survey func(offs, pattern *Row, out *[4]uint32)
	// fmaRun executes n fused multiply-adds; each record holds the byte offsets of d, a, b, c from base.
	fmaRun func(base *Row, recs *[4]uint32, n int)
	// dot adds the product of a (16 x k) and b (k x 8) to acc (16 x 8), in ascending order of k.
	dot func(acc *[16][8]float64, a *[16][mmaMaxK]float64, b *[mmaMaxK][8]float64, k int)
	// tile* widen an 8 x 8 tile of 16-bit floats, row-major in a register; stride counts bytes between rows of dst.
	tileBF16, tileBF16T, tileF16, tileF16T func(dst *float64, stride int, src *Row)
	// loadAcc and storeAcc move eight rows of an f32 accumulator between registers and float64.
	loadAcc, storeAcc func(acc *[8]float64, r0, r1 *Row)
}

var goRows = rowSet{
	mov: func(d, a, _, _ *Row) { *d = *a },
	add: func(d, a, b, _ *Row) {
		for i := range d {
			d[i] = a[i] + b[i]
		}
	},
	sub: func(d, a, b, _ *Row) {
		for i := range d {
			d[i] = a[i] - b[i]
		}
	},
	mul: func(d, a, b, _ *Row) {
		for i := range d {
			d[i] = a[i] * b[i]
		}
	},
	mad: func(d, a, b, c *Row) {
		for i := range d {
			d[i] = a[i]*b[i] + c[i]
		}
	},
	and: func(d, a, b, _ *Row) {
		for i := range d {
			d[i] = a[i] & b[i]
		}
	},
	or: func(d, a, b, _ *Row) {
		for i := range d {
			d[i] = a[i] | b[i]
		}
	},
	xor: func(d, a, b, _ *Row) {
		for i := range d {
			d[i] = a[i] ^ b[i]
		}
	},
	sll: func(d, a, b, _ *Row) {
		for i := range d {
			d[i] = a[i] << b[i]
		}
	},
	srl: func(d, a, b, _ *Row) {
		for i := range d {
			d[i] = a[i] >> b[i]
		}
	},
	sra: func(d, a, b, _ *Row) {
		for i := range d {
			d[i] = uint32(int32(a[i]) >> b[i])
		}
	},
	minS: func(d, a, b, _ *Row) {
		for i := range d {
			d[i] = uint32(min(int32(a[i]), int32(b[i])))
		}
	},
	maxS: func(d, a, b, _ *Row) {
		for i := range d {
			d[i] = uint32(max(int32(a[i]), int32(b[i])))
		}
	},
	minU: func(d, a, b, _ *Row) {
		for i := range d {
			d[i] = min(a[i], b[i])
		}
	},
	maxU: func(d, a, b, _ *Row) {
		for i := range d {
			d[i] = max(a[i], b[i])
		}
	},
	fma: goFma,
	fadd: func(d, a, b, _ *Row) {
		for i := range d {
			d[i] = b32(f32(a[i]) + f32(b[i]))
		}
	},
	fsub: func(d, a, b, _ *Row) {
		for i := range d {
			d[i] = b32(f32(a[i]) - f32(b[i]))
		}
	},
	fmul: func(d, a, b, _ *Row) {
		for i := range d {
			d[i] = b32(f32(a[i]) * f32(b[i]))
		}
	},
	fdiv: func(d, a, b, _ *Row) {
		for i := range d {
			d[i] = b32(f32(a[i]) / f32(b[i]))
		}
	},
	fsqrt: func(d, a, _, _ *Row) {
		for i := range d {
			d[i] = b32(sqrtF32(f32(a[i]), roundNearest))
		}
	},
	f32FromS32: func(d, a, _, _ *Row) {
		for i := range d {
			d[i] = b32(float32(int32(a[i])))
		}
	},
	s32FromF32: each1(func(a uint32) uint32 {
		return uint32(cvtMode{to: typ{'s', 32, 1}, from: typ{'f', 32, 1}, rounding: roundZero}.floatToInt(uint64(a)))
	}),
	mov64: func(d, a, _, _ *Row64) { *d = *a },
	add64: func(d, a, b, _ *Row64) {
		for i := range d {
			d[i] = a[i] + b[i]
		}
	},
	sub64: func(d, a, b, _ *Row64) {
		for i := range d {
			d[i] = a[i] - b[i]
		}
	},
	and64: func(d, a, b, _ *Row64) {
		for i := range d {
			d[i] = a[i] & b[i]
		}
	},
	or64: func(d, a, b, _ *Row64) {
		for i := range d {
			d[i] = a[i] | b[i]
		}
	},
	xor64: func(d, a, b, _ *Row64) {
		for i := range d {
			d[i] = a[i] ^ b[i]
		}
	},
	sll64: func(d, a *Row64, b, _ *Row) {
		for i := range d {
			d[i] = a[i] << b[i]
		}
	},
	srl64: func(d, a *Row64, b, _ *Row) {
		for i := range d {
			d[i] = a[i] >> b[i]
		}
	},
	mulWideU: func(d *Row64, a, b *Row, _ *Row64) {
		for i := range d {
			d[i] = uint64(a[i]) * uint64(b[i])
		}
	},
	mulWideS: func(d *Row64, a, b *Row, _ *Row64) {
		for i := range d {
			d[i] = uint64(int64(int32(a[i])) * int64(int32(b[i])))
		}
	},
	madWideU: func(d *Row64, a, b *Row, c *Row64) {
		for i := range d {
			d[i] = uint64(a[i])*uint64(b[i]) + c[i]
		}
	},
	madWideS: func(d *Row64, a, b *Row, c *Row64) {
		for i := range d {
			d[i] = uint64(int64(int32(a[i]))*int64(int32(b[i]))) + c[i]
		}
	},
	zext: func(d *Row64, a, _ *Row, _ *Row64) {
		for i := range d {
			d[i] = uint64(a[i])
		}
	},
	sext: func(d *Row64, a, _ *Row, _ *Row64) {
		for i := range d {
			d[i] = uint64(int64(int32(a[i])))
		}
	},
	low32: func(d *Row, a, _ *Row64) {
		for i := range d {
			d[i] = uint32(a[i])
		}
	},
	blend: func(d, t *Row, mask uint32) {
		for i := range d {
			m := -(mask >> i & 1)
			d[i] = t[i]&m | d[i]&^m
		}
	},
	blend64: func(d, t *Row64, mask uint32) {
		for i := range d {
			m := -uint64(mask >> i & 1)
			d[i] = t[i]&m | d[i]&^m
		}
	},
	icmp: func(a, b *Row, flip uint32) (gt, eq uint32) {
		for i := range a {
			x, y := int32(a[i]^flip), int32(b[i]^flip)
			if x > y {
				gt |= 1 << i
			}
			if x == y {
				eq |= 1 << i
			}
		}
		return gt, eq
	},
	icmp64: func(a, b *Row64, flip uint64) (gt, eq uint32) {
		for i := range a {
			x, y := int64(a[i]^flip), int64(b[i]^flip)
			if x > y {
				gt |= 1 << i
			}
			if x == y {
				eq |= 1 << i
			}
		}
		return gt, eq
	},
	fcmp: func(a, b *Row) (lt, eq, unordered uint32) {
		for i := range a {
			x, y := f32(a[i]), f32(b[i])
			switch {
			case x < y:
				lt |= 1 << i
			case x == y:
				eq |= 1 << i
			case x != x || y != y:
				unordered |= 1 << i
			}
		}
		return lt, eq, unordered
	},
	narrow: func(q *Row64, base uint64, out *Row) (or uint64) {
		for i := range q {
			v := q[i] - base
			or |= v
			out[i] = uint32(v)
		}
		return or
	},
	survey: func(offs, pattern *Row, out *[4]uint32) {
		lo, hi, or, differs := offs[0], offs[0], uint32(0), uint32(0)
		for i, o := range offs {
			lo, hi = min(lo, o), max(hi, o)
			or |= o
			differs |= (o - offs[0]) ^ pattern[i]
		}
		*out = [4]uint32{lo, hi, or, differs}
	},
	fmaRun:    goFmaRun,
	dot:       goDot,
	tileBF16:  goTile(typ{'h', 16, 1}, false),
	tileBF16T: goTile(typ{'h', 16, 1}, true),
	tileF16:   goTile(typ{'f', 16, 1}, false),
	tileF16T:  goTile(typ{'f', 16, 1}, true),
	loadAcc:   goLoadAcc,
	storeAcc:  goStoreAcc,
}

func goFma(d, a, b, c *Row) {
	for i := range d {
		d[i] = b32(fmaF32(f32(a[i]), f32(b[i]), f32(c[i]), roundNearest))
	}
}

// rows is the set in use; package initialisation replaces it by the AVX2 one where that runs.
var rows = goRows

// lanes calls f for every active lane.
func lanes(mask uint32, f func(lane int)) {
	for ; mask != 0; mask &= mask - 1 {
		f(bits.TrailingZeros32(mask))
	}
}

// The rarer operations are written for one lane and spread over a row.

func each1(f func(a uint32) uint32) rowFunc {
	return func(d, a, _, _ *Row) {
		for i := range d {
			d[i] = f(a[i])
		}
	}
}

func each2(f func(a, b uint32) uint32) rowFunc {
	return func(d, a, b, _ *Row) {
		for i := range d {
			d[i] = f(a[i], b[i])
		}
	}
}

func each3(f func(a, b, c uint32) uint32) rowFunc {
	return func(d, a, b, c *Row) {
		for i := range d {
			d[i] = f(a[i], b[i], c[i])
		}
	}
}

func each64(f func(a, b, c uint64) uint64) row64Func {
	return func(d, a, b, c *Row64) {
		for i := range d {
			d[i] = f(a[i], b[i], c[i])
		}
	}
}
