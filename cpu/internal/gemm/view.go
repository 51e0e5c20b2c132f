package gemm

// Packed views data that Pack has filled for a [k, n] operand of a type.
func (e *Engine) Packed(t Type, k, n int, data []byte) Packed {
	return Packed{Type: t, K: k, N: n, Strip: e.kernels(t).nr, Data: data}
}
