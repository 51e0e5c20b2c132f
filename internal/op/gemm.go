package op

// MatMul is out = Act(Alpha op(a) op(b) + bias) + Beta c over the last two dimensions, batched over the others with
// broadcast; op transposes where TransA or TransB says so. bias and c are operands only when HasBias and HasC are set.
//
// a [..., m, k], b [..., k, n] (or transposed), bias [n], c and out [..., m, n]. a and b have one floating-point
// dtype; f16 and bf16 are accumulated in f32 and rounded once at the end; bias and c have the dtype of out, which is
// a's. b may be packed (see Pack): then each row of out depends on its row of a alone, to the bit. Beta 0 does not
// read c. out may alias c.
//
// Each element is accumulated in the order of k.
type MatMul struct {
	Alpha, Beta    float64 // rounded once to the type of the computation
	TransA, TransB bool
	HasBias, HasC  bool
	Act            UnaryFn // applied when HasAct is set: relu, silu, gelu, gelutanh, sigmoid or tanh
	HasAct         bool
	TF32           bool // may round operands to TF32 on tensor cores; the CPU keeps f32
}

func (*MatMul) Kind() Kind { return KindMatMul }
func (p *MatMul) Name() string {
	return [...]string{"matmul", "matmul.tn", "matmul.nt", "matmul.tt"}[b2i(p.TransA)|b2i(p.TransB)<<1]
}
func (p *MatMul) Args() string {
	return [...]string{"a b", "a b bias", "a b c", "a b bias c"}[b2i(p.HasBias)|b2i(p.HasC)<<1]
}
func (p *MatMul) Rowwise(in int) bool { return in == 0 && !p.TransA }
func (p *MatMul) InPlace(in int) bool { return p.HasC && in == 2+b2i(p.HasBias) }

// Sizes is the m, n and k of the product of operands a and b.
func (p *MatMul) Sizes(a, b *Type) (m, n, k int) {
	m, k = a.Dims[a.Rank-2], a.Dims[a.Rank-1]
	if p.TransA {
		m, k = k, m
	}
	n = b.Dims[b.Rank-1]
	if p.TransB {
		n = b.Dims[b.Rank-2]
	}
	return m, n, k
}

func (p *MatMul) Infer(out, in []Type) ([]Type, error) {
	if err := want(in, 2+b2i(p.HasBias)+b2i(p.HasC)); err != nil {
		return out, err
	}
	a, b := &in[0], &in[1]
	if err := float("a", a); err != nil {
		return out, err
	}
	if err := alike(in); err != nil {
		return out, err
	}
	if a.Format != Dense {
		return out, UnsupportedErr("a is packed; only b can be")
	}
	if a.Rank < 2 || b.Rank < 2 {
		return out, ShapeErr("matrices have at least two dimensions")
	}
	m, n, k := p.Sizes(a, b)
	kb := b.Dims[b.Rank-2]
	if p.TransB {
		kb = b.Dims[b.Rank-1]
	}
	if k != kb {
		return out, ShapeErr("inner dimensions %d and %d differ", k, kb)
	}
	if b.Format == Packed && b.Rank != 2 {
		return out, ShapeErr("a packed b has two dimensions")
	}
	x, y := *a, *b
	x.Rank, y.Rank = a.Rank-2, b.Rank-2
	t, err := Broadcast(&x, &y)
	if err != nil {
		return out, err
	}
	if t.Rank+2 > MaxRank {
		return out, ShapeErr("more than %d dimensions", MaxRank)
	}
	t.Dims[t.Rank], t.Dims[t.Rank+1] = m, n
	t.Rank += 2
	t.Pack()
	return append(out, t), p.inferExtras(in[2:], &t, n)
}

func (p *MatMul) inferExtras(in []Type, t *Type, n int) error {
	if p.HasBias {
		if err := vector("bias", &in[0], n); err != nil {
			return err
		}
		in = in[1:]
	}
	if p.HasC && !in[0].SameShape(t) {
		return ShapeErr("c must be %v", *t)
	}
	if p.HasAct {
		switch p.Act {
		case ReLU, SiLU, GELU, GELUTanh, Sigmoid, Tanh:
		default:
			return UnsupportedErr("%v cannot be fused into a product", p.Act)
		}
	}
	return dense(in)
}

func (p *MatMul) Cost(in, out []Type) Cost {
	_, _, k := p.Sizes(&in[0], &in[1])
	return Cost{product(2, k, out[0].Elems()), bytes(in, out)}
}

