package op

// Reshape is x's elements in the same order under another shape. A dimension of -1 is what is left.
// It is a view where x's strides allow, else a copy.
type Reshape struct{ Dims Dims }

func (*Reshape) Kind() Kind   { return KindReshape }
func (*Reshape) Name() string { return "reshape" }
func (*Reshape) Args() string { return "x" }
func (p *Reshape) Infer(out, in []Type) ([]Type, error) {
	if err := want(in, 1); err != nil {
		return out, err
	}
	d, n, free := p.Dims, in[0].Elems(), -1
	if int(d.Rank) > MaxRank {
		return out, ShapeErr("%d dimensions, at most %d are possible", d.Rank, MaxRank)
	}
	known := 1
	for i, v := range d.N[:d.Rank] {
		switch {
		case v == -1 && free < 0:
			free = i
		case v < 0:
			return out, ShapeErr("dimension %d is negative", v)
		case v > 0 && known > MaxBytes/v:
			return out, ShapeErr("%d elements do not fill the shape", n)
		default:
			known *= v
		}
	}
	if free >= 0 && known > 0 {
		d.N[free] = n / known
		known *= d.N[free]
	}
	if known != n || free >= 0 && d.N[free] < 0 {
		return out, ShapeErr("%d elements do not fill %v", n, p.Dims.N[:p.Dims.Rank])
	}
	t, err := d.Type(in[0].DType)
	if err != nil {
		return out, err
	}
	if s, ok := restride(&in[0], &t); ok {
		t.Strides = s
	}
	return append(out, t), dense(in)
}
func (p *Reshape) Window(in []Type) (int, bool) {
	var buf [1]Type
	out, err := p.Infer(buf[:0], in)
	if err != nil {
		return 0, false
	}
	_, ok := restride(&in[0], &out[0])
	return 0, ok
}
func (*Reshape) Cost(_, _ []Type) Cost { return Cost{} }

// restride finds strides under which t's shape walks x's elements in order. Runs of dimensions that are contiguous
// in x are split and merged freely; a run is never crossed.
func restride(x, t *Type) (s [MaxRank]int, ok bool) {
	if x.Elems() == 0 {
		return t.Strides, true
	}
	j := int(t.Rank) - 1
	for i := int(x.Rank) - 1; i >= 0; {
		run, step := x.Dims[i], x.Strides[i]
		for i--; i >= 0 && (x.Dims[i] == 1 || run == 1 || x.Strides[i] == run*step); i-- {
			if run == 1 {
				step = x.Strides[i]
			}
			run *= x.Dims[i]
		}
		for ; j >= 0 && run%t.Dims[j] == 0 && (run > 1 || t.Dims[j] == 1); j-- {
			s[j] = step
			step *= t.Dims[j]
			run /= t.Dims[j]
		}
		if run != 1 {
			return s, false
		}
	}
	for ; j >= 0; j-- {
		if t.Dims[j] != 1 {
			return s, false
		}
		s[j] = 1
	}
	return s, true
}

// Permute is x with its dimensions in another order: dimension i of out is dimension Axes[i] of x. A view.
type Permute struct {
	Axes [MaxRank]int8
	Rank int8
}

func (*Permute) Kind() Kind   { return KindPermute }
func (*Permute) Name() string { return "permute" }
func (*Permute) Args() string { return "x" }
func (p *Permute) Infer(out, in []Type) ([]Type, error) {
	if err := want(in, 1); err != nil {
		return out, err
	}
	x := &in[0]
	if p.Rank != x.Rank {
		return out, ShapeErr("%d axes for %d dimensions", p.Rank, x.Rank)
	}
	t, seen := Type{DType: x.DType, Rank: x.Rank}, [MaxRank]bool{}
	for i, a := range p.Axes[:p.Rank] {
		if a < 0 || a >= x.Rank || seen[a] {
			return out, ShapeErr("%v is no permutation of %d axes", p.Axes[:p.Rank], x.Rank)
		}
		seen[a] = true
		t.Dims[i], t.Strides[i] = x.Dims[a], x.Strides[a]
	}
	return append(out, t), dense(in)
}
func (*Permute) Window([]Type) (int, bool) { return 0, true }
func (*Permute) Cost(_, _ []Type) Cost     { return Cost{} }

// Slice is the elements Start, Start+Step, … below Stop along one axis. A view.
type Slice struct{ Axis, Start, Stop, Step int }

func (*Slice) Kind() Kind   { return KindSlice }
func (*Slice) Name() string { return "slice" }
func (*Slice) Args() string { return "x" }
func (p *Slice) Infer(out, in []Type) ([]Type, error) {
	if err := want(in, 1); err != nil {
		return out, err
	}
	t := in[0]
	a, err := t.Axis(p.Axis)
	if err != nil {
		return out, err
	}
	if p.Step < 1 {
		return out, ShapeErr("step %d must be positive", p.Step)
	}
	if p.Start < 0 || p.Stop < p.Start || p.Stop > t.Dims[a] {
		return out, ShapeErr("%d:%d is not within 0:%d of axis %d", p.Start, p.Stop, t.Dims[a], a)
	}
	t.Dims[a] = p.Stop - p.Start
	if t.Dims[a] > 0 {
		t.Dims[a] = (t.Dims[a]-1)/p.Step + 1 // a Step can be the largest int
	}
	t.Strides[a] *= p.Step
	return append(out, t), dense(in)
}
func (p *Slice) Window(in []Type) (int, bool) {
	a, err := in[0].Axis(p.Axis)
	if err != nil {
		return 0, false
	}
	return p.Start * in[0].Strides[a], true
}
func (*Slice) Cost(_, _ []Type) Cost { return Cost{} }

// Expand is x stretched to a shape that it broadcasts to. A view with stride 0 where it stretches.
type Expand struct{ Dims Dims }

func (*Expand) Kind() Kind   { return KindExpand }
func (*Expand) Name() string { return "expand" }
func (*Expand) Args() string { return "x" }
func (p *Expand) Infer(out, in []Type) ([]Type, error) {
	if err := want(in, 1); err != nil {
		return out, err
	}
	t, err := p.Dims.Type(in[0].DType)
	if err != nil {
		return out, err
	}
	if !in[0].BroadcastTo(&t) {
		return out, ShapeErr("does not broadcast to %v", t)
	}
	t.Strides = in[0].StridesIn(&t)
	return append(out, t), dense(in)
}
func (*Expand) Window([]Type) (int, bool) { return 0, true }
func (*Expand) Cost(_, _ []Type) Cost     { return Cost{} }
