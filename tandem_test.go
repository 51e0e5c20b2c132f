package tandem

import (
	"context"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tandem-compute/tandem/internal/ref"
)

// openRef is the oracle as a device.
func openRef() *Device { return newDevice(ref.Backend{}, &options{}, nil) }

// openTest opens a CPU device that must hold nothing any more when the test ends.
func openTest(t testing.TB, opts ...Option) *Device {
	d, err := Open(append([]Option{OnDevice("cpu")}, opts...)...)
	require.NoError(t, err)
	t.Cleanup(func() { closeTest(t, d) })
	return d
}

// closeTest closes d, on which no tensor, no program, no arena and no block may be left.
func closeTest(t testing.TB, d *Device) {
	requireIdle(t, d)
	s := d.Stats()
	require.Zero(t, s.Tensors, "tensors left open")
	require.Zero(t, s.Live, "memory left in use")
	require.Empty(t, d.progs, "programs left open")
	require.NoError(t, d.Close())
	require.Zero(t, d.Stats().Reserved, "memory not given back to the system")
}

// requireIdle checks that no run left anything behind.
func requireIdle(t testing.TB, d *Device) {
	d.mu.Lock()
	defer d.mu.Unlock()
	require.Empty(t, d.active)
	require.Empty(t, d.limbo)
	for _, c := range d.cores {
		require.Empty(t, c.stack)
		require.Empty(t, c.lent)
		require.Nil(t, c.tape)
		require.Nil(t, c.back)
		require.Nil(t, c.prog)
		for i := range c.free {
			require.Empty(t, c.free[i], "an idle arena holds memory")
		}
	}
}

var bg = context.Background()

func rng(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 1)) }

func randn[T float32 | float64](r *rand.Rand, n int) []T {
	x := make([]T, n)
	for i := range x {
		x[i] = T(r.NormFloat64())
	}
	return x
}

// tensor makes a persistent tensor that is closed when the test ends.
func tensor[T Elem](t testing.TB, d *Device, data []T, dims ...int) Tensor {
	x, err := FromSlice(d, data, dims...)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, x.Close()) })
	return x
}

func normal(t testing.TB, d *Device, r *rand.Rand, dims ...int) Tensor {
	n := 1
	for _, k := range dims {
		n *= k
	}
	return tensor(t, d, randn[float32](r, n), dims...)
}

func read[T Elem](t testing.TB, s *Scope, x Tensor) []T {
	out := make([]T, x.Elems())
	require.NoError(t, Read(s, x, out))
	return out
}

func TestMatMulSmall(t *testing.T) {
	d := openTest(t)
	a := tensor(t, d, []float32{1, 2, 3, 4, 5, 6}, 2, 3)
	b := tensor(t, d, []float32{1, 0, 0, 1, 1, 1}, 3, 2)
	require.NoError(t, d.Run(context.Background(), func(s *Scope) error {
		require.Equal(t, []float32{4, 5, 10, 11}, read[float32](t, s, s.MatMul(a, b)))
		return nil
	}))
}

func TestProgramAgreesWithEager(t *testing.T) {
	d, r := openTest(t), rng(1)
	x, w, g := normal(t, d, r, 5, 16), normal(t, d, r, 16, 8), normal(t, d, r, 16)
	f := func(s *Scope) Tensor { return s.Softmax(s.MatMul(s.RMSNorm(s.Add(x, x), g, 1e-6), w)) }
	eager, replayed := make([]float32, 40), make([]float32, 40)
	require.NoError(t, d.Run(context.Background(), func(s *Scope) error { return Read(s, f(s), eager) }))
	p, err := d.Compile(func(s *Scope) error { return Read(s, f(s), replayed) })
	require.NoError(t, err)
	require.NoError(t, p.Run(context.Background()))
	require.Equal(t, eager, replayed)
	clear(replayed)
	require.NoError(t, p.Run(context.Background()))
	require.Equal(t, eager, replayed)
	require.Equal(t, 5, p.Price().Nodes)
	require.NoError(t, p.Close())
}

func TestGradientsAgreeWithTheOracle(t *testing.T) {
	run := func(d *Device) (out []float64) {
		r := rng(2)
		x, w, g := tensor(t, d, randn[float64](r, 15), 3, 5), tensor(t, d, randn[float64](r, 20), 5, 4), tensor(t, d, randn[float64](r, 5), 5)
		require.NoError(t, d.Run(context.Background(), func(s *Scope) error {
			s.Record(x, w, g)
			y := s.Softmax(s.MatMul(s.RMSNorm(s.Mul(x, s.Exp(x)), g, 1e-6), w))
			for _, grad := range s.Gradients(s.Sum(s.Mul(y, y)), x, w, g) {
				out = append(out, read[float64](t, s, grad)...)
			}
			return nil
		}))
		return out
	}
	require.InDeltaSlice(t, run(openRef()), run(openTest(t)), 1e-12)
}
