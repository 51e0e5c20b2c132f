//go:build cuda && cgo && linux

package gpu

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tandem-compute/tandem/internal/cuda"
	"github.com/tandem-compute/tandem/internal/op"
	"github.com/tandem-compute/tandem/internal/parity"
	"github.com/tandem-compute/tandem/internal/ref"
)

// counted runs o on x [groups, per, n], of which only the first live groups were ever written, with a count on the
// device. It returns the bytes of the outputs, which begin as 0xEE.
func counted(t *testing.T, b *Backend, o op.Op, x op.Type, data []byte, live, count int) [][]byte {
	st, err := b.Stream()
	require.NoError(t, err)
	n := node(t, b, st, o, x)
	vs := views(t, b, x, op.Make(op.I32, 1))
	n.In[0], n.Count = vs[0], vs[1]
	part := n.In[0]
	part.Dims[0] = live
	require.NoError(t, st.Upload(&part, data[:part.Bytes()]))
	require.NoError(t, st.Upload(&n.Count, binary.LittleEndian.AppendUint32(nil, uint32(int32(count)))))
	for i := range n.Out {
		require.NoError(t, st.Upload(&n.Out[i], bytes.Repeat([]byte{0xEE}, n.Out[i].Bytes())))
	}
	require.NoError(t, st.Exec(n))
	outs := make([][]byte, len(n.Out))
	for i := range outs {
		outs[i] = make([]byte, n.Out[i].Bytes())
		require.NoError(t, st.Download(outs[i], &n.Out[i]))
	}
	require.NoError(t, st.Close())
	return outs
}

// Rows behind a device's count are neither read nor written, whatever it says, and those before it are what they are
// without one.
func TestRowsBehindTheCount(t *testing.T) {
	const groups, per, live = 4, 3, 2
	b := open(t, checked())
	for _, c := range []struct {
		o op.Op
		n []int
	}{
		{&op.Sort{}, []int{40, 300, 2100}}, {&op.TopK{K: 5}, []int{40, 300, 1500, 8200}}, {&op.KthValue{K: 7}, []int{40, 1100, longRow + 1}},
		{&op.Quantile{Q: 0.3}, []int{40, 1100, longRow + 1}},
	} {
		for _, n := range c.n {
			t.Run(fmt.Sprintf("%s/%d", c.o.Name(), n), func(t *testing.T) {
				x := op.Make(op.F32, groups, per, n)
				r, data := rand.New(rand.NewPCG(3, uint64(n))), []byte(nil)
				for range x.Elems() {
					data = binary.LittleEndian.AppendUint32(data, uint32(single(float32(r.NormFloat64()))))
				}
				whole := counted(t, b, c.o, x, data, groups, groups+5)
				for i, out := range counted(t, b, c.o, x, data, live, live) {
					cut := len(out) / groups * live
					require.Equal(t, whole[i][:cut], out[:cut])
					require.Equal(t, bytes.Repeat([]byte{0xEE}, len(out)-cut), out[cut:])
				}
				for _, out := range counted(t, b, c.o, x, data, 0, -1) {
					require.Equal(t, bytes.Repeat([]byte{0xEE}, len(out)), out)
				}
			})
		}
	}
}

// Kernels whose threads stand in columns and rows stride over the columns that a grid has no places for.
func TestColumnsInPieces(t *testing.T) {
	defer func(n int) { maxGridYZ = n }(maxGridYZ)
	maxGridYZ = 1
	agree(t, open(t, checked()), func(c *parity.Case) bool {
		switch c.Op.Kind() {
		case op.KindTakeGrad, op.KindTakeAlongGrad:
			return c.In[0].DType == op.F32
		}
		return false
	})
}

