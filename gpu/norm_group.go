//go:build cuda && cgo && linux

package gpu

import "github.com/tandem-compute/tandem/internal/op"

var (
	groupNorms     = byRow{entries("norm_group", "groupnorm_warp_%v", reals...), entries("norm_group", "groupnorm_%v", reals...), 1024}
	groupNormGrads = byRow{entries("norm_group", "groupnorm_grad_warp_%v", reals...), entries("norm_group", "groupnorm_grad_%v", reals...), 1024}
	groupNormParts = byRow{entries("norm_group", "groupnorm_grad_parts_warp_%v", reals...), entries("norm_group", "groupnorm_grad_parts_%v", reals...), 1024}
)

// groupShape is the groups of all images, the channels of a group and the positions of a channel.
func groupShape(x *op.Type, groups int32) (rows, channels, space int) {
	space = 1
	for _, d := range x.Dims[2:x.Rank] {
		space *= d
	}
	return x.Dims[0] * int(groups), x.Dims[1] / int(groups), space
}

// pickGroups takes contiguous operands, with groups that 32-bit indices reach across.
func pickGroups(o op.Op, groups int32, in, out []op.Type, run func(op.Stream, *op.Node) error) (op.Kernel, error) {
	if err := contiguous(in, out); err != nil {
		return op.Kernel{}, err
	}
	rows, channels, space := groupShape(&in[0], groups)
	if max(rows*channels, channels*space) > maxIndex {
		return op.Kernel{}, op.UnsupportedErr("the cuda path's %s takes at most 2³¹-1 elements in a group, and as many channels in all", o.Name())
	}
	return kernel(run)
}

func pickGroupNorm(p *op.GroupNorm, in, out []op.Type) (op.Kernel, error) {
	return pickGroups(p, p.Groups, in, out, groupNorm)
}

func groupNorm(st op.Stream, n *op.Node) error {
	s, p, x, w, b, y := st.(*stream), n.Op.(*op.GroupNorm), &n.In[0], &n.In[1], &n.In[2], &n.Out[0]
	if x.Elems() == 0 {
		return nil
	}
	rows, channels, space := groupShape(&x.Type, p.Groups)
	k, grid := groupNorms.pick(x.DType, rows, channels*space)
	return s.launch(k, grid, threads, at(y), at(x), at(w), at(b), uint64(rows), uint64(p.Groups), uint64(channels), uint64(space), single(p.Eps))
}

// pickGroupNormGrad wants room for the groups' means and scales and for Σ dy x̂ and Σ dy of each image's channels.
func pickGroupNormGrad(p *op.GroupNormGrad, in, out []op.Type) (op.Kernel, error) {
	k, err := pickGroups(p, p.Groups, in, out, groupNormGrad)
	k.Work = 2 * (in[0].Dims[0]*int(p.Groups) + in[0].Dims[0]*in[0].Dims[1]) * computeSize(in[0].DType)
	return k, err
}

func groupNormGrad(st op.Stream, n *op.Node) error {
	s, p, x, w, dy, dx := st.(*stream), n.Op.(*op.GroupNormGrad), &n.In[0], &n.In[1], &n.In[2], &n.Out[0]
	images, c, d := x.Dims[0], x.Dims[1], x.DType
	if c == 0 {
		return nil
	}
	if x.Elems() == 0 { // nothing to sum up
		for i := 1; i <= 2; i++ {
			if err := s.fill(&n.Out[i], 0); err != nil {
				return err
			}
		}
		return nil
	}
	rows, channels, space := groupShape(&x.Type, p.Groups)
	stats := at(&n.Work)
	partsW := stats + uint64(2*rows*computeSize(d))
	partsB := partsW + uint64(images*c*computeSize(d))
	k, grid := groupNormGrads.pick(d, rows, channels*space)
	err := s.launch(k, grid, threads, at(dx), stats, at(x), at(w), at(dy), uint64(rows), uint64(p.Groups), uint64(channels), uint64(space), single(p.Eps))
	if err != nil {
		return err
	}
	k, grid = groupNormParts.pick(d, images*c, space)
	err = s.launch(k, grid, threads, partsW, partsB, at(x), at(dy), stats, uint64(images*c), uint64(channels), uint64(space))
	if err != nil {
		return err
	}
	for i, parts := range [2]uint64{partsW, partsB} {
		if err := s.launch(normSums[d], dim{ceil(c, 256), 1, 1}, threads, at(&n.Out[1+i]), parts, uint64(images), uint64(c)); err != nil {
			return err
		}
	}
	return nil
}