// Pack is a weight w [k, n] (or [n, k] when Trans is set) in the layout that the device's row-invariant matrix
// kernels read. Its type is w's as [k, n] with the format Packed.
type Pack struct{ Trans bool }

func (*Pack) Kind() Kind   { return KindPack }
func (*Pack) Name() string { return "pack" }
func (*Pack) Args() string { return "w" }
func (p *Pack) Infer(out, in []Type) ([]Type, error) {
	if err := want(in, 1); err != nil {
		return out, err
	}
	if err := float("w", &in[0]); err != nil {
		return out, err
	}
	if in[0].Rank != 2 {
		return out, ShapeErr("w must have two dimensions")
	}
	t := in[0].With(in[0].DType)
	if p.Trans {
		t.Dims[0], t.Dims[1] = t.Dims[1], t.Dims[0]
	}
	t.Pack()
	t.Format = Packed
	return append(out, t), dense(in)
}
func (*Pack) Cost(in, out []Type) Cost { return perElem(0, in, out) }

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// GroupedMatMul multiplies each group of rows by a matrix of its own: group i of x (rows offsets[i] to offsets[i+1]-1)
// times w[i], or its transpose with TransB. Rows in no group give 0.
//
// x [n, k], w [g, k, m] (or [g, m, k]), offsets i32[g+1] as for Segment; out [n, m]. One floating-point dtype. Each
// row of out depends on its row of x and its group's matrix alone.
type GroupedMatMul struct{ TransB bool }

func (*GroupedMatMul) Kind() Kind   { return KindGroupedMatMul }
func (*GroupedMatMul) Name() string { return "groupedmatmul" }
func (*GroupedMatMul) Args() string { return "x w offsets" }
func (p *GroupedMatMul) Infer(out, in []Type) ([]Type, error) {
	if err := want(in, 3); err != nil {
		return out, err
	}
	x, w := &in[0], &in[1]
	if err := grouped(x, w, &in[2]); err != nil {
		return out, err
	}
	k, m := w.Dims[1], w.Dims[2]
	if p.TransB {
		k, m = m, k
	}
	if x.Rank != 2 || w.Rank != 3 || w.Dims[0] != in[2].Dims[0]-1 {
		return out, ShapeErr("x must be [n,k] and w a matrix for each of %d groups", in[2].Dims[0]-1)
	}
	if x.Dims[1] != k {
		return out, ShapeErr("inner dimensions %d and %d differ", x.Dims[1], k)
	}
	t := x.With(x.DType)
	t.Dims[1] = m
	t.Pack()
	return append(out, t), dense(in)
}
func (*GroupedMatMul) Cost(in, out []Type) Cost {
	return Cost{product(2, in[0].Last(), out[0].Elems()), bytes(in, out)}
}

func grouped(x, w, offsets *Type) error {
	if err := float("x", x); err != nil {
		return err
	}
	if w.DType != x.DType {
		return DTypeErr("dtypes %v and %v differ; see Cast", x.DType, w.DType)
	}
	return offsetsOf(offsets)
}

// GroupedOuter is the weight gradient of GroupedMatMul: out[i] = x_iᵀ dy_i over the rows of group i.
//
// x [n, k], dy [n, m], offsets i32[g+1]; out [g, k, m].
type GroupedOuter struct{ _ byte }

func (*GroupedOuter) Kind() Kind   { return KindGroupedOuter }
func (*GroupedOuter) Name() string { return "groupedouter" }
func (*GroupedOuter) Args() string { return "x dy offsets" }
func (*GroupedOuter) Infer(out, in []Type) ([]Type, error) {
	if err := want(in, 3); err != nil {
		return out, err
	}
	x, dy := &in[0], &in[1]
	if err := grouped(x, dy, &in[2]); err != nil {
		return out, err
	}
	if x.Rank != 2 || dy.Rank != 2 || x.Dims[0] != dy.Dims[0] {
		return out, ShapeErr("x and dy must be [n,k] and [n,m]")
	}
	t, err := New(x.DType, in[2].Dims[0]-1, x.Dims[1], dy.Dims[1])
	return append(out, t), err
}
func (*GroupedOuter) Cost(in, out []Type) Cost {
	return Cost{product(2, in[0].Elems(), in[1].Last()), bytes(in, out)}
}
