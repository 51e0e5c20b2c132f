package op

// UnaryFn is a function of one element.
type UnaryFn uint8

const (
	Neg UnaryFn = iota
	Abs
	Sign // -1, 0, 1; NaN stays
	Square
	Sqrt
	Rsqrt // 1 / sqrt(x)
	Reciprocal
	Floor
	Ceil
	Round // to nearest, ties to even
	Trunc
	Exp
	Exp2
	Expm1
	Log
	Log2
	Log1p
	Sin
	Cos
	Tanh
	Erf
	Sigmoid
	ReLU
	SiLU     // x * sigmoid(x)
	GELU     // x/2 * (1 + erf(x/√2))
	GELUTanh // x/2 * (1 + tanh(√(2/π) (x + 0.044715 x³)))
	Softplus // log(1 + exp(x)), as max(x, 0) + log1p(exp(-|x|))
	Not      // bitwise complement of an integer, logical of a bool
	NumUnaryFns
)

var unaryNames = [NumUnaryFns]string{"neg", "abs", "sign", "square", "sqrt", "rsqrt", "reciprocal", "floor", "ceil", "round",
	"trunc", "exp", "exp2", "expm1", "log", "log2", "log1p", "sin", "cos", "tanh", "erf", "sigmoid", "relu", "silu", "gelu",
	"gelutanh", "softplus", "not"}

func (f UnaryFn) String() string { return unaryNames[f] }

// FromOutput reports whether the derivative is written in terms of f(x), so that x need not be kept.
func (f UnaryFn) FromOutput() bool {
	switch f {
	case Sqrt, Rsqrt, Reciprocal, Exp, Exp2, Tanh, Sigmoid, ReLU:
		return true
	}
	return false
}

// Differentiable reports whether f has a gradient: all functions of real numbers do, those that are constant
// almost everywhere have zero.
func (f UnaryFn) Differentiable() bool { return f != Not }

// Unary is out = Fn(x), element by element.
//
// x of any shape; floating-point for all functions, integers for neg, abs, sign, square, relu and not, bool for not.
// out as x; out may alias x.
type Unary struct{ Fn UnaryFn }

func (*Unary) Kind() Kind       { return KindUnary }
func (p *Unary) Name() string   { return p.Fn.String() }
func (*Unary) Args() string     { return "x" }
func (*Unary) Rowwise(int) bool { return true }
func (*Unary) InPlace(int) bool { return true }
func (p *Unary) Infer(out, in []Type) ([]Type, error) {
	if err := want(in, 1); err != nil {
		return out, err
	}
	d, ok := in[0].DType, false
	switch p.Fn {
	case Not:
		ok = d.Int() || d == Bool
	case Neg, Abs, Sign, Square, ReLU:
		ok = d.Float() || d.Int()
	default:
		ok = d.Float()
	}
	if !ok {
		return out, DTypeErr("not defined on %v", d)
	}
	return append(out, in[0].With(d)), dense(in)
}
func (*Unary) Cost(in, out []Type) Cost { return perElem(1, in, out) }

// UnaryGrad is dx = Fn'(x) dy, where v is x, or Fn(x) for functions whose derivative is written in it (FromOutput).
type UnaryGrad struct{ Fn UnaryFn }

func (*UnaryGrad) Kind() Kind       { return KindUnaryGrad }
func (p *UnaryGrad) Name() string   { return p.Fn.String() + ".grad" }
func (*UnaryGrad) Args() string     { return "v dy" }
func (*UnaryGrad) Rowwise(int) bool { return true }
func (*UnaryGrad) InPlace(int) bool { return true }
func (p *UnaryGrad) Infer(out, in []Type) ([]Type, error) {
	if err := want(in, 2); err != nil {
		return out, err
	}
	if !p.Fn.Differentiable() {
		return out, UnsupportedErr("%v has no derivative", p.Fn)
	}
	return sameFloats(out, in)
}
func (*UnaryGrad) Cost(in, out []Type) Cost { return perElem(3, in, out) }

// sameFloats is the rule of ops whose operands and output have one shape and one floating-point dtype.
func sameFloats(out, in []Type) ([]Type, error) {
	if err := float("the first operand", &in[0]); err != nil {
		return out, err
	}
	if err := alike(in); err != nil {
		return out, err
	}
	for i := 1; i < len(in); i++ {
		if !in[i].SameShape(&in[0]) {
			return out, ShapeErr("shapes differ")
		}
	}
	return append(out, in[0].With(in[0].DType)), dense(in)
}

