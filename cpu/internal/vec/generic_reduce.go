package vec

import "unsafe"

// The shape of a sum: accumulators of as many lanes as a 256-bit vector has, perChain elements for each lane of a block.
const (
	accumulators = 4
	perChain     = 8
	maxChains    = accumulators * 8
	counterDepth = 48 // enough for 2^48 blocks
)

// chainsOf is how many chains of additions a block has.
func chainsOf[T Real]() int {
	var x T
	return accumulators * 32 / int(unsafe.Sizeof(x))
}

// counter adds blocks in pairs of equal size, lane by lane.
type counter[T Real] struct {
	blocks int
	depth  int
	stack  [counterDepth][maxChains / accumulators]T
}

// push adds the four accumulators of a finished block.
func (c *counter[T]) push(acc *[maxChains]T) {
	lanes := chainsOf[T]() / accumulators
	v := &c.stack[c.depth]
	for l := range lanes {
		v[l] = T(acc[l]+acc[lanes+l]) + T(acc[2*lanes+l]+acc[3*lanes+l])
	}
	for k := c.blocks; k&1 != 0; k >>= 1 {
		c.merge()
	}
	c.depth++
	c.blocks++
}

// merge adds the vector at depth into the one below.
func (c *counter[T]) merge() {
	low, high := &c.stack[c.depth-1], &c.stack[c.depth]
	for l := range low {
		low[l] += high[l]
	}
	c.depth--
}

// total folds what is left, small blocks first, and then the lanes.
func (c *counter[T]) total() T {
	for c.depth--; c.depth > 0; {
		c.merge()
	}
	v := &c.stack[0]
	for half := chainsOf[T]() / accumulators / 2; half > 0; half /= 2 {
		for l := range half {
			v[l] += v[l+half]
		}
	}
	return v[0]
}

// reduce runs the order of Float.Sum over n elements; step adds element i to its chain.
func reduce[T Real](n int, step func(acc T, i int) T) T {
	var c counter[T]
	chains := chainsOf[T]()
	for i := 0; i < n; i += perChain * chains {
		var acc [maxChains]T
		for j := range min(perChain*chains, n-i) {
			acc[j%chains] = step(acc[j%chains], i+j)
		}
		c.push(&acc)
	}
	return c.total()
}

// sum has loops of its own: without a call for each element they are several times as fast.
func sum[T Real](x []T) T {
	var c counter[T]
	chains := chainsOf[T]()
	for len(x) > 0 {
		block := x[:min(perChain*chains, len(x))]
		x = x[len(block):]
		var acc [maxChains]T
		for len(block) > 0 {
			row := block[:min(chains, len(block))]
			for j, v := range row {
				acc[j] += v
			}
			block = block[len(row):]
		}
		c.push(&acc)
	}
	return c.total()
}

func sumSq[T Real](x []T) T { return dot(x, x) }

func sumAbs[T Real](x []T) T {
	return reduce(len(x), func(acc T, i int) T { return acc + max(x[i], -x[i]) })
}

func dot[T Real](x, y []T) T {
	var c counter[T]
	chains := chainsOf[T]()
	for len(x) > 0 {
		n := min(perChain*chains, len(x))
		var acc [maxChains]T
		for i := 0; i < n; i += chains {
			m := min(chains, n-i)
			u, v := x[i:i+m], y[i:i+m]
			for j := range u {
				acc[j] = fma(u[j], v[j], acc[j])
			}
		}
		x, y = x[n:], y[n:]
		c.push(&acc)
	}
	return c.total()
}

func dot3[T Real](x, y, z []T) T {
	return reduce(len(x), func(acc T, i int) T { return fma(T(x[i]*y[i]), z[i], acc) })
}

func sumSqDev[T Real](x []T, mean T) T {
	return reduce(len(x), func(acc T, i int) T {
		d := T(x[i] - mean)
		return fma(d, d, acc)
	})
}

func dotDev[T Real](g, x []T, mean T) T {
	return reduce(len(x), func(acc T, i int) T { return fma(g[i], T(x[i]-mean), acc) })
}

func maxOf[T Real](x []T) T {
	m := inf[T](-1)
	for _, v := range x {
		m = max(m, v)
	}
	return m
}

func minOf[T Real](x []T) T {
	m := inf[T](1)
	for _, v := range x {
		m = min(m, v)
	}
	return m
}

func peakOf[T Real](x []T) T {
	m := inf[T](-1)
	for _, v := range x {
		if v > m {
			m = v
		}
	}
	return m
}

func troughOf[T Real](x []T) T {
	m := inf[T](1)
	for _, v := range x {
		if v < m {
			m = v
		}
	}
	return m
}

func argMax[T Real](x []T) int {
	if len(x) == 0 {
		return -1
	}
	return indexOf(x, maxOf(x))
}

func argMin[T Real](x []T) int {
	if len(x) == 0 {
		return -1
	}
	return indexOf(x, minOf(x))
}

// indexOf returns the first index whose element equals v, or is NaN if v is.
func indexOf[T Real](x []T, v T) int {
	for i, u := range x {
		if u == v || u != u && v != v {
			return i
		}
	}
	return -1
}
