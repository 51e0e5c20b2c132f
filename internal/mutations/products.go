package mutations

import "slices"

// products are mutations of the matrix products in Go.
func products() []Mutation {
	const dir = "cpu/internal/gemm/"
	return slices.Concat(
		in("cpu/gemm.go", fast,
			row{"func matrix(", "v.Strides[v.Rank-2], v.Strides[v.Rank-1]", "v.Strides[v.Rank-1], v.Strides[v.Rank-2]", Transpose, `^matmul/f32/(5x3|6x8|7x9)`, 0},
			row{"func (s *stream) batches(", "A: strides[0][inner]", "A: strides[1][inner]", Index, `^matmul/f32`, 0},
		),
		in("cpu/gemm_grouped.go", fast,
			row{"func groupedMatMul(", "g*w.Strides[0]", "0*w.Strides[0]", Index, `^groupedmatmul/f32`, 0},
			row{"func groupedOuter(", "A: rowsFrom(x, lo).T(), B: rowsFrom(dy, lo)", "A: rowsFrom(dy, lo).T(), B: rowsFrom(x, lo)", Transpose, `^groupedouter/f32`, 0},
		),
		in(dir+"generic.go", "generic",
			row{"func sumTwoRows[", "at+rowStep", "at", Index, `^matmul/f32`, 0},
			row{"func startRow[", "s[j] = beta * x", "s[j] = beta + x", Operand, `^matmul/f32`, 0},
		),
		in(dir+"finish.go", fast,
			row{"func epilogue[", "&pr.bias, i, j", "&pr.bias, i, 0", Index, `^matmul/f32`, 0},
		),
		in(dir+"skinny.go", fast,
			row{"func (w *worker) streamRows(", "whole < pr.k", "whole+streamK < pr.k", Tail, `^matmul/f32`, 0},
			row{"func storeDots[", "sums[g*rows+i*width:]", "sums[g*rows+i*n:]", Index, `^matmul.nt/f32`, 0},
		),
		in(dir+"few.go", fast,
			row{"func (w *worker) fewRows(", "g < groups.tall", "g <= groups.tall", Index, `^matmul/f32`, 0},
			row{"func (w *worker) fewRows(", "out.at(r, whole*width)", "out.at(0, whole*width)", Index, `^matmul/f32`, 0},
			row{"func (w *worker) fewRows(", "if rest := n - whole*width; rest > 0", "if rest := n - whole*width; rest > 1", Tail, `^matmul`, 0},
			row{"func (w *worker) outerRows(", "aRow: pr.a.Row * ks.size, aCol: pr.a.Col * ks.size", "aRow: pr.a.Col * ks.size, aCol: pr.a.Row * ks.size", Transpose, `^matmul`, 0},
			row{"func (w *worker) outerRows(", "load = 1", "load = 0", Operand, `^matmul`, 0},
		),
		in(dir+"strips.go", fast,
			row{"func (t *tile) start(", "k0 > 0", "k0 > 1<<20", Operand, `^matmul`, 0},
		),
		in(dir+"pack.go", fast,
			row{"func (ks *kernels) packA(", "i += rows", "i += p.height", Index, `^matmul/f32`, 0},
		),
	)
}
