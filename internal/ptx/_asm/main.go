// Command asm generates the AVX2 rows of package ptx.
//
//go:generate go run . -out ../rows_amd64.s -stubs ../rows_stub_amd64.go -pkg ptx
package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

func main() {
	ConstraintExpr("!purego,!race")
	arithmetic()
	floats()
	wide()
	masks()
	addresses()
	matrix()
	Generate()
}

const (
	row   = 128 // bytes of a Row
	row64 = 256
)

// operands loads the pointer arguments.
func operands(names ...string) []reg.Register {
	var regs []reg.Register
	for _, n := range names {
		regs = append(regs, Load(Param(n), GP64()))
	}
	return regs
}

func at(r reg.Register, disp int) Mem { return Mem{Base: r, Disp: disp} }

// rowFunc starts a function of type rowFunc or row64Func.
func rowFunc(name, doc, elem string) []reg.Register {
	TEXT(name, NOSPLIT, "func(d, a, b, c *"+elem+")")
	Doc(name + " is " + doc)
	return operands("d", "a", "b", "c")
}

func end() {
	VZEROUPPER()
	RET()
}

func arithmetic() {
	type op3 = func(...Op)
	for _, f := range []struct {
		name, doc string
		op        op3
	}{
		{"avxAdd", "d = a + b.", VPADDD}, {"avxSub", "d = a - b.", nil}, {"avxMul", "d = a * b.", VPMULLD},
		{"avxAnd", "d = a & b.", three(VPAND)}, {"avxOr", "d = a | b.", three(VPOR)}, {"avxXor", "d = a ^ b.", three(VPXOR)},
		{"avxSll", "d = a << b.", VPSLLVD}, {"avxSrl", "d = a >> b, logical.", VPSRLVD}, {"avxSra", "d = a >> b, arithmetic.", VPSRAVD},
		{"avxMinS", "d = min(a, b), signed.", VPMINSD}, {"avxMaxS", "d = max(a, b), signed.", VPMAXSD},
		{"avxMinU", "d = min(a, b), unsigned.", VPMINUD}, {"avxMaxU", "d = max(a, b), unsigned.", VPMAXUD},
	} {
		binary(f.name, f.doc, "[32]uint32", row, f.op, VPSUBD)
	}
	for _, f := range []struct {
		name, doc string
		op        op3
	}{
		{"avxAdd64", "d = a + b.", VPADDQ}, {"avxSub64", "d = a - b.", nil}, {"avxAnd64", "d = a & b.", three(VPAND)},
		{"avxOr64", "d = a | b.", three(VPOR)}, {"avxXor64", "d = a ^ b.", three(VPXOR)},
	} {
		binary(f.name, f.doc, "[32]uint64", row64, f.op, VPSUBQ)
	}

	r := rowFunc("avxMad", "d = a*b + c.", "[32]uint32")
	for o := 0; o < row; o += 32 {
		y := YMM()
		VMOVDQU(at(r[1], o), y)
		VPMULLD(at(r[2], o), y, y)
		VPADDD(at(r[3], o), y, y)
		VMOVDQU(y, at(r[0], o))
	}
	end()
	for _, f := range []struct {
		name, elem string
		size       int
	}{{"avxMov", "[32]uint32", row}, {"avxMov64", "[32]uint64", row64}} {
		r = rowFunc(f.name, "d = a.", f.elem)
		for o := 0; o < f.size; o += 32 {
			y := YMM()
			VMOVDQU(at(r[1], o), y)
			VMOVDQU(y, at(r[0], o))
		}
		end()
	}
}

// binary writes d = a op b; without op it is the subtraction, whose operands are ordered.
func binary(name, doc, elem string, size int, op func(...Op), sub func(...Op)) {
	if op == nil {
		op = sub
	}
	r := rowFunc(name, doc, elem)
	for o := 0; o < size; o += 32 {
		y := YMM()
		VMOVDQU(at(r[1], o), y)
		op(at(r[2], o), y, y)
		VMOVDQU(y, at(r[0], o))
	}
	end()
}

// canonical loads PTX's NaN into all lanes.
func canonical() reg.VecVirtual { return broadcast(0x7fffffff) }

func broadcast(v uint32) reg.VecVirtual {
	x := GP32()
	MOVL(U32(v), x)
	lane, y := XMM(), YMM()
	VMOVD(x, lane)
	VPBROADCASTD(lane, y)
	return y
}

// fixNaN replaces NaNs by the canonical one.
func fixNaN(y, nan reg.VecVirtual) {
	t := YMM()
	VCMPPS(U8(3), y, y, t)
	VBLENDVPS(t, nan, y, y)
}

