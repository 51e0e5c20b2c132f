//go:build cuda && cgo && linux

package gpu

import "github.com/tandem-compute/tandem/internal/op"

var (
	layerNorms     = byRow{entries("norm", "layernorm_warp_%v", reals...), entries("norm", "layernorm_%v", reals...), 1024}
	layerNormGrads = byRow{entries("norm", "layernorm_grad_warp_%v", reals...), entries("norm", "layernorm_grad_%v", reals...), 1024}
	layerNormParts = entries("norm", "layernorm_grad_parts_%v", reals...)
)

// pickLayerNorm wants room for scale and shift at x's size when they do not broadcast by whole leading dimensions.
func pickLayerNorm(p *op.LayerNorm, in, out []op.Type) (op.Kernel, error) {
	if !in[0].Contiguous() || !out[0].Contiguous() {
		return op.Kernel{}, op.ErrLayout
	}
	if p.Affine && contiguous(in[1:]) != nil {
		return op.Kernel{}, op.ErrLayout
	}
	k := op.Kernel{Run: layerNorm}
	if _, ok := modulation(p, in); !ok {
		if err := indexed(p, in[0].Elems()); err != nil {
			return op.Kernel{}, err
		}
		k.Work = 2 * room(&in[0])
	}
	return k, nil
}

// room is the bytes of a tensor of type t, aligned for what follows.
func room(t *op.Type) int { return ceil(t.Bytes(), 16) * 16 }

// modulation is how many rows of x share a row of scale and shift, when each has one for every index of some leading
// dimensions of x.
func modulation(p *op.LayerNorm, in []op.Type) (period int, ok bool) {
	if !p.Modulate {
		return in[0].Rows(), true
	}
	a, okA := sharing(&in[0], &in[1])
	b, okB := sharing(&in[0], &in[2])
	return a, okA && okB && a == b
}

func sharing(x, w *op.Type) (period int, ok bool) {
	if !w.Contiguous() || w.Last() != x.Last() || w.Rank == 0 {
		return 0, false
	}
	lead, period, shared := int(x.Rank-w.Rank), 1, false
	for i, d := range x.Dims[:x.Rank-1] {
		own := 1
		if i >= lead {
			own = w.Dims[i-lead]
		}
		switch {
		case own == 1:
			shared = shared || d != 1
			period *= d
		case shared:
			return 0, false
		}
	}
	return period, true
}

func layerNorm(st op.Stream, n *op.Node) error {
	s, p, x, y := st.(*stream), n.Op.(*op.LayerNorm), &n.In[0], &n.Out[0]
	if x.Elems() == 0 {
		return nil
	}
	var types [3]op.Type
	for i := range n.In {
		types[i] = n.In[i].Type
	}
	period, ok := modulation(p, types[:len(n.In)])
	var scale, shift uint64
	if len(n.In) == 3 {
		scale, shift = at(&n.In[1]), at(&n.In[2])
	}
	if !ok {
		to := at(&n.Work)
		for i := 1; i <= 2; i++ {
			wide := types[i]
			wide.Rank, wide.Dims, wide.Strides = x.Rank, x.Dims, types[i].StridesIn(&x.Type)
			if err := s.move(to+uint64((i-1)*room(&x.Type)), &x.Type, at(&n.In[i]), &wide); err != nil {
				return err
			}
		}
		period, scale, shift = 1, to, to+uint64(room(&x.Type))
	}
	offset := float32(0)
	if p.Modulate {
		offset = 1
	}
	rows, length := x.Rows(), x.Last()
	k, grid := layerNorms.pick(x.DType, rows, length)
	return s.launch(k, grid, threads, at(y), at(x), scale, shift, uint64(rows), uint64(length), uint64(period), single(p.Eps), single(offset))
}

// pickLayerNormGrad wants room for the rows' means and scales and for partial sums of dw and db.
func pickLayerNormGrad(p *op.LayerNormGrad, in, out []op.Type) (op.Kernel, error) {
	if err := contiguous(in, out); err != nil {
		return op.Kernel{}, err
	}
	x := &in[0]
	parts := ceil(x.Rows(), rowsPerPart)
	if parts > maxGridYZ {
		return op.Kernel{}, op.UnsupportedErr("the cuda path's %s takes at most %d rows", p.Name(), maxGridYZ*rowsPerPart)
	}
	k := op.Kernel{Run: layerNormGrad, Work: 2 * scaleRoom(x)}
	if p.Affine {
		k.Work += 2 * parts * x.Last() * computeSize(x.DType)
	}
	return k, nil
}

func layerNormGrad(st op.Stream, n *op.Node) error {
	s, p, x, dy, dx := st.(*stream), n.Op.(*op.LayerNormGrad), &n.In[0], &n.In[len(n.In)-1], &n.Out[0]
	rows, length, d := x.Rows(), x.Last(), x.DType
	if length == 0 {
		return nil
	}
	stats, w := at(&n.Work), uint64(0)
	if p.Affine {
		w = at(&n.In[1])
	}
	if rows > 0 {
		k, grid := layerNormGrads.pick(d, rows, length)
		if err := s.launch(k, grid, threads, at(dx), stats, at(x), w, at(dy), uint64(rows), uint64(length), single(p.Eps)); err != nil {
			return err
		}
	}
	if !p.Affine {
		return nil
	}
	count, blocks := ceil(rows, rowsPerPart), ceil(length, 256)
	partsW := stats + uint64(2*scaleRoom(&x.Type))
	partsB := partsW + uint64(count*length*computeSize(d))
	if rows > 0 {
		err := s.launch(layerNormParts[d], dim{blocks, count, 1}, threads, partsW, partsB, at(x), at(dy), stats, uint64(rows), uint64(length))
		if err != nil {
			return err
		}
	}
	for i, parts := range [2]uint64{partsW, partsB} {
		if err := s.launch(normSums[d], dim{blocks, 1, 1}, threads, at(&n.Out[1+i]), parts, uint64(count), uint64(length)); err != nil {
			return err
		}
	}
	return nil
}
