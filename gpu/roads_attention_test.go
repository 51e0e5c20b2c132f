//go:build cuda && cgo && linux

package gpu_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tandem-compute/tandem"
)

// A row of attention is the same, bit by bit, among few rows, whose blocks take parts of the keys, and among many; alone
// and beside other sequences, which leave no room for parts; in a packed sequence, and from pages. With and without
// rounded weights.
func TestAttentionRowsAreInvariant(t *testing.T) {
	const heads, group, keys, page, width = 4, 2, 600, 24, 8
	d := openSim(t, checked())
	order := make([]int32, keys/page)
	for i := range order {
		order[i] = int32((i*7 + 3) % len(order))
	}
	q, k, v := normal(t, d, 1, 1, heads, keys, width), normal(t, d, 2, 1, heads/group, keys, width), normal(t, d, 3, 1, heads/group, keys, width)
	sink, gate := normal(t, d, 4, heads), normal(t, d, 5, 1, keys, heads)
	table, full, offsets := tensor(t, d, order, 1, len(order)), tensor(t, d, []int32{keys}, 1), tensor(t, d, []int32{0, keys}, 2)
	for _, c := range []struct {
		dtype  tandem.DType
		halves bool
		window int
		rows   int // the most to compare with
	}{{tandem.F32, false, 0, 33}, {tandem.F32, false, 300, 40}, {tandem.BF16, false, 100, 40}, {tandem.F16, true, 0, 130}, {tandem.BF16, true, 70, 130}} {
		t.Run(fmt.Sprintf("%v/halves=%v/window=%d", c.dtype, c.halves, c.window), func(t *testing.T) {
			attend := func(rows, batch int, cut func(*tandem.Scope, tandem.Tensor) tandem.Tensor, o tandem.AttentionOptions) (last []float32) {
				o.Causal, o.Window, o.Sink, o.HalfWeights = true, c.window, sink, c.halves
				out := make([]float32, batch*heads*rows*width)
				require.NoError(t, d.Run(context.Background(), func(s *tandem.Scope) error {
					o.Gate = s.Expand(s.Cast(s.Slice(gate, 1, keys-rows, keys), c.dtype), batch, rows, heads)
					cast := func(x tandem.Tensor) tandem.Tensor { return cut(s, s.Cast(x, c.dtype)) }
					x := s.Expand(s.Slice(s.Cast(q, c.dtype), 2, keys-rows, keys), batch, heads, rows, width)
					return tandem.Read(s, s.Cast(s.Attention(x, cast(k), cast(v), o), tandem.F32), out)
				}))
				for h := range heads { // the last row of each head
					last = append(last, out[((h+1)*rows-1)*width:(h+1)*rows*width]...)
				}
				return last
			}
			same := func(_ *tandem.Scope, x tandem.Tensor) tandem.Tensor { return x }
			want := attend(1, 1, same, tandem.AttentionOptions{})
			for _, rows := range []int{2, 9, c.rows} {
				require.Equal(t, want, attend(rows, 1, same, tandem.AttentionOptions{}), "among %d rows", rows)
			}
			require.Equal(t, want, attend(1, 5, func(s *tandem.Scope, x tandem.Tensor) tandem.Tensor {
				return s.Expand(x, 5, heads/group, keys, width)
			}, tandem.AttentionOptions{}), "among 5 sequences")
			paged := func(s *tandem.Scope, x tandem.Tensor) tandem.Tensor { // page order[i] holds keys 24 i to 24 i + 23
				x = s.Permute(s.Reshape(x, heads/group, len(order), page, width), 1, 0, 2, 3)
				return s.Take(x, 0, s.ArgSort(s.Reshape(table, -1)))
			}
			require.Equal(t, want, attend(2, 1, paged, tandem.AttentionOptions{Lengths: full, Pages: table}), "from pages")
			if c.window == 70 { // all rows of a sequence are a long way
				require.Equal(t, want, attend(keys, 1, same, tandem.AttentionOptions{Offsets: offsets}), "packed")
			}
		})
	}
}
