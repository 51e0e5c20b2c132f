package tandem

import "github.com/tandem-compute/tandem/internal/op"

func unaryGradCases(g *gradCases) {
	any, some := g.away(100, 3, 4), g.positive(101, 3, 4)
	for f := range op.NumUnaryFns {
		x := any
		switch f {
		case op.Not:
			continue
		case op.Sqrt, op.Rsqrt, op.Log, op.Log2, op.Log1p:
			x = some
		}
		g.add(f.String(), func(s *Scope) Tensor { return s.unary(f, x) }, x)
	}
	g.add("tanh of a transposed view", func(s *Scope) Tensor { return s.Tanh(s.Transpose(any, 0, 1)) }, any)
	g.add("copy", func(s *Scope) Tensor { return s.Copy(s.SliceStep(any, 1, 1, 4, 2)) }, any)
	g.add("cast", func(s *Scope) Tensor { return s.Square(s.Cast(s.Exp(any), F64)) }, any)
}

func binaryGradCases(g *gradCases) {
	a, b := g.positive(110, 2, 3, 4), g.positive(111, 2, 3, 4)
	row, column, one := g.positive(112, 4), g.positive(113, 3, 1), g.positive(114)
	for f := range op.Pow + 1 {
		name := f.String()
		g.add(name, func(s *Scope) Tensor { return s.binary(f, a, b) }, a, b)
		g.add(name+" broadcasts both", func(s *Scope) Tensor { return s.binary(f, column, row) }, column, row)
		g.add(name+" broadcasts the first", func(s *Scope) Tensor { return s.binary(f, one, a) }, one, a)
		g.add(name+" of a constant", func(s *Scope) Tensor { return s.binary(f, a, row) }, row)
		g.add(name+" of one operand twice", func(s *Scope) Tensor { return s.binary(f, a, s.Square(a)) }, a)
		g.add(name+" of views", func(s *Scope) Tensor {
			return s.binary(f, s.Transpose(a, 0, 2), s.Transpose(s.Slice(b, 0, 1, 2), 0, 2))
		}, a, b)
	}
	k, scale := g.normal(115), g.normal(116, 1)
	g.add("addscaled", func(s *Scope) Tensor { return s.AddScaled(a, b, k) }, a, b, k)
	g.add("subscaled", func(s *Scope) Tensor { return s.SubScaled(a, b, scale) }, a, b, scale)
}

func scalarGradCases(g *gradCases) {
	x := g.positive(120, 3, 4)
	for f := range op.Pow + 1 {
		for _, flip := range []bool{false, true} {
			name := f.String() + " of a number"
			if flip {
				name = f.String() + " of a number first"
			}
			g.add(name, func(s *Scope) Tensor { return emit(s, op.Scalar{Fn: f, Value: 1.3, Flip: flip}, args(x)) }, x)
		}
	}
	zeros := tensor(g.t, g.d, []float64{0, 1, -2, 3}, 4)
	for _, v := range []float64{0, 1, 2, 3} {
		g.add("power at zero", func(s *Scope) Tensor { return s.PowScalar(zeros, v) }, zeros)
	}
	g.add("power of tensors at zero", func(s *Scope) Tensor {
		return s.Pow(zeros, s.Iota(F64, 4, 1, 1))
	}, zeros)
}

func logicGradCases(g *gradCases) {
	a, b, row := g.away(130, 3, 4), g.away(131, 3, 4), g.away(132, 4)
	bias := g.normal(133, 4)
	g.add("where", func(s *Scope) Tensor { return s.Where(s.Gt(a, s.Fill(F64, 0)), s.Square(a), b) }, a, b)
	g.add("where broadcasts", func(s *Scope) Tensor { return s.Where(s.Gt(a, b), row, s.Reshape(s.Slice(b, 1, 0, 1), 3, 1)) }, row, b)
	g.add("where widens", func(s *Scope) Tensor { return s.Where(s.Gt(a, b), row, row) }, row)
	g.add("clamp", func(s *Scope) Tensor { return s.Clamp(a, -0.7, 0.9) }, a)
	g.add("swiglu", func(s *Scope) Tensor { return s.SwiGLU(a, b) }, a, b)
	g.add("swiglu of halves", func(s *Scope) Tensor { return s.SwiGLU(s.Slice(a, 1, 0, 2), s.Slice(a, 1, 2, 4)) }, a)
	g.add("swiglu with a limit", func(s *Scope) Tensor { return s.SwiGLUClamped(a, b, 0.6) }, a, b)
	for act := ActReLU; act <= ActTanh; act++ {
		g.add("biasact "+actFns[act].String(), func(s *Scope) Tensor { return s.BiasAct(a, bias, act) }, a, bias)
	}
}

