//go:build cuda && cgo && linux

package cuda

/*
#include "driver.h"
*/
import "C"

import (
	"errors"
	"unsafe"

	"gorgonia.org/cu"
)

// A CaptureMode says which calls the driver forbids while a stream captures, because they could not be part of a graph.
type CaptureMode int

// Capture modes.
const (
	CaptureGlobal      CaptureMode = C.CU_STREAM_CAPTURE_MODE_GLOBAL       // unsafe calls are forbidden to every thread
	CaptureThreadLocal CaptureMode = C.CU_STREAM_CAPTURE_MODE_THREAD_LOCAL // ... to the thread that began the capture
	CaptureRelaxed     CaptureMode = C.CU_STREAM_CAPTURE_MODE_RELAXED      // ... to nobody; the capture may end on another thread
)

// BeginCapture makes work enqueued on a stream build a graph instead of running. The stream must not be the default one.
func BeginCapture(s cu.Stream, mode CaptureMode) error {
	return check("cuStreamBeginCapture", C.cuStreamBeginCapture(stream(s), C.CUstreamCaptureMode(mode)))
}

// EndCapture ends a capture and returns its graph, which the caller destroys. On an error the capture has ended, too.
func EndCapture(s cu.Stream) (cu.Graph, error) {
	var g C.CUgraph
	err := check("cuStreamEndCapture", C.cuStreamEndCapture(stream(s), &g))
	return *(*cu.Graph)(unsafe.Pointer(&g)), err
}

// Capturing reports whether a stream captures. A capture that an error has invalidated still counts until it is ended.
func Capturing(s cu.Stream) (bool, error) {
	var status C.CUstreamCaptureStatus
	err := check("cuStreamIsCapturing", C.cuStreamIsCapturing(stream(s), &status))
	return status != C.CU_STREAM_CAPTURE_STATUS_NONE, err
}

// GraphNodes returns how many nodes a graph has.
func GraphNodes(g cu.Graph) (int, error) {
	var n C.size_t
	err := check("cuGraphGetNodes", C.cuGraphGetNodes(graph(g), nil, &n))
	return int(n), err
}

// A GraphExec is a graph ready to launch.
type GraphExec struct{ exec C.CUgraphExec }

// Instantiate makes a graph ready to launch. The graph may be destroyed afterwards.
func Instantiate(g cu.Graph) (GraphExec, error) {
	var e GraphExec
	err := check("cuGraphInstantiate", C.cuGraphInstantiateWithFlags(&e.exec, graph(g), 0))
	if errors.Is(err, ErrNotSupported) { // drivers before 11.4 have the older call alone
		err = check("cuGraphInstantiate", C.cuGraphInstantiate(&e.exec, graph(g), nil, nil, 0))
	}
	return e, err
}

// Launch enqueues the whole graph on a stream. Launches of one GraphExec run one after the other.
func (e GraphExec) Launch(s cu.Stream) error {
	return check("cuGraphLaunch", C.cuGraphLaunch(e.exec, stream(s)))
}

// Destroy frees the graph; a launch under way finishes first.
func (e GraphExec) Destroy() error { return check("cuGraphExecDestroy", C.cuGraphExecDestroy(e.exec)) }
