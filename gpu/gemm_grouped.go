//go:build cuda && cgo && linux

package gpu

import "github.com/tandem-compute/tandem/internal/op"

// grouped are the kernels of GroupedMatMul with w as it is stored and turned: nn, nt.
type grouped [2]perType

func groupedProducts(family, name string, types ...op.DType) grouped {
	return grouped{entries(family, name+"_nn_%v", types...), entries(family, name+"_nt_%v", types...)}
}

var (
	gemmGrouped      = groupedProducts("gemm_grouped", "gemm_grouped", reals...)
	gemmGroupedMMA   = groupedProducts("gemm_grouped_mma", "gemm_grouped_mma", op.F16, op.BF16)
	gemmGroupedMMA16 = groupedProducts("gemm_grouped_mma", "gemm_grouped_mma16", op.F16, op.BF16)
	gemmOuter        = entries("gemm_grouped", "gemm_outer_%v", reals...)
	gemmOuterMMA     = entries("gemm_grouped_mma", "gemm_outer_mma_%v", op.F16, op.BF16)
)

// tiled is a kernel and its tile, with the block that computes one.
type tiled struct {
	k          *symbol
	cols, rows int
	block      dim
}

// loadable reports whether 16-byte copies reach everything that lies at p, whose rows are multiples of the given lengths.
func loadable(d op.DType, p uint64, lengths ...int) bool {
	for _, n := range lengths {
		p |= uint64(n * d.Size())
	}
	return p%16 == 0
}

// groupedTile chooses by dtype, layout and shape alone. Where that leaves a choice of rows, both have the same bits.
func groupedTile(p *op.GroupedMatMul, x, w *op.View) tiled {
	turned, d, groups := bit(p.TransB), x.DType, w.Dims[0]
	switch mma := gemmGroupedMMA[turned][d]; {
	case mma == nil || !loadable(d, at(x)|at(w), x.Dims[1], w.Dims[2]):
		return tiled{gemmGrouped[turned][d], 64, 64, threads}
	case x.Dims[0] <= mma16Rows*groups:
		return tiled{gemmGroupedMMA16[turned][d], 32, mma16Rows, threads128}
	default:
		return tiled{mma, 128, 128, threads}
	}
}

// pickGroupedMatMul takes as many tiles as a grid has rows of blocks, for the smallest tile.
func pickGroupedMatMul(p *op.GroupedMatMul, in, out []op.Type) (op.Kernel, error) {
	if err := contiguous(in, out); err != nil {
		return op.Kernel{}, err
	}
	n, groups := in[0].Dims[0], in[1].Dims[0]
	if groupTiles(n, groups, mma16Rows) > maxGridYZ || max(n, in[0].Dims[1], out[0].Dims[1]) > maxIndex {
		return op.Kernel{}, op.UnsupportedErr("the cuda path's %s takes at most %d tiles of %d rows", p.Name(), maxGridYZ, mma16Rows)
	}
	return kernel(groupedMatMul)
}

// groupTiles is the most tiles that n rows in ragged groups can have.
func groupTiles(n, groups, rows int) int { return min(n, ceil(n, rows)+groups) }

// Rows of no group are not written by the kernels, so the output is cleared first.
func groupedMatMul(st op.Stream, n *op.Node) error {
	s, x, w, offsets, y := st.(*stream), &n.In[0], &n.In[1], &n.In[2], &n.Out[0]
	if err := s.fill(y, 0); err != nil || y.Elems() == 0 {
		return err
	}
	t, groups := groupedTile(n.Op.(*op.GroupedMatMul), x, w), w.Dims[0]
	grid := dim{ceil(y.Dims[1], t.cols), groupTiles(x.Dims[0], groups, t.rows), 1}
	if grid[1] == 0 {
		return nil
	}
	return s.launch(t.k, grid, t.block, at(y), at(x), at(w), at(offsets), uint64(groups), uint64(x.Dims[0]), uint64(x.Dims[1]), uint64(y.Dims[1]))
}

func pickGroupedOuter(p *op.GroupedOuter, in, out []op.Type) (op.Kernel, error) {
	if err := contiguous(in, out); err != nil {
		return op.Kernel{}, err
	}
	groups, k, m := out[0].Dims[0], out[0].Dims[1], out[0].Dims[2]
	if groups > maxGridYZ || k > 64*maxGridYZ || max(in[0].Dims[0], m) > maxIndex {
		return op.Kernel{}, op.UnsupportedErr("the cuda path's %s takes at most %d groups and %d columns", p.Name(), maxGridYZ, 64*maxGridYZ)
	}
	return kernel(groupedOuter)
}

func groupedOuter(st op.Stream, n *op.Node) error {
	s, x, dy, offsets, y := st.(*stream), &n.In[0], &n.In[1], &n.In[2], &n.Out[0]
	if y.Elems() == 0 {
		return nil
	}
	groups, k, m := y.Dims[0], y.Dims[1], y.Dims[2]
	t := tiled{gemmOuter[x.DType], 64, 64, threads}
	if mma := gemmOuterMMA[x.DType]; mma != nil && loadable(x.DType, at(x)|at(dy), k, m) {
		t = tiled{mma, 128, 128, threads}
	}
	grid := dim{ceil(m, t.cols), ceil(k, t.rows), groups}
	return s.launch(t.k, grid, t.block, at(y), at(x), at(dy), at(offsets), uint64(x.Dims[0]), uint64(k), uint64(m))
}