func reduceGradCases(g *gradCases) {
	x, line := g.away(140, 2, 3, 4), g.away(141, 5)
	holes := tensor(g.t, g.d, []float64{1, 2, 3, 0, 2, -1, 0, 0, 5}, 3, 3)
	for _, f := range []op.ReduceFn{op.Sum, op.Mean, op.Prod, op.MaxOf, op.MinOf, op.LogSumExp, op.Norm1, op.Norm2, op.SumSquares} {
		name := f.String()
		for _, c := range []struct {
			name string
			axes uint8
			keep bool
		}{{"", 7, false}, {" first", 1, false}, {" last", 4, false}, {" middle", 2, true}, {" outer", 5, false}, {" none", 0, false}, {" kept", 6, true}} {
			g.add(name+c.name, func(s *Scope) Tensor { return emit(s, op.Reduce{Fn: f, Axes: c.axes, Keep: c.keep}, args(x)) }, x)
		}
		g.add(name+" of a view", func(s *Scope) Tensor { return s.reduce(f, s.Transpose(x, 0, 2), []int{1, -1}) }, x)
		g.add(name+" of a line", func(s *Scope) Tensor { return s.reduce(f, line, nil) }, line)
	}
	g.add("prod with zeros", func(s *Scope) Tensor { return s.Prod(holes, 1) }, holes)
	for _, axis := range []int{0, 1, -1} {
		g.add("cumsum", func(s *Scope) Tensor { return s.CumSum(x, axis) }, x)
		g.add("cumsum reversed", func(s *Scope) Tensor { return s.CumSumReverse(x, axis) }, x)
		g.add("cumsum exclusive", func(s *Scope) Tensor { return s.CumSumExclusive(x, axis) }, x)
		g.add("cumsum reversed and exclusive", func(s *Scope) Tensor {
			return emit(s, op.CumSum{Axis: axis, Reverse: true, Exclusive: true}, args(x))
		}, x)
	}
	y := g.normal(142, 2, 3, 4)
	g.add("dot", func(s *Scope) Tensor { return s.Dot(x, y) }, x, y)
	g.add("dot of lines", func(s *Scope) Tensor { return s.Dot(line, line) }, line)
}

