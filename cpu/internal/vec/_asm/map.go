package main

import (
	"math"
	"slices"
	"strings"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// elementwise is a kernel that treats every element alike.
type elementwise struct {
	name    string
	outs    []string // first: its length counts
	ins     []string
	scalars []string
	unroll  int // vectors per turn of the wide loop
	stream  bool
	kept    int  // the first so many outputs of a streaming kernel are read again soon: they go through the cache
	late    int  // so many of the last inputs come to body as what can be read again only, when their turn comes
	ahead   bool // fetches what lies behind the first input, the next row of a matrix
	busy    bool // computes for so long that its streaming twin must look ahead
	update  bool // the output is read too, as the last of the inputs to body
	doc     string
	spill   bool // keeps the scalars in memory: body needs the registers
	// body computes the outputs; again holds the inputs to be read a second time, which saves keeping them.
	body func(in []vec, scalar, again []any) []vec
}

func words(s string) []string { return strings.Fields(s) }

// emit writes the kernel and, if asked, the variant that stores around the cache. The latter wants an aligned output and whole
// vectors, and exists for float32 only.
func (t real) emit(k elementwise) {
	if unwanted(k.name) {
		return
	}
	t.kernel(k, false)
	if k.stream && t.size == 4 && !wide() {
		t.kernel(k, true)
	}
}

func (t real) kernel(k elementwise, stream bool) {
	name, doc := k.name+t.suffix, "computes "+k.doc+"."
	if stream {
		name += "Stream"
		doc = "computes " + k.doc + " and stores around the cache. The output is aligned to 32 bytes and a whole number of vectors long."
	}
	function(name+level, noSplit, k.signature(t), doc)

	w := t.walk(k, stream)
	if unroll := unrolled(k); unroll > 1 {
		loop("wide", w.n, unroll*t.lanes(), func() { w.turn(unroll) })
	}
	loop("vector", w.n, t.lanes(), func() { w.turn(1) })
	if stream {
		SFENCE()
	} else {
		w.tail()
	}
	VZEROUPPER()
	RET()
}

// signature is that of the kernel, with more slices behind its inputs.
func (k *elementwise) signature(t real, more ...string) string {
	s := "func(" + strings.Join(slices.Concat(k.outs, k.ins, more), ", ") + " []" + t.goType
	if len(k.scalars) > 0 {
		s += ", " + strings.Join(k.scalars, ", ") + " " + t.goType
	}
	return s + ")"
}

// walk is an elementwise kernel under way: its parameters in registers, n elements left, i bytes done.
type walk struct {
	real
	elementwise
	streams bool
	n, i    reg.GPVirtual
	dst     []reg.GPVirtual
	src     []reg.GPVirtual
	scalar  []any
	next    reg.GPVirtual // what to fetch ahead, nil for nothing
}

func (t real) walk(k elementwise, stream bool) *walk {
	w := &walk{real: t, elementwise: k, streams: stream, n: length(k.outs[0])}
	for _, p := range k.outs {
		w.dst = append(w.dst, slice(p))
	}
	for _, p := range k.ins {
		w.src = append(w.src, slice(p))
	}
	if k.update {
		w.src = append(w.src, w.dst[0])
	}
	for _, p := range k.scalars {
		v := t.spread(p)
		if !k.spill || wide() {
			w.scalar = append(w.scalar, v)
			continue
		}
		m := AllocLocal(32)
		issue(t.store, v, m)
		w.scalar = append(w.scalar, m)
	}
	w.i = GP64()
	XORQ(w.i, w.i)
	// Where there is a streaming twin, the ordinary kernel works in the cache and has nothing to fetch.
	if hasTwin := t.size == 4 && k.stream; k.ahead && (stream || !hasTwin) {
		w.next = t.nextRow(w.n, w.src[0], false)
	}
	return w
}

func (w *walk) at(base reg.GPVirtual, vectors int) mems {
	m := make(mems, vectors)
	for v := range m {
		m[v] = Mem{Base: base, Index: w.i, Scale: 1, Disp: width * v}
	}
	return m
}

const page = 4096

// lookAhead fetches the inputs half a page ahead. Without, a kernel that computes for long waits for memory: by the time that the hardware
// sees it read a new page, its window is full.
func (w *walk) lookAhead(vectors int) {
	for _, p := range w.src {
		for at := 0; at < width*vectors; at += 64 {
			PREFETCHT0(Mem{Base: p, Index: w.i, Scale: 1, Disp: page/2 + at})
		}
	}
}

// openPages has the addresses of the outputs' next pages translated, by fetching one line of each, the same until the page is reached.
func (w *walk) openPages() {
	for _, p := range w.dst[w.kept:] {
		next := GP64()
		LEAQ(Mem{Base: p, Index: w.i, Scale: 1, Disp: page}, next)
		ANDQ(I32(-page), next)
		PREFETCHT0(Mem{Base: next})
	}
}

// turn does some vectors.
func (w *walk) turn(vectors int) {
	var in []vec
	var again []any
	for i, p := range w.src {
		if i < len(w.src)-w.late {
			in = append(in, w.copyOf(w.at(p, vectors)))
		}
		again = append(again, w.at(p, vectors))
	}
	if w.next != nil && vectors > 1 {
		fetch(w.next, width*vectors, false)
	}
	if w.streams && vectors > 1 {
		if w.busy {
			w.lookAhead(vectors)
		}
		w.openPages()
	}
	for o, y := range w.body(in, w.scalar, again) {
		store := w.store
		if w.streams && o >= w.kept {
			store = w.real.stream
		}
		issue(store, y, w.at(w.dst[o], vectors))
	}
	ADDQ(I32(width*vectors), w.i)
}

// tail does the rest, less than a vector.
func (w *walk) tail() {
	TESTQ(w.n, w.n)
	JZ(LabelRef("done"))
	mask := w.tailMask(w.n)
	var in []vec
	var again []any
	for _, p := range w.src {
		v := newVec(1)
		issue(w.maskLoad, w.at(p, 1), mask, v)
		in, again = append(in, v), append(again, v)
	}
	for o, y := range w.body(in, w.scalar, again) {
		if wide() {
			issue(w.store, y, mask, w.at(w.dst[o], 1))
			continue
		}
		p := GP64()
		LEAQ(w.at(w.dst[o], 1)[0], p)
		w.storeTail(y[0], p, w.n, "store_"+w.outs[o])
	}
	Label("done")
}

// fetch brings the lines of the next bytes at p into the second-level cache and moves on; the half of them where another pass does the rest.
func fetch(p reg.GPVirtual, bytes int, half bool) {
	if half {
		bytes /= 2
	}
	for at := 0; at < bytes; at += 64 {
		PREFETCHT1(Mem{Base: p, Disp: at})
	}
	ADDQ(I32(bytes), p)
}

// nextRow points behind row x of n elements, or at x itself if the row is so long that what is fetched now would not stay in
// the cache. Of a row whose first half an earlier pass has fetched it points at the second. Fetching faults nowhere.
func (t real) nextRow(n, x reg.GPVirtual, second bool) reg.GPVirtual {
	next, from := GP64(), GP64()
	MOVQ(x, next)
	LEAQ(Mem{Base: x, Index: n, Scale: uint8(t.size)}, from)
	if second {
		LEAQ(Mem{Base: from, Index: n, Scale: uint8(t.size / 2)}, from)
	}
	CMPQ(n, I32(longRow/t.size))
	CMOVQLE(from, next)
	return next
}

const longRow = 128 << 10 // bytes, a fraction of a second-level cache

// one makes a body of a function of one vector, and so on.
func one(f func(a vec) vec) func(in []vec, s, again []any) []vec {
	return func(in []vec, s, again []any) []vec { return []vec{f(in[0])} }
}
func oneTwice(f func(a vec, again any) vec) func(in []vec, s, again []any) []vec {
	return func(in []vec, s, again []any) []vec { return []vec{f(in[0], again[0])} }
}
func pair(f func(a, b vec) vec) func(in []vec, s, again []any) []vec {
	return func(in []vec, s, again []any) []vec { return []vec{f(in[0], in[1])} }
}
func withScalar(f func(a, s vec) vec) func(in []vec, s, again []any) []vec {
	return func(in []vec, s, again []any) []vec { return []vec{f(in[0], s[0].(vec))} }
}

// arithmetic emits what needs no polynomials, for one type.
func arithmetic(t real) {
	type two = func(a, b vec) vec
	op := func(ins instruction) two { return func(a, b vec) vec { return do(ins, a, b) } }
	smallest := func(a, b vec) vec { return t.smallest(a, b) }
	largest := func(a, b vec) vec { return t.largest(a, b) }

	for _, k := range []struct {
		name, doc string
		f         two
	}{
		{"add", "dst = a + b", op(t.add)}, {"sub", "dst = a - b", op(t.sub)},
		{"mul", "dst = a * b", op(t.mul)}, {"div", "dst = a / b", op(t.div)},
		{"min", "dst = min(a, b)", smallest}, {"max", "dst = max(a, b)", largest},
		{"addRelu", "dst = relu(a + b)", func(a, b vec) vec { return t.relu(do(t.add, a, b)) }},
	} {
		t.emit(elementwise{name: k.name, outs: words("dst"), ins: words("a b"), unroll: 4, stream: true, doc: k.doc, body: pair(k.f)})
	}
	for _, k := range []struct {
		name, doc string
		f         two
	}{
		{"addS", "dst = a + s", op(t.add)}, {"mulS", "dst = a * s", op(t.mul)}, {"divS", "dst = a / s", op(t.div)},
		{"minS", "dst = min(a, s)", smallest}, {"maxS", "dst = max(a, s)", largest},
		{"subFrom", "dst = s - a", func(a, s vec) vec { return do(t.sub, s, a) }},
		{"divInto", "dst = s / a", func(a, s vec) vec { return do(t.div, s, a) }},
		{"minFrom", "dst = min(s, a)", func(a, s vec) vec { return t.smallest(s, a) }},
		{"maxFrom", "dst = max(s, a)", func(a, s vec) vec { return t.largest(s, a) }},
	} {
		t.emit(elementwise{name: k.name, outs: words("dst"), ins: words("a"), scalars: words("s"), unroll: 4, stream: true, doc: k.doc, body: withScalar(k.f)})
	}
	rounding := func(mode uint8) func(vec) vec {
		return func(x vec) vec {
			return imm(t.round, mode, x)
		}
	}
	for _, k := range []struct {
		name, doc string
		f         func(vec) vec
	}{
		{"neg", "dst = -a", func(x vec) vec { return t.neg(x) }},
		{"abs", "dst = |a|", func(x vec) vec { return t.abs(x) }},
		{"sqrt", "dst = √a", func(x vec) vec { return do1(t.sqrt, x) }},
		{"rsqrt", "dst = 1/√a", func(x vec) vec { return do(t.div, t.reg(1), do1(t.sqrt, x)) }},
		{"square", "dst = a²", func(x vec) vec { return do(t.mul, x, x) }},
		{"reciprocal", "dst = 1/a", func(x vec) vec { return do(t.div, t.reg(1), x) }},
		{"relu", "dst = max(a, 0)", func(x vec) vec { return t.relu(x) }},
		{"floor", "the largest integers not above a", rounding(9)},
		{"ceil", "the smallest integers not below a", rounding(10)},
		{"round", "a to the nearest integers, halves to even", rounding(8)},
		{"trunc", "a without its fraction", rounding(11)},
		{"sign", "the signs of a", t.sign},
	} {
		t.emit(elementwise{name: k.name, outs: words("dst"), ins: words("a"), unroll: 4, stream: true, doc: k.doc, body: one(k.f)})
	}
	t.ternary()
	t.normRows()
	t.simpleGradients()
}

// sign is 1 or -1 where x is above or below zero, else x itself: a zero or NaN.
func (t real) sign(x vec) vec {
	y := t.choose(t.compare(cmpGT, x, t.zero()), t.c(1), x)
	return t.choose(t.compare(cmpLT, x, t.zero()), t.c(-1), y)
}

func (t real) ternary() {
	t.emit(elementwise{name: "fma", outs: words("dst"), ins: words("a b c"), unroll: 4, stream: true, doc: "dst = a*b + c with one rounding",
		body: func(in []vec, s, again []any) []vec { return []vec{t.fma(in[0], in[1], in[2])} }})
	t.emit(elementwise{name: "addScaled", outs: words("dst"), ins: words("a b"), scalars: words("s"), unroll: 4, stream: true, doc: "dst = a + (s*b), the product rounded",
		body: func(in []vec, s, again []any) []vec { return []vec{do(t.add, in[0], do(t.mul, s[0], in[1]))} }})
	t.emit(elementwise{name: "axpy", outs: words("dst"), ins: words("a b"), scalars: words("s"), unroll: 4, stream: true, doc: "dst = s*b + a with one rounding",
		body: func(in []vec, s, again []any) []vec { return []vec{t.fma(in[1], s[0], in[0])} }})
	t.emit(elementwise{name: "scaleAdd", outs: words("dst"), ins: words("a b"), scalars: words("alpha beta"), unroll: 4, stream: true, doc: "dst = alpha*a + (beta*b), the sum fused",
		body: func(in []vec, s, again []any) []vec { return []vec{t.fma(in[0], s[0], do(t.mul, in[1], s[1]))} }})
	t.emit(elementwise{name: "affine", outs: words("dst"), ins: words("a"), scalars: words("alpha beta"), unroll: 4, stream: true, doc: "dst = alpha*a + beta with one rounding",
		body: func(in []vec, s, again []any) []vec { return []vec{t.fma(in[0], s[0], s[1])} }})
	t.emit(elementwise{name: "clamp", outs: words("dst"), ins: words("a"), scalars: words("lo hi"), unroll: 2, stream: true, doc: "dst = min(max(a, lo), hi)",
		body: func(in []vec, s, again []any) []vec { return []vec{t.smallest(t.largest(in[0], s[0]), s[1])} }})
}

func normScale(t real) elementwise {
	return elementwise{name: "normScale", ahead: true, outs: words("dst"), ins: words("x w"), scalars: words("s offset"), unroll: 4, stream: true,
		doc: "dst = (x*s) * (offset + w)",
		body: func(in []vec, s, again []any) []vec {
			return []vec{do(t.mul, do(t.mul, in[0], s[0]), do(t.add, s[1], in[1]))}
		}}
}

func normAffine(t real) elementwise {
	return elementwise{name: "normAffine", ahead: true, outs: words("dst"), ins: words("x w b"), scalars: words("mean s"), unroll: 4, stream: true,
		doc: "dst = ((x - mean)*s)*w + b, the last step fused",
		body: func(in []vec, s, again []any) []vec {
			xhat := do(t.mul, do(t.sub, in[0], s[0]), s[1])
			issue(t.fma213, in[2], in[1], xhat)
			return []vec{xhat}
		}}
}

func (t real) normRows() {
	t.emit(normScale(t))
	t.emit(normAffine(t))
	t.emit(elementwise{name: "standardize", ahead: true, outs: words("dst"), ins: words("x"), scalars: words("mean s"), unroll: 4, stream: true,
		doc:  "dst = (x - mean) * s",
		body: func(in []vec, s, again []any) []vec { return []vec{do(t.mul, do(t.sub, in[0], s[0]), s[1])} }})
	t.emit(elementwise{name: "normBack", outs: words("dx"), ins: words("g x"), scalars: words("mean s c1 c2"), unroll: 4, stream: true,
		doc: "dx = s*(g - (x̂*c2 + c1)) with x̂ = (x - mean)*s",
		body: func(in []vec, s, again []any) []vec {
			xhat := do(t.mul, do(t.sub, in[1], s[0]), s[1])
			issue(t.fma213, s[2], s[3], xhat)
			return []vec{do(t.mul, s[1], do(t.sub, in[0], xhat))}
		}})
	t.emit(elementwise{name: "mulShift", outs: words("dst"), ins: words("y dy"), scalars: words("s c"), unroll: 4, stream: true,
		doc: "dst = (s*y) * (dy - c)",
		body: func(in []vec, s, again []any) []vec {
			return []vec{do(t.mul, do(t.mul, s[0], in[0]), do(t.sub, in[1], s[1]))}
		}})
	t.emit(elementwise{name: "weightGrad", outs: words("dw"), ins: words("dy x"), scalars: words("mean s"), unroll: 4,
		doc: "dw = dy * ((x - mean)*s) + dw, fused", update: true,
		body: func(in []vec, s, again []any) []vec {
			xhat := do(t.mul, do(t.sub, in[1], s[0]), s[1])
			issue(t.fma213, in[2], in[0], xhat)
			return []vec{xhat}
		}})
}

// simpleGradients emits dx = slope(v) * dy for the slopes without polynomials; v is the input or the output, as vec.Float says.
func (t real) simpleGradients() {
	for _, k := range []struct {
		name, doc string
		slope     func(v vec) vec
	}{
		{"abs", "sign v", t.sign},
		{"square", "2 v", func(v vec) vec { return do(t.add, v, v) }},
		{"log", "1/v", func(v vec) vec { return do(t.div, t.reg(1), v) }},
		{"log2", "log2(e)/v", func(v vec) vec { return do(t.div, t.reg(math.Log2E), v) }},
		{"log1p", "1/(1 + v)", func(v vec) vec { return do(t.div, t.reg(1), do(t.add, v, t.c(1))) }},
		{"sqrt", "1/(2v)", func(v vec) vec { return do(t.div, t.reg(0.5), v) }},
		{"rsqrt", "-v³/2", func(v vec) vec { return do(t.mul, do(t.mul, v, do(t.mul, v, v)), t.c(-0.5)) }},
		{"reciprocal", "-v²", func(v vec) vec { return t.neg(do(t.mul, v, v)) }},
		{"exp", "v", func(v vec) vec { return v }},
		{"exp2", "v ln 2", func(v vec) vec { return do(t.mul, v, t.c(math.Ln2)) }},
		{"tanh", "1 - v²", func(v vec) vec {
			d := t.copyOf(v)
			issue(t.fnma213, t.c(1), v, d)
			return d
		}},
		{"sigmoid", "v (1 - v)", func(v vec) vec { return do(t.mul, v, do(t.sub, t.reg(1), v)) }},
		{"relu", "1 where v > 0, else 0", func(v vec) vec { return t.keep(t.compare(cmpGT, v, t.zero()), t.c(1)) }},
	} {
		t.emit(t.gradient(k.name, k.doc, 4, k.slope))
	}
}

func (t real) gradient(name, doc string, unroll int, slope func(v vec) vec) elementwise {
	return elementwise{name: name + "Grad", outs: words("dx"), ins: words("v dy"), unroll: unroll, doc: "dx = slope * dy with the slope " + doc,
		body: pair(func(v, dy vec) vec { return do(t.mul, slope(v), dy) })}
}
