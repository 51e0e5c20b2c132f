//go:build cuda && cgo && linux

package sim

// #include <cuda.h>
import "C"

import (
	"slices"
	"syscall"

	"github.com/tandem-compute/tandem/internal/cuda"
)

// node is one piece of work in a graph and what must come before it.
type node struct {
	handle uintptr
	graph  *graph
	work   work
	after  []*node
}

// graph is work with an order.
type graph struct {
	handle  uintptr
	context *context
	nodes   []*node
}

// graphExec is a graph that has been put in order.
type graphExec struct {
	handle  uintptr
	context *context
	works   []work
}

// capture is the recording of streams into a graph.
type capture struct {
	graph   *graph
	origin  *stream
	mode    int
	thread  int
	streams []*stream
	invalid bool
}

func (s *simulator) newGraph(c *context) *graph {
	g := &graph{context: c}
	g.handle = s.own(c, g)
	return g
}

func (s *simulator) newNode(g *graph, w work, after []*node) *node {
	n := &node{graph: g, work: w, after: after}
	n.handle = s.own(g.context, n)
	g.nodes = append(g.nodes, n)
	return n
}

func (s *simulator) destroyGraph(g *graph) {
	for _, n := range g.nodes {
		s.drop(g.context, n.handle)
	}
	s.drop(g.context, g.handle)
}

func (s *simulator) cloneGraph(g *graph) *graph {
	clone := s.newGraph(g.context)
	twins := map[*node]*node{}
	for _, n := range g.nodes {
		twins[n] = s.newNode(clone, n.work, nil)
	}
	for _, n := range g.nodes {
		for _, before := range n.after {
			twins[n].after = append(twins[n].after, twins[before])
		}
	}
	return clone
}

// sorted returns the nodes in an order that respects their dependencies, the order of insertion where it may; false if
// they form a cycle.
func (g *graph) sorted() ([]*node, bool) {
	var order []*node
	const visiting, done = 1, 2
	state := map[*node]int{}
	var visit func(n *node) bool
	visit = func(n *node) bool {
		if state[n] != 0 {
			return state[n] == done
		}
		state[n] = visiting
		for _, before := range n.after {
			if !visit(before) {
				return false
			}
		}
		state[n] = done
		order = append(order, n)
		return true
	}
	for _, n := range g.nodes {
		if !visit(n) {
			return nil, false
		}
	}
	return order, true
}

func (s *simulator) instantiate(g *graph) (*graphExec, cuda.Code) {
	order, ok := g.sorted()
	if !ok {
		return nil, cuda.ErrInvalidValue
	}
	e := &graphExec{context: g.context}
	for _, n := range order {
		if n.work != nil {
			e.works = append(e.works, n.work)
		}
	}
	e.handle = s.own(g.context, e)
	return e, cuda.Success
}

// launchGraph enqueues a whole graph as one piece of work.
func (s *simulator) launchGraph(st *stream, e *graphExec) cuda.Code {
	return s.enqueue(st, func() cuda.Code {
		s.counts.GraphLaunches++
		for _, w := range e.works {
			if code := w(); code != cuda.Success {
				return code
			}
		}
		return cuda.Success
	})
}

// begin makes a stream capture.
func (s *simulator) begin(st *stream, mode int) cuda.Code {
	switch {
	case mode < C.CU_STREAM_CAPTURE_MODE_GLOBAL || mode > C.CU_STREAM_CAPTURE_MODE_RELAXED:
		return cuda.ErrInvalidValue
	case st.legacy:
		return cuda.ErrStreamCaptureUnsupported
	case st.capture != nil:
		return cuda.ErrIllegalState
	}
	c := &capture{graph: s.newGraph(st.context), origin: st, mode: mode, thread: syscall.Gettid()}
	c.add(st, nil)
	s.active = append(s.active, c)
	return cuda.Success
}

func (c *capture) add(st *stream, tail []*node) {
	st.capture, st.tail = c, tail
	c.streams = append(c.streams, st)
}

