package tandem

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
)

// mlp is a stack of blocks x += down(silu(gate(h)) up(h)) with h = norm(x): the memory of a training step against a
// count by hand.
type mlp struct {
	x, target, lr Tensor
	layers        []mlpLayer
}

type mlpLayer struct{ norm, gate, up, down Tensor }

func newMLP(t testing.TB, d *Device, layers, B, D, F int) *mlp {
	r := rng(17)
	m := &mlp{x: normal(t, d, r, B, D), target: normal(t, d, r, B, D), lr: tensor(t, d, []float32{1e-4}, 1)}
	for range layers {
		m.layers = append(m.layers, mlpLayer{normal(t, d, r, D), normal(t, d, r, D, F), normal(t, d, r, D, F), normal(t, d, r, F, D)})
	}
	return m
}

func (m *mlp) params() (ps []Tensor) {
	for _, l := range m.layers {
		ps = append(ps, l.norm, l.gate, l.up, l.down)
	}
	return ps
}

func (l *mlpLayer) forward(s *Scope, x Tensor) Tensor {
	h := s.RMSNorm(x, l.norm, 1e-6)
	a := s.SwiGLU(s.MatMul(h, l.gate), s.MatMul(h, l.up))
	return s.Add(x, s.MatMul(a, l.down))
}

func (m *mlp) forward(s *Scope) Tensor {
	x := m.x
	for i := range m.layers {
		x = s.Nest(func(s *Scope) Tensor { return m.layers[i].forward(s, x) })
	}
	return s.Sum(s.Mul(x, m.target))
}

// step is forward, backward and the update of each parameter as its gradient becomes whole.
func (m *mlp) step(s *Scope) error {
	s.Record(m.params()...)
	s.Backward(m.forward(s), func(p, g Tensor) { s.Into(p).SubScaled(p, g, m.lr) })
	return nil
}

func openNull(t testing.TB, opts ...Option) *Device {
	d, err := OpenNull(opts...)
	require.NoError(t, err)
	t.Cleanup(func() { closeTest(t, d) })
	return d
}

func TestTrainingStepMemory(t *testing.T) {
	const L, B, D, F = 12, 64, 128, 512
	d := openNull(t)
	m := newMLP(t, d, L, B, D, F)
	train := compile(t, d, m.step).Price()
	infer := compile(t, d, func(s *Scope) error { m.forward(s); return nil }).Price()
	// By hand. Kept per layer: x, h (B D each), gate, up, a (B F each); the first x is not ours, the gradient of the last
	// takes its place. On top, in the last layer: da (B F) and the gradient of down (D F), which cannot be one after the
	// other, for da reads down before the update does.
	hand := 4 * (L*(2*B*D+3*B*F) + B*F + D*F)
	inferHand := 4 * (B*D + 3*B*F) // x, gate, up, a
	t.Logf("train: %d nodes, planned %d, bound %d, by hand %d", train.Nodes, train.Peak, train.Bound, hand)
	t.Logf("infer: %d nodes, planned %d, bound %d, by hand %d", infer.Nodes, infer.Peak, infer.Bound, inferHand)
	require.LessOrEqual(t, float64(train.Peak), 1.03*float64(hand))
	require.LessOrEqual(t, float64(infer.Peak), 1.10*float64(inferHand))
	// A product of each pair forward, two backward.
	require.InEpsilon(t, 3*L*3*2*B*D*F, train.Flops, 0.05)
	require.InEpsilon(t, L*3*2*B*D*F, infer.Flops, 0.05)
	require.Equal(t, 2.0, infer.Seconds(Machine{FlopsPerSec: float64(infer.Flops) / 2, BytesPerSec: float64(infer.Moved)}))
	require.Equal(t, 3.0, infer.Seconds(Machine{FlopsPerSec: float64(infer.Flops), BytesPerSec: float64(infer.Moved) / 3}))
}

// The eager step and the compiled one train alike, to the bit; the schedule is data, not code.
func TestTrainingStepsAgree(t *testing.T) {
	a, b := openTest(t), openTest(t)
	ma, mb := newMLP(t, a, 3, 4, 8, 16), newMLP(t, b, 3, 4, 8, 16)
	p := compile(t, b, mb.step)
	before := all[float32](t, ma.layers[0].up)
	for range 3 {
		require.NoError(t, a.Run(bg, ma.step))
		require.NoError(t, p.Run(bg))
		require.NoError(t, Write(ma.lr, []float32{5e-5}))
		require.NoError(t, Write(mb.lr, []float32{5e-5}))
	}
	for i, w := range ma.params() {
		require.Equal(t, all[float32](t, w), all[float32](t, mb.params()[i]), "parameter %d", i)
	}
	require.NotEqual(t, before, all[float32](t, ma.layers[0].up))
	requireNoHeap(t, 50, func() { _ = p.Run(bg) })
}

