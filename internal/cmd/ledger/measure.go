//go:build cuda && cgo && linux

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/tandem-compute/tandem/gpu"
	"github.com/tandem-compute/tandem/internal/op"
	"github.com/tandem-compute/tandem/internal/parity"
	"github.com/tandem-compute/tandem/internal/ref"
	"github.com/tandem-compute/tandem/internal/sim"
)

// A measurement is one launch of a problem: the meter's counts, and how many elements the problem's largest operand has.
type measurement struct {
	problem  string
	launches int   // of the problem
	minimum  int64 // bytes that the op must move
	elements int
	sim.Launch
}

// touched is the bytes of all sectors that the launch's accesses touched, moved those of each sector once: what the
// device's memory gives and takes when a cache holds what is looked at again.
func (m *measurement) touched() float64 { return 32 * float64(m.Meter.GlobalSectors) }
func (m *measurement) moved() float64   { return 32 * float64(m.Meter.GlobalDistinct) }

// measurer runs problems on the simulator.
type measurer struct {
	backend  *gpu.Backend
	stream   op.Stream
	launches []sim.Launch
	blocks   []*op.Block
}

// measure runs all problems and returns, for each kernel, the launch that moved most.
func measure() (map[string]measurement, error) {
	m := &measurer{}
	config := sim.Config{Launched: func(l sim.Launch) { m.launches = append(m.launches, l) }}
	config.Distinct = true
	err := sim.Install(config)
	if err != nil {
		return nil, err
	}
	defer sim.Uninstall()
	if m.backend, _, err = gpu.Open(0, gpu.Options{Name: "sim", Explain: sim.Faulted}); err != nil {
		return nil, err
	}
	defer m.backend.Close()
	if m.stream, err = m.backend.Stream(); err != nil {
		return nil, err
	}
	defer m.stream.Close()
	m.stream.Begin(context.Background())
	most := map[string]measurement{}
	for _, p := range problems() {
		c := parity.New(p.op, p.in)
		err := m.run(&c, most)
		if err != nil && !errors.Is(err, op.ErrUnsupported) && !errors.Is(err, op.ErrDType) {
			return nil, fmt.Errorf("%s: %w", c.Name, err)
		}
	}
	return most, nil
}

// run runs one problem and enters its launches.
func (m *measurer) run(c *parity.Case, most map[string]measurement) error {
	defer m.free()
	n := new(op.Node)
	n.Set(c.Op, len(c.In), 0)
	in, elements := make([]op.Type, len(c.In)), 0
	for i, a := range c.Inputs() {
		v, err := m.upload(&c.In[i], &a)
		if err != nil {
			return err
		}
		n.In[i], in[i] = v, v.Type
		elements = max(elements, v.Elems())
	}
	out, err := c.Op.Infer(nil, in)
	if err != nil {
		return err
	}
	inputs := n.In
	n.Set(c.Op, len(in), len(out))
	copy(n.In, inputs)
	for i := range out {
		if n.Out[i], err = m.view(out[i], m.backend.PackedSize(&out[i])); err != nil {
			return err
		}
		elements = max(elements, out[i].Elems())
	}
	if err := m.exec(n, in, out); err != nil {
		return err
	}
	cost := c.Op.Cost(in, out)
	for _, l := range m.launches {
		e := measurement{c.Name, len(m.launches), cost.Bytes, elements, l}
		if old, ok := most[l.Kernel]; !ok || e.touched() > old.touched() {
			most[l.Kernel] = e
		}
	}
	return nil
}

// exec finds the node's kernel, gives it its scratch memory and collects its launches.
func (m *measurer) exec(n *op.Node, in, out []op.Type) (err error) {
	if n.Kernel, err = m.backend.Supports(n.Op, in, out); err != nil {
		return err
	}
	if n.Kernel.Work > 0 {
		if n.Work, err = m.view(op.Make(op.U8, n.Kernel.Work), n.Kernel.Work); err != nil {
			return err
		}
	}
	m.launches = nil
	if err := m.stream.Exec(n); err != nil {
		return err
	}
	return m.stream.Sync()
}

func (m *measurer) view(t op.Type, size int) (op.View, error) {
	k, err := m.backend.Alloc(size)
	if err != nil {
		return op.View{}, err
	}
	m.blocks = append(m.blocks, k)
	return op.View{Type: t, Block: k}, nil
}

// upload puts an operand on the device as it lies, and packs it if it is a weight.
func (m *measurer) upload(o *parity.Operand, a *ref.Array) (op.View, error) {
	host := op.View{Type: o.Type, Block: &op.Block{Bytes: make([]byte, o.Span()*o.DType.Size())}}
	ref.Store(&host, a)
	v, err := m.view(o.Type, len(host.Block.Bytes))
	if err != nil {
		return v, err
	}
	raw := op.View{Type: op.Make(op.U8, len(host.Block.Bytes)), Block: v.Block}
	if err := m.stream.Upload(&raw, host.Block.Bytes); err != nil || !o.Weight {
		return v, err
	}
	n, in := new(op.Node), []op.Type{o.Type}
	n.Set(&op.Pack{}, 1, 1)
	out, err := n.Op.Infer(nil, in)
	if err != nil {
		return v, err
	}
	n.In[0] = v
	if n.Out[0], err = m.view(out[0], m.backend.PackedSize(&out[0])); err != nil {
		return v, err
	}
	return n.Out[0], m.exec(n, in, out)
}

