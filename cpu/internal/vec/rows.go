package vec

// Whole rows, made of the bricks: the same order at every level, so a row's bits depend on the row alone. A row is read
// from memory once; the later passes find it in cache. Where the output is far larger than the cache, take these from the table of Streaming.

// composeRows makes the functions of two rows from those of one.
func (f *Float[T]) composeRows() {
	normScale, normAffine, expScaled, mulS, sumSq, sum := f.NormScale, f.NormAffine, f.ExpScaled, f.MulS, f.SumSq, f.Sum
	f.NormScaleSumSq = func(dst, x, w, next []T, s, offset T) T {
		normScale(dst, x, w, s, offset)
		return sumSq(next)
	}
	f.NormAffineSum = func(dst, x, w, b, next []T, mean, s T) T {
		normAffine(dst, x, w, b, mean, s)
		return sum(next)
	}
	f.ExpScaledMulS = func(e, dst, x, a []T, scale, shift, s T) {
		mulS(dst, a, s)
		expScaled(e, x, scale, shift)
	}
}

// Softmax: dst = exp(scale x - m) / Σ with m the largest scale x. tmp, as long as x, holds the exponentials; it may be dst. Of a row that is -Inf
// everywhere it makes NaN.
func (f *Float[T]) Softmax(dst, x, tmp []T, scale T) {
	s := f.SoftmaxWeights(tmp, x, scale)
	f.MulS(dst, tmp[:len(x)], s)
}

// SoftmaxWeights: tmp = exp(scale x - m); it returns s = 1/Σ, so that tmp*s is the softmax.
func (f *Float[T]) SoftmaxWeights(tmp, x []T, scale T) (s T) {
	return 1 / f.ExpSum(tmp[:len(x)], x, scale, f.shift(x, scale))
}

// SoftmaxAlong does the same and completes the row before: dst = before*s.
func (f *Float[T]) SoftmaxAlong(tmp, x []T, scale T, dst, before []T, s T) (next T) {
	tmp = tmp[:len(x)]
	f.ExpScaledMulS(tmp, dst, x, before, scale, f.shift(x, scale), s)
	return 1 / f.Sum(tmp)
}

// shift is the largest scale x. A NaN spoils the sum if not the shift.
func (f *Float[T]) shift(x []T, scale T) T {
	if scale < 0 {
		return T(scale * f.trough(x))
	}
	return T(scale * f.peak(x))
}

// LogSumExp returns log Σ exp(x) = max + log Σ exp(x - max).
func (f *Float[T]) LogSumExp(x []T) T {
	m := f.MaxOf(x)
	if m-m != 0 { // an infinity or NaN is the answer itself
		return m
	}
	return m + f.log(f.SumExp(x, 1, m))
}

// LogSoftmax: dst = x - log Σ exp(x).
func (f *Float[T]) LogSoftmax(dst, x []T) { f.AddS(dst, x, -f.LogSumExp(x)) }

// SoftmaxGrad: dx = (scale*y) * (dy - Σ y dy), y being the output.
func (f *Float[T]) SoftmaxGrad(dx, y, dy []T, scale T) { f.MulShift(dx, y, dy, scale, f.Dot(y, dy)) }

// RMSNorm: dst = x * r * (offset + w) with r = 1/sqrt(mean(x²) + eps), which it returns. A nil w stands for offset + w = 1.
func (f *Float[T]) RMSNorm(dst, x, w []T, eps, offset T) (r T) {
	r = f.RootMeanSquare(x, eps)
	if w == nil {
		f.MulS(dst, x, r)
	} else {
		f.NormScale(dst, x, w, r, offset)
	}
	return r
}

// RootMeanSquare returns 1/sqrt(mean(x²) + eps).
func (f *Float[T]) RootMeanSquare(x []T, eps T) (r T) { return rootMean(f.SumSq(x), len(x), eps) }

// RMSNormAlong is RMSNorm of x, whose r is known, and returns that of the row next.
func (f *Float[T]) RMSNormAlong(dst, x, w, next []T, r, eps, offset T) T {
	return rootMean(f.NormScaleSumSq(dst, x, w, next, r, offset), len(x), eps)
}

func rootMean[T Real](sum T, n int, eps T) T { return 1 / sqrt(sum/T(n)+eps) }

// RMSNormGrad: dx = r * (g - x̂ mean(g x̂)), g = dy * (offset + w), x̂ = x*r. tmp, as long as x, holds g. A nil w stands for offset + w = 1.
func (f *Float[T]) RMSNormGrad(dx, x, w, dy, tmp []T, r, offset T) {
	g := f.weighted(dy, w, tmp, offset)
	c := f.Dot(g, x) * r / T(len(x))
	f.NormBack(dx, g, x, 0, r, 0, c)
}

// LayerNorm: dst = (x - mean) * r * w + b with r = 1/sqrt(var + eps); it returns mean and r. var is the mean of (x - mean)².
// w and b are both given or both nil.
func (f *Float[T]) LayerNorm(dst, x, w, b []T, eps T) (mean, r T) {
	mean, r = f.Moments(x, eps)
	if w == nil {
		f.Standardize(dst, x, mean, r)
	} else {
		f.NormAffine(dst, x, w, b, mean, r)
	}
	return mean, r
}

// LayerNormAlong is LayerNorm of x, whose mean and r are known, and returns those of the row next.
func (f *Float[T]) LayerNormAlong(dst, x, w, b, next []T, mean, r, eps T) (m, s T) {
	m = f.NormAffineSum(dst, x, w, b, next, mean, r) / T(len(x))
	return m, rootMean(f.SumSqDev(next, m), len(x), eps)
}

// Moments returns the mean and 1/sqrt(var + eps), var being the mean of (x - mean)².
func (f *Float[T]) Moments(x []T, eps T) (mean, r T) {
	mean = f.Sum(x) / T(len(x))
	return mean, rootMean(f.SumSqDev(x, mean), len(x), eps)
}

// LayerNormGrad: dx = r * (g - mean(g) - x̂ mean(g x̂)), g = dy * w, x̂ = (x - mean)*r. tmp, as long as x, holds g. A nil w stands for 1.
func (f *Float[T]) LayerNormGrad(dx, x, w, dy, tmp []T, mean, r T) {
	g := f.weighted(dy, w, tmp, 0)
	n := T(len(x))
	sum := f.Sum(g)
	c2 := f.DotDev(g, x, mean) * r / n
	f.NormBack(dx, g, x, mean, r, sum/n, c2)
}

// weighted is dy * (offset + w) in tmp, or dy itself without w.
func (f *Float[T]) weighted(dy, w, tmp []T, offset T) []T {
	if w == nil {
		return dy
	}
	tmp = tmp[:len(dy)]
	f.NormScale(tmp, dy, w, 1, offset)
	return tmp
}
