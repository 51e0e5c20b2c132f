package vec

// Whole rows, made of the bricks: the same order at every level, so a row's bits depend on the row alone. A row is read
// from memory once; the later passes find it in cache. Where the output is far larger than the cache, take these from the table of Streaming.

// Softmax: dst = exp(scale x - m) / Σ with m the largest scale x. tmp, as long as x, holds the exponentials; it may be dst, but with a streaming table a
// small buffer used again for every row is faster. Of a row that is -Inf everywhere it makes NaN.
func (f *Float[T]) Softmax(dst, x, tmp []T, scale T) {
	most := f.peak // a NaN spoils the sum if not the shift
	if scale < 0 {
		most = f.trough
	}
	sum := f.ExpSum(tmp[:len(x)], x, scale, T(scale*most(x)))
	f.MulS(dst, tmp[:len(x)], 1/sum)
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
	r = 1 / sqrt(f.SumSq(x)/T(len(x))+eps)
	if w == nil {
		f.MulS(dst, x, r)
	} else {
		f.NormScale(dst, x, w, r, offset)
	}
	return r
}

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

// Moments returns the mean and 1/sqrt(var + eps), var being the mean of (x - mean)².
func (f *Float[T]) Moments(x []T, eps T) (mean, r T) {
	n := T(len(x))
	mean = f.Sum(x) / n
	return mean, 1 / sqrt(f.SumSqDev(x, mean)/n+eps)
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
