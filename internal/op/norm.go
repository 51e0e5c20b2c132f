package op

// RMSNorm scales each row of x to unit root mean square.
//
//	out[r][i] = x[r][i] / sqrt(mean(x[r]²) + Eps) * (Offset + w[i])
//
// x [..., n] floating-point, w [n]; out as x. out may alias x. Offset 1 is for weights stored around zero.
// f16 and bf16 are computed in f32 and rounded once.
type RMSNorm struct{ Eps, Offset float32 }

func (*RMSNorm) Kind() Kind          { return KindRMSNorm }
func (*RMSNorm) Name() string        { return "rmsnorm" }
func (*RMSNorm) Args() string        { return "x w" }
func (*RMSNorm) Rowwise(in int) bool { return in == 0 }
func (*RMSNorm) InPlace(in int) bool { return in == 0 }
func (p *RMSNorm) Infer(out, in []Type) ([]Type, error) {
	if err := want(in, 2); err != nil {
		return out, err
	}
	return rows(out, in, in[1:])
}
func (*RMSNorm) Cost(in, out []Type) Cost { return perElem(4, in, out) }

// rows is the rule of ops on the rows of in[0]: floating-point operands of one dtype, weights [n].
func rows(out, in, weights []Type) ([]Type, error) {
	x := &in[0]
	if err := float("x", x); err != nil {
		return out, err
	}
	if err := alike(in); err != nil {
		return out, err
	}
	if x.Rank < 1 {
		return out, ShapeErr("x must have a dimension")
	}
	for i := range weights {
		if err := vector("the weight", &weights[i], x.Last()); err != nil {
			return out, err
		}
	}
	return append(out, x.With(x.DType)), dense(in)
}

// RMSNormGrad is the backward of RMSNorm: with s = 1/sqrt(mean(x²)+Eps) and g = dy (Offset + w),
//
//	dx = s (g - x s² mean(g x)),  dw = Σ over rows of dy x s
//
// x, dy [..., n], w [n]; dx as x, dw as w. dw is summed in an order that depends on the shape alone.
type RMSNormGrad struct{ Eps, Offset float32 }

func (*RMSNormGrad) Kind() Kind   { return KindRMSNormGrad }
func (*RMSNormGrad) Name() string { return "rmsnorm.grad" }
func (*RMSNormGrad) Args() string { return "x w dy" }
func (p *RMSNormGrad) Infer(out, in []Type) ([]Type, error) {
	if err := want(in, 3); err != nil {
		return out, err
	}
	if !in[2].SameShape(&in[0]) {
		return out, ShapeErr("x and dy have different shapes")
	}
	out, err := rows(out, in, in[1:2])
	return append(out, in[1].With(in[1].DType)), err
}
func (*RMSNormGrad) Cost(in, out []Type) Cost { return perElem(8, in, out) }
