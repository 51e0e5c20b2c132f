package ref

import "github.com/tandem-compute/tandem/internal/op"

var gemms = table{on(matMul), on(pack), on(groupedMatMul), on(groupedOuter)}

func matMul(p *op.MatMul, in, out []Array) error {
	a, b, y := &in[0], &in[1], &out[0]
	m, n, k := p.Sizes(&a.Type, &b.Type)
	lead := y.Type
	lead.Rank -= 2
	for batch := range y.Elems() / max(1, m*n) {
		ao, bo := batchAt(a, &lead, batch), batchAt(b, &lead, batch)
		for i := range m {
			for j := range n {
				var sum sum
				for l := range k {
					ai, bi := i*k+l, l*n+j
					if p.TransA {
						ai = l*m + i
					}
					if p.TransB {
						bi = j*k + l
					}
					sum.addProduct(a.F[ao+ai], b.F[bo+bi])
				}
				at := batch*m*n + i*n + j
				y.F[at] = epilogue(p, in[2:], p.Alpha*sum.total(), j, at)
			}
		}
	}
	return nil
}

// batchAt is where the matrix of a batch begins in x, whose leading dimensions broadcast to lead.
func batchAt(x *Array, lead *op.Type, batch int) int {
	t := op.Make(x.DType, x.Dims[:x.Rank-2]...)
	return index(&t, lead, batch) * x.Dims[x.Rank-2] * x.Dims[x.Rank-1]
}

func epilogue(p *op.MatMul, extra []Array, v float64, j, at int) float64 {
	if p.HasBias {
		v += extra[0].F[j]
	}
	if p.HasAct {
		v = Function(p.Act, v)
	}
	if p.HasC && p.Beta != 0 {
		v += p.Beta * extra[len(extra)-1].F[at]
	}
	return v
}

// pack keeps the values: what a device does with their order is its own affair.
func pack(p *op.Pack, in, out []Array) error {
	if !p.Trans {
		return copyOf(nil, in, out)
	}
	return permute(&op.Permute{Rank: 2, Axes: [op.MaxRank]int8{1, 0}}, in, out)
}

// groupedMatMul multiplies each row by its group's matrix.
func groupedMatMul(p *op.GroupedMatMul, in, out []Array) error {
	x, w, n := &in[0], &in[1], in[0].Dims[0]
	k, m := x.Dims[1], out[0].Dims[1]
	for g := range w.Dims[0] {
		lo, hi := bounds(&in[2], g, n)
		for r := lo; r < hi; r++ {
			for j := range m {
				var s sum
				for l := range k {
					at := g*k*m + l*m + j
					if p.TransB {
						at = g*k*m + j*k + l
					}
					s.addProduct(x.F[r*k+l], w.F[at])
				}
				out[0].F[r*m+j] = s.total()
			}
		}
	}
	return nil
}

func groupedOuter(_ *op.GroupedOuter, in, out []Array) error {
	x, dy, n := &in[0], &in[1], in[0].Dims[0]
	k, m := x.Dims[1], dy.Dims[1]
	for g := range out[0].Dims[0] {
		lo, hi := bounds(&in[2], g, n)
		for i := range k {
			for j := range m {
				var s sum
				for r := lo; r < hi; r++ {
					s.addProduct(x.F[r*k+i], dy.F[r*m+j])
				}
				out[0].F[(g*k+i)*m+j] = s.total()
			}
		}
	}
	return nil
}