func gemmGradCases(g *gradCases) {
	a, b := g.normal(150, 2, 3, 4), g.normal(151, 2, 4, 5)
	flatA, flatB := g.normal(152, 3, 4), g.normal(153, 4, 5)
	bias, c := g.normal(154, 5), g.normal(155, 2, 3, 5)
	turn := func(s *Scope, x Tensor, yes bool) Tensor { // the same values, stored the other way round
		if yes {
			return s.Copy(s.Transpose(x, -1, -2))
		}
		return x
	}
	for _, ta := range []bool{false, true} {
		for _, tb := range []bool{false, true} {
			p := op.MatMul{Alpha: 1, TransA: ta, TransB: tb}
			with := Gemm{TransA: ta, TransB: tb, Alpha: -0.5, Beta: 0.25, Bias: bias, C: c}
			g.add(p.Name(), func(s *Scope) Tensor { return emit(s, p, args(turn(s, a, ta), turn(s, b, tb))) }, a, b)
			g.add(p.Name()+" broadcasts b", func(s *Scope) Tensor { return emit(s, p, args(turn(s, a, ta), turn(s, flatB, tb))) }, a, flatB)
			g.add(p.Name()+" broadcasts a", func(s *Scope) Tensor { return emit(s, p, args(turn(s, flatA, ta), turn(s, b, tb))) }, flatA, b)
			g.add(p.Name()+" with bias and residual", func(s *Scope) Tensor { return s.MatMulWith(turn(s, a, ta), turn(s, b, tb), with) }, a, b, bias, c)
		}
	}
	g.add("matmul of transposed views", func(s *Scope) Tensor { return s.MatMul(s.Transpose(flatB, 0, 1), s.Transpose(flatA, 0, 1)) }, flatA, flatB)
	g.add("matmul with a scale", func(s *Scope) Tensor { return s.MatMulWith(flatA, flatB, Gemm{Alpha: 3}) }, flatA, flatB)
	g.add("matmul with a residual", func(s *Scope) Tensor { return s.MatMulWith(a, b, Gemm{Beta: 1, C: c}) }, b, c)
	g.add("matmul with a bias", func(s *Scope) Tensor { return s.MatMulWith(a, b, Gemm{Bias: bias}) }, bias)
	g.add("matmul with itself", func(s *Scope) Tensor { return s.MatMulNT(flatA, flatA) }, flatA)
	x, w, cut := g.normal(156, 7, 4), g.normal(157, 3, 4, 2), g.ints(0, 3, 3, 6)
	g.add("groupedmatmul", func(s *Scope) Tensor { return s.GroupedMatMul(x, w, cut) }, x, w)
	g.add("groupedmatmul transposed", func(s *Scope) Tensor { return s.GroupedMatMulNT(x, turn(s, w, true), cut) }, x, w)
}

func normGradCases(g *gradCases) {
	x, w, b := g.normal(160, 2, 3, 5), g.normal(161, 5), g.normal(162, 5)
	scale, shift := g.normal(163, 2, 1, 5), g.normal(164, 3, 1)
	const eps = 1e-5
	g.add("rmsnorm", func(s *Scope) Tensor { return s.RMSNorm(x, w, eps) }, x, w)
	g.add("rmsnorm of 1+w", func(s *Scope) Tensor { return s.RMSNorm1(x, w, eps) }, x, w)
	g.add("rmsnorm of a view", func(s *Scope) Tensor { return s.RMSNorm(s.Transpose(x, 0, 1), w, eps) }, x)
	g.add("layernorm", func(s *Scope) Tensor { return s.LayerNorm(x, w, b, eps) }, x, w, b)
	g.add("layernorm plain", func(s *Scope) Tensor { return s.LayerNorm(x, Tensor{}, Tensor{}, eps) }, x)
	g.add("layernorm modulated", func(s *Scope) Tensor { return s.LayerNormModulated(x, scale, shift, eps) }, x, scale, shift)
	g.add("layernorm modulated by a row", func(s *Scope) Tensor { return s.LayerNormModulated(x, w, b, eps) }, w, b)
	image, cw, cb := g.normal(165, 2, 4, 3, 2), g.normal(166, 4), g.normal(167, 4)
	g.add("groupnorm", func(s *Scope) Tensor { return s.GroupNorm(image, cw, cb, 2, eps) }, image, cw, cb)
	g.add("groupnorm of one group", func(s *Scope) Tensor { return s.GroupNorm(image, cw, cb, 1, eps) }, image)
}

func softmaxGradCases(g *gradCases) {
	x, y, target := g.normal(170, 2, 5), g.normal(171, 2, 5), g.ints(3, 0)
	rows, ignored := g.normal(172, 4, 3), g.ints(2, -1, 0, 7)
	g.add("softmax", func(s *Scope) Tensor { return s.Softmax(x) }, x)
	g.add("softmax scaled", func(s *Scope) Tensor { return s.SoftmaxScaled(s.Transpose(x, 0, 1), 0.25) }, x)
	g.add("logsoftmax", func(s *Scope) Tensor { return s.LogSoftmax(x) }, x)
	g.add("logsoftmax scaled", func(s *Scope) Tensor { return s.LogSoftmaxScaled(x, -2) }, x)
	g.add("entropy", func(s *Scope) Tensor { return s.Entropy(x) }, x)
	g.add("kl", func(s *Scope) Tensor { return s.KL(x, y) }, x, y)
	g.add("kl of itself shifted", func(s *Scope) Tensor { return s.KL(s.Square(x), x) }, x)
	g.add("crossentropy", func(s *Scope) Tensor { return s.CrossEntropy(x, target) }, x)
	g.add("crossentropy that ignores", func(s *Scope) Tensor { return s.CrossEntropy(rows, ignored) }, rows)
	g.add("logprob", func(s *Scope) Tensor { return s.LogProb(s.Transpose(rows, 0, 1), g.ints(1, 3, 2)) }, rows)
}

