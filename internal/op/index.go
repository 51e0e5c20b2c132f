package op

// Take is the rows of x that idx names: dimension Axis of x is replaced by the dimensions of idx. An embedding is
// Take along axis 0. Indices outside 0…n-1 give 0.
//
// x any dtype, idx i32.
type Take struct{ Axis int }

func (*Take) Kind() Kind   { return KindTake }
func (*Take) Name() string { return "take" }
func (*Take) Args() string { return "x idx" }
func (p *Take) Infer(out, in []Type) ([]Type, error) {
	if err := want(in, 2); err != nil {
		return out, err
	}
	if in[1].DType != I32 {
		return out, DTypeErr("idx must be i32")
	}
	a, err := in[0].Axis(p.Axis)
	if err != nil {
		return out, err
	}
	t, err := in[0].replace(a, &in[1])
	if err != nil {
		return out, err
	}
	return append(out, t), dense(in)
}
func (*Take) Cost(in, out []Type) Cost {
	return Cost{0, sum(product(2, out[0].Bytes()), int64(in[1].Bytes()))}
}

// replace is t with dimension axis replaced by idx's dimensions.
func (t *Type) replace(axis int, idx *Type) (Type, error) {
	var dims [2 * MaxRank]int
	n := copy(dims[:], t.Dims[:axis])
	n += copy(dims[n:], idx.Dims[:idx.Rank])
	n += copy(dims[n:], t.Dims[axis+1:t.Rank])
	return New(t.DType, dims[:n]...)
}

// TakeGrad adds the rows of dy to the places that idx names in a tensor of zeros whose dimension Axis is N: the
// backward of Take. Rows for one place are added in the order of idx, on every device alike.
//
// dy as Take's result, floating-point; idx i32.
type TakeGrad struct{ Axis, N int }

func (*TakeGrad) Kind() Kind   { return KindTakeGrad }
func (*TakeGrad) Name() string { return "take.grad" }
func (*TakeGrad) Args() string { return "dy idx" }
func (p *TakeGrad) Infer(out, in []Type) ([]Type, error) {
	if err := want(in, 2); err != nil {
		return out, err
	}
	dy, idx := &in[0], &in[1]
	if err := float("dy", dy); err != nil {
		return out, err
	}
	if idx.DType != I32 {
		return out, DTypeErr("idx must be i32")
	}
	a := p.Axis
	if a < 0 || a+int(idx.Rank) > int(dy.Rank) || p.N < 0 {
		return out, ShapeErr("axis %d does not fit dy and idx", a)
	}
	for i := range int(idx.Rank) {
		if dy.Dims[a+i] != idx.Dims[i] {
			return out, ShapeErr("dy has no dimensions %v at axis %d", idx.Dims[:idx.Rank], a)
		}
	}
	var dims [2 * MaxRank]int
	n := copy(dims[:], dy.Dims[:a])
	dims[n] = p.N
	n += 1 + copy(dims[n+1:], dy.Dims[a+int(idx.Rank):dy.Rank])
	t, err := New(dy.DType, dims[:n]...)
	return append(out, t), err
}
func (*TakeGrad) Cost(in, out []Type) Cost { return perElem(1, in, in[:1]) }

// TakeAlong is one element for each index: out[i][j] = x[i][idx[i][j]] along Axis, x and idx of one rank and equal in
// all other dimensions (PyTorch's gather). Indices outside give 0. x any dtype, idx i32.
type TakeAlong struct{ Axis int }

func (*TakeAlong) Kind() Kind   { return KindTakeAlong }
func (*TakeAlong) Name() string { return "takealong" }
func (*TakeAlong) Args() string { return "x idx" }
func (p *TakeAlong) Infer(out, in []Type) ([]Type, error) {
	if err := want(in, 2); err != nil {
		return out, err
	}
	a, err := in[0].Axis(p.Axis)
	if err != nil {
		return out, err
	}
	if err := along(&in[0], &in[1], a); err != nil {
		return out, err
	}
	return append(out, in[1].With(in[0].DType)), dense(in)
}
func (*TakeAlong) Cost(in, out []Type) Cost {
	return Cost{0, sum(product(2, out[0].Bytes()), int64(in[1].Bytes()))}
}

