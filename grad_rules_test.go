package tandem

import (
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tandem-compute/tandem/internal/op"
)

// gradCase is a function whose gradients for params are proven.
type gradCase struct {
	name   string
	f      func(s *Scope) Tensor
	params []Tensor
	// loose is the part of the scale by which the CPU may differ from the oracle, where it is not 1e-11.
	loose float64
}

// gradCases are the cases on one device.
type gradCases struct {
	t   *testing.T
	d   *Device
	all []gradCase
}

// newGradCases makes all cases on d; the tensors have the same elements on every device.
func newGradCases(t *testing.T, d *Device) []gradCase {
	g := &gradCases{t: t, d: d}
	for _, family := range []func(*gradCases){unaryGradCases, binaryGradCases, scalarGradCases, logicGradCases, reduceGradCases,
		gemmGradCases, normGradCases, softmaxGradCases, segmentGradCases, indexGradCases, sampleGradCases, viewGradCases, attentionGradCases, ropeGradCases} {
		family(g)
	}
	return g.all
}

func (g *gradCases) add(name string, f func(s *Scope) Tensor, params ...Tensor) {
	g.all = append(g.all, gradCase{name: name, f: f, params: params})
}

// normal is a tensor of normal numbers, positive one of numbers from 0.5 to 2, away the normal ones moved from zero by
// a quarter.
func (g *gradCases) normal(seed uint64, dims ...int) Tensor { return normal64(g.t, g.d, seed, dims...) }
func (g *gradCases) positive(seed uint64, dims ...int) Tensor {
	return g.of(seed, func(x float64) float64 { return 0.5 + 1.5/(1+math.Exp(-x)) }, dims...)
}
func (g *gradCases) away(seed uint64, dims ...int) Tensor {
	return g.of(seed, func(x float64) float64 { return x + math.Copysign(0.25, x) }, dims...)
}

func (g *gradCases) of(seed uint64, f func(float64) float64, dims ...int) Tensor {
	n := 1
	for _, k := range dims {
		n *= k
	}
	x := randn[float64](rng(seed), n)
	for i, v := range x {
		x[i] = f(v)
	}
	return tensor(g.t, g.d, x, dims...)
}

func (g *gradCases) ints(v ...int32) Tensor { return tensor(g.t, g.d, v, len(v)) }

// loss makes a scalar of the case's result, and tells its elements apart.
func (c *gradCase) loss(s *Scope) Tensor {
	y := s.Flatten(c.f(s))
	return s.Sum(s.Mul(y, s.Sin(s.Iota(F64, y.Elems(), 1, 1))))
}

func (c *gradCase) value(t *testing.T, d *Device) float64 {
	var l [1]float64
	require.NoError(t, d.Run(bg, func(s *Scope) error { return Read(s, c.loss(s), l[:]) }))
	return l[0]
}

// gradients computes the gradients by a tape that runs at once and by one in a Program, which must agree to the bit.
// Either fails where a rule reads what it does not name.
func (c *gradCase) gradients(t *testing.T, d *Device) [][]float64 {
	eager, compiled := make([][]float64, len(c.params)), make([][]float64, len(c.params))
	step := func(to [][]float64) func(s *Scope) error {
		return func(s *Scope) error {
			s.Record(c.params...)
			for i, g := range s.Gradients(c.loss(s), c.params...) {
				require.Equal(t, c.params[i].Shape(), g.Shape(), "gradient %d", i)
				to[i] = make([]float64, g.Elems())
				if err := Read(s, g, to[i]); err != nil {
					return err
				}
			}
			return nil
		}
	}
	require.NoError(t, d.Run(bg, step(eager)))
	p, err := d.Compile(step(compiled))
	require.NoError(t, err)
	require.NoError(t, p.Run(bg))
	require.NoError(t, p.Close())
	require.Equal(t, eager, compiled, "a compiled Backward differs")
	return eager
}

// requireDifferences compares gradients with central differences, to 1e-7 of the largest.
func (c *gradCase) requireDifferences(t *testing.T, d *Device, grads [][]float64) {
	for i, p := range c.params {
		v, want := all[float64](t, p), make([]float64, len(grads[i]))
		for j, old := range v {
			h := 1e-6 * max(1, math.Abs(old))
			at := func(x float64) float64 {
				v[j] = x
				require.NoError(t, Write(p, v))
				return c.value(t, d)
			}
			want[j] = (at(old+h) - at(old-h)) / (2 * h)
			v[j] = old
		}
		require.NoError(t, Write(p, v))
		requireNear(t, want, grads[i], 1e-7, "parameter %d", i)
	}
}

// requireNear compares to a part of the largest element, and of one at least.
func requireNear(t *testing.T, want, got []float64, part float64, format string, i int) {
	t.Helper()
	scale := 1.0
	for _, v := range want {
		scale = max(scale, math.Abs(v))
	}
	require.InDeltaSlice(t, want, got, part*scale, format, i)
}

// TestGradientRules proves the rules on the oracle, by differences, and then holds the CPU to the oracle.
func TestGradientRules(t *testing.T) {
	oracle := openRef()
	t.Cleanup(func() { closeTest(t, oracle) })
	cpu := openTest(t)
	cases := newGradCases(t, oracle)
	for i, fast := range newGradCases(t, cpu) {
		c := cases[i]
		t.Run(c.name, func(t *testing.T) {
			want := c.gradients(t, oracle)
			c.requireDifferences(t, oracle, want)
			got := fast.gradients(t, cpu)
			for i := range want {
				requireNear(t, want[i], got[i], max(c.loose, 1e-11), "the CPU's gradient %d", i)
			}
		})
	}
}

// TestEveryRuleHasACase walks the table of rules: every op that has one must be on the tape of some case.
func TestEveryRuleHasACase(t *testing.T) {
	d := openRef()
	t.Cleanup(func() { closeTest(t, d) })
	seen := map[string]bool{}
	for _, c := range newGradCases(t, d) {
		require.NoError(t, d.Run(bg, func(s *Scope) error {
			s.Record(c.params...)
			c.f(s)
			if s.Err() == nil {
				for _, n := range s.tape.nodes {
					seen[n.op.Name()] = true
				}
			}
			return nil
		}), c.name)
	}
	without := []string{"not", "and", "or", "xor", "shl", "shr", "all", "any"} // of integers and bools alone
	for _, f := range slices.Clone(without) {
		without = append(without, f+".scalar")
	}
	for _, o := range op.All() {
		if rules[o.Kind()].run != nil && !slices.Contains(without, o.Name()) {
			require.True(t, seen[o.Name()], "%s has a gradient rule and no case", o.Name())
		}
	}
}

// TestCastGradient: the gradient goes back in the operand's dtype, unchanged, as if rounding were not there. Differences
// of a rounded function could not tell.
func TestCastGradient(t *testing.T) {
	d := openTest(t)
	x := tensor(t, d, []float64{0.1, -2.3, 1e-3}, 3)
	dy := tensor(t, d, []float32{1.5, -0.25, 3}, 3)
	for _, to := range []DType{F32, F16, BF16} {
		require.NoError(t, d.Run(bg, func(s *Scope) error {
			s.Record(x)
			y := s.Cast(x, to)
			s.BackwardFrom(y, s.Cast(dy, to), func(_, g Tensor) {
				require.Equal(t, []float64{1.5, -0.25, 3}, read[float64](t, s, g))
			})
			return nil
		}), "%v", to)
	}
}
