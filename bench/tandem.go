package bench

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tandem-compute/tandem"
)

// Tandem is the library itself as an [Impl], named "tandem". Operands and outputs are persistent tensors, and an
// iteration is one op of a compiled Program, so what is timed is the op and its replay. Starting a Program is a cost of
// its own, which BenchmarkTandemCall measures; of many iterations it is paid once in every burst.
type Tandem struct {
	opts    []tandem.Option
	devices map[int]*tandem.Device // by threads
}

// NewTandem makes a Tandem whose devices are opened with the given options and the number of threads of the case.
func NewTandem(opts ...tandem.Option) *Tandem {
	return &Tandem{opts: opts, devices: map[int]*tandem.Device{}}
}

func (t *Tandem) Name() string { return defaultReference }

// Close closes the devices. Their runners must be closed.
func (t *Tandem) Close() {
	for _, d := range t.devices {
		_ = d.Close() // nothing can still be running, and memory alone is at stake
	}
	clear(t.devices)
}

func (t *Tandem) device(threads int) (*tandem.Device, error) {
	if d := t.devices[threads]; d != nil {
		return d, nil
	}
	d, err := tandem.Open(append(t.opts[:len(t.opts):len(t.opts)], tandem.Threads(threads))...)
	if err == nil {
		t.devices[threads] = d
	}
	return d, err
}

func (t *Tandem) Prepare(c Case, threads int) (Runner, error) {
	dev, err := t.device(threads)
	if err != nil {
		return nil, err
	}
	r := &tandemRunner{dev: dev, c: c}
	step := r.work()
	if step == nil && r.err == nil {
		r.err = fmt.Errorf("%s/%s: %w", c.Family, c.DType, ErrUnsupported)
	}
	r.single, r.many = r.compile(step, 1), r.compile(step, burst)
	if errors.Is(r.err, tandem.ErrUnsupported) {
		r.err = fmt.Errorf("%w: %w", ErrUnsupported, r.err)
	}
	if r.err != nil {
		r.Close()
		return nil, r.err
	}
	return r, nil
}

// burst is how many iterations the larger of a runner's two programs holds.
const burst = 16

// tandemRunner is a prepared case. While it is made, the first error is kept and the rest does nothing.
type tandemRunner struct {
	dev     *tandem.Device
	c       Case
	err     error
	tensors []tandem.Tensor
	single  *tandem.Program // one iteration
	many    *tandem.Program // a burst of them
}

// compile records n iterations.
func (r *tandemRunner) compile(step func(*tandem.Scope), n int) (p *tandem.Program) {
	if r.err == nil {
		p, r.err = r.dev.Compile(func(s *tandem.Scope) error {
			for range n {
				step(s)
			}
			return nil
		})
	}
	return p
}

func (r *tandemRunner) Run(n int) (time.Duration, error) {
	ctx, start := context.Background(), time.Now()
	for ; n >= burst; n -= burst {
		if err := r.many.Run(ctx); err != nil {
			return 0, err
		}
	}
	for range n {
		if err := r.single.Run(ctx); err != nil {
			return 0, err
		}
	}
	return time.Since(start), nil
}

// Close frees the operands, and gives their memory back to the system for the next case of whichever implementation.
// All of it is open and belongs to an open device, so nothing here can fail for a reason worth knowing.
func (r *tandemRunner) Close() {
	for _, p := range []*tandem.Program{r.single, r.many} {
		if p != nil {
			_ = p.Close()
		}
	}
	for _, t := range r.tensors {
		_ = t.Close()
	}
	_ = r.dev.Trim()
}

// work makes the operands of the case and returns its iteration; nil for a case that is not there.
func (r *tandemRunner) work() func(*tandem.Scope) {
	switch spec := r.c.Spec.(type) {
	case GEMM:
		return r.gemm(spec)
	case Attention:
		return r.attention(spec)
	case Rowwise:
		return r.rowwise(spec)
	case TopK:
		x, out := r.input(0, spec.N), r.output(spec.K)
		return func(s *tandem.Scope) { s.Into(out).TopK(x, spec.K) }
	case Sort:
		x, out := r.input(0, spec.N), r.output(spec.N)
		return func(s *tandem.Scope) { s.Into(out).Sort(x) }
	}
	return nil
}