func floats() {
	for _, f := range []struct {
		name, doc string
		op        func(...Op)
	}{{"avxFadd", "d = a + b.", VADDPS}, {"avxFsub", "d = a - b.", VSUBPS}, {"avxFmul", "d = a * b.", VMULPS}, {"avxFdiv", "d = a / b.", VDIVPS}} {
		r := rowFunc(f.name, f.doc, "[32]uint32")
		nan := canonical()
		for o := 0; o < row; o += 32 {
			y := YMM()
			VMOVUPS(at(r[1], o), y)
			f.op(at(r[2], o), y, y)
			fixNaN(y, nan)
			VMOVUPS(y, at(r[0], o))
		}
		end()
	}
	r := rowFunc("avxFsqrt", "d = sqrt(a).", "[32]uint32")
	nan := canonical()
	for o := 0; o < row; o += 32 {
		y := YMM()
		VSQRTPS(at(r[1], o), y)
		fixNaN(y, nan)
		VMOVUPS(y, at(r[0], o))
	}
	end()
	r = rowFunc("avxF32FromS32", "d = float32(int32(a)).", "[32]uint32")
	for o := 0; o < row; o += 32 {
		y := YMM()
		VCVTDQ2PS(at(r[1], o), y)
		VMOVUPS(y, at(r[0], o))
	}
	end()
	r = rowFunc("avxS32FromF32", "d = int32(a) towards zero; too large a value saturates, NaN gives 0.", "[32]uint32")
	limit, largest := broadcast(0x4f000000), broadcast(0x7fffffff) // 2^31
	for o := 0; o < row; o += 32 {
		x, y, m := YMM(), YMM(), YMM()
		VMOVUPS(at(r[1], o), x)
		VCVTTPS2DQ(x, y) // 1<<31 for all that does not fit
		VCMPPS(U8(0x0d), limit, x, m)
		VBLENDVPS(m, largest, y, y)
		VCMPPS(U8(7), x, x, m)
		VANDPS(m, y, y)
		VMOVUPS(y, at(r[0], o))
	}
	end()
	r = rowFunc("avxFma", "d = a*b + c, rounded once.", "[32]uint32")
	nan = canonical()
	fma(r[0], r[1], r[2], r[3], nan)
	end()

	TEXT("avxFmaRun", NOSPLIT, "func(base *[32]uint32, recs *[4]uint32, n int)")
	Doc("avxFmaRun executes n fused multiply-adds; each record holds the byte offsets of d, a, b, c from base.")
	regs := operands("base", "recs", "n")
	nan = canonical()
	Label("loop")
	var p [4]reg.Register
	for i := range p {
		off := GP64()
		MOVL(at(regs[1], 4*i), off.As32())
		ADDQ(regs[0], off)
		p[i] = off
	}
	fma(p[0], p[1], p[2], p[3], nan)
	ADDQ(Imm(16), regs[1])
	DECQ(regs[2])
	JNE(LabelRef("loop"))
	end()
}

func fma(d, a, b, c reg.Register, nan reg.VecVirtual) {
	for o := 0; o < row; o += 32 {
		x, y := YMM(), YMM()
		VMOVUPS(at(a, o), x)
		VMOVUPS(at(b, o), y)
		VFMADD213PS(at(c, o), y, x)
		fixNaN(x, nan)
		VMOVUPS(x, at(d, o))
	}
}

func wide() {
	for _, f := range []struct {
		name, doc   string
		extend, mul func(...Op)
		add         bool
	}{
		{"avxMulWideU", "d = a * b.", VPMOVZXDQ, VPMULUDQ, false}, {"avxMulWideS", "d = a * b, signed.", VPMOVSXDQ, VPMULDQ, false},
		{"avxMadWideU", "d = a*b + c.", VPMOVZXDQ, VPMULUDQ, true}, {"avxMadWideS", "d = a*b + c, signed.", VPMOVSXDQ, VPMULDQ, true},
		{"avxZext", "d = uint64(a).", VPMOVZXDQ, nil, false}, {"avxSext", "d = int64(int32(a)).", VPMOVSXDQ, nil, false},
	} {
		TEXT(f.name, NOSPLIT, "func(d *[32]uint64, a, b *[32]uint32, c *[32]uint64)")
		Doc(f.name + " is " + f.doc)
		r := operands("d", "a", "b", "c")
		for i := 0; i < 8; i++ {
			x := YMM()
			f.extend(at(r[1], 16*i), x)
			if f.mul != nil {
				y := YMM()
				f.extend(at(r[2], 16*i), y)
				f.mul(y, x, x)
			}
			if f.add {
				VPADDQ(at(r[3], 32*i), x, x)
			}
			VMOVDQU(x, at(r[0], 32*i))
		}
		end()
	}
	for _, f := range []struct {
		name, doc string
		op        func(...Op)
	}{{"avxSll64", "d = a << b.", VPSLLVQ}, {"avxSrl64", "d = a >> b, logical.", VPSRLVQ}} {
		TEXT(f.name, NOSPLIT, "func(d, a *[32]uint64, b, c *[32]uint32)")
		Doc(f.name + " is " + f.doc)
		r := operands("d", "a", "b")
		for i := 0; i < 8; i++ {
			x, n := YMM(), YMM()
			VMOVDQU(at(r[1], 32*i), x)
			VPMOVZXDQ(at(r[2], 16*i), n)
			f.op(n, x, x)
			VMOVDQU(x, at(r[0], 32*i))
		}
		end()
	}
	TEXT("avxLow32", NOSPLIT, "func(d *[32]uint32, a, b *[32]uint64)")
	Doc("avxLow32 is d = uint32(a).")
	r := operands("d", "a")
	for i := 0; i < 4; i++ {
		x := YMM()
		VMOVDQU(at(r[1], 64*i), x)
		low(x, at(r[1], 64*i+32))
		VMOVDQU(x, at(r[0], 32*i))
	}
	end()
}

// low keeps the low halves of the 64-bit elements of x and of y behind them.
func low(x reg.VecVirtual, y Op) {
	VSHUFPS(U8(0x88), y, x, x)
	VPERMQ(U8(0xd8), x, x)
}

// three gives instructions that exist only with three operands the type of the others.
func three(op func(a, b, c Op)) func(...Op) {
	return func(x ...Op) { op(x[0], x[1], x[2]) }
}
