package kernels_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

// logProbabilities is x - log Σ exp(x).
func logProbabilities(x []float64) []float64 {
	total := math.Log(foldl(x, 0, func(a, b float64) float64 { return a + math.Exp(b) }))
	p := make([]float64, len(x))
	for i := range x {
		p[i] = x[i] - total
	}
	return p
}

func TestEntropyAndKL(t *testing.T) {
	const rows = 3
	for _, f := range []format{f32, f16, bf16} {
		for _, n := range []int{2, 37, 1500} {
			d := newDevice(t)
			a, b, dy := d.normal(rows*n), d.normal(rows*n), d.normal(rows)
			a[1], a[n] = float32(math.Inf(-1)), float32(math.Inf(-1)) // they count nothing
			as, bs, dys := f.round(a), f.round(b), f.round(dy)
			aa, ba, ya := f.put(d, a), f.put(d, b), f.put(d, dy)
			h, k := d.space(rows*f.size), d.space(rows*f.size)
			dx, da, db := d.space(rows*n*f.size), d.space(rows*n*f.size), d.space(rows*n*f.size)
			d.run("divergence", "entropy_"+f.name, dim{rows}, dim{256}, h, aa, uint32(n))
			d.run("divergence", "kl_"+f.name, dim{rows}, dim{256}, k, aa, ba, uint32(n))
			d.run("divergence", "entropy_grad_"+f.name, dim{rows}, dim{256}, dx, aa, ya, uint32(n))
			d.run("divergence", "kl_grad_"+f.name, dim{rows}, dim{256}, da, db, aa, ba, ya, uint32(n))
			hs, ks := f.get(d, h, rows), f.get(d, k, rows)
			gx, ga, gb := f.get(d, dx, rows*n), f.get(d, da, rows*n), f.get(d, db, rows*n)
			for r := range rows {
				p, q := logProbabilities(as[r*n:r*n+n]), logProbabilities(bs[r*n:r*n+n])
				entropy, divergence := 0.0, 0.0
				for i := range p {
					if !math.IsInf(p[i], -1) {
						entropy -= math.Exp(p[i]) * p[i]
						divergence += math.Exp(p[i]) * (p[i] - q[i])
					}
				}
				require.InDelta(t, entropy, hs[r], 2e-5+f.upper*entropy)
				require.InDelta(t, divergence, ks[r], 2e-5+f.upper*divergence)
				for i := range p {
					wantX, wantA := 0.0, 0.0
					if !math.IsInf(p[i], -1) {
						wantX = -dys[r] * math.Exp(p[i]) * (p[i] + entropy)
						wantA = dys[r] * math.Exp(p[i]) * (p[i] - q[i] - divergence)
					}
					wantB := dys[r] * (math.Exp(q[i]) - math.Exp(p[i]))
					require.InDelta(t, wantX, gx[r*n+i], 2e-5+f.upper*math.Abs(wantX))
					require.InDelta(t, wantA, ga[r*n+i], 2e-5+f.upper*math.Abs(wantA))
					require.InDelta(t, wantB, gb[r*n+i], 2e-5+f.upper*math.Abs(wantB))
				}
			}
		}
	}
}
