//go:build cuda && cgo && linux

package gpu

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tandem-compute/tandem/internal/op"
)

// put uploads values to a view of f32 or i32, laid out by its strides' span, and get reads a contiguous one.
func put(t testing.TB, s op.Stream, v *op.View, data any) {
	b, err := binary.Append(nil, binary.LittleEndian, data)
	require.NoError(t, err)
	require.NoError(t, s.Upload(v, b))
}

func get(t testing.TB, s op.Stream, v *op.View) []float32 {
	b, out := make([]byte, v.Bytes()), make([]float32, v.Elems())
	require.NoError(t, s.Download(b, v))
	_, err := binary.Decode(b, binary.LittleEndian, out)
	require.NoError(t, err)
	return out
}

func normal(r *rand.Rand, n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(r.NormFloat64())
	}
	return x
}

// Queries with the layout of a fused projection, lengths, a window and grouped heads, against the definition.
func TestAttention(t *testing.T) {
	const b, hq, hkv, n, keys, d, dv, window = 2, 4, 2, 5, 70, 6, 10, 40
	dev := open(t, checked())
	s, err := dev.Stream()
	require.NoError(t, err)
	q := op.Type{DType: op.F32, Rank: 4, Dims: [op.MaxRank]int{b, hq, n, d}, Strides: [op.MaxRank]int{n * hq * d, d, hq * d, 1}}
	o := &op.Attention{Scale: 0.4, Causal: true, Window: window, HasLengths: true}
	nd := node(t, dev, s, o, q, op.Make(op.F32, b, hkv, keys, d), op.Make(op.F32, b, hkv, keys, dv), op.Make(op.I32, b))
	r := rand.New(rand.NewPCG(11, 0))
	qs, ks, vs, lengths := normal(r, b*n*hq*d), normal(r, b*hkv*keys*d), normal(r, b*hkv*keys*dv), []int32{70, 33}
	for i, x := range []any{qs, ks, vs, lengths} {
		put(t, s, &nd.In[i], x)
	}
	require.NoError(t, s.Exec(nd))
	out, lse := get(t, s, &nd.Out[0]), get(t, s, &nd.Out[1])
	for row := range b * hq * n {
		bi, h, i := row/(hq*n), row/n%hq, row%n
		position, total, want := int(lengths[bi])-n+i, 0.0, make([]float64, dv)
		for j := max(0, position-window+1); j <= position; j++ {
			key, score := (bi*hkv+h/(hq/hkv))*keys+j, 0.0
			for e := range d {
				score += float64(qs[((bi*n+i)*hq+h)*d+e]) * float64(ks[key*d+e])
			}
			w := math.Exp(0.4 * score)
			total += w
			for e := range want {
				want[e] += w * float64(vs[key*dv+e])
			}
		}
		require.InDelta(t, math.Log(total), lse[row], 1e-5)
		for e := range want {
			require.InDelta(t, want[e]/total, out[row*dv+e], 1e-5, "row %d, element %d", row, e)
		}
	}
	require.NoError(t, s.Close())
}

// Heads that are part of wider ones turn by the angles of their positions, and back.
func TestRope(t *testing.T) {
	const n, h, d, width, theta = 7, 3, 10, 6, 500.0
	dev := open(t, checked())
	s, err := dev.Stream()
	require.NoError(t, err)
	x := op.Type{DType: op.F32, Rank: 3, Dims: [op.MaxRank]int{n, h, d}, Strides: [op.MaxRank]int{2 * h * d, d, 1}}
	scale := op.RopeScale{Factor: 8, Low: 1, High: 4, Original: 64}
	forward := node(t, dev, s, &op.Rope{Theta: theta, Width: width, Scale: scale}, x, op.Make(op.I32, n))
	r := rand.New(rand.NewPCG(12, 0))
	xs, positions := normal(r, x.Span()), []int32{0, 1, 2, 900, 4, 5, 100000}
	put(t, s, &forward.In[0], xs)
	put(t, s, &forward.In[1], positions)
	require.NoError(t, s.Exec(forward))
	got := get(t, s, &forward.Out[0])
	for token, position := range positions {
		for head := range h {
			in, out := xs[token*2*h*d+head*d:], got[(token*h+head)*d:]
			require.Equal(t, in[width:d], out[width:d], "the rest stays")
			for i := range width / 2 {
				f := math.Pow(theta, -2*float64(i)/width)
				if wave := 2 * math.Pi / f; wave > 64/1 {
					f /= 8
				} else if wave > 64/4 {
					smooth := (64/wave - 1) / (4 - 1)
					f = (1-smooth)*f/8 + smooth*f
				}
				sin, cos := math.Sincos(float64(position) * f)
				a, b := float64(in[i]), float64(in[i+width/2])
				require.InDelta(t, a*cos-b*sin, out[i], 1e-6)
				require.InDelta(t, b*cos+a*sin, out[i+width/2], 1e-6)
			}
		}
	}
	back := node(t, dev, s, &op.Rope{Theta: theta, Width: width, Scale: scale, Inverse: true}, op.Make(op.F32, n, h, d), op.Make(op.I32, n))
	put(t, s, &back.In[0], got)
	put(t, s, &back.In[1], positions)
	require.NoError(t, s.Exec(back))
	for i, v := range get(t, s, &back.Out[0]) {
		require.InDelta(t, xs[i/(h*d)*2*h*d+i%(h*d)], v, 1e-6)
	}
	require.NoError(t, s.Close())
}