func segmentGradCases(g *gradCases) {
	x, v, w := g.normal(180, 8, 2), g.normal(181, 4, 3), g.normal(182, 8)
	cut, odd := g.ints(0, 3, 3, 4, 7), g.ints(-2, 2, 5, 5, 11)
	for f := range op.NumSegmentFns {
		if f != op.SegmentMax { // of an empty group -Inf, on which no loss can be
			g.add(f.String(), func(s *Scope) Tensor { return emit(s, op.Segment{Fn: f}, args(x, cut)) }, x)
		}
	}
	g.add("segment.max", func(s *Scope) Tensor { return s.SegmentMax(x, g.ints(0, 3, 4, 8)) }, x)
	g.add("segment.std of a sample", func(s *Scope) Tensor { return s.SegmentStd(x, cut, true) }, x)
	g.add("segment.sum cut to the rows", func(s *Scope) Tensor { return s.SegmentSum(x, odd) }, x)
	g.add("segment.softmax", func(s *Scope) Tensor { return s.SegmentSoftmax(x, cut) }, x)
	g.add("segment.expand", func(s *Scope) Tensor { return s.SegmentExpand(v, cut, 9) }, v)
	g.add("segment weighted sum", func(s *Scope) Tensor { return s.SegmentWeightedSum(x, w, cut) }, x, w)
}

func indexGradCases(g *gradCases) {
	x, wide, tall, cube := g.normal(190, 5, 3), g.normal(191, 3, 6), g.normal(192, 6, 3), g.normal(193, 2, 3, 5)
	six := g.ints(4, 0, 4, 2, -1, 5)
	grid := tensor(g.t, g.d, []int32{0, 1, 2, 2, 0, 5, -1, 3, 4}, 3, 3)
	keep := tensor(g.t, g.d, []bool{false, true, false, true, true}, 5)
	first := func(a, _ Tensor) Tensor { return a }
	g.add("take", func(s *Scope) Tensor { return s.Take(cube, 1, s.Reshape(six, 2, 3)) }, cube)
	g.add("takealong", func(s *Scope) Tensor { return s.TakeAlong(wide, -1, grid) }, wide)
	g.add("scatteradd", func(s *Scope) Tensor { return s.ScatterAdd(x, six, tall) }, x, tall)
	g.add("putrows", func(s *Scope) Tensor { return s.PutRows(x, six, tall) }, x, tall)
	g.add("concat", func(s *Scope) Tensor { return s.Concat(-1, s.Transpose(wide, 0, 1), tall, tall) }, wide, tall)
	g.add("compact", func(s *Scope) Tensor { return s.Full(first(s.Compact(x, keep))) }, x)
	g.add("sort", func(s *Scope) Tensor { return first(s.Sort(cube)) }, cube)
	g.add("sort descending", func(s *Scope) Tensor { return first(s.SortDescending(s.Transpose(wide, 0, 1))) }, wide)
	g.add("topk", func(s *Scope) Tensor { return first(s.TopK(cube, 2)) }, cube)
	g.add("bottomk", func(s *Scope) Tensor { return first(s.BottomK(cube, 3)) }, cube)
	g.add("kthvalue", func(s *Scope) Tensor { return s.KthValue(cube, 2) }, cube)
	g.add("quantile", func(s *Scope) Tensor { return s.Quantile(wide, 0.3) }, wide)
	g.add("quantile at an element", func(s *Scope) Tensor { return s.Quantile(cube, 0.75) }, cube)
}

