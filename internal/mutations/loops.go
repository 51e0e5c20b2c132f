package mutations

import "slices"

// loops are mutations of the loops in plain Go, which the variant generic runs.
func loops() []Mutation {
	const dir, generic = "cpu/internal/vec/", "generic"
	return slices.Concat(
		in(dir+"generic.go", generic,
			row{"func smallest[", "a != a || a < b", "a < b", Operand, `^min/`, 0},
			row{"func normScale[", "offset+w[i]", "offset+w[0]", Index, `^rmsnorm/`, 0},
			row{"func normBack[", "fma(xhat, c2, c1)", "fma(xhat, c1, c2)", Operand, `^layernorm.grad/`, 0},
			row{"func scaleAdd[", "fma(alpha, x, T(beta*b[i]))", "fma(beta, x, T(alpha*b[i]))", Operand, `^attention/f32`, 0},
		),
		in(dir+"generic_reduce.go", generic,
			row{"func (c *counter[T]) total(", "v[l+half]", "v[l]", Index, `^sum/f32`, 0},
			row{"func dot[", "min(chains, n-i)", "min(chains, n-i-1)", Tail, `^dot/`, 0},
			row{"func indexOf[", "u == v || u != u && v != v", "u == v", Operand, `^argmax/`, 0},
		),
		in(dir+"philox.go", generic,
			row{"func fromBlocks[", "int(start % 4)", "int(start % 2)", Index, `^bits/`, 0},
		),
		in(dir+"convert.go", generic,
			row{"func F64ToF16(", "1<<41 - 1 +", "1<<41 +", Rounding, `^cast/`, 0},
			row{"func F64ToBF16(", "bits | 1", "bits", Rounding, `^cast/f64`, 0},
		),
		in(dir+"math32.go", generic,
			row{"func expm1Poly(", "0.0416665077", "0.0416", Rounding, `^exp/f32`, 0},
			row{"func expBelow(", "0.240226492", "0.2402", Rounding, `^softmax/f32`, 0},
			row{"func expBelow(", "FMA32(float32(r*q), s, s)", "float32(r*q) * s", Operand, `^softmax/f32`, 0},
			row{"func normalCDF(", "132.269684", "132.27", Rounding, `^gelu/f32`, 0},
			row{"func normalCDF(", "float32(c*p)/q", "float32(c*q)/p", Operand, `^gelu/f32`, 0},
		),
		in(dir+"rows.go", "TestVariantsAgree",
			row{"func (f *Float[T]) composeRows(", "return sum(next)", "return sum(x)", Operand, "", 0},
		),
	)
}
