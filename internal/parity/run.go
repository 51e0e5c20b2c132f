package parity

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/tandem-compute/tandem/internal/op"
	"github.com/tandem-compute/tandem/internal/ref"
)

// Status is how a case ended.
type Status uint8

const (
	Passed Status = iota
	Failed
	Unsupported // the backend has no kernel for the op and says why
)

// Result is the outcome of one case.
type Result struct {
	Case   *Case
	Status Status
	Reason string   // of Failed and Unsupported
	Ratio  float64  // the largest error over its bound
	Out    [][]byte // the outputs' bytes
}

// guard is the bytes before and after every buffer that must not change.
const guard = 64

// buffer is an operand on the device between guards.
type buffer struct {
	view  op.View
	whole op.View // as bytes, guards included
	image []byte  // what the whole held before the run
}

// Run holds one case to the oracle on a backend.
func Run(ctx context.Context, b op.Backend, c *Case) Result {
	res := Result{Case: c}
	if err := run(ctx, b, c, &res); err != nil {
		res.Status, res.Reason = Failed, err.Error()
		var no *op.Problem
		if errors.As(err, &no) && no.Kind == op.ErrUnsupported {
			res.Status = Unsupported
		}
	}
	return res
}

func run(ctx context.Context, b op.Backend, c *Case, res *Result) error {
	s, err := b.Stream()
	if err != nil {
		return err
	}
	defer s.Close()
	s.Begin(ctx)
	h := &harness{backend: b, stream: s, op: c.Op}
	defer h.free()
	in := c.Inputs()
	for i := range in {
		if err := h.input(&c.In[i], &in[i]); err != nil {
			return err
		}
	}
	want, err := ref.Eval(c.Op, in)
	if err != nil {
		return fmt.Errorf("oracle: %w", err)
	}
	if err := h.prepare(want); err != nil {
		return err
	}
	first, err := h.exec()
	if err != nil {
		return err
	}
	second, err := h.exec()
	if err != nil {
		return err
	}
	for i := range first {
		if !bytes.Equal(first[i], second[i]) {
			return fmt.Errorf("output %d differs between two runs of the same input", i)
		}
	}
	res.Out = first
	return c.compare(in, want, first, res)
}

// harness is one node on a device.
type harness struct {
	backend op.Backend
	stream  op.Stream
	op      op.Op
	in, out []buffer
	node    op.Node
	blocks  []*op.Block
}

func (h *harness) free() {
	for _, k := range h.blocks {
		_ = h.backend.Free(k) // the case's own outcome is what is reported
	}
}

// buffer allocates room for a view of type t of the given size in bytes.
func (h *harness) buffer(t op.Type, size int) (buffer, error) {
	k, err := h.backend.Alloc(size + 2*guard)
	if err != nil {
		return buffer{}, err
	}
	h.blocks = append(h.blocks, k)
	whole := op.View{Type: op.Make(op.U8, size+2*guard), Block: k}
	b := buffer{op.View{Type: t, Block: k, Off: guard}, whole, make([]byte, size+2*guard)}
	for i := range b.image {
		b.image[i] = byte(0xA5 ^ i)
	}
	return b, nil
}

// input uploads an input, laid out by the operand's strides; gaps keep the guard's pattern.
func (h *harness) input(o *Operand, a *ref.Array) error {
	shift := o.Shift * o.DType.Size()
	b, err := h.buffer(o.Type, o.Span()*o.DType.Size()+shift)
	if err != nil {
		return err
	}
	b.view.Off += shift
	host := op.View{Type: o.Type, Block: &op.Block{Bytes: b.image}, Off: b.view.Off}
	ref.Store(&host, a)
	*a = ref.Load(&host) // where the operand is stretched, its elements share memory
	if err := h.stream.Upload(&b.whole, b.image); err != nil {
		return err
	}
	if o.Weight {
		if b, err = h.pack(b); err != nil {
			return err
		}
	}
	h.in = append(h.in, b)
	return nil
}

// pack is a weight in the device's own order.
func (h *harness) pack(w buffer) (buffer, error) {
	in, o := []op.Type{w.view.Type}, &op.Pack{}
	out, err := o.Infer(nil, in)
	if err != nil {
		return buffer{}, err
	}
	k, err := h.backend.Supports(o, in, out)
	if err != nil {
		return buffer{}, err
	}
	b, err := h.buffer(out[0], h.backend.PackedSize(&out[0]))
	if err != nil {
		return buffer{}, err
	}
	if err := h.stream.Upload(&b.whole, b.image); err != nil {
		return buffer{}, err
	}
	n := new(op.Node)
	n.Set(o, 1, 1)
	n.In[0], n.Out[0], n.Kernel = w.view, b.view, k
	if err := h.stream.Exec(n); err != nil {
		return buffer{}, err
	}
	return b, h.stream.Download(b.image, &b.whole)
}

