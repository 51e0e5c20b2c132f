//go:build cuda && cgo && linux

package gpu

import "github.com/tandem-compute/tandem/internal/op"

var (
	cumSumRows    = entries("scan", "cumsum_rows_%v", numbers...)
	cumSumParts   = entries("scan", "cumsum_parts_%v", numbers...)
	cumSumColumns = entries("scan", "cumsum_columns_%v", numbers...)
)

const scanPart = 16384 // the longest row, and part of a row, that a block sums up

// computeType is the type that d is computed in.
func computeType(d op.DType) op.DType {
	switch d {
	case op.F16, op.BF16:
		return op.F32
	case op.I8, op.U8:
		return op.I32
	}
	return d
}

// pickCumSum wants room for the sums of the parts of long rows, and of the parts of those in turn.
func pickCumSum(p *op.CumSum, in, out []op.Type) (op.Kernel, error) {
	if err := contiguous(in, out); err != nil {
		return op.Kernel{}, err
	}
	outer, n, inner := split(&in[0], p.Axis)
	if max(n, inner) > maxIndex {
		return op.Kernel{}, op.UnsupportedErr("the cuda path's %s takes axes of at most 2³¹-1 elements", p.Name())
	}
	k := op.Kernel{Run: cumSum}
	if inner == 1 {
		for parts := ceil(n, scanPart); parts > 1; parts = ceil(parts, scanPart) {
			k.Work += aligned(outer * parts * computeSize(in[0].DType))
		}
	}
	return k, nil
}

func cumSum(st op.Stream, n *op.Node) error {
	s, p, x, y := st.(*stream), n.Op.(*op.CumSum), &n.In[0], &n.Out[0]
	if x.Elems() == 0 {
		return nil
	}
	outer, length, inner := split(&x.Type, p.Axis)
	reverse, exclusive := bit(p.Reverse), bit(p.Exclusive)
	if inner == 1 {
		return s.scan(at(y), at(x), x.DType, outer, length, reverse, exclusive, at(&n.Work))
	}
	for lo := 0; lo < outer; lo += maxGridYZ {
		skip := uint64(lo * length * inner * x.DType.Size())
		grid := dim{ceil(inner, 256), 1, min(outer-lo, maxGridYZ)}
		if err := s.launch(cumSumColumns[x.DType], grid, threads, at(y)+skip, at(x)+skip, uint64(length), uint64(inner), reverse, exclusive); err != nil {
			return err
		}
	}
	return nil
}

// scan sums up rows of n elements. Of a long row the sums of its parts are scanned first: each part begins with what is before it.
func (s *stream) scan(to, x uint64, d op.DType, rows, n int, reverse, exclusive, work uint64) error {
	parts, starts := ceil(n, scanPart), uint64(0)
	if parts > 1 {
		starts = work
		if err := s.launch(cumSumParts[d], dim{rows * parts, 1, 1}, threads, starts, x, uint64(n), reverse); err != nil {
			return err
		}
		rest := work + uint64(aligned(rows*parts*computeSize(d)))
		if err := s.scan(starts, starts, computeType(d), rows, parts, 0, 1, rest); err != nil {
			return err
		}
	}
	return s.launch(cumSumRows[d], dim{rows * parts, 1, 1}, threads, to, x, starts, uint64(n), reverse, exclusive)
}