func (m *measurer) free() {
	for _, k := range m.blocks {
		_ = m.backend.Free(k) // the simulator goes when the measurements are done
	}
	m.blocks = nil
}

// What an H100 SXM does at most, by its data sheet and the programming guide's tables of throughput.
const (
	bytesPerSec  = 3.35e12                // HBM3
	clock        = 1.755e9                // boost
	processors   = 132                    // multiprocessors
	issuePerSec  = processors * 4 * clock // warp instructions
	sharedPerSec = processors * clock     // passes of 128 bytes through shared memory
	matrixPerSec = 989.4e12 / 4096        // m16n8k16 products
)

// bound says which limit a launch meets first if everything overlaps, and the share of the memory's bandwidth, and of
// the tensor cores' rate, that it can then reach.
func (m *measurement) bound() (limit string, bandwidth, matrix float64) {
	times := []struct {
		name    string
		seconds float64
	}{
		{"memory", m.moved() / bytesPerSec}, {"issue", float64(m.Meter.Instructions) / issuePerSec},
		{"shared", float64(m.Meter.SharedPasses) / sharedPerSec}, {"tensor", float64(m.Meter.Matrix) / matrixPerSec},
	}
	worst := times[0]
	for _, t := range times {
		if t.seconds > worst.seconds {
			worst = t
		}
	}
	return worst.name, times[0].seconds / worst.seconds, times[3].seconds / worst.seconds
}

// writeMeasured appends the table of what the interpreter's meter saw.
func writeMeasured(w *bytes.Buffer) error {
	most, err := measure()
	if err != nil {
		return err
	}
	if err := writeLarge(w); err != nil {
		return err
	}
	w.WriteString(measuredHeader)
	var wasteful []string
	names := make([]string, 0, len(most))
	for name := range most {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		m := most[name]
		limit, bandwidth, matrix := m.bound()
		minimum, times := "part", ""
		if m.launches == 1 && m.minimum > 0 {
			ratio := m.moved() / float64(m.minimum)
			minimum = fmt.Sprintf("%.2f", ratio)
			if limit == "memory" && ratio > mostMoved {
				wasteful = append(wasteful, fmt.Sprintf("%s moves %.2f times what %s needs", name, ratio, m.problem))
			}
		}
		if m.moved() > 0 {
			times = fmt.Sprintf("%.1f", m.touched()/m.moved())
		}
		full, conflicts := "", ""
		if m.Meter.GlobalSectors > 0 {
			full = fmt.Sprintf("%.0f%%", 100*float64(m.Meter.GlobalBytes)/m.touched())
		}
		if m.Meter.SharedIdeal > 0 {
			conflicts = fmt.Sprintf("%.2f", float64(m.Meter.SharedPasses)/float64(m.Meter.SharedIdeal))
		}
		tensor := ""
		if m.Meter.Matrix > 0 {
			tensor = fmt.Sprintf(", %.0f%% of the tensor cores", 100*matrix)
		}
		fmt.Fprintf(w, "| %s | %s | %s | %s | %s | %.1f | %s | %s: %.0f%%%s |\n", name, m.problem, minimum, times, full,
			32*float64(m.Meter.Instructions)/float64(m.elements), conflicts, limit, 100*bandwidth, tensor)
	}
	if len(wasteful) > 0 {
		return fmt.Errorf("kernels that memory bounds must move no more than %v of the least:\n%s", mostMoved, strings.Join(wasteful, "\n"))
	}
	return nil
}

// mostMoved is how much more than it must a kernel may move that memory bounds.
const mostMoved = 1.05

const measuredHeader = `
## What they do

On a fixed problem each, by the interpreter's meter. Moved is the bytes of the 32-byte sectors read or written, each once, over those
that the op must move ("part" where an op is several launches); times is how often a sector was asked for, which caches answer from
the second time on; full is the share of the sectors' bytes that was asked for; instructions are per element of the largest operand;
passes are those through shared memory over what its width needs, 1 without bank conflicts.
The roofline is an H100 SXM's (3.35 TB/s, 528 warp instructions and 132 passes of 128 bytes per cycle of 1.755 GHz, 989 Tflop/s):
which limit is met first if all else overlaps, and the share of the memory's bandwidth that is then used, caches apart.

| kernel | problem | moved | times | full | instructions | passes | limit: of bandwidth |
|---|---|---|---|---|---|---|---|
`