// BinaryFn is a function of two elements.
type BinaryFn uint8

const (
	Add BinaryFn = iota
	Sub
	Mul
	Div // integers truncate toward zero, x/0 = 0
	Min // NaN if either is
	Max
	Pow
	And // bitwise; logical on bool
	Or
	Xor
	Shl // shifts by the width or more give 0; by a negative number 0
	Shr // arithmetic on signed types: shifts by the width or more give the sign
	NumBinaryFns
)

var binaryNames = [NumBinaryFns]string{"add", "sub", "mul", "div", "min", "max", "pow", "and", "or", "xor", "shl", "shr"}

func (f BinaryFn) String() string { return binaryNames[f] }

func (f BinaryFn) on(d DType) error {
	ok := d.Float() || d.Int()
	switch f {
	case Pow:
		ok = d.Float()
	case And, Or, Xor:
		ok = d.Int() || d == Bool
	case Shl, Shr:
		ok = d.Int()
	}
	if !ok {
		return DTypeErr("not defined on %v", d)
	}
	return nil
}

// Binary is out = Fn(a, b), element by element, with broadcast.
//
// a and b have one dtype; arithmetic takes floating-point and integers (which wrap), and/or/xor integers and bool,
// shifts integers. out may alias an operand of its own shape.
type Binary struct{ Fn BinaryFn }

func (*Binary) Kind() Kind       { return KindBinary }
func (p *Binary) Name() string   { return p.Fn.String() }
func (*Binary) Args() string     { return "a b" }
func (*Binary) Rowwise(int) bool { return true }
func (*Binary) InPlace(int) bool { return true }
func (p *Binary) Infer(out, in []Type) ([]Type, error) {
	if err := want(in, 2); err != nil {
		return out, err
	}
	if err := alike(in); err != nil {
		return out, err
	}
	if err := p.Fn.on(in[0].DType); err != nil {
		return out, err
	}
	t, err := Broadcast(&in[0], &in[1])
	if err != nil {
		return out, err
	}
	return append(out, t), dense(in)
}
func (*Binary) Cost(in, out []Type) Cost { return perElem(1, in, out) }

// Scalar is out = Fn(x, Value), or Fn(Value, x) when Flip is set. Value is rounded to x's dtype first.
//
// dtypes as for Binary. out may alias x.
type Scalar struct {
	Value float64
	Fn    BinaryFn
	Flip  bool
}

func (*Scalar) Kind() Kind       { return KindScalar }
func (p *Scalar) Name() string   { return p.Fn.String() + ".scalar" }
func (*Scalar) Args() string     { return "x" }
func (*Scalar) Rowwise(int) bool { return true }
func (*Scalar) InPlace(int) bool { return true }
func (p *Scalar) Infer(out, in []Type) ([]Type, error) {
	if err := want(in, 1); err != nil {
		return out, err
	}
	if err := p.Fn.on(in[0].DType); err != nil {
		return out, err
	}
	return append(out, in[0].With(in[0].DType)), dense(in)
}
func (*Scalar) Cost(in, out []Type) Cost { return perElem(1, in, out) }

// AddScaled is out = a + Sign * s * b with the scalar s ([] or [1]) on the device: the update of a parameter.
//
// The product is rounded before the sum, so every device gives the same bits. out may alias a.
type AddScaled struct{ Sign float32 }

func (*AddScaled) Kind() Kind          { return KindAddScaled }
func (*AddScaled) Name() string        { return "addscaled" }
func (*AddScaled) Args() string        { return "a b s" }
func (*AddScaled) InPlace(in int) bool { return in == 0 }
func (p *AddScaled) Infer(out, in []Type) ([]Type, error) {
	if err := want(in, 3); err != nil {
		return out, err
	}
	if in[2].Elems() != 1 {
		return out, ShapeErr("s must be a scalar")
	}
	if in[2].DType != in[0].DType {
		return out, DTypeErr("dtypes %v and %v differ; see Cast", in[0].DType, in[2].DType)
	}
	return sameFloats(out, in[:2])
}
func (*AddScaled) Cost(in, out []Type) Cost { return perElem(2, in, out) }

// Fill is a tensor whose every element is Value, rounded to DType.
type Fill struct {
	Dims  Dims
	Value float64
	DType DType
}

