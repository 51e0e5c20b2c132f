package vec

func genericInt[T Integer]() Int[T] {
	return Int[T]{
		Add: binary(func(a, b T) T { return a + b }),
		Sub: binary(func(a, b T) T { return a - b }),
		Mul: binary(func(a, b T) T { return a * b }),
		Div: binary(quotient[T]),
		Min: binary(func(a, b T) T { return min(a, b) }),
		Max: binary(func(a, b T) T { return max(a, b) }),
		And: binary(func(a, b T) T { return a & b }),
		Or:  binary(func(a, b T) T { return a | b }),
		Xor: binary(func(a, b T) T { return a ^ b }),

		AddS: scalar(func(a, s T) T { return a + s }),
		MulS: scalar(func(a, s T) T { return a * s }),
		DivS: scalar(quotient[T]),
		MinS: scalar(func(a, s T) T { return min(a, s) }),
		MaxS: scalar(func(a, s T) T { return max(a, s) }),
		AndS: scalar(func(a, s T) T { return a & s }),
		OrS:  scalar(func(a, s T) T { return a | s }),
		XorS: scalar(func(a, s T) T { return a ^ s }),

		SubFrom: scalar(func(a, s T) T { return s - a }),
		DivInto: scalar(func(a, s T) T { return quotient(s, a) }),

		Shl: binary(shiftLeft[T]), Shr: binary(shiftRight[T]),
		ShlS: scalar(shiftLeft[T]), ShrS: scalar(shiftRight[T]),
		Clamp: func(dst, a []T, lo, hi T) {
			a = a[:len(dst)]
			for i, x := range a {
				dst[i] = min(max(x, lo), hi)
			}
		},

		Neg:    unary(func(a T) T { return -a }),
		Abs:    unary(absInt[T]),
		Sign:   unary(signInt[T]),
		Square: unary(func(a T) T { return a * a }),
		Relu:   unary(relu[T]),
		Not:    unary(func(a T) T { return ^a }),

		Eq: compare(eq[T]), Ne: compare(ne[T]), Lt: compare(lt[T]), Le: compare(le[T]), Gt: compare(gt[T]), Ge: compare(ge[T]),
		EqS: compareS(eq[T]), NeS: compareS(ne[T]), LtS: compareS(lt[T]), LeS: compareS(le[T]), GtS: compareS(gt[T]), GeS: compareS(ge[T]),
		Select: selectLoop[T],

		Sum: func(x []T) int64 {
			var s int64
			for _, v := range x {
				s += int64(v)
			}
			return s
		},
		Prod: func(x []T) int64 {
			p := int64(1)
			for _, v := range x {
				p *= int64(v)
			}
			return p
		},
		MaxOf: func(x []T) T {
			lo, _ := limits[T]()
			m := T(lo)
			for _, v := range x {
				m = max(m, v)
			}
			return m
		},
		MinOf: func(x []T) T {
			_, hi := limits[T]()
			m := T(hi)
			for _, v := range x {
				m = min(m, v)
			}
			return m
		},
		ArgMax: argMaxInt[T],
		ArgMin: argMinInt[T],
	}
}

// quotient rounds toward zero; by zero it is 0.
func quotient[T Integer](a, b T) T {
	if b == 0 {
		return 0
	}
	return a / b
}

// shiftLeft gives 0 where b is negative or not below the width.
func shiftLeft[T Integer](a, b T) T {
	if b < 0 {
		return 0
	}
	return a << b
}

// shiftRight keeps the sign; it gives 0 where b is negative.
func shiftRight[T Integer](a, b T) T {
	if b < 0 {
		return 0
	}
	return a >> b
}

func absInt[T Integer](a T) T {
	if a < 0 {
		return -a
	}
	return a
}

func signInt[T Integer](a T) T {
	switch {
	case a > 0:
		return 1
	case a < 0:
		return ^T(0) // -1
	}
	return 0
}

// argMaxInt returns the lowest index of the largest element, -1 of an empty row.
func argMaxInt[T Integer](x []T) int {
	best := -1
	for i, v := range x {
		if best < 0 || v > x[best] {
			best = i
		}
	}
	return best
}

func argMinInt[T Integer](x []T) int {
	best := -1
	for i, v := range x {
		if best < 0 || v < x[best] {
			best = i
		}
	}
	return best
}
