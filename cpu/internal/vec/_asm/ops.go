package main

import (
	"fmt"
	"math"
	"slices"
	"sort"

	"github.com/mmcloughlin/avo/attr"
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// vec is a group of vector registers, eight or sixteen float32 or half as many float64 each, on which the same is done: a chain of dependent
// instructions leaves most of the machine idle, two or four side by side fill it, and they share the loads of constants. A group of one stands
// beside any other for a value that all share.
type vec []reg.VecVirtual

func newVec(n int) vec {
	v := make(vec, n)
	for i := range v {
		v[i] = vector()
	}
	return v
}

// masks is a group of mask registers, which AVX-512 has.
type masks []reg.OpmaskVirtual

// mems are the addresses of the members of a group.
type mems []Mem

// An instruction takes its operands in Plan 9 order: sources reversed, destination last. It is a func(...Op), or has a fixed
// number of parameters where AVX-512 has no other form of it.
type instruction any

// issue emits an instruction for every member of its operands: vec, mems, a constant's Mem, an immediate.
func issue(ins instruction, ops ...any) {
	n := 1
	for _, o := range ops {
		n = max(n, members(o))
	}
	if dst := ops[len(ops)-1]; n > 1 && members(dst) != n {
		panic("a shared register as the destination of a group")
	}
	ops = slices.Clone(ops)
	for i, o := range ops {
		if m, ok := o.(Mem); ok && (n > 1 || inEveryLane(m)) {
			v := newVec(1)
			load(m, v[0])
			ops[i] = v
		}
	}
	for i := range n {
		member := make([]Op, len(ops))
		for j, o := range ops {
			member[j] = pick(o, i)
		}
		call(ins, member)
	}
}

func members(o any) int {
	switch o := o.(type) {
	case vec:
		return len(o)
	case masks:
		return len(o)
	case mems:
		return len(o)
	}
	return 1
}

func pick(o any, i int) Op {
	switch o := o.(type) {
	case vec:
		return o[min(i, len(o)-1)]
	case masks:
		return o[min(i, len(o)-1)]
	case mems:
		return o[i]
	}
	return o.(Op)
}

func call(ins instruction, ops []Op) {
	switch f := ins.(type) {
	case func(...Op):
		f(ops...)
	case func(a, b Op):
		f(ops[0], ops[1])
	case func(a, b, c Op):
		f(ops[0], ops[1], ops[2])
	case func(a, b, c, d Op):
		f(ops[0], ops[1], ops[2], ops[3])
	default:
		panic(fmt.Sprintf("no instruction: %T", ins))
	}
}

// real is an element type with its instructions.
type real struct {
	bits, size                                int
	goType, suffix                            string
	add, sub, mul, div, min, max, sqrt, round instruction
	and, or, xor, cmp                         instruction
	fma132, fma213, fma231, fnma213           instruction
	load, store, stream, maskLoad, blend      instruction
}

var f32 = real{
	bits: 32, size: 4, goType: "float32", suffix: "32",
	add: VADDPS, sub: VSUBPS, mul: VMULPS, div: VDIVPS, min: VMINPS, max: VMAXPS, sqrt: VSQRTPS, round: VROUNDPS,
	and: VANDPS, or: VORPS, xor: VXORPS, cmp: VCMPPS,
	fma132: VFMADD132PS, fma213: VFMADD213PS, fma231: VFMADD231PS, fnma213: VFNMADD213PS,
	load: VMOVUPS, store: VMOVUPS, stream: VMOVNTPS, maskLoad: VMASKMOVPS,
	blend: VBLENDVPS,
}

var f64 = real{
	bits: 64, size: 8, goType: "float64", suffix: "64",
	add: VADDPD, sub: VSUBPD, mul: VMULPD, div: VDIVPD, min: VMINPD, max: VMAXPD, sqrt: VSQRTPD, round: VROUNDPD,
	and: VANDPD, or: VORPD, xor: VXORPD, cmp: VCMPPD,
	fma132: VFMADD132PD, fma213: VFMADD213PD, fma231: VFMADD231PD, fnma213: VFNMADD213PD,
	load: VMOVUPD, store: VMOVUPD, stream: VMOVNTPD, maskLoad: VMASKMOVPD,
	blend: VBLENDVPD,
}

func (t real) lanes() int { return width / t.size }

// do applies a two-source instruction to a and b; only b may be memory.
func do(ins instruction, a, b any) vec {
	d := newVec(max(members(a), members(b)))
	issue(ins, b, a, d)
	return d
}

func do1(ins instruction, a any) vec {
	d := newVec(members(a))
	issue(ins, a, d)
	return d
}

// copyOf loads or moves a into registers of its own.
func (t real) copyOf(a any) vec {
	if m, ok := a.(Mem); ok && inEveryLane(m) {
		d := newVec(1)
		load(m, d[0])
		return d
	}
	return do1(t.load, a)
}

// fma returns a*b + c in a fresh group.
func (t real) fma(a, b, c any) vec {
	d := newVec(max(members(a), members(b), members(c)))
	issue(t.load, a, d)
	issue(t.fma213, c, b, d)
	return d
}

// Comparison predicates: ordered and quiet, save notLT and notGT, which are true of a NaN.
const (
	cmpEQ    = U8(0x00)
	cmpLT    = U8(0x11)
	cmpLE    = U8(0x12)
	cmpUnord = U8(0x03)
	cmpNE    = U8(0x04)
	notLT    = U8(0x15)
	notGT    = U8(0x1a)
	cmpGE    = U8(0x1d)
	cmpGT    = U8(0x1e)
)

func (t real) compare(p U8, a, b any) any {
	d := newMask(max(members(a), members(b)))
	issue(t.cmp, p, b, a, d)
	return d
}

func (t real) abs(x any) vec { return do(t.and, x, t.raw(1<<(t.bits-1)-1)) }
func (t real) neg(x any) vec { return do(t.xor, x, t.raw(1<<(t.bits-1))) }

// largest is a where a is NaN or above b, else b. VMAXPS returns its second source on a tie or a NaN, so only a NaN in a is left to mend.
func (t real) largest(a, b any) vec {
	return t.choose(t.compare(cmpUnord, a, a), a, do(t.max, a, b))
}

func (t real) smallest(a, b any) vec {
	return t.choose(t.compare(cmpUnord, a, a), a, do(t.min, a, b))
}

// extreme is max or min with -0 below +0, so that the order of operands does not matter. Both orders are taken; of unequal zeros AND (for max) or OR
// makes the right one, and all ones, a NaN, are put where one came in.
func (t real) extreme(pick, merge instruction, a, b any) vec {
	m := do(merge, do(pick, a, b), do(pick, b, a))
	return t.orOnes(t.compare(cmpUnord, a, b), m)
}

// relu is 0 where x < 0, else x.
func (t real) relu(x any) vec { return do(t.max, t.zero(), x) }

func (t real) zero() vec {
	z := newVec(1)
	issue(t.xor, z, z, z)
	return z
}

// pool holds the constants, each filling a vector.
var pool = map[string]struct {
	mem  Mem
	bits uint64
	size int
}{}

// raw is a constant given by its bits, in every lane.
func (t real) raw(bits uint64) Mem {
	name := fmt.Sprintf("c%d_%0*x", t.bits, t.size*2, bits)
	m := NewDataAddr(NewStaticSymbol(name), 0)
	pool[name] = struct {
		mem  Mem
		bits uint64
		size int
	}{m, bits, t.size}
	return m
}

// c is a constant given by its value.
func (t real) c(x float64) Mem {
	if t.size == 4 {
		return t.raw(uint64(math.Float32bits(float32(x))))
	}
	return t.raw(math.Float64bits(x))
}

// each is a constant that every member of a group reads for itself, unless there are registers enough.
func (t real) each(x float64, group vec) any {
	if wide() {
		return t.c(x)
	}
	m := make(mems, len(group))
	for i := range m {
		m[i] = t.c(x)
	}
	return m
}

// reg loads a constant into a shared register.
func (t real) reg(x float64) vec { return t.copyOf(t.c(x)) }

// start loads a constant into a group like x, to be accumulated upon.
func (t real) start(x vec, c Mem) vec {
	first := t.copyOf(c)
	if len(x) == 1 {
		return first
	}
	d := newVec(len(x))
	issue(t.load, first, d)
	return d
}

// maskTable has eight words of ones and eight of zeros: the mask of n words starts n words before the middle.
var maskTable = NewDataAddr(NewStaticSymbol("masks"), 0)

const constant = attr.RODATA | attr.NOPTR

// constants emits the data that the kernels have asked for.
func constants() {
	names := make([]string, 0, len(pool))
	for name := range pool {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		k := pool[name]
		GLOBL(name, constant)
		filled := width
		if wide() {
			filled = k.size
		}
		for off := 0; off < filled; off += k.size {
			if k.size == 4 {
				DATA(off, U32(k.bits))
			} else {
				DATA(off, U64(k.bits))
			}
		}
	}
	if wide() {
		return
	}
	GLOBL("unpackOrder", constant)
	for i, x := range []uint32{0, 4, 1, 5, 2, 6, 3, 7} {
		DATA(4*i, U32(x))
	}
	GLOBL("iota64", constant)
	for i := range 4 {
		DATA(8*i, U64(i))
	}
	GLOBL("masks", constant)
	for i := range 8 {
		word := uint64(0)
		if i < 4 {
			word = math.MaxUint64
		}
		DATA(8*i, U64(word))
	}
}

// storeTail writes the first n elements of v at p, n below a vector, in pieces of a power of two: a masked store is slow.
// It destroys v and p.
func (t real) storeTail(v reg.VecVirtual, p reg.GPVirtual, n Op, label string) {
	low := v.AsX()
	if t.size == 4 {
		TESTQ(U32(4), n)
		JZ(LabelRef(label + "_two"))
		VMOVUPS(low, Mem{Base: p})
		VEXTRACTF128(U8(1), v, low)
		ADDQ(U8(16), p)
		Label(label + "_two")
		TESTQ(U32(2), n)
		JZ(LabelRef(label + "_one"))
		VMOVLPS(low, Mem{Base: p})
		VPERMILPS(U8(0x0e), low, low)
		ADDQ(U8(8), p)
		Label(label + "_one")
		TESTQ(U32(1), n)
		JZ(LabelRef(label + "_end"))
		VMOVSS(low, Mem{Base: p})
	} else {
		TESTQ(U32(2), n)
		JZ(LabelRef(label + "_one"))
		VMOVUPD(low, Mem{Base: p})
		VEXTRACTF128(U8(1), v, low)
		ADDQ(U8(16), p)
		Label(label + "_one")
		TESTQ(U32(1), n)
		JZ(LabelRef(label + "_end"))
		VMOVSD(low, Mem{Base: p})
	}
	Label(label + "_end")
}

// loop emits body until the element count n is below step, subtracting step each time.
func loop(label string, n reg.GPVirtual, step int, body func()) {
	JMP(LabelRef(label + "_test"))
	Label(label)
	body()
	SUBQ(I32(step), n)
	Label(label + "_test")
	CMPQ(n, I32(step))
	JGE(LabelRef(label))
}

// Text flags: a function without a frame skips the stack check.
const (
	noSplit = attr.NOSPLIT
	framed  = attr.Attribute(0)
)

// function opens an assembly function.
func function(name string, flags attr.Attribute, signature, doc string) {
	TEXT(name, flags, signature)
	Pragma("noescape")
	Doc(name + " " + doc)
}

// slice loads the base of a slice parameter.
func slice(name string) reg.GPVirtual { return Load(Param(name).Base(), GP64()).(reg.GPVirtual) }

// length loads the length of a slice parameter.
func length(name string) reg.GPVirtual { return Load(Param(name).Len(), GP64()).(reg.GPVirtual) }

// spread loads a scalar parameter into every lane, straight from the frame: MOVSS after an AVX instruction is slow on some machines.
func (t real) spread(name string) vec {
	if t.size == 4 {
		return do1(VBROADCASTSS, parameter(name))
	}
	return do1(VBROADCASTSD, parameter(name))
}

func parameter(name string) Mem {
	p, err := Param(name).Resolve()
	if err != nil {
		panic(err)
	}
	return p.Addr
}
