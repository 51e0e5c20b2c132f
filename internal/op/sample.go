package op

// Dist is a distribution of random numbers.
type Dist uint8

const (
	Bits      Dist = iota // i32: all 32 bits of a word
	Uniform               // A + (B-A) u, u = (word >> 8) 2⁻²⁴ in [0, 1)
	Normal                // A + B z, z by Box and Muller from pairs of words
	Bernoulli             // bool: (word >> 8) 2⁻²⁴ < A
	NumDists
)

var distNames = [NumDists]string{"bits", "uniform", "normal", "bernoulli"}

func (d Dist) String() string { return distNames[d] }

// Random is a tensor of random numbers that are addressed, not drawn: element i has word i%4 of Philox4x32-10 with
// the seed as its key and the counter (i/4, i/4 >> 32, step, stream). It does not depend on tiling, threads or device.
//
// key is i64[3]: seed, stream and step, of which stream and step count modulo 2³²; or i64[n, 3] for a first dimension
// of n: then row r counts its own elements from zero under key r, whatever rows stand beside it.
// f32 and f64 for uniform and normal (f64 holds the f32 number), i32 for bits, bool for Bernoulli.
//
// Philox: Salmon and others, Parallel random numbers: as easy as 1, 2, 3 (2011).
type Random struct {
	Dims  Dims
	A, B  float32
	Dist  Dist
	DType DType
}

func (*Random) Kind() Kind     { return KindRandom }
func (p *Random) Name() string { return p.Dist.String() }
func (*Random) Args() string   { return "key" }
func (p *Random) Infer(out, in []Type) ([]Type, error) {
	if err := want(in, 1); err != nil {
		return out, err
	}
	t, err := p.Dims.Type(p.DType)
	if err != nil {
		return out, err
	}
	ok := t.DType == F32 || t.DType == F64
	switch p.Dist {
	case Bits:
		ok = t.DType == I32
	case Bernoulli:
		ok = t.DType == Bool
	}
	if !ok {
		return out, DTypeErr("%v numbers are not of type %v", p.Dist, t.DType)
	}
	if err := keyFor(&in[0], &t); err != nil {
		return out, err
	}
	return append(out, t), dense(in)
}
func (*Random) Cost(in, out []Type) Cost { return perElem(10, in, out) }

// Dropout keeps each element with probability 1-P and scales it by 1/(1-P), else gives 0: element i is dropped when
// its uniform number (see Random) is below P. The same op on dy is its gradient.
//
// x floating-point, key as for Random; out as x. out may alias x.
type Dropout struct{ P float32 }

func (*Dropout) Kind() Kind          { return KindDropout }
func (*Dropout) Name() string        { return "dropout" }
func (*Dropout) Args() string        { return "x key" }
func (*Dropout) InPlace(in int) bool { return in == 0 }
func (p *Dropout) Infer(out, in []Type) ([]Type, error) {
	if err := want(in, 2); err != nil {
		return out, err
	}
	if err := float("x", &in[0]); err != nil {
		return out, err
	}
	if !(p.P >= 0 && p.P < 1) {
		return out, ShapeErr("the probability %v must be in [0,1)", p.P)
	}
	if err := keyFor(&in[1], &in[0]); err != nil {
		return out, err
	}
	return append(out, in[0].With(in[0].DType)), dense(in)
}
func (*Dropout) Cost(in, out []Type) Cost { return perElem(12, in, out) }

// keyFor refuses a key that does not address elements of t.
func keyFor(k, t *Type) error {
	if k.DType != I64 {
		return DTypeErr("the key must be i64")
	}
	if k.Rank < 1 || k.Last() != 3 || k.Rank > 2 || k.Rank == 2 && (t.Rank == 0 || k.Dims[0] != t.Dims[0]) {
		return ShapeErr("the key must be [3], or [n,3] for a first dimension of n")
	}
	return nil
}

// Categorical draws one index for each row of logits, after temperature and the usual cuts, by one uniform number of
// the row's key: the first of the kept indices, in ascending order, at which the running sum of weights exp(logit -
// largest) passes the number times the kept weight.
//
// params f32[b, 4] is for each row temperature, top-k, top-p and min-p, applied in this order: logits are divided by
// the temperature (0 or less takes the largest, the lowest index of equals, whatever the rest); only the k likeliest
// stay (0 or less: all); of these the fewest whose weight reaches p of theirs (1 or more: all), at least one; of these
// those with at least min-p of the largest weight (0 or less: all). Of equals the lowest index is likelier. Rows whose
// weights are not numbers give -1.
//
// logits [b, n] floating-point, key i64[3] or [b, 3]: row r uses word 0 of its own key, or word r of the common one.
// token i32[b], and logprob f32[b]: the token's log-probability under softmax(logits), before temperature and cuts;
// NaN for a token of -1.
type Categorical struct{ _ byte }

func (*Categorical) Kind() Kind          { return KindCategorical }
func (*Categorical) Name() string        { return "categorical" }
func (*Categorical) Args() string        { return "logits params key" }
func (*Categorical) Rowwise(in int) bool { return in == 0 }
func (*Categorical) Infer(out, in []Type) ([]Type, error) {
	if err := want(in, 3); err != nil {
		return out, err
	}
	x := &in[0]
	if err := float("logits", x); err != nil {
		return out, err
	}
	if x.Rank != 2 || x.Last() == 0 || x.Last() > 1<<31-1 {
		return out, ShapeErr("logits must be [b,n] with n from 1 to 2³¹-1")
	}
	if in[1].DType != F32 {
		return out, DTypeErr("params must be f32")
	}
	if in[1].Rank != 2 || in[1].Dims[0] != x.Dims[0] || in[1].Dims[1] != 4 {
		return out, ShapeErr("params must be [b,4]")
	}
	if err := keyFor(&in[2], x); err != nil {
		return out, err
	}
	return append(out, Make(I32, x.Dims[0]), Make(F32, x.Dims[0])), dense(in)
}
func (*Categorical) Cost(in, out []Type) Cost { return perElem(10, out, in[:1]) }