// along refuses indices that differ from x in another dimension than axis.
func along(x, idx *Type, axis int) error {
	if idx.DType != I32 {
		return DTypeErr("idx must be i32")
	}
	if idx.Rank != x.Rank {
		return ShapeErr("x and idx have different ranks")
	}
	for i := range int(x.Rank) {
		if i != axis && x.Dims[i] != idx.Dims[i] {
			return ShapeErr("x and idx differ in dimension %d", i)
		}
	}
	return nil
}

// TakeAlongGrad adds dy to the places that idx names in a tensor of zeros of N along Axis, in the order of idx.
type TakeAlongGrad struct{ Axis, N int }

func (*TakeAlongGrad) Kind() Kind   { return KindTakeAlongGrad }
func (*TakeAlongGrad) Name() string { return "takealong.grad" }
func (*TakeAlongGrad) Args() string { return "dy idx" }
func (p *TakeAlongGrad) Infer(out, in []Type) ([]Type, error) {
	if err := want(in, 2); err != nil {
		return out, err
	}
	if err := float("dy", &in[0]); err != nil {
		return out, err
	}
	a, err := in[0].Axis(p.Axis)
	if err != nil {
		return out, err
	}
	if in[1].DType != I32 {
		return out, DTypeErr("idx must be i32")
	}
	if !in[0].SameShape(&in[1]) || p.N < 0 {
		return out, ShapeErr("dy and idx must have one shape")
	}
	t := in[0].With(in[0].DType)
	t.Dims[a] = p.N
	t.Pack()
	return append(out, t), dense(in)
}
func (*TakeAlongGrad) Cost(in, out []Type) Cost { return perElem(1, in, in[:1]) }

// ScatterAdd is dst with the rows of src added at the places that idx names along the first dimension. Rows for one
// place are added in the order of idx, after what was there; indices outside are left out.
//
// dst [n, ...] floating-point or integer, idx i32[m], src [m, ...]; out as dst. out may alias dst.
type ScatterAdd struct{ _ byte }

func (*ScatterAdd) Kind() Kind          { return KindScatterAdd }
func (*ScatterAdd) Name() string        { return "scatteradd" }
func (*ScatterAdd) Args() string        { return "dst idx src" }
func (*ScatterAdd) InPlace(in int) bool { return in == 0 }
func (*ScatterAdd) Infer(out, in []Type) ([]Type, error) {
	if err := want(in, 3); err != nil {
		return out, err
	}
	if in[0].DType == Bool {
		return out, DTypeErr("not defined on bool")
	}
	return scattered(out, in)
}

// scattered is the rule of ops that write rows of src to places of dst.
func scattered(out, in []Type) ([]Type, error) {
	dst, idx, src := &in[0], &in[1], &in[2]
	if src.DType != dst.DType {
		return out, DTypeErr("dtypes %v and %v differ; see Cast", dst.DType, src.DType)
	}
	if idx.DType != I32 {
		return out, DTypeErr("idx must be i32")
	}
	if dst.Rank < 1 || src.Rank != dst.Rank || idx.Rank != 1 || src.Dims[0] != idx.Dims[0] {
		return out, ShapeErr("dst must be [n,...], idx [m] and src [m,...]")
	}
	for i := 1; i < int(dst.Rank); i++ {
		if src.Dims[i] != dst.Dims[i] {
			return out, ShapeErr("rows of dst and src differ")
		}
	}
	return append(out, dst.With(dst.DType)), dense(in)
}
func (*ScatterAdd) Cost(in, out []Type) Cost { return perElem(1, in, in[2:]) }

