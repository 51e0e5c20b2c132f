package tandem

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// TestAttentionGradients compares the rules with differences, on the oracle and on the CPU.
func TestAttentionGradients(t *testing.T) {
	oracle := openRef()
	t.Cleanup(func() { closeTest(t, oracle) })
	for _, d := range []*Device{oracle, openTest(t)} {
		q, k, v := normal64(t, d, 41, 2, 4, 3, 2), normal64(t, d, 42, 2, 2, 5, 2), normal64(t, d, 43, 2, 2, 5, 3)
		sink, gate := normal64(t, d, 44, 4), normal64(t, d, 45, 2, 3, 4)
		lengths := tensor(t, d, []int32{4, 2}, 2) // the second batch has a query before its first key
		packedQ, packedK := normal64(t, d, 46, 1, 2, 6, 2), normal64(t, d, 47, 1, 1, 6, 2)
		offsets := tensor(t, d, []int32{0, 3, 3, 5}, 4) // the last row is of no sequence
		all := []Tensor{q, k, v}
		for _, c := range []struct {
			name string
			AttentionOptions
			params []Tensor
		}{
			{"full", AttentionOptions{}, all},
			{"causal", AttentionOptions{Causal: true, Scale: 0.3}, all},
			{"window", AttentionOptions{Window: 2}, all},
			{"lengths", AttentionOptions{Causal: true, Lengths: lengths}, all},
			{"sink", AttentionOptions{Sink: sink}, append(all[:3:3], sink)},
			{"gate", AttentionOptions{Gate: gate}, append(all[:3:3], gate)},
			{"gate alone", AttentionOptions{Gate: gate}, []Tensor{gate}},
			{"everything", AttentionOptions{Causal: true, Window: 3, Lengths: lengths, Sink: sink, Gate: gate}, append(all[:3:3], sink, gate)},
		} {
			t.Run(d.Name()+"/"+c.name, func(t *testing.T) {
				requireGradients(t, d, func(s *Scope) Tensor { return weighed(s, s.Attention(q, k, v, c.AttentionOptions)) }, c.params...)
			})
		}
		t.Run(d.Name()+"/packed", func(t *testing.T) {
			requireGradients(t, d, func(s *Scope) Tensor {
				return weighed(s, s.Attention(packedQ, packedK, packedK, AttentionOptions{Causal: true, Offsets: offsets}))
			}, packedQ, packedK)
		})
	}
}

// weighed is a loss that tells elements apart.
func weighed(s *Scope, y Tensor) Tensor {
	y = s.Flatten(y)
	return s.Sum(s.Mul(y, s.Sin(s.Iota(F64, y.Elems(), 1, 1))))
}

// TestAttentionProbs: the probabilities weigh the values to the result, and what the sink takes is missing from their sum.
func TestAttentionProbs(t *testing.T) {
	d := openTest(t)
	q, k, v := normal64(t, d, 48, 2, 4, 3, 8), normal64(t, d, 49, 2, 4, 7, 8), normal64(t, d, 50, 2, 4, 7, 8)
	sink, lengths := normal64(t, d, 51, 4), tensor(t, d, []int32{7, 3}, 2)
	for _, o := range []AttentionOptions{{}, {Causal: true, Window: 2}, {Sink: sink, Lengths: lengths, Scale: 0.5}} {
		require.NoError(t, d.Run(bg, func(s *Scope) error {
			p := s.AttentionProbs(q, k, o)
			require.InDeltaSlice(t, read[float64](t, s, s.Attention(q, k, v, o)), read[float64](t, s, s.MatMul(p, v)), 1e-12)
			for _, sum := range read[float64](t, s, s.Sum(p, -1)) {
				if o.Sink == (Tensor{}) {
					require.InDelta(t, 1, sum, 1e-12)
				} else {
					require.Less(t, sum, 1-1e-3)
				}
			}
			return nil
		}))
	}
}

