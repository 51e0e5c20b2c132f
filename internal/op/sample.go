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
	k := &in[0]
	if k.DType != I64 {
		return out, DTypeErr("the key must be i64")
	}
	if k.Last() != 3 || k.Rank > 2 || k.Rank == 2 && (t.Rank == 0 || k.Dims[0] != t.Dims[0]) {
		return out, ShapeErr("the key must be [3], or [n,3] for a first dimension of n")
	}
	return append(out, t), dense(in)
}
func (*Random) Cost(in, out []Type) Cost { return perElem(10, in, out) }
