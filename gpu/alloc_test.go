//go:build cuda && cgo && linux

package gpu

import (
	"encoding/binary"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tandem-compute/tandem/internal/cuda"
	"github.com/tandem-compute/tandem/internal/op"
)

// views allocates a view of each type.
func views(t testing.TB, b *Backend, types ...op.Type) []op.View {
	vs := make([]op.View, len(types))
	for i, ty := range types {
		k, err := b.Alloc(ty.Span() * ty.DType.Size())
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, b.Free(k)) })
		vs[i] = op.View{Type: ty, Block: k}
	}
	return vs
}

// node is an op on fresh operands, uploaded as zeros.
func node(t testing.TB, b *Backend, s op.Stream, o op.Op, in ...op.Type) *op.Node {
	out, err := o.Infer(nil, in)
	require.NoError(t, err)
	n := new(op.Node)
	n.Set(o, len(in), len(out))
	copy(n.In, views(t, b, in...))
	copy(n.Out, views(t, b, out...))
	n.Kernel, err = b.Supports(o, in, out)
	require.NoError(t, err)
	if n.Kernel.Work > 0 {
		n.Work = views(t, b, op.Make(op.U8, n.Kernel.Work))[0]
	}
	for i := range n.In {
		require.NoError(t, s.Upload(&n.In[i], make([]byte, in[i].Span()*in[i].DType.Size())))
	}
	return n
}

// A steady loop allocates nothing on the heap: the calls are made once in earnest, then counted with a driver that does
// nothing, because the simulator allocates for itself.
func TestSteadyLoopsDoNotAllocate(t *testing.T) {
	b := open(t, checked())
	s, err := b.Stream()
	require.NoError(t, err)
	x, row, w := op.Make(op.F32, 24, 32), op.Make(op.F32, 32), op.Make(op.F32, 32, 24)
	turned := op.Type{DType: op.F32, Rank: 2, Dims: [op.MaxRank]int{24, 32}, Strides: [op.MaxRank]int{1, 24}}
	nodes := []*op.Node{
		node(t, b, s, &op.Binary{Fn: op.Add}, x, x), node(t, b, s, &op.Binary{Fn: op.Mul}, x, row), node(t, b, s, &op.Copy{}, turned),
		node(t, b, s, &op.Unary{Fn: op.Exp}, turned), node(t, b, s, &op.Scalar{Fn: op.Add, Value: 2}, x), node(t, b, s, &op.MatMul{Alpha: 1}, x, w),
		node(t, b, s, &op.RMSNorm{}, x, row), node(t, b, s, &op.RMSNormGrad{Eps: 1}, x, row, x), node(t, b, s, &op.Softmax{Scale: 1}, x),
		node(t, b, s, &op.Reduce{Fn: op.Sum, Axes: 1}, x), node(t, b, s, &op.Take{Axis: 1}, x, op.Make(op.I32, 5)),
	}
	out := make([]byte, x.Bytes())
	g, err := s.Capture(nodes)
	require.NoError(t, err)
	types := make([][2][]op.Type, len(nodes))
	for i, n := range nodes {
		for _, v := range n.In {
			types[i][0] = append(types[i][0], v.Type)
		}
		for _, v := range n.Out {
			types[i][1] = append(types[i][1], v.Type)
		}
	}
	steady := func() {
		for i, n := range nodes {
			var failed error
			if n.Kernel, failed = b.Supports(n.Op, types[i][0], types[i][1]); failed == nil {
				failed = s.Exec(n)
			}
			if failed != nil {
				err = failed
			}
		}
		for _, failed := range [4]error{g.Launch(s), s.Upload(&nodes[0].In[0], out), s.Download(out, &nodes[0].Out[0]), s.Sync()} {
			if failed != nil {
				err = failed
			}
		}
	}
	steady()
	require.NoError(t, err)
	cuda.Inject(func(string) (int, bool) { return int(cuda.Success), true })
	allocs := testing.AllocsPerRun(20, steady)
	cuda.Inject(nil)
	require.NoError(t, err)
	require.Zero(t, allocs)
	require.NoError(t, g.Close())
	require.NoError(t, s.Close())
}

// The table of layouts starts afresh when it is full, and what ran before is not disturbed.
func TestLayoutsAreBounded(t *testing.T) {
	c := checked()
	c.Deferred = true
	b := open(t, c)
	st, err := b.Stream()
	require.NoError(t, err)
	s := st.(*stream)
	var nodes []*op.Node
	for i := range 2*places + 3 {
		x := op.Type{DType: op.I32, Rank: 2, Dims: [op.MaxRank]int{3, 2}, Strides: [op.MaxRank]int{1, 3 + i}}
		n := node(t, b, s, &op.Scalar{Fn: op.Add, Value: float64(i)}, x)
		require.NoError(t, s.Exec(n))
		nodes = append(nodes, n)
	}
	for i, n := range nodes {
		out := make([]byte, 24)
		require.NoError(t, s.Download(out, &n.Out[0]))
		for e := range 6 {
			require.EqualValues(t, i, binary.LittleEndian.Uint32(out[4*e:]))
		}
	}
	require.Len(t, s.own.slabs, 1)
	require.LessOrEqual(t, len(s.own.known), places)
	require.NoError(t, s.Close())
}
