package main

import (
	"fmt"
	"strings"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// reduction is a kernel that sums terms in the order of Float.Sum.
type reduction struct {
	name, doc string
	ins       []string
	scalars   []string
	ahead     bool // fetches the first half of what lies behind the first input, the next row of a matrix
	group     int  // how many accumulators go side by side
	// term adds to acc in place; clear zeroes what a missing element has made.
	term func(acc vec, in, scalar []vec, clear func(vec) vec)
}

const (
	accumulators = 4
	perChain     = 8
	counterDepth = 48
)

// reductions emits the sums and extremes of one type.
func reductions(t real) {
	accumulate := func(acc, x vec) { issue(t.add, x, acc, acc) }
	t.reduce(reduction{name: "sum", group: accumulators, doc: "returns Σ x", ins: words("x"),
		term: func(acc vec, in, s []vec, clear func(vec) vec) { accumulate(acc, in[0]) }})
	t.reduce(reduction{name: "sumAbs", group: accumulators, doc: "returns Σ |x|", ins: words("x"),
		term: func(acc vec, in, s []vec, clear func(vec) vec) { accumulate(acc, t.abs(in[0])) }})
	t.reduce(reduction{name: "sumSq", ahead: true, group: accumulators, doc: "returns Σ x²", ins: words("x"),
		term: func(acc vec, in, s []vec, clear func(vec) vec) { issue(t.fma231, in[0], in[0], acc) }})
	t.reduce(reduction{name: "dot", group: accumulators, doc: "returns Σ x y", ins: words("x y"),
		term: func(acc vec, in, s []vec, clear func(vec) vec) { issue(t.fma231, in[0], in[1], acc) }})
	t.reduce(reduction{name: "dot3", group: 2, doc: "returns Σ (x y) z", ins: words("x y z"),
		term: func(acc vec, in, s []vec, clear func(vec) vec) {
			issue(t.fma231, do(t.mul, in[0], in[1]), in[2], acc)
		}})
	t.reduce(reduction{name: "sumSqDev", ahead: true, group: accumulators, doc: "returns Σ (x - mean)²", ins: words("x"), scalars: words("mean"),
		term: func(acc vec, in, s []vec, clear func(vec) vec) {
			d := clear(do(t.sub, in[0], s[0]))
			issue(t.fma231, d, d, acc)
		}})
	t.reduce(reduction{name: "dotDev", group: accumulators, doc: "returns Σ g (x - mean)", ins: words("g x"), scalars: words("mean"),
		term: func(acc vec, in, s []vec, clear func(vec) vec) {
			issue(t.fma231, clear(do(t.sub, in[1], s[0])), in[0], acc)
		}})
	t.extremeOf("maxOf", "returns the largest element", t.max, t.and, 0xfff<<52, 0x1ff<<23)
	t.extremeOf("minOf", "returns the smallest element", t.min, t.or, 0x7ff<<52, 0xff<<23)
	t.peakOf("peakOf", "largest", t.max, 0xfff<<52, 0x1ff<<23)
	t.peakOf("troughOf", "smallest", t.min, 0x7ff<<52, 0xff<<23)
}

// expSums emits the softmax's two: exp(x*scale - shift), to be summed from the cache, and its sum without storing.
func expSums() {
	f32.emit(elementwise{name: "expScaled", outs: words("dst"), ins: words("x"), scalars: words("scale shift"), unroll: 4, ahead: true, spill: true,
		doc: "dst = exp(x*scale - shift)",
		body: func(in []vec, s, again []any) []vec {
			return []vec{expBelow(do(VSUBPS, do(VMULPS, in[0], s[0]), s[1]))}
		}})
	f32.emit(elementwise{name: "logSoftmaxGrad", outs: words("dst"), ins: words("y dy"), scalars: words("scale sum"), unroll: 2, spill: true,
		doc: "dst = scale * (dy - exp(y)*sum)",
		body: func(in []vec, s, again []any) []vec {
			return []vec{do(VMULPS, do(VSUBPS, in[1], do(VMULPS, exp(in[0]), s[1])), s[0])}
		}})
	f32.reduce(reduction{name: "sumExp", group: 2, doc: "returns Σ exp(x*scale - shift)", ins: words("x"), scalars: words("scale shift"),
		term: func(acc vec, in, s []vec, clear func(vec) vec) {
			e := clear(expBelow(do(VSUBPS, do(VMULPS, in[0], s[0]), s[1])))
			issue(VADDPS, e, acc, acc)
		}})
}

func (t real) reduce(k reduction) {
	if unwanted(k.name) {
		return
	}
	name := k.name + t.suffix + level
	signature := "func(" + strings.Join(k.ins, ", ") + " []" + t.goType
	if len(k.scalars) > 0 {
		signature += ", " + strings.Join(k.scalars, ", ") + " " + t.goType
	}
	function(name, framed, signature+") "+t.goType, k.doc+" in the order of Float.Sum.")
	stack := AllocLocal(half * counterDepth)

	n := length(k.ins[0])
	var ins []reg.GPVirtual
	for _, p := range k.ins {
		ins = append(ins, slice(p))
	}
	var scalars []vec
	for _, p := range k.scalars {
		scalars = append(scalars, t.spread(p))
	}
	i, blocks, top := GP64(), GP64(), GP64()
	XORQ(i, i)
	XORQ(blocks, blocks)
	LEAQ(stack, top)
	var next reg.GPVirtual
	if k.ahead {
		next = t.nextRow(n, ins[0], false)
	}
	at := func(base reg.GPVirtual, from, to int) mems {
		var m mems
		for v := from; v < to; v++ {
			m = append(m, Mem{Base: base, Index: i, Scale: 1, Disp: width * v})
		}
		return m
	}

	acc := t.accumulators()
	// step adds vectors from … to of those at i to as many accumulators.
	step := func(acc vec, from, to int) {
		var in []vec
		for _, p := range ins {
			in = append(in, t.copyOf(at(p, from, to)))
		}
		k.term(acc, in, scalars, func(v vec) vec { return v })
	}

	Label("block")
	TESTQ(n, n)
	JZ(LabelRef("fold"))
	issue(t.xor, acc, acc, acc)
	m := GP64()
	MOVQ(U32(perChain*len(acc)*t.lanes()), m)
	CMPQ(n, m)
	CMOVQLT(n, m)
	SUBQ(m, n)
	loop("wide", m, len(acc)*t.lanes(), func() {
		group := min(k.group, len(acc))
		for a := 0; a < len(acc); a += group {
			step(acc[a:a+group], a, a+group)
		}
		if k.ahead {
			fetch(next, width*len(acc), true)
		}
		ADDQ(I32(width*len(acc)), i)
	})
	for a := range acc {
		if a < len(acc)-1 {
			CMPQ(m, I32(t.lanes()))
			JL(LabelRef(fmt.Sprintf("tail%d", a)))
			step(acc[a:a+1], 0, 1)
			ADDQ(U8(width), i)
			SUBQ(I32(t.lanes()), m)
		}
	}
	for a := len(acc) - 1; a >= 0; a-- {
		t.reduceTail(k, a, m, at, ins, scalars, acc[a:a+1])
	}
	Label("push")
	t.push(acc, blocks, top)
	JMP(LabelRef("block"))

	t.foldCounter(stack, top)
}

// reduceTail adds the m elements that are left, less than a vector, to accumulator a. The masks read them as zeros.
func (t real) reduceTail(k reduction, a int, m reg.GPVirtual, at func(base reg.GPVirtual, from, to int) mems, ins []reg.GPVirtual, scalars []vec, acc vec) {
	Label(fmt.Sprintf("tail%d", a))
	TESTQ(m, m)
	JZ(LabelRef("push"))
	mask := t.tailMask(m)
	var in []vec
	for _, p := range ins {
		v := newVec(1)
		issue(t.maskLoad, at(p, 0, 1), mask, v)
		in = append(in, v)
	}
	k.term(acc, in, scalars, func(v vec) vec { return t.keep(mask, v) })
	if a > 0 {
		JMP(LabelRef("push"))
	}
}

// push adds the accumulators of a finished block to the counter: as many merges as the number of blocks before has ones at its end.
func (t real) push(acc vec, blocks, top reg.GPVirtual) {
	v := t.mergeAccumulators(acc)
	bitsLeft := GP64()
	MOVQ(blocks, bitsLeft)
	Label("carry")
	TESTQ(U32(1), bitsLeft)
	JZ(LabelRef("rest"))
	SUBQ(U8(half), top)
	issue(t.add, Mem{Base: top}, v, v)
	SHRQ(U8(1), bitsLeft)
	JMP(LabelRef("carry"))
	Label("rest")
	issue(t.store, v, Mem{Base: top})
	ADDQ(U8(half), top)
	INCQ(blocks)
}

// accumulators are the four of a block; a vector of AVX-512 holds two.
func (t real) accumulators() vec { return newVec(accumulators * half / width) }

func (t real) mergeAccumulators(acc vec) vec {
	if wide() {
		acc = vec{acc[0], highHalf(acc[:1])[0], acc[1], highHalf(acc[1:])[0]}
		for i := range acc {
			acc[i] = acc[i].AsY().(reg.VecVirtual)
		}
	}
	add := func(x, y reg.VecVirtual) reg.VecVirtual {
		sum := YMM()
		issue(t.add, vec{y}, vec{x}, vec{sum})
		return sum
	}
	return vec{add(add(acc[0], acc[1]), add(acc[2], acc[3]))}
}

// foldCounter adds what the counter holds, small blocks first, then the lanes, and returns from the function.
func (t real) foldCounter(stack Mem, top reg.GPVirtual) {
	Label("fold")
	bottom := GP64()
	LEAQ(stack, bottom)
	v := vec{YMM()}
	issue(t.xor, v, v, v)
	CMPQ(top, bottom)
	JE(LabelRef("empty"))
	SUBQ(U8(half), top)
	issue(t.load, Mem{Base: top}, v)
	JMP(LabelRef("foldTest"))
	Label("foldNext")
	SUBQ(U8(half), top)
	issue(t.add, Mem{Base: top}, v, v)
	Label("foldTest")
	CMPQ(top, bottom)
	JNE(LabelRef("foldNext"))
	Label("empty")
	t.returnLanes(v, func(x, y vec) { issue(t.add, y, x, x) })
}

// returnLanes merges the lanes of v by halves and returns the result.
func (t real) returnLanes(v vec, merge func(x, y vec)) {
	w := vec{YMM()}
	if v[0].Size() > half {
		w = newVec(1)
		VEXTRACTF64X4(U8(1), v[0], w[0].AsY())
		merge(v, w)
	}
	low, other := v[0].AsX(), w[0].AsX()
	upperLanes(v[0].AsY(), other)
	merge(v, w)
	if t.size == 4 {
		VPERMILPS(U8(0x0e), low, other)
		merge(v, w)
		VPERMILPS(U8(0x01), low, other)
	} else {
		VPERMILPD(U8(0x01), low, other)
	}
	merge(v, w)
	VZEROUPPER() // before the store, a legacy instruction; it keeps the low half
	Store(low, ReturnIndex(0))
	RET()
}

// extremeOf emits the row's maximum or minimum; worst is what every element beats, in the bits of either type.
func (t real) extremeOf(name, doc string, pick, merge instruction, worst64, worst32 uint64) {
	worst := worst64
	if t.size == 4 {
		worst = worst32
	}
	function(name+t.suffix+level, noSplit, "func(x []"+t.goType+") "+t.goType, doc+": NaN if there is one, -0 below +0.")
	n, x := length("x"), slice("x")
	t.fold(n, x, t.raw(worst), func(a, v vec) { issue(t.load, t.extreme(pick, merge, a, v), a) })
}

// peakOf emits the extreme of a row as the shift of a softmax wants it: of a NaN and of the sign of a zero nothing is promised.
func (t real) peakOf(name, which string, pick instruction, worst64, worst32 uint64) {
	worst := worst64
	if t.size == 4 {
		worst = worst32
	}
	function(name+t.suffix+level, noSplit, "func(x []"+t.goType+") "+t.goType, "returns the "+which+" element, any if there is a NaN, any zero of two.")
	n, x := length("x"), slice("x")
	t.fold(n, x, t.raw(worst), func(a, v vec) { issue(pick, v, a, a) })
}

// fold takes all elements of x into accumulators that begin as worst, and returns their merger from the function.
func (t real) fold(n, x reg.GPVirtual, worst Mem, take func(a, v vec)) {
	start := t.copyOf(worst)
	acc := newVec(accumulators)
	issue(t.load, start, acc)
	loop("wide", n, accumulators*t.lanes(), func() {
		for a := 0; a < accumulators; a += 2 {
			take(acc[a:a+2], t.copyOf(mems{{Base: x, Disp: width * a}, {Base: x, Disp: width * (a + 1)}}))
		}
		ADDQ(I32(width*accumulators), x)
	})
	loop("vector", n, t.lanes(), func() {
		take(acc[:1], t.copyOf(Mem{Base: x}))
		ADDQ(U8(width), x)
	})
	TESTQ(n, n)
	JZ(LabelRef("merge"))
	mask, v := t.tailMask(n), newVec(1)
	issue(t.maskLoad, Mem{Base: x}, mask, v)
	take(acc[1:2], t.choose(mask, v, start))
	Label("merge")
	take(acc[:2], acc[2:])
	take(acc[:1], acc[1:2])
	t.returnLanes(acc[:1], take)
}

// indexOf emits the search for the first element that equals v or is NaN.
func (t real) indexOf() {
	function("indexOf"+t.suffix+"AVX2", noSplit, "func(x []"+t.goType+", v "+t.goType+") int", "returns the first index whose element equals v or is NaN, -1 if none does.")
	n, x, v := length("x"), slice("x"), t.spread("v")
	i, mask := GP64(), GP32()
	XORQ(i, i)
	hit := func(e vec) {
		m := t.compare(cmpEQ, e, v).(vec)
		issue(t.or, m, t.compare(cmpUnord, e, e), m)
		if t.size == 4 {
			VMOVMSKPS(m[0], mask)
		} else {
			VMOVMSKPD(m[0], mask)
		}
	}
	loop("vector", n, t.lanes(), func() {
		hit(t.copyOf(Mem{Base: x}))
		TESTL(mask, mask)
		JNZ(LabelRef("found"))
		ADDQ(U8(32), x)
		ADDQ(U8(t.lanes()), i)
	})
	TESTQ(n, n)
	JZ(LabelRef("none"))
	tail := newVec(1)
	issue(t.maskLoad, Mem{Base: x}, t.tailMask(n), tail)
	hit(tail)
	BZHIL(n.As32(), mask, mask)
	TESTL(mask, mask)
	JZ(LabelRef("none"))
	Label("found")
	TZCNTL(mask, mask)
	ADDQ(mask.As64(), i)
	Store(i, ReturnIndex(0))
	VZEROUPPER()
	RET()
	Label("none")
	minus := GP64()
	MOVQ(I32(-1), minus)
	Store(minus, ReturnIndex(0))
	VZEROUPPER()
	RET()
}
