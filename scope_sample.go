package tandem

import "github.com/tandem-compute/tandem/internal/op"

// Uniform is numbers in [lo, hi), addressed by key and element: see op.Random. key is i64[3]: seed, stream and step,
// or i64[n, 3] to give each of n rows a stream of its own.
func (s *Scope) Uniform(key Tensor, lo, hi float32, dims ...int) Tensor {
	return s.random(op.Uniform, F32, lo, hi, key, dims)
}

// Normal is numbers of a normal distribution.
func (s *Scope) Normal(key Tensor, mean, std float32, dims ...int) Tensor {
	return s.random(op.Normal, F32, mean, std, key, dims)
}

// Bernoulli is true with probability p.
func (s *Scope) Bernoulli(key Tensor, p float32, dims ...int) Tensor {
	return s.random(op.Bernoulli, Bool, p, 0, key, dims)
}

// RandomBits is 32 random bits an element.
func (s *Scope) RandomBits(key Tensor, dims ...int) Tensor {
	return s.random(op.Bits, I32, 0, 0, key, dims)
}

func (s *Scope) random(dist op.Dist, d DType, a, b float32, key Tensor, dims []int) Tensor {
	return emit(s, op.Random{Dims: op.DimsOf(dims...), A: a, B: b, Dist: dist, DType: d}, args(key))
}

// Dropout sets elements of x to zero with probability p and scales the rest by 1/(1-p), by the numbers that key addresses.
func (s *Scope) Dropout(x, key Tensor, p float32) Tensor {
	return emit(s, op.Dropout{P: p}, args(x, key))
}

// Categorical draws an index for each row of logits [b, n]: token i32[b], and its log-probability under softmax(logits)
// f32[b]. params f32[b, 4] is temperature (0: the largest), top-k (0: all), top-p (1: all) and min-p (0: all) of each
// row; see op.Categorical for the exact rule.
func (s *Scope) Categorical(logits, params, key Tensor) (token, logprob Tensor) {
	return emit2(s, op.Categorical{}, args(logits, params, key))
}

func init() {
	gradient(ins(1), func(g *Grad, p *op.Dropout) {
		g.To(0, emit(g.Scope, op.Dropout{P: p.P}, args(g.D(0), g.In(1))))
	})
}
