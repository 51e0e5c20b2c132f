package gemm

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tandem-compute/tandem/cpu/internal/pool"
)

// problemCase is a product to test: shapes, types, layouts, scalars.
type problemCase struct {
	m, n, k          int
	at, bt, ct       Type
	al, bl           layout
	cgap             int
	alpha, beta      float64
	bias, residual   bool
	scale            float64 // of the residual
	act              Activation
	packed, integers bool // packed weights; small integers, so that sums are exact
	threads          int
}

func (c problemCase) String() string {
	return fmt.Sprintf("%dx%dx%d a=%s%v b=%s%v c=%s+%d alpha=%v beta=%v bias=%v res=%v*%v act=%d packed=%v threads=%d", c.m, c.n, c.k, typeNames[c.at], c.al,
		typeNames[c.bt], c.bl, typeNames[c.ct], c.cgap, c.alpha, c.beta, c.bias, c.residual, c.scale, c.act, c.packed, c.threads)
}

// wide is the type of the computation.
func (c problemCase) wide() Type {
	if c.ct == F64 {
		return F64
	}
	return F32
}

var activationRef = [numActivations]func(float64) float64{
	None:     func(x float64) float64 { return x },
	Relu:     func(x float64) float64 { return max(x, 0) },
	Gelu:     func(x float64) float64 { return x * 0.5 * math.Erfc(-x/math.Sqrt2) },
	GeluTanh: func(x float64) float64 { return 0.5 * x * (1 + math.Tanh(math.Sqrt(2/math.Pi)*(x+0.044715*x*x*x))) },
	Silu:     func(x float64) float64 { return x / (1 + math.Exp(-x)) },
	Sigmoid:  func(x float64) float64 { return 1 / (1 + math.Exp(-x)) },
	Tanh:     math.Tanh,
}

// operands are a case's matrices. before is C as it was.
type operands struct {
	a, b, c, before, bias, residual *stored
	seed                            uint64
}

func (c problemCase) operands() operands {
	seed := uint64(c.m)<<40 ^ uint64(c.n)<<20 ^ uint64(c.k) ^ uint64(c.at)<<60
	r := rand.New(rand.NewPCG(seed, 1))
	value := func(_, _ int) float64 {
		if c.integers {
			return float64(r.IntN(7) - 3)
		}
		return r.Float64()*2 - 1
	}
	old := value
	if c.beta == 0 {
		old = func(_, _ int) float64 { return math.NaN() } // must not be read
	}
	o := operands{seed: seed}
	o.a, o.b = newStored(c.at, c.m, c.k, c.al, value), newStored(c.bt, c.k, c.n, c.bl, value)
	o.c = newStored(c.ct, c.m, c.n, layout{gap: c.cgap}, old)
	o.before = newStored(c.ct, c.m, c.n, layout{}, o.c.get)
	o.bias, o.residual = newStored(c.wide(), 1, c.n, layout{}, value), newStored(c.ct, c.m, c.n, layout{gap: 3}, value)
	return o
}

func (o *operands) inputs() string {
	return o.a.contents() + o.b.contents() + o.bias.contents() + o.residual.contents()
}

// call is the call that the case makes.
func (c problemCase) call(t *testing.T, e *Engine, o *operands) *Call {
	call := &Call{M: c.m, N: c.n, K: c.k, A: o.a.Matrix, B: o.b.Matrix, C: o.c.Matrix, Alpha: c.alpha, Beta: c.beta}
	call.Epilogue.Act = c.act
	if c.bias {
		call.Epilogue.Bias = o.bias.Matrix
		call.Epilogue.Bias.Row = 0
	}
	if c.residual {
		call.Epilogue.Residual, call.Epilogue.Scale = o.residual.Matrix, c.scale
	}
	if c.packed {
		w, err := e.Pack(make([]byte, e.PackedSize(c.bt, c.k, c.n)), o.b.Matrix, c.k, c.n)
		require.NoError(t, err)
		call.Packed, call.B = w, Matrix{}
	}
	return call
}

// checkedProducts limits the work of the reference: of larger products every so many elements are compared.
const checkedProducts = 1 << 20

// check computes the case and compares it with float64 loops.
func (c problemCase) check(t *testing.T, e *Engine, p *pool.Pool, ws *Workspace) *stored {
	t.Helper()
	o := c.operands()
	inputs, call := o.inputs(), c.call(t, e, &o)
	e.Multiply(ws, p, c.threads, call)
	require.True(t, inputs == o.inputs(), "an operand changed: %v", c)
	o.c.checkGuards(t)

	rows, columns := o.a.values(), o.b.T().values()
	for at := 0; at < c.m*c.n; at += 1 + c.m*c.n*c.k/checkedProducts {
		i, j := at/c.n, at%c.n
		sum, scale := c.reference(rows[i*c.k:][:c.k], columns[j*c.k:][:c.k])
		want, bound := c.finish(&o, i, j, sum, scale)
		if got := o.c.get(i, j); !(math.Abs(got-want) <= bound) {
			require.Failf(t, "wrong", "%v seed %d: [%d,%d] got %v want %v bound %v", c, o.seed, i, j, got, want, bound)
		}
	}
	return o.c
}

// reference returns the sum of products and the sum of their magnitudes. For float64 results it carries the sum's
// rounding errors along.
func (c problemCase) reference(row, column []float64) (sum, scale float64) {
	var low float64
	for k, x := range row {
		y := column[k]
		product := x * y
		if c.wide() == F64 {
			total := sum + product
			rest := total - sum
			low += math.FMA(x, y, -product) + ((sum - (total - rest)) + (product - rest))
		}
		sum += product
		scale += math.Abs(product)
	}
	return sum + low, scale
}

// finish completes the reference and bounds the error: 4 u S for sums of zero-mean products, where S is |alpha| Σ|a||b|
// + |beta c| + |bias|, or √k times the sum where that is more because the sum happens to be one-signed; then what the
// activation makes of it and the rounding of C's type.
func (c problemCase) finish(o *operands, i, j int, sum, scale float64) (want, bound float64) {
	u := unit(c.wide())
	sum, scale = c.alpha*sum, math.Abs(c.alpha)*scale
	if c.beta != 0 {
		sum += c.beta * o.before.get(i, j)
		scale += math.Abs(c.beta * o.before.get(i, j))
	}
	if c.bias {
		sum += o.bias.get(0, j)
		scale += math.Abs(o.bias.get(0, j))
	}
	want, bound = activationRef[c.act](sum), 4*u*max(scale, math.Sqrt(float64(c.k))*math.Abs(sum))
	if c.act != None {
		bound = 2*bound + 8*u*(1+math.Abs(want))
	}
	if c.residual {
		term := cmp.Or(c.scale, 1) * o.residual.get(i, j)
		want += term
		bound += 2 * u * (math.Abs(want) + math.Abs(term))
	}
	if c.ct != c.wide() {
		bound += unit(c.ct)*(math.Abs(want)+bound) + 0x1p-25
	}
	if c.integers {
		bound = 0
	}
	return want, bound
}