// capture puts work that a capturing stream was given into the graph.
func (s *simulator) capture(st *stream, w work) cuda.Code {
	if st.capture.invalid {
		return cuda.ErrStreamCaptureInvalidated
	}
	st.tail = []*node{s.newNode(st.capture.graph, w, st.tail)}
	return cuda.Success
}

// join makes a stream wait for an event that lies in a capture: it thereby takes part in it.
func (s *simulator) join(st *stream, e *event) cuda.Code {
	switch c := e.capture; {
	case !slices.Contains(s.active, c):
		return cuda.ErrCapturedEvent
	case c.invalid:
		return cuda.ErrStreamCaptureInvalidated
	case st.capture == nil && st.legacy:
		return s.invalidate(c, cuda.ErrStreamCaptureImplicit)
	case st.capture == nil:
		c.add(st, slices.Clone(e.nodes))
	case st.capture != c:
		s.invalidate(st.capture, cuda.ErrStreamCaptureMerge)
		return s.invalidate(c, cuda.ErrStreamCaptureMerge)
	default:
		for _, n := range e.nodes {
			if !slices.Contains(st.tail, n) {
				st.tail = append(slices.Clip(st.tail), n)
			}
		}
	}
	return cuda.Success
}

// end finishes a capture. Whatever is wrong with it, it is over afterwards, unless the call had no right to end it.
func (s *simulator) end(st *stream) (*graph, cuda.Code) {
	c := st.capture
	switch {
	case c == nil:
		return nil, cuda.ErrIllegalState
	case c.origin != st:
		return nil, s.invalidate(c, cuda.ErrStreamCaptureUnmatched)
	case c.mode != C.CU_STREAM_CAPTURE_MODE_RELAXED && c.thread != syscall.Gettid():
		return nil, cuda.ErrStreamCaptureWrongThread
	}
	joined := c.joined()
	for _, member := range c.streams {
		member.capture, member.tail = nil, nil
	}
	s.active = slices.DeleteFunc(s.active, func(other *capture) bool { return other == c })
	switch {
	case c.invalid:
		s.destroyGraph(c.graph)
		return nil, cuda.ErrStreamCaptureInvalidated
	case !joined:
		s.destroyGraph(c.graph)
		return nil, cuda.ErrStreamCaptureUnjoined
	}
	return c.graph, cuda.Success
}

// joined reports whether the end of the origin stream comes after the end of every stream that joined.
func (c *capture) joined() bool {
	before := map[*node]bool{}
	pending := slices.Clone(c.origin.tail)
	for len(pending) > 0 {
		n := pending[len(pending)-1]
		pending = pending[:len(pending)-1]
		if !before[n] {
			before[n] = true
			pending = append(pending, n.after...)
		}
	}
	for _, st := range c.streams {
		for _, n := range st.tail {
			if !before[n] {
				return false
			}
		}
	}
	return true
}

// invalidate spoils a capture and returns the code of why.
func (s *simulator) invalidate(c *capture, code cuda.Code) cuda.Code {
	c.invalid = true
	return code
}

// forbidden is asked by calls that may not happen while something captures: those that wait, and those that allocate.
func (s *simulator) forbidden(ctx *context) cuda.Code {
	for _, c := range s.active {
		global := c.mode == C.CU_STREAM_CAPTURE_MODE_GLOBAL
		local := c.mode == C.CU_STREAM_CAPTURE_MODE_THREAD_LOCAL && c.thread == syscall.Gettid()
		if c.origin.context == ctx && (global || local) {
			return s.invalidate(c, cuda.ErrStreamCaptureUnsupported)
		}
	}
	return cuda.Success
}

// implicit is asked by work on the default stream, which would have to wait for a blocking stream that captures.
func (s *simulator) implicit(ctx *context) cuda.Code {
	for _, c := range s.active {
		for _, st := range c.streams {
			if st.context == ctx && !st.nonBlocking() {
				return s.invalidate(c, cuda.ErrStreamCaptureImplicit)
			}
		}
	}
	return cuda.Success
}