// prepare finds the kernel and makes the outputs. Where the backend wants contiguous operands it gets them, as a
// Scope would give them.
func (h *harness) prepare(want []ref.Array) error {
	in, out := make([]op.Type, len(h.in)), make([]op.Type, len(want))
	for i := range in {
		in[i] = h.in[i].view.Type
	}
	for i := range out {
		out[i] = want[i].Type
	}
	k, err := h.backend.Supports(h.op, in, out)
	if errors.Is(err, op.ErrLayout) {
		for i := range h.in {
			if in[i].Contiguous() {
				continue
			}
			if err := h.straighten(i); err != nil {
				return err
			}
			in[i] = h.in[i].view.Type
		}
		k, err = h.backend.Supports(h.op, in, out)
	}
	if err != nil {
		return err
	}
	for i := range out {
		size := out[i].Bytes()
		if out[i].Format == op.Packed {
			size = h.backend.PackedSize(&out[i])
		}
		b, err := h.buffer(out[i], size)
		if err != nil {
			return err
		}
		h.out = append(h.out, b)
	}
	h.node.Set(h.op, len(in), len(out))
	for i := range in {
		h.node.In[i] = h.in[i].view
	}
	for i := range out {
		h.node.Out[i] = h.out[i].view
	}
	h.node.Kernel = k
	if k.Work > 0 {
		b, err := h.buffer(op.Make(op.U8, k.Work), k.Work)
		if err != nil {
			return err
		}
		h.node.Work = b.view
	}
	return nil
}

// straighten replaces input i by a contiguous copy.
func (h *harness) straighten(i int) error {
	old := h.in[i]
	host := op.View{Type: old.view.Type, Block: &op.Block{Bytes: old.image}, Off: old.view.Off}
	a := ref.Load(&host)
	b, err := h.buffer(a.Type, a.Bytes())
	if err != nil {
		return err
	}
	host = op.View{Type: a.Type, Block: &op.Block{Bytes: b.image}, Off: guard}
	ref.Store(&host, &a)
	h.in[i] = b
	return h.stream.Upload(&b.whole, b.image)
}

// exec poisons the outputs, runs the node, and checks that nothing but the outputs has changed.
func (h *harness) exec() ([][]byte, error) {
	for i := range h.out {
		b := &h.out[i]
		for j := range b.image[guard : len(b.image)-guard] {
			b.image[guard+j] = 0xFF // NaN in every floating-point type
		}
		if err := h.stream.Upload(&b.whole, b.image); err != nil {
			return nil, err
		}
	}
	if err := h.stream.Exec(&h.node); err != nil {
		return nil, err
	}
	for i := range h.in {
		got := make([]byte, len(h.in[i].image))
		if err := h.stream.Download(got, &h.in[i].whole); err != nil {
			return nil, err
		}
		if !bytes.Equal(got, h.in[i].image) {
			return nil, fmt.Errorf("input %d or the bytes around it were changed", i)
		}
	}
	outs := make([][]byte, len(h.out))
	for i := range h.out {
		got := make([]byte, len(h.out[i].image))
		if err := h.stream.Download(got, &h.out[i].whole); err != nil {
			return nil, err
		}
		end := len(got) - guard
		if !bytes.Equal(got[:guard], h.out[i].image[:guard]) || !bytes.Equal(got[end:], h.out[i].image[end:]) {
			return nil, fmt.Errorf("bytes around output %d were changed", i)
		}
		outs[i] = got[guard:end]
	}
	return outs, nil
}

// compare holds the outputs to the oracle's.
func (c *Case) compare(in, want []ref.Array, got [][]byte, res *Result) error {
	scales, err := c.scales(in, want)
	if err != nil {
		return err
	}
	for i := range want {
		if want[i].Format != op.Dense {
			continue // what a packed weight means shows in the product
		}
		if c.Class == Exact || !want[i].DType.Float() {
			err = c.exact(&want[i], got[i])
		} else {
			err = c.within(&want[i], &scales[i], got[i], res)
		}
		if err != nil {
			return fmt.Errorf("output %d: %w", i, err)
		}
	}
	return nil
}