func sampleGradCases(g *gradCases) {
	x := g.normal(200, 4, 6)
	key := tensor(g.t, g.d, []int64{7, 1, 2}, 3)
	keys := tensor(g.t, g.d, []int64{7, 1, 2, 7, 2, 2, 8, 0, 1, 9, 9, 9}, 4, 3)
	g.add("dropout", func(s *Scope) Tensor { return s.Dropout(x, key, 0.4) }, x)
	g.add("dropout by rows", func(s *Scope) Tensor { return s.Dropout(x, keys, 0.5) }, x)
}

func viewGradCases(g *gradCases) {
	x, row := g.normal(210, 2, 3, 4), g.normal(211, 4)
	g.add("reshape", func(s *Scope) Tensor { return s.Square(s.Reshape(s.Transpose(x, 0, 1), 6, -1)) }, x)
	g.add("permute", func(s *Scope) Tensor { return s.Square(s.Permute(x, 2, 0, 1)) }, x)
	g.add("slice", func(s *Scope) Tensor { return s.Mul(s.Slice(x, 1, 0, 2), s.SliceStep(x, 1, 0, 3, 2)) }, x)
	g.add("expand", func(s *Scope) Tensor { return s.Mul(s.Expand(row, 2, 3, 4), x) }, x, row)
	g.add("expand from one", func(s *Scope) Tensor { return s.Exp(s.Expand(s.Slice(row, 0, 1, 2), 3, 5)) }, row)
}

func attentionGradCases(g *gradCases) {
	q, k, v := g.normal(220, 2, 4, 3, 4), g.normal(221, 2, 2, 5, 4), g.normal(222, 2, 2, 5, 2)
	sink, gate, lengths := g.normal(223, 4), g.normal(224, 2, 3, 4), g.ints(4, 5)
	line, cut := g.normal(225, 1, 2, 6, 2), g.ints(0, 2, 2, 6)
	for _, c := range []struct {
		name string
		o    AttentionOptions
	}{
		{"attention", AttentionOptions{}},
		{"attention causal", AttentionOptions{Causal: true, Scale: -0.7}},
		{"attention within a window", AttentionOptions{Causal: true, Window: 2}},
		{"attention within two sides", AttentionOptions{Window: 2}},
		{"attention with lengths", AttentionOptions{Causal: true, Lengths: lengths}},
		{"attention with a sink", AttentionOptions{Causal: true, Sink: sink}},
		{"attention with a gate", AttentionOptions{Gate: gate}},
		{"attention with all of these", AttentionOptions{Causal: true, Window: 3, Lengths: lengths, Sink: sink, Gate: gate}},
	} {
		params := []Tensor{q, k, v}
		for _, p := range []Tensor{c.o.Sink, c.o.Gate} {
			if given(p) {
				params = append(params, p)
			}
		}
		g.add(c.name, func(s *Scope) Tensor { return s.Attention(q, k, v, c.o) }, params...)
	}
	g.add("attention of packed sequences", func(s *Scope) Tensor {
		return s.Attention(line, s.Square(line), line, AttentionOptions{Causal: true, Offsets: cut})
	}, line)
	g.add("attention of views", func(s *Scope) Tensor {
		x := s.Transpose(q, 1, 2) // [b, t, h, d] looked at as [b, h, t, d]
		return s.Attention(x, x, s.Slice(x, 3, 0, 3), AttentionOptions{Causal: true})
	}, q)
}

func ropeGradCases(g *gradCases) {
	x, at := g.normal(230, 2, 3, 2, 6), g.ints(0, 3, 100)
	factors := tensor(g.t, g.d, []float32{1, 2, 0.5}, 3)
	for _, c := range []struct {
		name string
		o    RopeOptions
	}{
		{"rope", RopeOptions{}},
		{"rope interleaved", RopeOptions{Interleaved: true, Inverse: true}},
		{"rope of a part", RopeOptions{Width: 4}},
		{"rope with factors", RopeOptions{Factors: factors}},
		{"rope stretched", RopeOptions{Scale: RopeScale{Factor: 8, Low: 1, High: 4, Original: 64}}},
	} {
		g.add(c.name, func(s *Scope) Tensor { return s.Rope(x, at, c.o) }, x)
		g.all[len(g.all)-1].loose = 1e-6 // its sines and cosines are f32
	}
}