// TestAttentionRowsAreInvariant: the bits of a row are the same alone, among eight, among all, in a packed sequence, from
// pages, and for any number of threads.
func TestAttentionRowsAreInvariant(t *testing.T) {
	const heads, group, keys, width = 4, 2, 1200, 32
	for _, o := range []AttentionOptions{{Causal: true}, {Causal: true, Window: 700}} {
		var want []float32
		for _, threads := range []int{1, 3} {
			d := openTest(t, Threads(threads))
			r := rng(52)
			q, k, v := normal(t, d, r, 1, heads, keys, width), normal(t, d, r, 1, heads/group, keys, width), normal(t, d, r, 1, heads/group, keys, width)
			order := r.Perm(keys / 40)
			pages := make([]int32, len(order))
			for i, p := range order {
				pages[i] = int32(p)
			}
			table, full := tensor(t, d, pages, 1, len(pages)), tensor(t, d, []int32{keys}, 1)
			offsets := tensor(t, d, []int32{0, keys}, 2)
			require.NoError(t, d.Run(bg, func(s *Scope) error {
				if want == nil {
					want = read[float32](t, s, s.Attention(q, k, v, o))
				}
				tail := func(x []float32, n int) (rows []float32) { // the last n queries of each head
					for h := range heads {
						rows = append(rows, x[((h+1)*keys-n)*width:(h+1)*keys*width]...)
					}
					return rows
				}
				require.Equal(t, want, read[float32](t, s, s.Attention(q, k, v, o)))
				for _, n := range []int{1, 2, 8, 23, 512, 513} {
					rows := s.Slice(q, 2, keys-n, keys)
					require.Equal(t, tail(want, n), read[float32](t, s, s.Attention(rows, k, v, o)), "%d rows", n)
					paged := o
					paged.Lengths, paged.Pages = full, table
					cut := func(x Tensor) Tensor { // page order[i] holds keys 40 i to 40 i + 39
						x = s.Permute(s.Reshape(x, heads/group, len(order), 40, width), 1, 0, 2, 3)
						return s.Take(x, 0, s.ArgSort(s.Reshape(table, -1)))
					}
					require.Equal(t, tail(want, n), read[float32](t, s, s.Attention(rows, cut(k), cut(v), paged)), "%d rows, paged", n)
				}
				packed := o
				packed.Offsets = offsets
				require.Equal(t, want, read[float32](t, s, s.Attention(q, k, v, packed)))
				return nil
			}))
		}
	}
}

func TestAttentionRefusesWhatItCannotDo(t *testing.T) {
	d := openTest(t)
	r := rng(53)
	q, k := normal(t, d, r, 1, 3, 2, 4), normal(t, d, r, 1, 2, 2, 4)
	pages := tensor(t, d, []int32{0}, 1, 1)
	require.ErrorIs(t, d.Run(bg, func(s *Scope) error { s.Attention(q, k, k, AttentionOptions{}); return nil }), ErrShape)
	require.ErrorIs(t, d.Run(bg, func(s *Scope) error { s.Attention(k, k, k, AttentionOptions{Window: -1}); return nil }), ErrShape)
	require.ErrorIs(t, d.Run(bg, func(s *Scope) error { s.Attention(k, k, k, AttentionOptions{Pages: pages}); return nil }), ErrUnsupported)
	require.ErrorIs(t, d.Run(bg, func(s *Scope) error { s.AttentionProbs(k, k, AttentionOptions{Pages: pages}); return nil }), ErrUnsupported)
	lengths := tensor(t, d, []int32{1}, 1)
	require.ErrorIs(t, d.Run(bg, func(s *Scope) error {
		s.Record(k)
		s.Backward(s.Sum(s.Attention(k, k, k, AttentionOptions{Pages: pages, Lengths: lengths})), func(_, _ Tensor) {})
		return nil
	}), ErrUnsupported)
}

// TestAttentionHalves: a row of halves is the row of their values, rounded once.
func TestAttentionHalves(t *testing.T) {
	d := openTest(t)
	r := rng(54)
	q, k := normal(t, d, r, 1, 2, 5, 16), normal(t, d, r, 1, 2, 40, 16)
	require.NoError(t, d.Run(bg, func(s *Scope) error {
		for _, half := range []DType{F16, BF16} {
			hq, hk := s.Cast(q, half), s.Cast(k, half)
			got := s.Attention(hq, hk, hk, AttentionOptions{Causal: true})
			wide := s.Attention(s.Cast(hq, F32), s.Cast(hk, F32), s.Cast(hk, F32), AttentionOptions{Causal: true})
			require.Equal(t, read[uint16](t, s, s.Cast(wide, half)), read[uint16](t, s, got))
		}
		return nil
	}))
}

// Chunks of keys as tasks of their own, too, run in memory that is there already.
func TestLongAttentionDoesNotTouchTheHeap(t *testing.T) {
	d := openTest(t, Threads(1))
	r := rng(55)
	q, k := normal(t, d, r, 1, 2, 3, 16), normal(t, d, r, 1, 1, 1100, 16)
	require.NoError(t, d.Run(bg, func(s *Scope) error {
		requireNoHeap(t, 10, func() { s.Release(s.Attention(q, k, k, AttentionOptions{Causal: true})) })
		return nil
	}))
}