// The index ops allocate nothing on the heap in a steady loop, whatever road their sizes take.
func TestIndexOpsDoNotAllocate(t *testing.T) {
	b := open(t, checked())
	s, err := b.Stream()
	require.NoError(t, err)
	row, long, idx, many := op.Make(op.F32, 3, 300), op.Make(op.F32, longRow+1), op.Make(op.I32, 3), op.Make(op.I32, tileRow+1)
	nodes := []*op.Node{
		node(t, b, s, &op.Sort{}, row), node(t, b, s, &op.Sort{}, long), node(t, b, s, &op.TopK{K: 4}, row), node(t, b, s, &op.TopK{K: 4}, long),
		node(t, b, s, &op.KthValue{K: 2}, row), node(t, b, s, &op.KthValue{K: 2}, long), node(t, b, s, &op.Quantile{Q: 0.5}, long),
		node(t, b, s, &op.TakeGrad{N: 9}, row, idx), node(t, b, s, &op.TakeGrad{Axis: 1, N: 9}, op.Make(op.F32, 2, 3, 5), idx),
		node(t, b, s, &op.ScatterAdd{}, row, idx, row), node(t, b, s, &op.PutRows{}, op.Make(op.F32, 4, 2), many, op.Make(op.F32, tileRow+1, 2)),
		node(t, b, s, &op.TakeAlong{Axis: 1}, row, op.Make(op.I32, 3, 7)), node(t, b, s, &op.TakeAlongGrad{Axis: 0, N: 4}, row, op.Make(op.I32, 3, 300)),
		node(t, b, s, &op.Compact{}, row, op.Make(op.Bool, 3)), node(t, b, s, &op.CumSum{Axis: -1}, long),
	}
	steady := func() {
		for _, n := range nodes {
			if failed := s.Exec(n); failed != nil {
				err = failed
			}
		}
	}
	steady()
	require.NoError(t, s.Sync())
	cuda.Inject(func(string) (int, bool) { return int(cuda.Success), true })
	allocs := testing.AllocsPerRun(20, steady)
	cuda.Inject(nil)
	require.NoError(t, err)
	require.Zero(t, allocs)
	require.NoError(t, s.Close())
}

