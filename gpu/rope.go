//go:build cuda && cgo && linux

package gpu

import (
	"unsafe"

	"gorgonia.org/cu"

	"github.com/tandem-compute/tandem/internal/op"
)

var ropes = table{on(pickRope)}

var ropeKernels = entries("rope", "rope_%v", reals...)

const (
	widestRope   = 1024 // elements of a head that turn
	maxRotations = 256  // tables that a backend keeps: a model has one or two
)

// rotation is what frequencies depend on.
type rotation struct {
	theta float64
	width int32
	scale op.RopeScale
}

// pickRope takes tokens and heads at any distance; a head is contiguous.
func pickRope(p *op.Rope, in, out []op.Type) (op.Kernel, error) {
	if p.Width > widestRope {
		return op.Kernel{}, op.UnsupportedErr("the cuda path's rope turns at most %d elements of a head", widestRope)
	}
	if err := contiguous(in[1:]); err != nil {
		return op.Kernel{}, err
	}
	for _, t := range [2]*op.Type{&in[0], &out[0]} {
		if _, ok := tokenStride(t); !ok {
			return op.Kernel{}, op.ErrLayout
		}
	}
	return kernel(rope)
}

// tokenStride is the distance of the tokens of t [..., h, d], if they have one and heads are contiguous.
func tokenStride(t *op.Type) (int, bool) {
	tokens := leading(t)
	x := axesOf(&tokens, &tokens)
	d := t.Rank - 1
	return x.stride[0][0], t.Elems() == 0 || x.rank == 1 && (t.Dims[d] <= 1 || t.Strides[d] == 1)
}

func rope(st op.Stream, n *op.Node) error {
	s, p, x, positions, y := st.(*stream), n.Op.(*op.Rope), &n.In[0], &n.In[1], &n.Out[0]
	if x.Elems() == 0 {
		return nil
	}
	table, err := s.frequencies(p)
	if err != nil {
		return err
	}
	var factors uint64
	if p.HasFactors {
		factors = at(&n.In[2])
	}
	tokens := leading(&x.Type)
	xToken, _ := tokenStride(&x.Type)
	yToken, _ := tokenStride(&y.Type)
	heads, d := x.Rank-2, x.Rank-1
	return s.launch(ropeKernels[x.DType], dim{tokens.Elems(), 1, 1}, threads, at(y), at(x), at(positions), table, factors,
		uint64(positions.Elems()), uint64(x.Dims[heads]), uint64(x.Dims[d]), uint64(p.Width), bit(p.Interleaved), bit(p.Inverse),
		uint64(xToken), uint64(x.Strides[heads]), uint64(yToken), uint64(y.Strides[heads]))
}

// frequencies is where in device memory the frequencies of a rotation lie, made on first use.
func (s *stream) frequencies(o *op.Rope) (uint64, error) {
	r := rotation{o.Theta, o.Width, o.Scale}
	s.mu.Lock()
	defer s.mu.Unlock()
	if table, ok := s.rotations[r]; ok {
		return table, nil
	}
	if len(s.rotations) == maxRotations {
		return 0, op.UnsupportedErr("more than %d kinds of rope on one device", maxRotations)
	}
	f := make([]float64, o.Width/2)
	o.Frequencies(f)
	p, err := cu.MemAlloc(int64(8 * len(f)))
	if err != nil {
		return 0, s.fail("cuMemAlloc", err)
	}
	if err := s.put(uint64(p), unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(f))), 8*len(f))); err != nil {
		_ = cu.MemFree(p) // the error that matters is err
		return 0, err
	}
	s.rotations[r] = uint64(p)
	return uint64(p), nil
}