func (*Fill) Kind() Kind   { return KindFill }
func (*Fill) Name() string { return "fill" }
func (*Fill) Args() string { return "" }
func (p *Fill) Infer(out, in []Type) ([]Type, error) {
	if err := want(in, 0); err != nil {
		return out, err
	}
	t, err := p.Dims.Type(p.DType)
	return append(out, t), err
}
func (*Fill) Cost(in, out []Type) Cost { return perElem(0, in, out) }

// Copy is out = x, contiguous.
type Copy struct{ _ byte }

func (*Copy) Kind() Kind       { return KindCopy }
func (*Copy) Name() string     { return "copy" }
func (*Copy) Args() string     { return "x" }
func (*Copy) Rowwise(int) bool { return true }
func (*Copy) Infer(out, in []Type) ([]Type, error) {
	if err := want(in, 1); err != nil {
		return out, err
	}
	return append(out, in[0].With(in[0].DType)), dense(in)
}
func (*Copy) Cost(in, out []Type) Cost { return perElem(0, in, out) }

// Cast is out = x in another dtype, for every pair of dtypes.
//
// Floating-point to floating-point rounds once, to nearest even. Floating-point to integer truncates toward zero and
// saturates; NaN gives 0. Integer to integer keeps the low bits. To bool: x != 0. From bool: 0 or 1.
type Cast struct{ To DType }

func (*Cast) Kind() Kind       { return KindCast }
func (*Cast) Name() string     { return "cast" }
func (*Cast) Args() string     { return "x" }
func (*Cast) Rowwise(int) bool { return true }
func (p *Cast) Infer(out, in []Type) ([]Type, error) {
	if err := want(in, 1); err != nil {
		return out, err
	}
	if !p.To.Valid() {
		return out, DTypeErr("%v is not a type that tensors can have", p.To)
	}
	t := in[0].With(p.To)
	if err := t.Check(); err != nil {
		return out, err
	}
	return append(out, t), dense(in)
}
func (*Cast) Cost(in, out []Type) Cost { return perElem(0, in, out) }

// CompareFn is a relation of two elements.
type CompareFn uint8

const (
	Eq CompareFn = iota
	Ne
	Lt
	Le
	Gt
	Ge
	NumCompareFns
)

var compareNames = [NumCompareFns]string{"eq", "ne", "lt", "le", "gt", "ge"}

func (f CompareFn) String() string { return compareNames[f] }

// Compare is out = a Fn b as bool, with broadcast. NaN is unequal to everything.
//
// a and b have one dtype; bool only for eq and ne.
type Compare struct{ Fn CompareFn }

func (*Compare) Kind() Kind       { return KindCompare }
func (p *Compare) Name() string   { return p.Fn.String() }
func (*Compare) Args() string     { return "a b" }
func (*Compare) Rowwise(int) bool { return true }
func (p *Compare) Infer(out, in []Type) ([]Type, error) {
	if err := want(in, 2); err != nil {
		return out, err
	}
	if err := alike(in); err != nil {
		return out, err
	}
	if in[0].DType == Bool && p.Fn > Ne {
		return out, DTypeErr("not defined on bool")
	}
	t, err := Broadcast(&in[0], &in[1])
	if err != nil {
		return out, err
	}
	return append(out, t.With(Bool)), dense(in)
}
func (*Compare) Cost(in, out []Type) Cost { return perElem(1, in, out) }

// Where is out = a where cond, else b, all three with broadcast. cond is bool, a and b have one dtype.
type Where struct{ _ byte }

func (*Where) Kind() Kind          { return KindWhere }
func (*Where) Name() string        { return "where" }
func (*Where) Args() string        { return "cond a b" }
func (*Where) Rowwise(int) bool    { return true }
func (*Where) InPlace(in int) bool { return in > 0 }
func (*Where) Infer(out, in []Type) ([]Type, error) {
	if err := want(in, 3); err != nil {
		return out, err
	}
	if in[0].DType != Bool {
		return out, DTypeErr("cond must be bool")
	}
	if err := alike(in[1:]); err != nil {
		return out, err
	}
	t, err := Broadcast(&in[1], &in[2])
	if err != nil {
		return out, err
	}
	if t, err = Broadcast(&t, &in[0]); err != nil {
		return out, err
	}
	return append(out, t), dense(in)
}
func (*Where) Cost(in, out []Type) Cost { return perElem(1, in, out) }

// Clamp is out = min(max(x, Lo), Hi), NaN stays; Lo and Hi are rounded to x's dtype. Floating-point and integers.
// out may alias x.
type Clamp struct{ Lo, Hi float64 }

