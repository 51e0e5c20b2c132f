package ref

import "github.com/tandem-compute/tandem/internal/op"

var views = table{on(reshape), on(permute), on(slice), on(expand)}

func reshape(_ *op.Reshape, in, out []Array) error { return copyOf(nil, in, out) }

func (a *Array) set(i int, b *Array, j int) {
	if a.F != nil {
		a.F[i] = b.F[j]
	} else {
		a.I[i] = b.I[j]
	}
}

// at is the flat index of coordinates c.
func (a *Array) at(c [op.MaxRank]int) (i int) {
	for d := range int(a.Rank) {
		i = i*a.Dims[d] + c[d]
	}
	return i
}

func permute(p *op.Permute, in, out []Array) error {
	for i := range out[0].Elems() {
		var from [op.MaxRank]int
		for d, c := range unravel(&out[0].Type, i) {
			from[p.Axes[d]] = c
			if d+1 == int(p.Rank) {
				break
			}
		}
		out[0].set(i, &in[0], in[0].at(from))
	}
	return nil
}

func slice(p *op.Slice, in, out []Array) error {
	a, err := in[0].Axis(p.Axis)
	if err != nil {
		return err
	}
	for i := range out[0].Elems() {
		c := unravel(&out[0].Type, i)
		c[a] = p.Start + c[a]*p.Step
		out[0].set(i, &in[0], in[0].at(c))
	}
	return nil
}

func expand(_ *op.Expand, in, out []Array) error {
	for i := range out[0].Elems() {
		out[0].set(i, &in[0], index(&in[0].Type, &out[0].Type, i))
	}
	return nil
}