// indexRoads are rows at the edges of what a warp, a block and a tile take, rows that are cut into parts, and sums by
// index that are wide, or whose lanes need more than a warp to be sorted.
func indexRoads() (cs []parity.Case) {
	for _, d := range []op.DType{op.U8, op.F16, op.I32, op.F64} { // each size of an element
		g := parity.Normal
		if d == op.F16 {
			g = parity.SmallInt // ties
		}
		for _, n := range []int{shortRow, shortRow + 1, tileRow, tileRow + 1} {
			for _, descending := range []bool{false, true} {
				cs = append(cs, parity.New(&op.Sort{Descending: descending}, []parity.Operand{parity.Of(g, d, 2, n)}, parity.Tag("descending=%v/road", descending)))
			}
		}
		for _, s := range [][2]int{{shortRow, 3}, {shortRow + 1, 3}, {warpRow, 200}, {warpRow + 1, 200}, {warpRow + 1, 1000}, {partRow + 1, 9}, {partRow + 1, tileRow + 2}, {20000, 2000}, {20000, 2500}} {
			cs = append(cs, parity.New(&op.TopK{K: s[1]}, []parity.Operand{parity.Of(g, d, 2, s[0])}, parity.Tag("k=%d/road", s[1])))
		}
		for _, n := range []int{warpRow, warpRow + 1} {
			cs = append(cs, parity.New(&op.KthValue{K: n/2 + 1}, []parity.Operand{parity.Of(g, d, 2, n)}, parity.Tag("road"), parity.ZeroAllowed()))
		}
	}
	for _, d := range numbers {
		for _, reverse := range []bool{false, true} {
			cs = append(cs, parity.New(&op.CumSum{Axis: -1, Reverse: reverse, Exclusive: reverse}, []parity.Operand{parity.Of(parity.Chances, d, 2, scanPart*2+1)}, parity.Tag("reverse=%v/parts", reverse), parity.Linear(scanPart)))
		}
		x, table := parity.Of(parity.SmallInt, d, 40, 8), parity.Of(parity.SmallInt, d, 6, 8)
		wide := parity.Of(parity.Normal, d, 5, 640)
		cs = append(cs,
			parity.New(&op.ScatterAdd{}, []parity.Operand{table, indices(6, 40), x}, parity.Tag("packs")),
			parity.New(&op.Take{}, []parity.Operand{wide, indices(5, 4)}, parity.Tag("packs")),
			parity.New(&op.PutRows{}, []parity.Operand{wide, indices(5, 2), parity.Of(parity.Normal, d, 2, 640)}, parity.Tag("packs")),
			parity.New(&op.PutRows{}, []parity.Operand{parity.Of(parity.Normal, d, 99, 3), indices(99, 80), parity.Of(parity.Normal, d, 80, 3)}, parity.Tag("many")),
			parity.New(&op.PutRows{}, []parity.Operand{parity.Of(parity.Normal, d, 400, 3), indices(405, fewRows+2), parity.Of(parity.Normal, d, fewRows+2, 3)}, parity.Tag("sorted")),
			parity.New(&op.PutRows{}, []parity.Operand{parity.Of(parity.Normal, d, 9, 128), indices(9, fewRows+2), parity.Of(parity.Normal, d, fewRows+2, 128)}, parity.Tag("sorted")))
	}
	// Where the zeros of both signs are in the middle, the order of their indices says which one it is.
	for _, d := range []op.DType{op.U8, op.F16, op.F32, op.I64} {
		cs = append(cs, parity.New(&op.KthValue{K: longRow / 2}, []parity.Operand{parity.Of(parity.SmallInt, d, longRow+7)}, parity.Tag("zeros"), parity.ZeroAllowed()))
	}
	for _, d := range []op.DType{op.F32, op.F64} {
		for _, n := range []int{warpRow, warpRow + 1} {
			spread := func(in, want []ref.Array) []ref.Array { // the result lies between two elements
				s := ref.NewArray(want[0].Type)
				for r := range s.F {
					for _, v := range in[0].F[r*n : (r+1)*n] {
						s.F[r] = max(s.F[r], math.Abs(v))
					}
				}
				return []ref.Array{s}
			}
			cs = append(cs, parity.New(&op.Quantile{Q: 0.77}, []parity.Operand{parity.Of(parity.Normal, d, 2, n)}, parity.Spreading(spread), parity.Tag("road")))
		}
	}
	for _, d := range []op.DType{op.F16, op.F32, op.F64} {
		for _, s := range []struct {
			o     op.Op
			terms int
			dy    []int
			idx   parity.Operand
		}{
			{&op.TakeGrad{N: 5}, 10, []int{9, 3001}, indices(5, 9)},
			{&op.TakeGrad{N: 70}, 100, []int{2100, 6}, indices(70, 2100)},
			{&op.TakeGrad{Axis: 1, N: 6}, 30, []int{3, 130, 7}, indices(6, 130)},
			{&op.TakeAlongGrad{Axis: 1, N: 30}, 30, []int{2, 300, 3}, indices(31, 2, 300, 3)},
			{&op.TakeAlongGrad{Axis: -1, N: 900}, 10, []int{2, 2100}, indices(900, 2, 2100)},
			{&op.TakeAlongGrad{Axis: -1, N: 50}, 1, []int{300, 1}, indices(50, 300, 1)},
		} {
			cs = append(cs,
				parity.New(s.o, []parity.Operand{parity.Of(parity.Normal, d, s.dy...), s.idx}, parity.Linear(s.terms), parity.Tag("road")),
				parity.New(s.o, []parity.Operand{parity.Of(parity.SmallInt, d, s.dy...), s.idx}, parity.Tag("road/int")))
		}
	}
	return cs
}

func indices(limit int, dims ...int) parity.Operand {
	return parity.Operand{Type: op.Make(op.I32, dims...), Gen: parity.Index, Limit: limit}
}