func (*Clamp) Kind() Kind       { return KindClamp }
func (*Clamp) Name() string     { return "clamp" }
func (*Clamp) Args() string     { return "x" }
func (*Clamp) Rowwise(int) bool { return true }
func (*Clamp) InPlace(int) bool { return true }
func (p *Clamp) Infer(out, in []Type) ([]Type, error) {
	if err := want(in, 1); err != nil {
		return out, err
	}
	if !in[0].DType.Float() && !in[0].DType.Int() {
		return out, DTypeErr("not defined on %v", in[0].DType)
	}
	if !(p.Lo <= p.Hi) {
		return out, ShapeErr("bounds %v and %v are not in order", p.Lo, p.Hi)
	}
	return append(out, in[0].With(in[0].DType)), dense(in)
}
func (*Clamp) Cost(in, out []Type) Cost { return perElem(2, in, out) }

// SwiGLU is out = silu(gate) * up, the gated unit of Shazeer, GLU variants improve Transformer (2020). With a Limit
// above 0, silu(gate) is cut to at most Limit and up to [-Limit, Limit].
//
// gate and up of one shape and floating-point dtype. out may alias either.
type SwiGLU struct{ Limit float32 }

func (*SwiGLU) Kind() Kind       { return KindSwiGLU }
func (*SwiGLU) Name() string     { return "swiglu" }
func (*SwiGLU) Args() string     { return "gate up" }
func (*SwiGLU) Rowwise(int) bool { return true }
func (*SwiGLU) InPlace(int) bool { return true }
func (*SwiGLU) Infer(out, in []Type) ([]Type, error) {
	if err := want(in, 2); err != nil {
		return out, err
	}
	return sameFloats(out, in)
}
func (*SwiGLU) Cost(in, out []Type) Cost { return perElem(4, in, out) }

// SwiGLUGrad is the backward of SwiGLU: dgate and dup, zero where the limit cut; at the very limit the gradient
// passes.
type SwiGLUGrad struct{ Limit float32 }

func (*SwiGLUGrad) Kind() Kind       { return KindSwiGLUGrad }
func (*SwiGLUGrad) Name() string     { return "swiglu.grad" }
func (*SwiGLUGrad) Args() string     { return "gate up dy" }
func (*SwiGLUGrad) Rowwise(int) bool { return true }
func (*SwiGLUGrad) Infer(out, in []Type) ([]Type, error) {
	if err := want(in, 3); err != nil {
		return out, err
	}
	out, err := sameFloats(out, in)
	if err != nil {
		return out, err
	}
	return append(out, out[len(out)-1]), nil
}
func (*SwiGLUGrad) Cost(in, out []Type) Cost { return perElem(8, in, out) }

// BiasAct is out = Act(x + bias) for every row of x: bias [n] for x [..., n], one floating-point dtype. Act is
// relu, silu, gelu, gelutanh, sigmoid or tanh. out may alias x.
type BiasAct struct{ Act UnaryFn }

func (*BiasAct) Kind() Kind          { return KindBiasAct }
func (*BiasAct) Name() string        { return "biasact" }
func (*BiasAct) Args() string        { return "x bias" }
func (*BiasAct) Rowwise(in int) bool { return in == 0 }
func (*BiasAct) InPlace(in int) bool { return in == 0 }
func (p *BiasAct) Infer(out, in []Type) ([]Type, error) {
	if err := want(in, 2); err != nil {
		return out, err
	}
	switch p.Act {
	case ReLU, SiLU, GELU, GELUTanh, Sigmoid, Tanh:
	default:
		return out, UnsupportedErr("%v is not one of the fused activations", p.Act)
	}
	return rows(out, in, in[1:])
}
func (*BiasAct) Cost(in, out []Type) Cost { return perElem(2, in, out) }

// Iota is Start, Start+Step, … along one dimension of N elements, in DType.
type Iota struct {
	Start, Step float64
	N           int
	DType       DType
}

func (*Iota) Kind() Kind   { return KindIota }
func (*Iota) Name() string { return "iota" }
func (*Iota) Args() string { return "" }
func (p *Iota) Infer(out, in []Type) ([]Type, error) {
	if err := want(in, 0); err != nil {
		return out, err
	}
	if p.DType == Bool {
		return out, DTypeErr("not defined on bool")
	}
	t, err := New(p.DType, p.N)
	return append(out, t), err
}
func (*Iota) Cost(in, out []Type) Cost { return perElem(1, in, out) }
