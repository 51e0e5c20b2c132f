package tandem

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tandem-compute/tandem/internal/op"
	"github.com/tandem-compute/tandem/internal/ref/golden"
)

// TestGradientGoldens holds tapes, on the oracle and on the CPU, to what PyTorch's autograd makes of the same op:
// above all where a convention decides, at ties, edges and zeros.
func TestGradientGoldens(t *testing.T) {
	cases, err := golden.Load()
	require.NoError(t, err)
	oracle := openRef()
	t.Cleanup(func() { closeTest(t, oracle) })
	for _, d := range []*Device{oracle, openTest(t)} {
		for _, c := range cases {
			if c.Dy != nil {
				t.Run(d.Name()+"/"+c.Name, func(t *testing.T) { requireGoldenGradients(t, d, &c) })
			}
		}
	}
}

func requireGoldenGradients(t *testing.T, d *Device, c *golden.Case) {
	o, err := c.Op()
	require.NoError(t, err)
	if rules[o.Kind()].run == nil {
		t.Skipf("%s has no gradient rule", o.Name())
	}
	var in, params []Tensor
	var want [][]float64
	for i := range c.In {
		x := goldenTensor(t, d, &c.In[i])
		in = append(in, x)
		if c.Grad[i] != nil {
			params = append(params, x)
			want = append(want, goldenFloats(c.Grad[i]))
		}
	}
	dy, got := goldenTensor(t, d, c.Dy), map[Tensor][]float64{}
	require.NoError(t, d.Run(bg, func(s *Scope) error {
		s.Record(params...)
		out := make([]Tensor, len(c.Out))
		s.run(new(op.Node), o, in, out)
		s.BackwardFrom(out[0], dy, func(p, g Tensor) { got[p] = read[float64](t, s, g) })
		return nil
	}))
	part := 1e-11
	if o.Kind() == op.KindRope && d.Name() != "ref" {
		part = 1e-6 // its sines and cosines are f32
	}
	for i, p := range params {
		requireNear(t, want[i], got[p], part, "the gradient of parameter %d", i)
	}
}

func goldenTensor(t *testing.T, d *Device, x *golden.Tensor) Tensor {
	typ, err := x.Type()
	require.NoError(t, err)
	switch typ.DType {
	case F64:
		return tensor(t, d, goldenFloats(x), x.Dims...)
	case I32:
		v := make([]int32, len(x.Data))
		for i, n := range x.Data {
			v[i] = int32(n)
		}
		return tensor(t, d, v, x.Dims...)
	case Bool:
		v := make([]bool, len(x.Data))
		for i, n := range x.Data {
			v[i] = n != 0
		}
		return tensor(t, d, v, x.Dims...)
	}
	require.Fail(t, "no test tensor", "%v", typ)
	return Tensor{}
}

func goldenFloats(x *golden.Tensor) []float64 {
	v := make([]float64, len(x.Data))
	for i, n := range x.Data {
		v[i] = float64(n)
	}
	return v
}