// The step of a decoder too large for this machine, on paper.
func decodeStep(t testing.TB, d *Device, layers, D, F, vocab int) func(s *Scope) error {
	empty := func(dims ...int) Tensor {
		x, err := Empty(d, F32, dims...)
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, x.Close()) })
		return x
	}
	type block struct{ n1, q, k, v, o, n2, gate, up, down Tensor }
	var bs []block
	x, norm, head := empty(1, D), empty(D), empty(D, vocab)
	for range layers {
		bs = append(bs, block{empty(D), empty(D, D), empty(D, D), empty(D, D), empty(D, D), empty(D), empty(D, F), empty(D, F), empty(F, D)})
	}
	return func(s *Scope) error {
		y := x
		for _, b := range bs {
			h := s.RMSNorm(y, b.n1, 1e-5)
			q, k, v := s.MatMul(h, b.q), s.MatMul(h, b.k), s.MatMul(h, b.v)
			a := s.Mul(s.Softmax(s.Mul(q, k)), v)
			y = s.Add(y, s.MatMul(a, b.o))
			h = s.RMSNorm(y, b.n2, 1e-5)
			y = s.Add(y, s.MatMul(s.SwiGLU(s.MatMul(h, b.gate), s.MatMul(h, b.up)), b.down))
		}
		s.Softmax(s.MatMul(s.RMSNorm(y, norm, 1e-5), head))
		return s.Err()
	}
}

func TestDecodeStepOnPaper(t *testing.T) {
	const D, F, vocab = 4096, 11264, 128896
	d := openNull(t)
	p := compile(t, d, decodeStep(t, d, 45, D, F, vocab))
	price := p.Price()
	t.Logf("%+v", price)
	require.Equal(t, 45*15+3, price.Nodes)
	require.LessOrEqual(t, price.Peak, 4*2*vocab+4*4*F, "the temporaries of a decode step are the logits and a few rows")
	require.NoError(t, p.Run(bg))
	require.EqualValues(t, price.Nodes, d.Stats().Ops)
	require.ErrorContains(t, d.Run(bg, func(s *Scope) error { s.MatMul(s.Fill(F32, 0, 2, 3), s.Fill(F32, 0, 2, 3)); return nil }), "(null)")
	out := []float32{7}
	require.NoError(t, d.Run(bg, func(s *Scope) error { return Read(s, s.Fill(F32, 0, 1), out) }))
	require.Equal(t, []float32{7}, out, "reads leave their destination alone")
}

// What a node of a Program costs beside its kernel: the same step without arithmetic, and with one-element kernels.
func BenchmarkReplayDecodeStep(b *testing.B) {
	for name, d := range map[string]*Device{"null": openNull(b), "cpu": openTest(b, Threads(1))} {
		b.Run(name, func(b *testing.B) {
			p := compile(b, d, decodeStep(b, d, 45, 1, 1, 1))
			ctx, cancel := context.WithCancel(bg)
			defer cancel()
			b.ReportAllocs()
			for b.Loop() {
				if err := p.Run(ctx); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(p.Price().Nodes), "ns/node")
		})
	}
}

func BenchmarkEagerOp(b *testing.B) {
	d := openTest(b, Threads(1))
	r := rng(18)
	x, w, dst := normal(b, d, r, 1, 1), normal(b, d, r, 1), normal(b, d, r, 1, 1)
	ctx, cancel := context.WithCancel(bg)
	defer cancel()
	for name, f := range map[string]func(s *Scope){
		"release": func(s *Scope) { s.Release(s.RMSNorm(x, w, 1e-6)) },
		"nest":    func(s *Scope) { s.Release(s.Nest(func(s *Scope) Tensor { return s.RMSNorm(x, w, 1e-6) })) },
		"into":    func(s *Scope) { s.Into(dst).RMSNorm(x, w, 1e-6) },
		"view":    func(s *Scope) { s.Release(s.Transpose(x, 0, 1)) },
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			_ = d.Run(ctx, func(s *Scope) error {
				for b.Loop() {
					f(s)
				}
				return nil
			})
		})
	}
}
