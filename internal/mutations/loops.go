package mutations

import "slices"

// loops are mutations of the loops in plain Go, which the variant generic runs.
func loops() []Mutation {
	const dir, generic = "cpu/internal/vec/", "generic"
	return slices.Concat(
		in(dir+"generic.go", generic,
			row{"func sub[", "x - b[i]", "b[i] - x", Operand, `^sub/`, 0},
			row{"func smallest[", "a != a || a < b", "a < b", Operand, `^min/`, 0},
			row{"func relu[", "x < 0", "x <= 0", Operand, `^relu/`, 0},
			row{"func selectLoop[", "dst[i] = b[i]", "dst[i] = a[i]", Operand, `^where/`, 0},
			row{"func normScale[", "offset+w[i]", "offset+w[0]", Index, `^rmsnorm/`, 0},
			row{"func normBack[", "fma(xhat, c2, c1)", "fma(xhat, c1, c2)", Operand, `^layernorm.grad/`, 0},
			row{"func scaleAdd[", "fma(alpha, x, T(beta*b[i]))", "fma(beta, x, T(alpha*b[i]))", Operand, `^attention/f32`, 0},
			row{"func clamp[", "for i, x := range a {", "for i, x := range a[:len(a)-1] {", Tail, `^clamp/`, 0},
		),
		in(dir+"generic_reduce.go", generic,
			row{"func (c *counter[T]) push(", "acc[3*lanes+l]", "acc[2*lanes+l]", Index, `^sum/f32`, 0},
			row{"func (c *counter[T]) total(", "v[l+half]", "v[l]", Index, `^sum/f32`, 0},
			row{"func dot[", "min(chains, n-i)", "min(chains, n-i-1)", Tail, `^dot/`, 0},
			row{"func dotDev[", "x[i]-mean", "g[i]-mean", Operand, `^groupnorm.grad/`, 0},
			row{"func indexOf[", "u == v || u != u && v != v", "u == v", Operand, `^argmax/`, 0},
		),
		in(dir+"philox.go", generic,
			row{"func fromBlocks[", "int(start % 4)", "int(start % 2)", Index, `^bits/`, 0},
			row{"func boxMuller(", "r * Cos(t), r * Sin(t)", "r * Sin(t), r * Cos(t)", Operand, `^normal/`, 0},
		),
		in(dir+"convert.go", generic,
			row{"func F64ToF16(", "1<<41 - 1 +", "1<<41 +", Rounding, `^cast/`, 0},
			row{"func F32ToBF16(", "0x7fff", "0x8000", Rounding, `^cast/`, 0},
			row{"func F64ToBF16(", "bits | 1", "bits", Rounding, `^cast/f64`, 0},
		),
		in(dir+"math32.go", generic,
			row{"func expm1Poly(", "0.166666672", "0.16667", Rounding, `^exp/f32`, 0},
			row{"func splitExp(", "1.90465421e-9", "0", Rounding, `^exp/f32`, 0},
		),
	)
}
