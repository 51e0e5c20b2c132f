//go:build cuda && cgo && linux

package gpu

import "github.com/tandem-compute/tandem/internal/op"

var norms = table{on(pickRMSNorm), on(pickRMSNormGrad), on(pickLayerNorm), on(pickLayerNormGrad), on(pickGroupNorm), on(pickGroupNormGrad)}

// byRow is a kernel over rows in two forms: one warp a row, and one block a row. They sum in different orders, so which
// one runs depends on the length of a row alone.
type byRow struct {
	warp, block perType
	most        int // the longest row for a warp
}

const (
	rowsPerBlock = 8  // of a warp kernel
	rowsPerPart  = 64 // of a sum down the columns
)

// pick is the kernel for rows of n elements and its grid.
func (k *byRow) pick(d op.DType, rows, n int) (*symbol, dim) {
	if n <= k.most {
		return k.warp[d], dim{ceil(rows, rowsPerBlock), 1, 1}
	}
	return k.block[d], dim{rows, 1, 1}
}

var (
	rmsNorms     = byRow{entries("norm", "rmsnorm_warp_%v", reals...), entries("norm", "rmsnorm_%v", reals...), 1024}
	rmsNormGrads = byRow{entries("norm", "rmsnorm_grad_warp_%v", reals...), entries("norm", "rmsnorm_grad_%v", reals...), 1024}
	rmsNormParts = entries("norm", "rmsnorm_grad_parts_%v", reals...)
	normSums     = entries("norm", "norm_sum_parts_%v", reals...)
)

func pickRMSNorm(p *op.RMSNorm, in, out []op.Type) (op.Kernel, error) {
	if err := contiguous(in, out); err != nil {
		return op.Kernel{}, err
	}
	return kernel(rmsNorm)
}

func rmsNorm(st op.Stream, n *op.Node) error {
	s, p, x, w, y := st.(*stream), n.Op.(*op.RMSNorm), &n.In[0], &n.In[1], &n.Out[0]
	if x.Elems() == 0 {
		return nil
	}
	rows, length := x.Rows(), x.Last()
	k, grid := rmsNorms.pick(x.DType, rows, length)
	return s.launch(k, grid, threads, at(y), at(x), at(w), uint64(rows), uint64(length), single(p.Eps), single(p.Offset))
}

// computeSize is the bytes of the type that d is computed in.
func computeSize(d op.DType) int { return max(4, d.Size()) }

// pickRMSNormGrad wants room for the rows' scales and for partial sums of dw.
func pickRMSNormGrad(p *op.RMSNormGrad, in, out []op.Type) (op.Kernel, error) {
	if err := contiguous(in, out); err != nil {
		return op.Kernel{}, err
	}
	x := &in[0]
	parts := ceil(x.Rows(), rowsPerPart)
	if parts > maxGridYZ {
		return op.Kernel{}, op.UnsupportedErr("the cuda path's %s takes at most %d rows", p.Name(), maxGridYZ*rowsPerPart)
	}
	return op.Kernel{Run: rmsNormGrad, Work: scaleRoom(x) + parts*x.Last()*computeSize(x.DType)}, nil
}

// scaleRoom is the bytes of one scale per row, aligned for what follows.
func scaleRoom(x *op.Type) int { return ceil(x.Rows()*computeSize(x.DType), 16) * 16 }

func rmsNormGrad(st op.Stream, n *op.Node) error {
	s, p, x, w, dy, dx, dw := st.(*stream), n.Op.(*op.RMSNormGrad), &n.In[0], &n.In[1], &n.In[2], &n.Out[0], &n.Out[1]
	rows, length, d := x.Rows(), x.Last(), x.DType
	if length == 0 {
		return nil
	}
	scale := at(&n.Work)
	parts, count := scale+uint64(scaleRoom(&x.Type)), ceil(rows, rowsPerPart)
	if rows > 0 {
		k, grid := rmsNormGrads.pick(d, rows, length)
		err := s.launch(k, grid, threads, at(dx), scale, at(x), at(w), at(dy), uint64(rows), uint64(length), single(p.Eps), single(p.Offset))
		if err != nil {
			return err
		}
		err = s.launch(rmsNormParts[d], dim{ceil(length, 256), count, 1}, threads, parts, at(x), at(dy), scale, uint64(rows), uint64(length))
		if err != nil {
			return err
		}
	}
	return s.launch(normSums[d], dim{ceil(length, 256), 1, 1}, threads, at(dw), parts, uint64(count), uint64(length))
}
