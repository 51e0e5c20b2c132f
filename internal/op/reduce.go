package op

// ReduceFn folds many elements into one.
type ReduceFn uint8

const (
	Sum ReduceFn = iota
	Mean
	Prod
	MaxOf     // NaN if any is; of nothing: -Inf or the smallest integer
	MinOf     // NaN if any is; of nothing: +Inf or the largest integer
	LogSumExp // log Σ exp(x), shifted by the maximum
	Norm1     // Σ |x|
	Norm2     // √ Σ x²
	SumSquares
	AllOf // bool
	AnyOf // bool
	NumReduceFns
)

var reduceNames = [NumReduceFns]string{"sum", "mean", "prod", "maxof", "minof", "logsumexp", "norm1", "norm2", "sumsquares", "all", "any"}

func (f ReduceFn) String() string { return reduceNames[f] }

// Reduce is out = Fn over the axes in Axes (bit i is axis i), which Keep leaves as dimensions of one.
//
// Floating-point for all functions but all and any, integers for sum, prod, max and min (i8, u8 and i32 wrap in their
// own type), bool for all and any. f16 and bf16 are accumulated in f32. The order of the sum depends on the shape
// alone, so the bits do not depend on the number of threads.
type Reduce struct {
	Fn   ReduceFn
	Axes uint8
	Keep bool
}

func (*Reduce) Kind() Kind     { return KindReduce }
func (p *Reduce) Name() string { return p.Fn.String() }
func (*Reduce) Args() string   { return "x" }
func (p *Reduce) Infer(out, in []Type) ([]Type, error) {
	if err := want(in, 1); err != nil {
		return out, err
	}
	d := in[0].DType
	ok := d.Float()
	switch p.Fn {
	case Sum, Prod, MaxOf, MinOf:
		ok = d.Float() || d.Int()
	case AllOf, AnyOf:
		ok = d == Bool
	}
	if !ok {
		return out, DTypeErr("not defined on %v", d)
	}
	if int(p.Axes) >= 1<<in[0].Rank {
		return out, ShapeErr("axes %#b are out of range for %d dimensions", p.Axes, in[0].Rank)
	}
	t := Type{DType: d}
	for i, n := range in[0].Dims[:in[0].Rank] {
		switch {
		case p.Axes>>i&1 == 0:
			t.Dims[t.Rank] = n
			t.Rank++
		case p.Keep:
			t.Dims[t.Rank] = 1
			t.Rank++
		}
	}
	t.Pack()
	return append(out, t), dense(in)
}
func (*Reduce) Cost(in, out []Type) Cost { return perElem(1, out, in[:1]) }

// ArgReduce is the index of the largest (or with Least the smallest) element along Axis, the lowest of equals; the
// first NaN beats everything. out is i32 in x's shape without Axis. An empty axis is an error.
type ArgReduce struct {
	Axis  int
	Least bool
}

func (*ArgReduce) Kind() Kind { return KindArgReduce }
func (p *ArgReduce) Name() string {
	if p.Least {
		return "argmin"
	}
	return "argmax"
}
func (*ArgReduce) Args() string { return "x" }
func (p *ArgReduce) Infer(out, in []Type) ([]Type, error) {
	if err := want(in, 1); err != nil {
		return out, err
	}
	if in[0].DType == Bool {
		return out, DTypeErr("not defined on bool")
	}
	a, err := indexAxis(&in[0], p.Axis)
	if err != nil {
		return out, err
	}
	t := in[0].without(a)
	return append(out, t.With(I32)), dense(in)
}
func (*ArgReduce) Cost(in, out []Type) Cost { return perElem(1, out, in[:1]) }

// indexAxis resolves an axis whose positions an i32 can count and which is not empty.
func indexAxis(t *Type, axis int) (int, error) {
	a, err := t.Axis(axis)
	if err != nil {
		return 0, err
	}
	if t.Dims[a] == 0 || t.Dims[a] > 1<<31-1 {
		return 0, ShapeErr("axis %d has %d elements; 1 to 2³¹-1 are possible", a, t.Dims[a])
	}
	return a, nil
}

// without is t with one dimension taken out.
func (t *Type) without(axis int) Type {
	u := Type{DType: t.DType, Rank: t.Rank - 1}
	copy(u.Dims[:axis], t.Dims[:axis])
	copy(u.Dims[axis:u.Rank], t.Dims[axis+1:t.Rank])
	u.Pack()
	return u
}

// CumSum is the running sum along Axis: out[i] = x[0] + … + x[i], or from the end with Reverse; Exclusive leaves out
// x[i] itself. Floating-point and integers. The order of the sums depends on the shape alone.
type CumSum struct {
	Axis               int
	Reverse, Exclusive bool
}

func (*CumSum) Kind() Kind   { return KindCumSum }
func (*CumSum) Name() string { return "cumsum" }
func (*CumSum) Args() string { return "x" }
func (p *CumSum) Infer(out, in []Type) ([]Type, error) {
	if err := want(in, 1); err != nil {
		return out, err
	}
	if in[0].DType == Bool {
		return out, DTypeErr("not defined on bool")
	}
	if _, err := in[0].Axis(p.Axis); err != nil {
		return out, err
	}
	return append(out, in[0].With(in[0].DType)), dense(in)
}
func (*CumSum) Cost(in, out []Type) Cost { return perElem(1, in, out) }

// Dot is out[r] = Σ a[r][i] b[r][i] over the last dimension. a and b have one shape and floating-point dtype.
type Dot struct{ _ byte }

func (*Dot) Kind() Kind       { return KindDot }
func (*Dot) Name() string     { return "dot" }
func (*Dot) Args() string     { return "a b" }
func (*Dot) Rowwise(int) bool { return true }
func (*Dot) Infer(out, in []Type) ([]Type, error) {
	if err := want(in, 2); err != nil {
		return out, err
	}
	return rowScalars(out, in, in[0].DType)
}
func (*Dot) Cost(in, out []Type) Cost { return perElem(2, out, in[:2]) }

// rowScalars is the rule of ops that make one number of type d of each row: operands of one shape and floating-point
// dtype, at least one dimension.
func rowScalars(out, in []Type, d DType) ([]Type, error) {
	x := &in[0]
	if err := float("the first operand", x); err != nil {
		return out, err
	}
	if x.Rank < 1 {
		return out, ShapeErr("operands must have a dimension")
	}
	if err := alike(in); err != nil {
		return out, err
	}
	for i := range in {
		if !in[i].SameShape(x) {
			return out, ShapeErr("shapes differ")
		}
	}
	t := x.without(int(x.Rank) - 1)
	return append(out, t.With(d)), dense(in)
}