func (r *tandemRunner) gemm(g GEMM) func(*tandem.Scope) {
	out := r.output(g.M, g.N)
	switch g.Layout {
	case NT:
		a, b := r.input(0, g.M, g.K), r.input(1, g.N, g.K)
		return func(s *tandem.Scope) { s.Into(out).MatMulNT(a, b) }
	case TN:
		a, b := r.input(0, g.K, g.M), r.input(1, g.K, g.N)
		return func(s *tandem.Scope) { s.Into(out).MatMulTN(a, b) }
	}
	a, b := r.input(0, g.M, g.K), r.input(1, g.K, g.N)
	return func(s *tandem.Scope) { s.Into(out).MatMul(a, b) }
}

func (r *tandemRunner) attention(a Attention) func(*tandem.Scope) {
	dims := []int{a.Batch, a.Heads, a.Seq, a.Dim}
	q, k, v, out := r.input(0, dims...), r.input(1, dims...), r.input(2, dims...), r.output(dims...)
	return func(s *tandem.Scope) { s.Into(out).Attention(q, k, v, tandem.AttentionOptions{Causal: a.Causal}) }
}

func (r *tandemRunner) rowwise(p Rowwise) func(*tandem.Scope) {
	x, out := r.input(0, p.Rows, p.Cols), r.output(p.Rows, p.Cols)
	switch p.Op {
	case LayerNorm:
		w, b := r.input(1, p.Cols), r.input(2, p.Cols)
		return func(s *tandem.Scope) { s.Into(out).LayerNorm(x, w, b, 1e-5) }
	case RMSNorm:
		w := r.input(1, p.Cols)
		return func(s *tandem.Scope) { s.Into(out).RMSNorm(x, w, 1e-6) }
	case GELU:
		return func(s *tandem.Scope) { s.Into(out).GELU(x) }
	case Softmax:
		return func(s *tandem.Scope) { s.Into(out).Softmax(x) }
	}
	return nil
}

// input is the case's index-th operand, filled as every implementation fills it and rounded to the case's dtype.
func (r *tandemRunner) input(index int, dims ...int) tandem.Tensor {
	if r.err != nil {
		return tandem.Tensor{}
	}
	n := 1
	for _, d := range dims {
		n *= d
	}
	var t tandem.Tensor
	if r.c.DType == F64 {
		t, r.err = tandem.FromSlice(r.dev, Uniform[float64](r.c.Name, index, n), dims...)
		return r.own(t)
	}
	t, r.err = tandem.FromSlice(r.dev, Uniform[float32](r.c.Name, index, n), dims...)
	if r.err != nil || r.c.DType == F32 {
		return r.own(t)
	}
	narrow := r.output(dims...)
	if r.err == nil {
		r.err = r.dev.Run(context.Background(), func(s *tandem.Scope) error {
			s.Into(narrow).Cast(t, narrow.DType())
			return nil
		})
	}
	r.err = errors.Join(r.err, t.Close())
	return narrow
}

// output is a tensor for a result.
func (r *tandemRunner) output(dims ...int) (t tandem.Tensor) {
	if r.err != nil {
		return t
	}
	dtype := map[DType]tandem.DType{F64: tandem.F64, F32: tandem.F32, F16: tandem.F16, BF16: tandem.BF16}[r.c.DType]
	t, r.err = tandem.Empty(r.dev, dtype, dims...)
	return r.own(t)
}

// own has the runner close t.
func (r *tandemRunner) own(t tandem.Tensor) tandem.Tensor {
	if r.err == nil {
		r.tensors = append(r.tensors, t)
	}
	return t
}
