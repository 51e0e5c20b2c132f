//go:build cuda && cgo && linux

package sim

// #include <cuda.h>
import "C"

import (
	"slices"
	"time"
	"unsafe"

	"github.com/tandem-compute/tandem/internal/cuda"
)

// work is one piece of what a stream does. A code other than success poisons the stream's context.
type work func() cuda.Code

// stream is a queue of work. Without Config.Deferred it is empty between calls.
type stream struct {
	handle   uintptr
	context  *context
	flags    uint
	priority int
	legacy   bool // the default stream: ordered with every stream that is not non-blocking
	queue    []work
	capture  *capture
	tail     []*node // capturing: the nodes that the next one depends on
}

func (st *stream) nonBlocking() bool { return st.flags&C.CU_STREAM_NON_BLOCKING != 0 }

// Handles up to this one, CU_STREAM_PER_THREAD, are no objects but names of the default stream.
const lastSpecialStream = 2

// stream finds a stream; the null handle is the default stream of the context.
func (s *simulator) stream(c *context, handle unsafe.Pointer) (*stream, bool) {
	if uintptr(handle) <= lastSpecialStream {
		return c.null, true
	}
	return find[*stream](s, handle)
}

func (s *simulator) newStream(c *context, flags uint, priority int) *stream {
	st := &stream{context: c, flags: flags, priority: priority}
	st.handle = s.own(c, st)
	c.streams = append(c.streams, st)
	return st
}

// destroyStream lets queued work finish first, as the driver does.
func (s *simulator) destroyStream(st *stream) {
	if st.capture != nil {
		s.invalidate(st.capture, cuda.ErrStreamCaptureInvalidated)
	}
	s.drain(st)
	st.context.streams = slices.DeleteFunc(st.context.streams, func(other *stream) bool { return other == st })
	s.drop(st.context, st.handle)
}

// issue enqueues work and, for a blocking call, waits for it.
func (s *simulator) issue(st *stream, when timing, w work) cuda.Code {
	if when == asynchronous {
		return s.enqueue(st, w)
	}
	if code := s.forbidden(st.context); code != cuda.Success {
		return code
	}
	if code := s.enqueue(st, w); code != cuda.Success {
		return code
	}
	return s.drain(st)
}

// enqueue appends work to a stream: to its graph while it captures, else to its queue.
func (s *simulator) enqueue(st *stream, w work) cuda.Code {
	if st.capture != nil {
		return s.capture(st, w)
	}
	if st.legacy {
		if code := s.implicit(st.context); code != cuda.Success {
			return code
		}
	}
	s.order(st)
	st.queue = append(st.queue, w)
	if s.config.Deferred {
		return cuda.Success
	}
	if code := s.drain(st); s.config.Blocking {
		return code
	}
	return cuda.Success
}

// order keeps the promise of the default stream: its work comes after what blocking streams hold, theirs after its own.
func (s *simulator) order(st *stream) {
	for _, other := range st.context.streams {
		if other != st && (st.legacy && !other.nonBlocking() || other.legacy && !st.nonBlocking()) {
			s.drain(other)
		}
	}
}

// drain runs all queued work of a stream and returns the fault of its context.
func (s *simulator) drain(st *stream) cuda.Code {
	for s.step(st) {
	}
	return st.context.fault
}

// step runs the oldest piece of queued work. Work behind a fault is dropped, as a device drops it.
func (s *simulator) step(st *stream) bool {
	if len(st.queue) == 0 {
		return false
	}
	w := st.queue[0]
	st.queue = st.queue[1:]
	if code := w(); code != cuda.Success {
		if st.context.fault == cuda.Success {
			st.context.fault = code
		}
		st.queue = nil
	}
	return len(st.queue) > 0
}

func (s *simulator) drainContext(c *context) cuda.Code {
	for _, st := range c.streams {
		s.drain(st)
	}
	return c.fault
}

// query makes one step of progress, so that polling ends, and says whether the stream is empty.
func (s *simulator) query(st *stream) cuda.Code {
	if st.capture != nil {
		return s.invalidate(st.capture, cuda.ErrStreamCaptureUnsupported)
	}
	if s.step(st) {
		return cuda.ErrNotReady
	}
	return st.context.fault
}

func (s *simulator) synchronize(st *stream) cuda.Code {
	if st.capture != nil {
		return s.invalidate(st.capture, cuda.ErrStreamCaptureUnsupported)
	}
	s.order(st)
	return s.drain(st)
}

// event remembers a place in a stream, or, recorded while the stream captured, in a graph.
type event struct {
	context *context
	flags   uint
	mark    *mark
	capture *capture
	nodes   []*node
}

// mark is one recording of an event.
type mark struct {
	stream *stream
	done   bool
	when   time.Time
}

func (s *simulator) record(e *event, st *stream) cuda.Code {
	if st.capture != nil {
		e.mark, e.capture, e.nodes = nil, st.capture, slices.Clone(st.tail)
		return cuda.Success
	}
	m := &mark{stream: st}
	e.mark, e.capture, e.nodes = m, nil, nil
	return s.enqueue(st, func() cuda.Code {
		m.done, m.when = true, time.Now()
		return cuda.Success
	})
}

// wait makes a stream wait for an event: for its latest recording, or for nothing if there is none.
func (s *simulator) wait(st *stream, e *event) cuda.Code {
	switch m := e.mark; {
	case e.capture != nil:
		return s.join(st, e)
	case m == nil:
		return cuda.Success
	case st.capture != nil:
		return s.invalidate(st.capture, cuda.ErrStreamCaptureIsolation)
	default:
		return s.enqueue(st, func() cuda.Code { return s.reach(m) })
	}
}

// reach runs a stream up to a mark in it.
func (s *simulator) reach(m *mark) cuda.Code {
	for !m.done && s.step(m.stream) {
	}
	return m.stream.context.fault
}

func (s *simulator) queryEvent(e *event) cuda.Code {
	switch m := e.mark; {
	case e.capture != nil:
		return cuda.ErrCapturedEvent
	case m == nil:
		return cuda.Success
	default:
		if !m.done {
			s.step(m.stream)
		}
		if !m.done && m.stream.context.fault == cuda.Success {
			return cuda.ErrNotReady
		}
		return m.stream.context.fault
	}
}

func (s *simulator) synchronizeEvent(e *event) cuda.Code {
	switch {
	case e.capture != nil:
		return cuda.ErrCapturedEvent
	case e.mark == nil:
		return cuda.Success
	default:
		return s.reach(e.mark)
	}
}

// elapsed is the time between two recordings in milliseconds: time on this machine, not on any device.
func elapsed(start, end *event) (float32, cuda.Code) {
	if start.flags&C.CU_EVENT_DISABLE_TIMING != 0 || end.flags&C.CU_EVENT_DISABLE_TIMING != 0 {
		return 0, cuda.ErrInvalidHandle
	}
	switch {
	case start.capture != nil || end.capture != nil:
		return 0, cuda.ErrCapturedEvent
	case start.mark == nil || end.mark == nil:
		return 0, cuda.ErrInvalidHandle
	case !start.mark.done || !end.mark.done:
		return 0, cuda.ErrNotReady
	}
	return float32(end.mark.when.Sub(start.mark.when).Seconds() * 1000), cuda.Success
}
