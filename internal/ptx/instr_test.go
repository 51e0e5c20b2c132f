package ptx

import (
	"fmt"
	"math"
	"math/big"
	"math/bits"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// laneKernel runs body once per lane. Its sources are a, b, c with 32 bits, A, B, C with 64, ah, bh, ch with 16, and
// the predicate pa (a is odd); it sets d, D or dh.
const laneKernel = `
.version 7.1
.target sm_80
.address_size 64
.visible .entry k(.param .u64 in, .param .u64 out)
{
	.reg .b16 ah, bh, ch, dh, eh;
	.reg .b32 a, b, c, d, e, i;
	.reg .b64 A, B, C, D, E, at, w;
	.reg .pred pa, p, q;
	mov.u32 i, %%tid.x;
	ld.param.u64 at, [in];
	mad.wide.u32 at, i, 24, at;
	ld.global.u64 A, [at];
	ld.global.u64 B, [at+8];
	ld.global.u64 C, [at+16];
	cvt.u32.u64 a, A;
	cvt.u32.u64 b, B;
	cvt.u32.u64 c, C;
	cvt.u16.u64 ah, A;
	cvt.u16.u64 bh, B;
	cvt.u16.u64 ch, C;
	and.b32 d, a, 1;
	setp.ne.u32 pa, d, 0;
	mov.u32 d, 0;
	mov.u64 D, 0;
	mov.u16 dh, 0;
	%s
	ld.param.u64 at, [out];
	mad.wide.u32 at, i, 8, at;
	%s
	st.global.u64 [at], w;
}
`

type triple [3]uint64

// runLanes executes body for every input and returns what it left in d, D or dh.
func runLanes(t *testing.T, body string, in []triple) []uint64 {
	t.Helper()
	store := "cvt.u64.u32 w, d;"
	if strings.Contains(body, " D") {
		store = "mov.u64 w, D;"
	} else if strings.Contains(body, " dh") {
		store = "cvt.u64.u16 w, dh;"
	}
	src := fmt.Sprintf(laneKernel, body, store)
	mod, err := Parse(src)
	require.NoError(t, err, body)
	k, err := mod.Entry("k")
	require.NoError(t, err, body)
	m := NewMemory(0)
	var flat []uint64
	for _, x := range in {
		flat = append(flat, x[:]...)
	}
	addr := upload(t, m, flat)
	out := alloc(t, m, 8*len(in))
	require.NoError(t, k.Run(&Launch{Block: [3]int{len(in)}, Params: params(t, k, addr, out), Memory: m, Options: Options{Sanitize: true}}), body)
	return download[uint64](t, m, out, len(in))
}

// inputs mixes the given special values and random bits.
func inputs(seed uint64, specials []uint64, n int) []triple {
	rng := rand.New(rand.NewPCG(seed, 1))
	in := make([]triple, n)
	for i := range in {
		for j := range in[i] {
			switch rng.IntN(3) {
			case 0:
				in[i][j] = rng.Uint64()
			case 1:
				in[i][j] = uint64(rng.IntN(70))
			default:
				in[i][j] = specials[rng.IntN(len(specials))]
			}
		}
	}
	return in
}

// check compares an instruction with its meaning, on both sets of rows.
func check(t *testing.T, body string, in []triple, want func(a, b, c uint64) uint64) {
	t.Helper()
	saved := rows
	defer func() { rows = saved }()
	for _, set := range []rowSet{rows, goRows} {
		rows = set
		for i, got := range runLanes(t, body, in) {
			x := in[i]
			require.Equalf(t, fmt.Sprintf("%#x", want(x[0], x[1], x[2])), fmt.Sprintf("%#x", got), "%s with a=%#x b=%#x c=%#x", body, x[0], x[1], x[2])
		}
	}
}

var intSpecials = []uint64{0, 1, 2, 31, 32, 33, 63, 64, 65, 255, 0x7fff, 0x8000, 0xffff, 1<<31 - 1, 1 << 31, 1<<32 - 1, 1 << 32, 1<<63 - 1, 1 << 63, ^uint64(0)}

func u32of(v uint64) uint64 { return uint64(uint32(v)) }
func s32of(v uint64) int64  { return int64(int32(v)) }

func TestIntegers(t *testing.T) {
	in := inputs(1, intSpecials, 256)
	type fn = func(a, b, c uint64) uint64
	for body, want := range map[string]fn{
		"add.s32 d, a, b;":    func(a, b, _ uint64) uint64 { return u32of(a + b) },
		"add.s64 D, A, B;":    func(a, b, _ uint64) uint64 { return a + b },
		"add.u16 dh, ah, bh;": func(a, b, _ uint64) uint64 { return (a + b) & 0xffff },
		"sub.s32 d, a, b;":    func(a, b, _ uint64) uint64 { return u32of(a - b) },
		"sub.s64 D, A, B;":    func(a, b, _ uint64) uint64 { return a - b },
		"add.sat.s32 d, a, b;": func(a, b, _ uint64) uint64 {
			return u32of(uint64(max(math.MinInt32, min(math.MaxInt32, s32of(a)+s32of(b)))))
		},
		"sub.sat.s32 d, a, b;": func(a, b, _ uint64) uint64 {
			return u32of(uint64(max(math.MinInt32, min(math.MaxInt32, s32of(a)-s32of(b)))))
		},
		"mul.lo.u32 d, a, b;":    func(a, b, _ uint64) uint64 { return u32of(a * b) },
		"mul.lo.s64 D, A, B;":    func(a, b, _ uint64) uint64 { return a * b },
		"mul.lo.u16 dh, ah, bh;": func(a, b, _ uint64) uint64 { return a * b & 0xffff },
		"mul.hi.u32 d, a, b;":    func(a, b, _ uint64) uint64 { return u32of(a) * u32of(b) >> 32 },
		"mul.hi.s32 d, a, b;":    func(a, b, _ uint64) uint64 { return u32of(uint64(s32of(a) * s32of(b) >> 32)) },
		"mul.hi.u64 D, A, B;":    func(a, b, _ uint64) uint64 { h, _ := bits.Mul64(a, b); return h },
		"mul.hi.s64 D, A, B;": func(a, b, _ uint64) uint64 {
			p := new(big.Int).Mul(big.NewInt(int64(a)), big.NewInt(int64(b)))
			return uint64(new(big.Int).Rsh(p, 64).Int64())
		},
		"mul.wide.u32 D, a, b;":    func(a, b, _ uint64) uint64 { return u32of(a) * u32of(b) },
		"mul.wide.s32 D, a, b;":    func(a, b, _ uint64) uint64 { return uint64(s32of(a) * s32of(b)) },
		"mul.wide.s16 d, ah, bh;":  func(a, b, _ uint64) uint64 { return u32of(uint64(int64(int16(a)) * int64(int16(b)))) },
		"mul.wide.u16 d, ah, bh;":  func(a, b, _ uint64) uint64 { return a & 0xffff * (b & 0xffff) },
		"mad.wide.s32 D, a, b, C;": func(a, b, c uint64) uint64 { return uint64(s32of(a)*s32of(b)) + c },
		"mad.wide.u32 D, a, b, C;": func(a, b, c uint64) uint64 { return u32of(a)*u32of(b) + c },
		"mad.lo.s32 d, a, b, c;":   func(a, b, c uint64) uint64 { return u32of(a*b + c) },
		"mad.lo.s64 D, A, B, C;":   func(a, b, c uint64) uint64 { return a*b + c },
		"mad.hi.u32 d, a, b, c;":   func(a, b, c uint64) uint64 { return u32of(u32of(a)*u32of(b)>>32 + c) },
		"mul24.lo.s32 d, a, b;":    func(a, b, _ uint64) uint64 { return u32of(uint64(int64(int32(a)<<8>>8) * int64(int32(b)<<8>>8))) },
		"mul24.hi.u32 d, a, b;":    func(a, b, _ uint64) uint64 { return (a & 0xffffff) * (b & 0xffffff) >> 16 },
		"sad.u32 d, a, b, c;":      func(a, b, c uint64) uint64 { x, y := u32of(a), u32of(b); return u32of(max(x, y) - min(x, y) + c) },
		"div.u32 d, a, b;": func(a, b, _ uint64) uint64 {
			if u32of(b) == 0 {
				return 1<<32 - 1
			}
			return u32of(a) / u32of(b)
		},
		"rem.s32 d, a, 7;":  func(a, _, _ uint64) uint64 { return u32of(uint64(s32of(a) % 7)) },
		"div.s32 d, a, -3;": func(a, _, _ uint64) uint64 { return u32of(uint64(s32of(a) / -3)) },
		"div.s32 d, a, -1;": func(a, _, _ uint64) uint64 { return u32of(-a) },
		"div.u64 D, A, 10;": func(a, _, _ uint64) uint64 { return a / 10 },
		"abs.s32 d, a;": func(a, _, _ uint64) uint64 {
			if s32of(a) < 0 {
				return u32of(-a)
			}
			return u32of(a)
		},
		"neg.s64 D, A;":       func(a, _, _ uint64) uint64 { return -a },
		"min.s32 d, a, b;":    func(a, b, _ uint64) uint64 { return u32of(uint64(min(s32of(a), s32of(b)))) },
		"max.u32 d, a, b;":    func(a, b, _ uint64) uint64 { return max(u32of(a), u32of(b)) },
		"min.u64 D, A, B;":    func(a, b, _ uint64) uint64 { return min(a, b) },
		"max.s64 D, A, B;":    func(a, b, _ uint64) uint64 { return uint64(max(int64(a), int64(b))) },
		"max.s16 dh, ah, bh;": func(a, b, _ uint64) uint64 { return uint64(uint16(max(int16(a), int16(b)))) },
		"and.b32 d, a, b;":    func(a, b, _ uint64) uint64 { return u32of(a & b) },
		"or.b64 D, A, B;":     func(a, b, _ uint64) uint64 { return a | b },
		"xor.b16 dh, ah, bh;": func(a, b, _ uint64) uint64 { return (a ^ b) & 0xffff },
		"not.b16 dh, ah;":     func(a, _, _ uint64) uint64 { return ^a & 0xffff },
		"not.b64 D, A;":       func(a, _, _ uint64) uint64 { return ^a },
		"cnot.b32 d, a;": func(a, _, _ uint64) uint64 {
			if u32of(a) == 0 {
				return 1
			}
			return 0
		},
		"shl.b32 d, a, b;":           func(a, b, _ uint64) uint64 { return u32of(u32of(a) << u32of(b)) },
		"shl.b64 D, A, b;":           func(a, b, _ uint64) uint64 { return a << u32of(b) },
		"shr.u32 d, a, b;":           func(a, b, _ uint64) uint64 { return u32of(a) >> u32of(b) },
		"shr.s32 d, a, b;":           func(a, b, _ uint64) uint64 { return u32of(uint64(s32of(a) >> u32of(b))) },
		"shr.s64 D, A, b;":           func(a, b, _ uint64) uint64 { return uint64(int64(a) >> u32of(b)) },
		"shr.s16 dh, ah, b;":         func(a, b, _ uint64) uint64 { return uint64(uint16(int16(a) >> u32of(b))) },
		"shl.b16 dh, ah, b;":         func(a, b, _ uint64) uint64 { return uint64(uint16(a) << u32of(b)) },
		"shf.l.wrap.b32 d, a, b, c;": func(a, b, c uint64) uint64 { n := c & 31; return u32of((u32of(b)<<32 | u32of(a)) << n >> 32) },
		"shf.r.wrap.b32 d, a, b, c;": func(a, b, c uint64) uint64 { n := c & 31; return u32of((u32of(b)<<32 | u32of(a)) >> n) },
		"shf.l.clamp.b32 d, a, b, c;": func(a, b, c uint64) uint64 {
			n := min(u32of(c), 32)
			return u32of((u32of(b)<<32 | u32of(a)) << n >> 32)
		},
		"shf.r.clamp.b32 d, a, b, c;": func(a, b, c uint64) uint64 { n := min(u32of(c), 32); return u32of((u32of(b)<<32 | u32of(a)) >> n) },
		"popc.b32 d, a;":              func(a, _, _ uint64) uint64 { return uint64(bits.OnesCount32(uint32(a))) },
		"popc.b64 d, A;":              func(a, _, _ uint64) uint64 { return uint64(bits.OnesCount64(a)) },
		"clz.b32 d, a;":               func(a, _, _ uint64) uint64 { return uint64(bits.LeadingZeros32(uint32(a))) },
		"clz.b64 d, A;":               func(a, _, _ uint64) uint64 { return uint64(bits.LeadingZeros64(a)) },
		"brev.b32 d, a;":              func(a, _, _ uint64) uint64 { return uint64(bits.Reverse32(uint32(a))) },
		"brev.b64 D, A;":              func(a, _, _ uint64) uint64 { return bits.Reverse64(a) },
		"bfind.u32 d, a;":             func(a, _, _ uint64) uint64 { return u32of(uint64(bits.Len32(uint32(a)) - 1)) },
		"bfind.s32 d, a;": func(a, _, _ uint64) uint64 {
			v := uint32(a)
			if int32(v) < 0 {
				v = ^v
			}
			return u32of(uint64(bits.Len32(v) - 1))
		},
		"bfind.shiftamt.u64 d, A;": func(a, _, _ uint64) uint64 {
			if a == 0 {
				return 1<<32 - 1
			}
			return uint64(bits.LeadingZeros64(a))
		},
		"bfe.u32 d, a, b, c;":        func(a, b, c uint64) uint64 { return u32of(bfeByBits(a, b, c, 32, false)) },
		"bfe.s32 d, a, b, c;":        func(a, b, c uint64) uint64 { return u32of(bfeByBits(a, b, c, 32, true)) },
		"bfe.u64 D, A, b, c;":        func(a, b, c uint64) uint64 { return bfeByBits(a, b, c, 64, false) },
		"bfe.s64 D, A, b, c;":        func(a, b, c uint64) uint64 { return bfeByBits(a, b, c, 64, true) },
		"bfi.b32 d, a, b, c, 5;":     func(a, b, c uint64) uint64 { return u32of(bfiByBits(a, b, c, 5, 32)) },
		"bfi.b32 d, a, b, 3, c;":     func(a, b, c uint64) uint64 { return u32of(bfiByBits(a, b, 3, c, 32)) },
		"bfi.b64 D, A, B, c, 40;":    func(a, b, c uint64) uint64 { return bfiByBits(a, b, c, 40, 64) },
		"lop3.b32 d, a, b, c, 0xe8;": func(a, b, c uint64) uint64 { return u32of(a&b | b&c | a&c) },
		"prmt.b32 d, a, b, c;": func(a, b, c uint64) uint64 {
			var r uint64
			v := u32of(b)<<32 | u32of(a)
			for i := range 4 {
				n := c >> (4 * i) & 15
				x := v >> (8 * (n & 7)) & 255
				if n >= 8 {
					x = uint64(uint8(int8(x) >> 7))
				}
				r |= x << (8 * i)
			}
			return r
		},
		"prmt.b32.f4e d, a, b, 1;":  func(a, b, _ uint64) uint64 { return u32of((u32of(b)<<32 | u32of(a)) >> 8) },
		"prmt.b32.rc16 d, a, b, 1;": func(a, _, _ uint64) uint64 { h := u32of(a) >> 16; return h<<16 | h },
		"dp4a.s32.s32 d, a, b, c;": func(a, b, c uint64) uint64 {
			for i := range 4 {
				c += uint64(int64(int8(a>>(8*i))) * int64(int8(b>>(8*i))))
			}
			return u32of(c)
		},
		"dp4a.u32.s32 d, a, b, c;": func(a, b, c uint64) uint64 {
			for i := range 4 {
				c += uint64(int64(uint8(a>>(8*i))) * int64(int8(b>>(8*i))))
			}
			return u32of(c)
		},
		"dp2a.lo.s32.u32 d, a, b, c;": func(a, b, c uint64) uint64 {
			for i := range 2 {
				c += uint64(int64(int16(a>>(16*i))) * int64(uint8(b>>(8*i))))
			}
			return u32of(c)
		},
		"{ .reg .b32 lo, hi, x, y, z, u; mov.b64 {x, y}, A; mov.b64 {z, u}, B; add.cc.u32 lo, x, z; addc.u32 hi, y, u; mov.b64 D, {lo, hi}; }": func(a, b, _ uint64) uint64 { return a + b },
		"{ .reg .b32 lo, hi, x, y, z, u; mov.b64 {x, y}, A; mov.b64 {z, u}, B; sub.cc.u32 lo, x, z; subc.u32 hi, y, u; mov.b64 D, {lo, hi}; }": func(a, b, _ uint64) uint64 { return a - b },
		"{ .reg .b32 lo, hi, x, y; mov.b64 {x, y}, C; mad.lo.cc.u32 lo, a, b, x; madc.hi.u32 hi, a, b, y; mov.b64 D, {lo, hi}; }":              func(a, b, c uint64) uint64 { return u32of(a)*u32of(b) + c },
		"{ .reg .b16 w, x, y, z; mov.b64 {w, x, y, z}, A; mov.b64 D, {z, y, x, w}; }":                                                          func(a, _, _ uint64) uint64 { return a<<48 | a>>48 | a>>16&0xffff<<32&^0 | a>>32&0xffff<<16 },
		"setp.lt.s32 p, a, b; @p mov.u32 d, 1;":    func(a, b, _ uint64) uint64 { return uint64(b2n(s32of(a) < s32of(b))) },
		"setp.hs.u32 p, a, b; @p mov.u32 d, 1;":    func(a, b, _ uint64) uint64 { return uint64(b2n(u32of(a) >= u32of(b))) },
		"setp.le.s16 p, ah, bh; @!p mov.u32 d, 1;": func(a, b, _ uint64) uint64 { return uint64(b2n(int16(a) > int16(b))) },
		"setp.gt.u64 p, A, B; @p mov.u32 d, 1;":    func(a, b, _ uint64) uint64 { return uint64(b2n(a > b)) },
		"setp.ge.s64 p, A, B; @p mov.u32 d, 1;":    func(a, b, _ uint64) uint64 { return uint64(b2n(int64(a) >= int64(b))) },
		"setp.eq.and.b32 p|q, a, b, pa; selp.u32 d, 1, 0, p; @q add.u32 d, d, 2;": func(a, b, _ uint64) uint64 {
			eq, odd := u32of(a) == u32of(b), a&1 != 0
			return uint64(b2n(eq && odd) + 2*b2n(!eq && odd))
		},
		"setp.ne.xor.b32 p, a, b, !pa; selp.u32 d, 1, 0, p;": func(a, b, _ uint64) uint64 { return uint64(b2n((u32of(a) != u32of(b)) != (a&1 == 0))) },
		"set.lt.u32.s32 d, a, b;":                            func(a, b, _ uint64) uint64 { return u32of(-uint64(b2n(s32of(a) < s32of(b)))) },
		"slct.s32.s32 d, a, b, c;": func(a, b, c uint64) uint64 {
			if s32of(c) >= 0 {
				return u32of(a)
			}
			return u32of(b)
		},
		"selp.b64 D, A, B, pa;": func(a, b, _ uint64) uint64 {
			if a&1 != 0 {
				return a
			}
			return b
		},
		"selp.b32 d, a, b, !pa;": func(a, b, _ uint64) uint64 {
			if a&1 == 0 {
				return u32of(a)
			}
			return u32of(b)
		},
		"not.pred p, pa; selp.u32 d, 1, 0, p;":                  func(a, _, _ uint64) uint64 { return a&1 ^ 1 },
		"mov.pred p, 0; or.pred p, p, pa; selp.u32 d, 1, 0, p;": func(a, _, _ uint64) uint64 { return a & 1 },
	} {
		check(t, body, in, want)
	}
}

// bfeByBits and bfiByBits follow the manual's loops.
func bfeByBits(a, b, c uint64, width int, signed bool) (d uint64) {
	pos, n := int(b&255), int(c&255)
	sign := uint64(0)
	if signed && n > 0 {
		sign = a >> min(pos+n-1, width-1) & 1
	}
	for i := range width {
		bit := sign
		if i < n && pos+i < width {
			bit = a >> (pos + i) & 1
		}
		d |= bit << i
	}
	return d
}

func bfiByBits(a, b, c, n uint64, width int) uint64 {
	pos, count := int(c&255), int(n&255)
	for i := 0; i < count && pos+i < width; i++ {
		b = b&^(1<<(pos+i)) | a>>i&1<<(pos+i)
	}
	return b
}
