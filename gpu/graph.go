//go:build cuda && cgo && linux

package gpu

import (
	"errors"
	"runtime"

	"gorgonia.org/cu"

	"github.com/tandem-compute/tandem/internal/cuda"
	"github.com/tandem-compute/tandem/internal/op"
)

// graph is a list of nodes as one launch.
type graph struct {
	*Backend
	exec    cuda.GraphExec
	layouts layouts
}

// Capture runs the nodes' kernels on the stream while it records instead of working.
func (s *stream) Capture(nodes []*op.Node) (op.Graph, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := s.bind(); err != nil {
		return nil, err
	}
	g := &graph{Backend: s.Backend}
	recorded, err := s.record(nodes, &g.layouts)
	if err != nil {
		return nil, errors.Join(err, g.layouts.free(s.Backend))
	}
	g.exec, err = cuda.Instantiate(recorded)
	err = errors.Join(s.fail("cuGraphInstantiate", err), s.fail("cuGraphDestroy", recorded.Destroy()))
	if err != nil {
		return nil, errors.Join(err, g.free())
	}
	return g, nil
}

// record captures the launches of the nodes, whose layouts go to l. The mode is relaxed because a first launch may load
// a module or a layout, which is no work of the stream.
func (s *stream) record(nodes []*op.Node, l *layouts) (cu.Graph, error) {
	if err := cuda.BeginCapture(s.queue, cuda.CaptureRelaxed); err != nil {
		return cu.Graph{}, s.fail("cuStreamBeginCapture", err)
	}
	s.layouts = l
	var failed error
	for _, n := range nodes {
		if failed = n.Kernel.Run(s, n); failed != nil {
			break
		}
	}
	s.layouts = &s.own
	g, err := cuda.EndCapture(s.queue)
	err = s.fail("cuStreamEndCapture", err)
	if failed != nil && err == nil {
		err = s.fail("cuGraphDestroy", g.Destroy())
	}
	return g, errors.Join(failed, err)
}

func (g *graph) Launch(st op.Stream) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := g.bind(); err != nil {
		return err
	}
	return g.fail("cuGraphLaunch", g.exec.Launch(st.(*stream).queue))
}

func (g *graph) Close() error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := g.bind(); err != nil {
		return err
	}
	return g.free()
}

func (g *graph) free() error {
	var err error
	if g.exec != (cuda.GraphExec{}) {
		err = g.fail("cuGraphExecDestroy", g.exec.Destroy())
	}
	return errors.Join(err, g.layouts.free(g.Backend))
}
