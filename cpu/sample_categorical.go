package cpu

import (
	"cmp"
	"math"
	"slices"

	"github.com/tandem-compute/tandem/cpu/internal/vec"
	"github.com/tandem-compute/tandem/internal/op"
)

func pickCategorical(_ *Backend, _ *op.Categorical, in, out []op.Type) (op.Kernel, error) {
	if err := contiguous(in, out); err != nil {
		return op.Kernel{}, err
	}
	return kernel(categorical)
}

func categorical(st op.Stream, n *op.Node) error {
	return st.(*stream).split(n, n.Rows(&n.In[0]), 1, categoricalRows)
}

func categoricalRows(w *worker, n *op.Node, lo, hi int) {
	x, cols := &n.In[0], n.In[0].Last()
	for r := lo; r < hi; r++ {
		var logits []float32
		if x.DType == op.F64 {
			logits = scratch[float32](w, 0, cols)
			w.vec.F32FromF64(logits, op.Data[float64](x)[r*cols:(r+1)*cols])
		} else {
			logits = rowAt[float32](w, x, r*cols, cols, 0)
		}
		u := vec.Unit(addressOf(&n.In[2], r).Word(0))
		if n.In[2].Rank == 1 {
			u = vec.Unit(addressOf(&n.In[2], 0).Word(uint64(r)))
		}
		c := chooser{w: w, logits: logits, params: [4]float32(op.Data[float32](&n.In[1])[4*r:])}
		i := c.choose(u)
		op.Data[int32](&n.Out[0])[r] = int32(i)
		lp := &op.Data[float32](&n.Out[1])[r]
		if *lp = float32(math.NaN()); i >= 0 {
			*lp = logits[i] - w.vec.F32.LogSumExp(logits)
		}
	}
}

// chooser draws from one row. weights are exp((logit - largest)/temperature); kept are the indices that the cuts leave,
// nil for all.
type chooser struct {
	w       *worker
	logits  []float32
	params  [4]float32
	weights []float32
	kept    []int32
}

// choose returns the index that u draws, -1 when the largest logit is no number.
func (c *chooser) choose(u float32) int {
	t := &c.w.vec.F32
	best := t.ArgMax(c.logits)
	top := c.logits[best]
	if top-top != 0 {
		return -1
	}
	temperature, topK, topP, minP := c.params[0], int(c.params[1]), c.params[2], c.params[3]
	if temperature <= 0 {
		return best
	}
	c.weights = scratch[float32](c.w, 1, len(c.logits))
	t.AddS(c.weights, c.logits, -top)
	t.DivS(c.weights, c.weights, temperature)
	t.Exp(c.weights, c.weights)
	if topK > 0 && topK < len(c.logits) || topP < 1 {
		c.cut(topK, float64(topP))
	}
	return c.draw(float64(u), minP)
}

// cut keeps the topK likeliest, and of these the fewest whose weight reaches topP of theirs.
func (c *chooser) cut(topK int, topP float64) {
	n := len(c.logits)
	if topK <= 0 || topK > n {
		topK = n
	}
	c.kept = c.candidates(topK, topP)
	slices.SortFunc(c.kept, func(a, b int32) int {
		if x, y := c.logits[a], c.logits[b]; x != y {
			return cmp.Compare(y, x)
		}
		return cmp.Compare(a, b)
	})
	whole := c.mass(nil)
	if topK < n {
		c.kept = c.kept[:topK]
		whole = c.mass(c.kept)
	}
	if topP < 1 {
		sofar := 0.0
		for i, j := range c.kept {
			if sofar += float64(c.weights[j]); sofar >= topP*whole {
				c.kept = c.kept[:i+1]
				break
			}
		}
	}
	slices.Sort(c.kept)
}

// candidates lists the indices that the cuts may keep. Without a cut by number, everything below (1-p)/n of the whole
// weight together weighs less than 1-p of it, so the fewest that reach p are all above.
func (c *chooser) candidates(topK int, topP float64) []int32 {
	n := len(c.logits)
	all := scratch[int32](c.w, 2, n)[:0]
	least := float32(math.Inf(-1))
	if topK == n {
		least = float32((1 - topP) * c.mass(nil) / float64(n) * 0.999)
	}
	for i, v := range c.weights {
		if v >= least {
			all = append(all, int32(i))
		}
	}
	return all
}

// mass is the weight of the given indices, of all for nil, added in order in float64.
func (c *chooser) mass(is []int32) (m float64) {
	if is == nil {
		for _, v := range c.weights {
			m += float64(v)
		}
		return m
	}
	for _, i := range is {
		m += float64(c.weights[i])
	}
	return m
}

// draw walks the kept indices in ascending order, leaving out those below minP.
func (c *chooser) draw(u float64, minP float32) int {
	whole, last := 0.0, -1
	c.each(minP, func(i int, v float64) bool { whole += v; last = i; return true })
	target, sofar, chosen := u*whole, 0.0, last
	c.each(minP, func(i int, v float64) bool {
		if sofar += v; sofar > target {
			chosen = i
			return false
		}
		return true
	})
	return chosen
}

// each visits what the cuts left, in ascending order, until f returns false.
func (c *chooser) each(minP float32, f func(i int, v float64) bool) {
	if c.kept == nil {
		for i, v := range c.weights {
			if v >= minP && !f(i, float64(v)) {
				return
			}
		}
		return
	}
	for _, i := range c.kept {
		if v := c.weights[i]; v >= minP && !f(int(i), float64(v)) {
			return
		}
	}
}
