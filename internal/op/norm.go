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

// LayerNorm is out[r][i] = (x[r][i] - mean) / sqrt(var + Eps) over the last dimension, var the mean squared deviation.
// With Affine it goes on as * w[i] + b[i], w and b [n]. With Modulate it goes on as * (1 + scale) + shift, scale and
// shift of any shape that broadcasts to x: one for each token, or for each of a batch, as adaptive norms have it.
//
// x [..., n] floating-point; out as x. out may alias x.
type LayerNorm struct {
	Eps              float32
	Affine, Modulate bool
}

func (*LayerNorm) Kind() Kind { return KindLayerNorm }
func (p *LayerNorm) Name() string {
	if p.Modulate {
		return "layernorm.modulated"
	}
	return "layernorm"
}
func (p *LayerNorm) Args() string {
	switch {
	case p.Modulate:
		return "x scale shift"
	case p.Affine:
		return "x w b"
	}
	return "x"
}
func (*LayerNorm) Rowwise(in int) bool { return in == 0 }
func (*LayerNorm) InPlace(in int) bool { return in == 0 }
func (p *LayerNorm) Infer(out, in []Type) ([]Type, error) {
	n := 1
	if p.Affine || p.Modulate {
		n = 3
	}
	if err := want(in, n); err != nil {
		return out, err
	}
	if p.Affine && p.Modulate {
		return out, UnsupportedErr("a norm is affine or modulated, not both")
	}
	if p.Affine {
		return rows(out, in, in[1:])
	}
	for i := range in {
		if !in[i].BroadcastTo(&in[0]) {
			return out, ShapeErr("scale and shift must broadcast to x")
		}
	}
	return rows(out, in, nil)
}
func (*LayerNorm) Cost(in, out []Type) Cost { return perElem(6, in, out) }

// LayerNormGrad is the backward of LayerNorm: with x̂ the normalised row, s = 1/sqrt(var+Eps) and g = dy w,
//
//	dx = s (g - mean(g) - x̂ mean(g x̂)),  dw = Σ over rows of dy x̂,  db = Σ over rows of dy
//
// x, w, dy; without Affine w is no operand, g = dy, and dx the only result.
type LayerNormGrad struct {
	Eps    float32
	Affine bool
}

func (*LayerNormGrad) Kind() Kind   { return KindLayerNormGrad }
func (*LayerNormGrad) Name() string { return "layernorm.grad" }
func (p *LayerNormGrad) Args() string {
	if p.Affine {
		return "x w dy"
	}
	return "x dy"
}
func (p *LayerNormGrad) Infer(out, in []Type) ([]Type, error) {
	if err := want(in, 2+b2i(p.Affine)); err != nil {
		return out, err
	}
	if !in[len(in)-1].SameShape(&in[0]) {
		return out, ShapeErr("x and dy have different shapes")
	}
	out, err := rows(out, in, in[1:len(in)-1])
	if p.Affine {
		w := in[1].With(in[1].DType)
		out = append(out, w, w)
	}
	return out, err
}
func (*LayerNormGrad) Cost(in, out []Type) Cost { return perElem(10, in, out) }

// GroupNorm normalises each of Groups groups of channels of each image over channels and space, then scales and
// shifts by channel: Wu and He, Group normalization (2018).
//
// x [n, c, ...] with c a multiple of Groups, w and b [c]; out as x.
type GroupNorm struct {
	Eps    float32
	Groups int32
}

func (*GroupNorm) Kind() Kind          { return KindGroupNorm }
func (*GroupNorm) Name() string        { return "groupnorm" }
func (*GroupNorm) Args() string        { return "x w b" }
func (*GroupNorm) Rowwise(in int) bool { return in == 0 }
func (p *GroupNorm) Infer(out, in []Type) ([]Type, error) {
	if err := want(in, 3); err != nil {
		return out, err
	}
	return p.infer(out, in, in[1:])
}
func (p *GroupNorm) infer(out, in, weights []Type) ([]Type, error) {
	x := &in[0]
	if err := float("x", x); err != nil {
		return out, err
	}
	if err := alike(in); err != nil {
		return out, err
	}
	if x.Rank < 2 || p.Groups < 1 || x.Dims[1]%int(p.Groups) != 0 {
		return out, ShapeErr("x must be [n,c,...] with channels in %d equal groups", p.Groups)
	}
	for i := range weights {
		if err := vector("the weight", &weights[i], x.Dims[1]); err != nil {
			return out, err
		}
	}
	return append(out, x.With(x.DType)), dense(in)
}
func (*GroupNorm) Cost(in, out []Type) Cost { return perElem(6, in, out) }

// GroupNormGrad is the backward of GroupNorm: dx, dw and db from x, w and dy.
type GroupNormGrad struct {
	Eps    float32
	Groups int32
}

func (*GroupNormGrad) Kind() Kind   { return KindGroupNormGrad }
func (*GroupNormGrad) Name() string { return "groupnorm.grad" }
func (*GroupNormGrad) Args() string { return "x w dy" }
func (p *GroupNormGrad) Infer(out, in []Type) ([]Type, error) {
	if err := want(in, 3); err != nil {
		return out, err
	}
	if !in[2].SameShape(&in[0]) {
		return out, ShapeErr("x and dy have different shapes")
	}
	out, err := (&GroupNorm{p.Eps, p.Groups}).infer(out, in, in[1:2])
	w := in[1].With(in[1].DType)
	return append(out, w, w), err
}
func (*GroupNormGrad) Cost(in, out []Type) Cost { return perElem(10, in, out) }
