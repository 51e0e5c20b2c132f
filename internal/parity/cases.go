package parity

import "github.com/tandem-compute/tandem/internal/op"

// Cases lists every case of every family. The first case of an op and dtype is the one that a quick check runs.
func Cases() []Case {
	var all []Case
	for _, f := range []func() []Case{elementwise, reduces, segments, gemms, norms, softmaxes, samples, indexes, attentions, ropes} {
		all = append(all, f()...)
	}
	seen := map[string]bool{}
	for i := range all {
		key := all[i].Op.Name() + "/" + dtypeName(all[i].Op, all[i].In)
		all[i].Quick = !seen[key]
		seen[key] = true
	}
	return all
}

// floats are the floating-point types.
var floats = []op.DType{op.F32, op.F64, op.F16, op.BF16}

// integers are the integer types.
var integers = []op.DType{op.I64, op.I32, op.I8, op.U8}

// rowShapes are shapes for ops on the last dimension: one element, odd tails, wide and tall, every remainder of a row that
// is too long for a warp, empty.
var rowShapes = [][]int{{4, 33}, {1}, {1, 1}, {3, 7}, {2, 3, 64}, {5, 257}, {3, 62}, {130, 8}, {2, 4099}, {2, 1501}, {2, 1502}, {2, 1503}, {0, 4}}
