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