// PutRows is dst with the rows of src written at the places that idx names along the first dimension; the last of
// several rows for one place stays. Indices outside are left out. Any dtype. out may alias dst: a key-value cache is
// written with Into(cache).
type PutRows struct{ _ byte }

func (*PutRows) Kind() Kind          { return KindPutRows }
func (*PutRows) Name() string        { return "putrows" }
func (*PutRows) Args() string        { return "dst idx src" }
func (*PutRows) InPlace(in int) bool { return in == 0 }
func (*PutRows) Infer(out, in []Type) ([]Type, error) {
	if err := want(in, 3); err != nil {
		return out, err
	}
	return scattered(out, in)
}
func (*PutRows) Cost(in, out []Type) Cost { return Cost{0, product(2, in[2].Bytes())} }

// MaxConcat is the most tensors that one Concat joins.
const MaxConcat = MaxOperands - 1

// Concat joins tensors along Axis. One dtype, equal in all other dimensions.
type Concat struct{ Axis int }

func (*Concat) Kind() Kind   { return KindConcat }
func (*Concat) Name() string { return "concat" }
func (*Concat) Args() string { return "x…" }
func (p *Concat) Infer(out, in []Type) ([]Type, error) {
	if len(in) < 1 || len(in) > MaxConcat {
		return out, ShapeErr("%d operands, 1 to %d are possible", len(in), MaxConcat)
	}
	if err := alike(in); err != nil {
		return out, err
	}
	t := in[0].With(in[0].DType)
	a, err := t.Axis(p.Axis)
	if err != nil {
		return out, err
	}
	for i := 1; i < len(in); i++ {
		t.Dims[a] += in[i].Dims[a]
		u := in[i]
		u.Dims[a] = t.Dims[a]
		if !u.SameShape(&t) {
			return out, ShapeErr("operands 0 and %d differ beside axis %d", i, a)
		}
	}
	t.Pack()
	return append(out, t), dense(in)
}
func (*Concat) Cost(in, out []Type) Cost { return perElem(0, in, out) }

// Compact moves the rows of x whose keep is true to the front, in order, and fills the rest with zeros; count is how
// many there are. The result keeps x's capacity and carries the count, so row-wise ops that follow stop there.
//
// x [n, ...] any dtype, keep bool[n]; y as x, count i32[1].
type Compact struct{ _ byte }

func (*Compact) Kind() Kind   { return KindCompact }
func (*Compact) Name() string { return "compact" }
func (*Compact) Args() string { return "x keep" }
func (*Compact) Infer(out, in []Type) ([]Type, error) {
	if err := want(in, 2); err != nil {
		return out, err
	}
	if in[1].DType != Bool {
		return out, DTypeErr("keep must be bool")
	}
	if in[0].Rank < 1 {
		return out, ShapeErr("x must have a dimension")
	}
	if err := vector("keep", &in[1], in[0].Dims[0]); err != nil {
		return out, err
	}
	return append(out, in[0].With(in[0].DType), Make(I32, 1)), dense(in)
}
func (*Compact) Cost(in, out []Type) Cost { return perElem(0, in, out) }

// Sort orders each row of the last dimension, ascending or with Descending the other way, and tells where each element
// came from. It is stable: equals stay in order. NaN comes last either way.
//
// x [..., n] floating-point or integer; values as x, indices i32 of x's shape.
type Sort struct{ Descending bool }

func (*Sort) Kind() Kind       { return KindSort }
func (*Sort) Name() string     { return "sort" }
func (*Sort) Args() string     { return "x" }
func (*Sort) Rowwise(int) bool { return true }
func (*Sort) Infer(out, in []Type) ([]Type, error) {
	if err := want(in, 1); err != nil {
		return out, err
	}
	if err := orderable(&in[0]); err != nil {
		return out, err
	}
	return append(out, in[0].With(in[0].DType), in[0].With(I32)), dense(in)
}
func (*Sort) Cost(in, out []Type) Cost { return perElem(4, in, out) }

