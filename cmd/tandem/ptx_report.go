package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/tandem-compute/tandem/internal/ptx"
)

// ptxReport is what --json writes.
type ptxReport struct {
	File         string          `json:"file"`
	Entry        string          `json:"entry"`
	Version      string          `json:"version"` // of the PTX
	Target       string          `json:"target"`
	Grid         [3]int          `json:"grid"`
	Block        [3]int          `json:"block"`
	Params       []ptxParam      `json:"params"`
	OK           bool            `json:"ok"`
	Finding      *ptxFinding     `json:"finding"` // what stopped the kernel, null if nothing did
	Instructions ptxInstructions `json:"instructions"`
	Global       ptxGlobal       `json:"global"`
	Shared       ptxShared       `json:"shared"`
	Local        int             `json:"local"` // bytes of local memory per thread
	Blocks       ptxBlocks       `json:"blocks"`
}

type ptxParam struct {
	Name string `json:"name"`
	Type string `json:"type"`
	Arg  string `json:"arg"`
}

type ptxFinding struct {
	Kind        string `json:"kind"`
	Line        int    `json:"line"`
	Instruction string `json:"instruction"`
	Block       [3]int `json:"block"`
	Thread      [3]int `json:"thread"` // -1 where it concerns a whole warp or block
	Address     string `json:"address"`
	Detail      string `json:"detail"`
}

// ptxInstructions counts warp instructions.
type ptxInstructions struct {
	Total      uint64  `json:"total"`
	Arithmetic uint64  `json:"arithmetic"`
	Memory     uint64  `json:"memory"`
	Matrix     uint64  `json:"matrix"`
	Control    uint64  `json:"control"`
	Barriers   uint64  `json:"barriers"` // warps that waited
	Lanes      float64 `json:"lanes"`    // active of 32, on average
}

// ptxGlobal counts what warps asked of global memory.
type ptxGlobal struct {
	Requests uint64  `json:"requests"`
	Sectors  uint64  `json:"sectors"` // of 32 bytes
	Bytes    uint64  `json:"bytes"`   // asked for by lanes
	Per      float64 `json:"sectors_per_request"`
}

// ptxShared counts what warps asked of shared memory.
type ptxShared struct {
	Static    int    `json:"static"` // bytes per block
	Dynamic   int    `json:"dynamic"`
	Requests  uint64 `json:"requests"`
	Passes    uint64 `json:"passes"`    // through the banks
	Conflicts uint64 `json:"conflicts"` // passes beyond those that the width needs
}

// ptxBlocks is the coverage of the kernel's basic blocks.
type ptxBlocks struct {
	Reachable int       `json:"reachable"`
	Reached   int       `json:"reached"`
	Missed    []ptxLine `json:"missed"` // first lines of those that never ran
}

type ptxLine struct {
	Line int    `json:"line"`
	Text string `json:"text"`
}

func newPTXReport(path string, m *ptx.Module, k *ptx.Kernel, args []*argument, grid, block [3]int, f ptxFlags) *ptxReport {
	r := &ptxReport{
		File: path, Entry: k.Name(), Version: m.Version, Target: m.Target, Grid: grid, Block: block, Local: k.Local(),
		Shared: ptxShared{Static: k.StaticShared(), Dynamic: f.shared}, Blocks: ptxBlocks{Missed: []ptxLine{}}, Params: []ptxParam{},
	}
	for i, p := range k.Params() {
		r.Params = append(r.Params, ptxParam{p.Name, typeOf(p), args[i].spec})
	}
	return r
}

// run runs the kernel with everything that watches it. An error that is no fault of the kernel is a misuse.
func (r *ptxReport) run(l *ptx.Launch, k *ptx.Kernel) error {
	var meter ptx.Meter
	var coverage ptx.Coverage
	l.Options.Sanitize, l.Options.Precise, l.Options.Meter, l.Options.Coverage = true, true, &meter, &coverage
	err := k.Run(l)
	var fault *ptx.Fault
	switch {
	case errors.As(err, &fault):
		r.Finding = &ptxFinding{
			fault.Kind.String(), fault.Line, fault.Instr, fault.Block, fault.Thread, fmt.Sprintf("%#x", fault.Address), fault.Detail,
		}
	case err != nil:
		return misuse{err}
	default:
		r.OK = true
	}
	r.count(&meter)
	r.cover(&coverage)
	return err
}

func (r *ptxReport) count(m *ptx.Meter) {
	r.Instructions = ptxInstructions{
		m.Instructions, m.Arithmetic, m.Memory, m.Matrix, m.Control, m.Barriers, ratio(m.Lanes, m.Instructions),
	}
	r.Global = ptxGlobal{m.GlobalRequests, m.GlobalSectors, m.GlobalBytes, ratio(m.GlobalSectors, m.GlobalRequests)}
	r.Shared.Requests, r.Shared.Passes, r.Shared.Conflicts = m.SharedRequests, m.SharedPasses, m.SharedPasses-min(m.SharedIdeal, m.SharedPasses)
}

func ratio(a, b uint64) float64 { return float64(a) / float64(max(b, 1)) }

func (r *ptxReport) cover(c *ptx.Coverage) {
	for _, b := range c.Blocks() {
		if r.Blocks.Reachable++; b.Count > 0 {
			r.Blocks.Reached++
		} else {
			r.Blocks.Missed = append(r.Blocks.Missed, ptxLine{b.Line, b.Text})
		}
	}
}

// shownBlocks is how many basic blocks that never ran are written out; JSON has them all.
const shownBlocks = 10

// write writes the report for people.
func (r *ptxReport) write(w io.Writer) {
	row := func(name, format string, a ...any) { fmt.Fprintf(w, "  %-18s %s\n", name, fmt.Sprintf(format, a...)) }
	fmt.Fprintf(w, "%s, grid %v, block %v, PTX %s for %s\n", r.Entry, r.Grid, r.Block, r.Version, r.Target)
	in := &r.Instructions
	row("warp instructions", "%d: %d arithmetic, %d memory, %d matrix, %d control", in.Total, in.Arithmetic, in.Memory, in.Matrix, in.Control)
	row("active lanes", "%.1f of 32", in.Lanes)
	if g := &r.Global; g.Requests > 0 {
		row("global memory", "%d requests, %.2f sectors each, %.0f%% of their bytes asked for", g.Requests, g.Per, 100*ratio(g.Bytes, 32*g.Sectors))
	}
	if s := &r.Shared; s.Static+s.Dynamic > 0 {
		row("shared memory", "%d bytes static, %d dynamic", s.Static, s.Dynamic)
		row("", "%d requests, %d passes through the banks, %d of them for conflicts", s.Requests, s.Passes, s.Conflicts)
	}
	if r.Local > 0 {
		row("local memory", "%d bytes per thread", r.Local)
	}
	if in.Barriers > 0 {
		row("barriers", "%d waits of a warp", in.Barriers)
	}
	row("basic blocks", "%d of %d reached", r.Blocks.Reached, r.Blocks.Reachable)
	for i, b := range r.Blocks.Missed {
		if i == shownBlocks {
			row("", "and %d more, which --json lists", len(r.Blocks.Missed)-i)
			break
		}
		row("", "never at line %d: %s", b.Line, b.Text)
	}
	switch f := r.Finding; {
	case f == nil:
		row("findings", "none")
	case f.Line == 0: // no instruction is to blame
		row("findings", "%s: %s", f.Kind, f.Detail)
	default:
		row("findings", "%s at line %d: %s", f.Kind, f.Line, f.Instruction)
		row("", "%s", f.Detail)
	}
}
