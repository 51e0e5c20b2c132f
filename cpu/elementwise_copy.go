package cpu

import (
	"unsafe"

	"github.com/tandem-compute/tandem/cpu/internal/vec"
	"github.com/tandem-compute/tandem/internal/op"
)

var fills = reals(fillBlock[float32], fillBlock[float64]).
	ints(fillIntBlock[int64], fillIntBlock[int32], fillIntBlock[int8], fillIntBlock[uint8]).bools(fillIntBlock[uint8])

func pickFill(_ *Backend, p *op.Fill, _, out []op.Type) (op.Kernel, error) {
	return fills.pick(p, out[0].DType)
}

func fillBlock[T vec.Real](_ *worker, n *op.Node, b *block) {
	vec.Fill(at[T](b, 0), T(roundTo(n.Op.(*op.Fill).Value, n.Out[0].DType)))
}

func fillIntBlock[T integer](_ *worker, n *op.Node, b *block) {
	p := n.Op.(*op.Fill)
	v := toInt[T](p.Value)
	if n.Out[0].DType == op.Bool {
		v = 0
		if p.Value != 0 {
			v = 1
		}
	}
	vec.Fill(at[T](b, 0), v)
}

func pickIota(_ *Backend, p *op.Iota, _, out []op.Type) (op.Kernel, error) {
	if err := contiguous(out); err != nil {
		return op.Kernel{}, err
	}
	switch out[0].DType {
	case op.F32, op.F64, op.F16, op.BF16, op.I64, op.I32, op.I8, op.U8:
		return kernel(arange)
	}
	return no(p, out[0].DType)
}

// arange computes every element from its own index, in float64.
func arange(s op.Stream, n *op.Node) error {
	return s.(*stream).split(n, n.Out[0].Elems(), elementGrain, arangeBody)
}

func arangeBody(_ *worker, n *op.Node, lo, hi int) {
	p, y := n.Op.(*op.Iota), &n.Out[0]
	for i := lo; i < hi; i++ {
		v := p.Start + float64(float64(i)*p.Step)
		switch y.DType {
		case op.F64:
			op.Data[float64](y)[i] = v
		case op.F32:
			op.Data[float32](y)[i] = float32(v)
		case op.F16:
			op.Data[uint16](y)[i] = vec.F64ToF16(v)
		case op.BF16:
			op.Data[uint16](y)[i] = vec.F64ToBF16(v)
		case op.I64:
			op.Data[int64](y)[i] = toInt[int64](v)
		case op.I32:
			op.Data[int32](y)[i] = toInt[int32](v)
		case op.I8:
			op.Data[int8](y)[i] = toInt[int8](v)
		case op.U8:
			op.Data[uint8](y)[i] = toInt[uint8](v)
		}
	}
}

// pickCopy copies by size. Halves are copied as 16 bits, not through f32.
func pickCopy(_ *Backend, p *op.Copy, in, _ []op.Type) (op.Kernel, error) {
	switch in[0].DType.Size() {
	case 1:
		return kernel(copyBytes)
	case 2:
		return kernel(copyHalves)
	case 4:
		return kernel(copyWords)
	}
	return kernel(copyLongs)
}

func copyBytes(s op.Stream, n *op.Node) error  { return s.(*stream).move(n, op.U8, copyBody[uint8]) }
func copyHalves(s op.Stream, n *op.Node) error { return s.(*stream).move(n, 0, copyBody[uint16]) }
func copyWords(s op.Stream, n *op.Node) error  { return s.(*stream).move(n, op.I32, copyBody[int32]) }
func copyLongs(s op.Stream, n *op.Node) error  { return s.(*stream).move(n, op.I64, copyBody[int64]) }

// move is each for elements whose type does not matter.
func (s *stream) move(n *op.Node, as op.DType, f body) error {
	s.walk.set(n)
	s.walk.dtype[0], s.walk.dtype[1] = as, as
	return s.split(n, s.walk.elems(), elementGrain, f)
}

func copyBody[T op.Elem](w *worker, n *op.Node, lo, hi int) { w.walk.run(w, n, lo, hi, copyBlock[T]) }

func copyBlock[T op.Elem](_ *worker, _ *op.Node, b *block) { copy(at[T](b, 1), at[T](b, 0)) }