// orderable refuses x unless its rows can be ordered and indexed by i32.
func orderable(x *Type) error {
	if x.DType == Bool {
		return DTypeErr("not defined on bool")
	}
	if x.Rank < 1 || x.Last() > 1<<31-1 {
		return ShapeErr("x must have a last dimension of at most 2³¹-1")
	}
	return nil
}

// TopK is the K largest elements of each row of the last dimension in descending order, or with Least the smallest in
// ascending order, and their indices; of equals the lowest index comes first. NaN counts as beyond all numbers at the
// far end, so it comes last.
//
// x [..., n] floating-point or integer, K at most n; values [..., K], indices i32[..., K].
type TopK struct {
	K     int
	Least bool
}

func (*TopK) Kind() Kind       { return KindTopK }
func (*TopK) Name() string     { return "topk" }
func (*TopK) Args() string     { return "x" }
func (*TopK) Rowwise(int) bool { return true }
func (p *TopK) Infer(out, in []Type) ([]Type, error) {
	if err := want(in, 1); err != nil {
		return out, err
	}
	if err := orderable(&in[0]); err != nil {
		return out, err
	}
	if p.K < 0 || p.K > in[0].Last() {
		return out, ShapeErr("k %d is not in 0…%d", p.K, in[0].Last())
	}
	t := in[0].With(in[0].DType)
	t.Dims[t.Rank-1] = p.K
	t.Pack()
	return append(out, t, t.With(I32)), dense(in)
}
func (*TopK) Cost(in, out []Type) Cost { return perElem(1, out, in[:1]) }

// KthValue is the K-th smallest element of each row, counted from 1, NaN beyond all numbers.
//
// x [..., n] floating-point or integer; out [...].
type KthValue struct{ K int }

func (*KthValue) Kind() Kind       { return KindKthValue }
func (*KthValue) Name() string     { return "kthvalue" }
func (*KthValue) Args() string     { return "x" }
func (*KthValue) Rowwise(int) bool { return true }
func (p *KthValue) Infer(out, in []Type) ([]Type, error) {
	if err := want(in, 1); err != nil {
		return out, err
	}
	if err := orderable(&in[0]); err != nil {
		return out, err
	}
	if p.K < 1 || p.K > in[0].Last() {
		return out, ShapeErr("k %d is not in 1…%d", p.K, in[0].Last())
	}
	t := in[0].without(int(in[0].Rank) - 1)
	return append(out, t), dense(in)
}
func (*KthValue) Cost(in, out []Type) Cost { return perElem(2, out, in[:1]) }

// Quantile is the Q-quantile of each row by linear interpolation between the two nearest order statistics, at
// Q (n-1): NumPy's and PyTorch's default. A row with a NaN gives NaN.
//
// x [..., n] f32 or f64, n at least 1; out [...].
type Quantile struct{ Q float64 }

func (*Quantile) Kind() Kind       { return KindQuantile }
func (*Quantile) Name() string     { return "quantile" }
func (*Quantile) Args() string     { return "x" }
func (*Quantile) Rowwise(int) bool { return true }
func (p *Quantile) Infer(out, in []Type) ([]Type, error) {
	if err := want(in, 1); err != nil {
		return out, err
	}
	if d := in[0].DType; d != F32 && d != F64 {
		return out, DTypeErr("x must be f32 or f64")
	}
	if err := orderable(&in[0]); err != nil {
		return out, err
	}
	if !(p.Q >= 0 && p.Q <= 1) || in[0].Last() == 0 {
		return out, ShapeErr("the quantile %v must be in [0,1] and rows not empty", p.Q)
	}
	t := in[0].without(int(in[0].Rank) - 1)
	return append(out, t), dense(in)
}
func (*Quantile) Cost(in, out []Type) Cost { return perElem(2, out, in[:1]) }
