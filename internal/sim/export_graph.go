//go:build cuda && cgo && linux

package sim

// #include <cuda.h>
import "C"

import (
	"slices"
	"unsafe"

	"github.com/tandem-compute/tandem/internal/cuda"
)

// withGraph runs a call about a graph.
func withGraph(handle C.CUgraph, call func(s *simulator, g *graph) cuda.Code) C.CUresult {
	return inContext(func(s *simulator, _ *context) cuda.Code {
		g, ok := find[*graph](s, unsafe.Pointer(handle))
		if !ok {
			return cuda.ErrInvalidValue
		}
		return call(s, g)
	})
}

// nodes looks up an array of node handles, all of one graph.
func (s *simulator) nodes(g *graph, handles *C.CUgraphNode, count C.size_t) ([]*node, bool) {
	var list []*node
	for _, h := range unsafe.Slice(handles, count) {
		n, ok := find[*node](s, unsafe.Pointer(h))
		if !ok || n.graph != g {
			return nil, false
		}
		list = append(list, n)
	}
	return list, true
}

//export simGraphCreate
func simGraphCreate(out *C.CUgraph, flags C.uint) C.CUresult {
	return inContext(func(s *simulator, c *context) cuda.Code {
		if flags != 0 {
			return cuda.ErrInvalidValue
		}
		put(out, s.newGraph(c).handle)
		return cuda.Success
	})
}

//export simGraphDestroy
func simGraphDestroy(handle C.CUgraph) C.CUresult {
	return withGraph(handle, func(s *simulator, g *graph) cuda.Code {
		s.destroyGraph(g)
		return cuda.Success
	})
}

//export simGraphClone
func simGraphClone(out *C.CUgraph, handle C.CUgraph) C.CUresult {
	return withGraph(handle, func(s *simulator, g *graph) cuda.Code {
		put(out, s.cloneGraph(g).handle)
		return cuda.Success
	})
}

// addNode adds work to a graph behind the nodes that it depends on.
func addNode(out *C.CUgraphNode, handle C.CUgraph, after *C.CUgraphNode, count C.size_t, w func(s *simulator) (work, cuda.Code)) C.CUresult {
	return withGraph(handle, func(s *simulator, g *graph) cuda.Code {
		before, ok := s.nodes(g, after, count)
		if !ok {
			return cuda.ErrInvalidValue
		}
		made, code := w(s)
		if code == cuda.Success {
			put(out, s.newNode(g, made, before).handle)
		}
		return code
	})
}

//export simGraphAddEmptyNode
func simGraphAddEmptyNode(out *C.CUgraphNode, handle C.CUgraph, after *C.CUgraphNode, count C.size_t) C.CUresult {
	return addNode(out, handle, after, count, func(*simulator) (work, cuda.Code) { return nil, cuda.Success })
}

//export simGraphAddKernelNode
func simGraphAddKernelNode(out *C.CUgraphNode, handle C.CUgraph, after *C.CUgraphNode, count C.size_t, p *C.CUDA_KERNEL_NODE_PARAMS) C.CUresult {
	return addNode(out, handle, after, count, func(s *simulator) (work, cuda.Code) {
		f, ok := find[*function](s, unsafe.Pointer(p._func))
		if !ok {
			return nil, cuda.ErrInvalidHandle
		}
		sh := shape{
			[3]int{int(p.gridDimX), int(p.gridDimY), int(p.gridDimZ)},
			[3]int{int(p.blockDimX), int(p.blockDimY), int(p.blockDimZ)},
			int(p.sharedMemBytes),
		}
		return s.kernel(f, sh, p.kernelParams)
	})
}

//export simGraphAddDependencies
func simGraphAddDependencies(handle C.CUgraph, from, to *C.CUgraphNode, count C.size_t) C.CUresult {
	return withGraph(handle, func(s *simulator, g *graph) cuda.Code {
		before, okFrom := s.nodes(g, from, count)
		after, okTo := s.nodes(g, to, count)
		if !okFrom || !okTo {
			return cuda.ErrInvalidValue
		}
		for i, n := range after {
			if slices.Contains(n.after, before[i]) {
				return cuda.ErrInvalidValue
			}
			n.after = append(slices.Clip(n.after), before[i])
		}
		return cuda.Success
	})
}

//export simGraphGetEdges
func simGraphGetEdges(handle C.CUgraph, from, to *C.CUgraphNode, count *C.size_t) C.CUresult {
	return withGraph(handle, func(_ *simulator, g *graph) cuda.Code {
		edges := 0
		for _, n := range g.nodes {
			for _, before := range n.after {
				if from != nil && edges < int(*count) {
					put(&unsafe.Slice(from, *count)[edges], before.handle)
					put(&unsafe.Slice(to, *count)[edges], n.handle)
				}
				edges++
			}
		}
		if from == nil || edges < int(*count) {
			*count = C.size_t(edges)
		}
		return cuda.Success
	})
}

//export simGraphGetNodes
func simGraphGetNodes(handle C.CUgraph, out *C.CUgraphNode, count *C.size_t) C.CUresult {
	return withGraph(handle, func(_ *simulator, g *graph) cuda.Code {
		if out != nil {
			for i := range min(len(g.nodes), int(*count)) {
				put(&unsafe.Slice(out, *count)[i], g.nodes[i].handle)
			}
		}
		if out == nil || len(g.nodes) < int(*count) {
			*count = C.size_t(len(g.nodes))
		}
		return cuda.Success
	})
}

//export simGraphInstantiateWithFlags
func simGraphInstantiateWithFlags(out *C.CUgraphExec, handle C.CUgraph, _ C.ulonglong) C.CUresult {
	return withGraph(handle, func(s *simulator, g *graph) cuda.Code {
		e, code := s.instantiate(g)
		if e != nil {
			put(out, e.handle)
		}
		return code
	})
}

//export simGraphLaunch
func simGraphLaunch(handle C.CUgraphExec, on C.CUstream) C.CUresult {
	return onStream(on, func(s *simulator, st *stream) cuda.Code {
		e, ok := find[*graphExec](s, unsafe.Pointer(handle))
		if !ok {
			return cuda.ErrInvalidValue
		}
		return s.launchGraph(st, e)
	})
}

//export simGraphExecDestroy
func simGraphExecDestroy(handle C.CUgraphExec) C.CUresult {
	return inContext(func(s *simulator, _ *context) cuda.Code {
		e, ok := find[*graphExec](s, unsafe.Pointer(handle))
		if !ok {
			return cuda.ErrInvalidValue
		}
		s.drop(e.context, e.handle)
		return cuda.Success
	})
}