// scales is S for every element of every output of a Real case.
func (c *Case) scales(in, want []ref.Array) ([]ref.Array, error) {
	if c.Class == Exact {
		return nil, nil
	}
	if c.Spread != nil {
		return c.Spread(in, want), nil
	}
	s := want
	if c.Scale == ByTerms {
		abs := make([]ref.Array, len(in))
		for i, a := range in {
			abs[i] = a
			abs[i].F = slices.Clone(a.F)
			for j := range abs[i].F {
				abs[i].F[j] = math.Abs(abs[i].F[j])
			}
		}
		var err error
		if s, err = ref.Eval(absolute(c.Op), abs); err != nil {
			return nil, err
		}
	}
	out := make([]ref.Array, len(s))
	for i := range s {
		out[i] = ref.NewArray(s[i].Type)
		top := 0.0
		for j, v := range s[i].F {
			out[i].F[j] = math.Abs(v)
			if !math.IsInf(v, 0) {
				top = math.Max(top, math.Abs(v))
			}
		}
		for j := range out[i].F {
			switch c.Scale {
			case ByMax:
				out[i].F[j] = top
			case ByInput:
				out[i].F[j] += math.Abs(in[0].F[j])
			}
		}
	}
	return out, nil
}

// absolute is o with positive coefficients: what sums the absolute values of its terms.
func absolute(o op.Op) op.Op {
	if p, ok := o.(*op.MatMul); ok {
		q := *p
		q.Alpha, q.Beta, q.HasAct = math.Abs(p.Alpha), math.Abs(p.Beta), false
		return &q
	}
	return o
}

// exact wants the bits that the oracle's value rounds to; of a NaN only that it is one.
func (c *Case) exact(want *ref.Array, got []byte) error {
	bits := want.Encode(nil)
	if bytes.Equal(bits, got) {
		return c.nonzero(want)
	}
	have, size := ref.Decode(want.Type, got), want.DType.Size()
	var bad []string
	for i := range want.Elems() {
		if bytes.Equal(bits[i*size:(i+1)*size], got[i*size:(i+1)*size]) {
			continue
		}
		if want.F != nil {
			if have.F[i] != have.F[i] && want.F[i] != want.F[i] {
				continue
			}
			bad = append(bad, fmt.Sprintf("  [%s] got %v want %v", coords(&want.Type, i), have.F[i], want.F[i]))
		} else {
			bad = append(bad, fmt.Sprintf("  [%s] got %v want %v", coords(&want.Type, i), have.I[i], want.I[i]))
		}
	}
	if len(bad) == 0 {
		return c.nonzero(want)
	}
	return fmt.Errorf("%d of %d elements are not equal\n%s", len(bad), want.Elems(), strings.Join(bad[:min(10, len(bad))], "\n"))
}

// nonzero refuses a reference that a kernel which writes nothing could match.
func (c *Case) nonzero(want *ref.Array) error {
	if c.Zero || want.Elems() < 4 || want.DType == op.Bool {
		return nil
	}
	for _, v := range want.F {
		if v != 0 {
			return nil
		}
	}
	for _, v := range want.I {
		if v != 0 {
			return nil
		}
	}
	return fmt.Errorf("the reference is all zero")
}

// within wants every element inside its bound.
func (c *Case) within(want, scale *ref.Array, got []byte, res *Result) error {
	have := ref.Decode(want.Type, got)
	factor := c.Factor
	if factor == 0 {
		factor = DefaultFactor
	}
	u := c.Unit
	if u == 0 {
		u = unit(want.DType)
	}
	u *= factor * growth(c.Terms, c.oneSigned())
	type miss struct {
		i     int
		ratio float64
	}
	var bad []miss
	rounded := want.Round()
	for i, w := range want.F {
		bound := u*scale.F[i] + storage(want.DType, w)
		ratio := math.Abs(have.F[i]-w) / bound
		switch {
		case w != w && have.F[i] != have.F[i], rounded.F[i] == have.F[i]:
			ratio = 0
		case ratio != ratio:
			ratio = math.Inf(1)
		}
		res.Ratio = max(res.Ratio, ratio)
		if ratio > 1 {
			bad = append(bad, miss{i, ratio})
		}
	}
	if len(bad) == 0 {
		return c.nonzero(want)
	}
	slices.SortFunc(bad, func(a, b miss) int { return cmpFloat(b.ratio, a.ratio) })
	var lines []string
	for _, m := range bad[:min(10, len(bad))] {
		lines = append(lines, fmt.Sprintf("  [%s] got %.9g want %.9g: %.3g of the bound", coords(&want.Type, m.i), have.F[m.i], want.F[m.i], m.ratio))
	}
	return fmt.Errorf("%d of %d elements are out of bounds\n%s", len(bad), want.Elems(), strings.Join(lines, "\n"))
}

func cmpFloat(a, b float64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// oneSigned reports whether the case's terms all have one sign.
func (c *Case) oneSigned() bool {
	for _, o := range c.In {
		if o.Gen != Positive && o.Gen != Unit {
			return false
		}
	}
	return true
}

func coords(t *op.Type, i int) string {
	var c []string
	for d := int(t.Rank) - 1; d >= 0; d-- {
		c = append(c, fmt.Sprint(i%t.Dims[d]))
		i /= t.Dims[d]
	}
	slices.Reverse(c)
	return strings.Join(c, ",")
}