func pickCast(_ *Backend, p *op.Cast, _, _ []op.Type) (op.Kernel, error) { return kernel(cast) }

// cast converts halves by way of f32 only where that rounds once: from or to f32, and to wider types.
func cast(st op.Stream, n *op.Node) error {
	s := st.(*stream)
	s.walk.set(n)
	to := n.Out[0].DType
	if from := n.In[0].DType; (to == op.F16 || to == op.BF16) && from != op.F32 && from != op.F16 && from != op.BF16 {
		s.walk.dtype[1] = 0 // the block itself makes halves
	}
	return s.split(n, s.walk.elems(), elementGrain, castBody)
}

func castBody(w *worker, n *op.Node, lo, hi int) { w.walk.run(w, n, lo, hi, castBlock) }

func castBlock(w *worker, n *op.Node, b *block) {
	switch n.In[0].DType {
	case op.F32, op.F16, op.BF16:
		castReal(n, b, at[float32](b, 0))
	case op.F64:
		castReal(n, b, at[float64](b, 0))
	case op.I64:
		castInt(n, b, at[int64](b, 0))
	case op.I32:
		castInt(n, b, at[int32](b, 0))
	case op.I8:
		castInt(n, b, at[int8](b, 0))
	case op.U8:
		castInt(n, b, at[uint8](b, 0))
	case op.Bool:
		castInt(n, b, at[uint8](b, 0))
	}
}

func castReal[S vec.Real](n *op.Node, b *block, x []S) {
	switch n.Out[0].DType {
	case op.F32:
		realFromReal(at[float32](b, 1), x)
	case op.F64:
		realFromReal(at[float64](b, 1), x)
	case op.F16:
		halves(b, x, vec.F64ToF16)
	case op.BF16:
		halves(b, x, vec.F64ToBF16)
	case op.I64:
		vec.IntFromReal(at[int64](b, 1), x)
	case op.I32:
		vec.IntFromReal(at[int32](b, 1), x)
	case op.I8:
		vec.IntFromReal(at[int8](b, 1), x)
	case op.U8:
		vec.IntFromReal(at[uint8](b, 1), x)
	case op.Bool:
		vec.BoolFrom(bools(b, 1), x)
	}
}

func realFromReal[D, S vec.Real](y []D, x []S) {
	for i, v := range x {
		y[i] = D(v)
	}
}

// halves rounds once from S to 16 bits; where the walk narrows by itself, f32 goes through.
func halves[S vec.Real](b *block, x []S, narrow func(float64) uint16) {
	if unsafe.Sizeof(*new(S)) == 4 {
		realFromReal(at[float32](b, 1), x)
		return
	}
	y := at[uint16](b, 1)
	for i, v := range x {
		y[i] = narrow(float64(v))
	}
}

func castInt[S integer](n *op.Node, b *block, x []S) {
	switch n.Out[0].DType {
	case op.F32:
		vec.RealFromInt(at[float32](b, 1), x)
	case op.F64:
		vec.RealFromInt(at[float64](b, 1), x)
	case op.F16:
		halvesOf(at[uint16](b, 1), x, vec.F64ToF16)
	case op.BF16:
		halvesOf(at[uint16](b, 1), x, vec.F64ToBF16)
	case op.I64:
		vec.IntFromInt(at[int64](b, 1), x)
	case op.I32:
		vec.IntFromInt(at[int32](b, 1), x)
	case op.I8:
		vec.IntFromInt(at[int8](b, 1), x)
	case op.U8:
		vec.IntFromInt(at[uint8](b, 1), x)
	case op.Bool:
		vec.BoolFrom(bools(b, 1), x)
	}
}

// halvesOf rounds integers to 16 bits, once: what an i64 beyond 2⁵³ loses in float64 survives as a sticky bit far below
// the digits that a half keeps.
func halvesOf[S integer](y []uint16, x []S, narrow func(float64) uint16) {
	for i, v := range x {
		f := float64(v)
		if w := int64(v); w > 1<<53 || w < -1<<53 {
			t := w >> 10
			if w&1023 != 0 {
				t |= 1
			}
			f = float64(t) * 1024
		}
		y[i] = narrow(f)
	}
}
