//go:build cuda && cgo && linux

package sim

// #include <cuda.h>
import "C"

import (
	"unsafe"

	"github.com/tandem-compute/tandem/internal/cuda"
)

// withEvent runs a call about an event.
func withEvent(handle C.CUevent, call func(s *simulator, e *event) cuda.Code) C.CUresult {
	return inContext(func(s *simulator, _ *context) cuda.Code {
		e, ok := find[*event](s, unsafe.Pointer(handle))
		if !ok {
			return cuda.ErrInvalidHandle
		}
		return call(s, e)
	})
}

//export simStreamCreate
func simStreamCreate(out *C.CUstream, flags C.uint) C.CUresult {
	return simStreamCreateWithPriority(out, flags, leastPriority)
}

//export simStreamCreateWithPriority
func simStreamCreateWithPriority(out *C.CUstream, flags C.uint, priority C.int) C.CUresult {
	return inContext(func(s *simulator, c *context) cuda.Code {
		if flags&^C.CU_STREAM_NON_BLOCKING != 0 {
			return cuda.ErrInvalidValue
		}
		clamped := min(max(int(priority), greatestPriority), leastPriority)
		put(out, s.newStream(c, uint(flags), clamped).handle)
		return cuda.Success
	})
}

//export simStreamDestroy
func simStreamDestroy(handle C.CUstream) C.CUresult {
	return onStream(handle, func(s *simulator, st *stream) cuda.Code {
		if st.legacy {
			return cuda.ErrInvalidHandle
		}
		s.destroyStream(st)
		return cuda.Success
	})
}

//export simStreamGetFlags
func simStreamGetFlags(handle C.CUstream, flags *C.uint) C.CUresult {
	return onStream(handle, func(_ *simulator, st *stream) cuda.Code {
		*flags = C.uint(st.flags)
		return cuda.Success
	})
}

//export simStreamGetPriority
func simStreamGetPriority(handle C.CUstream, priority *C.int) C.CUresult {
	return onStream(handle, func(_ *simulator, st *stream) cuda.Code {
		*priority = C.int(st.priority)
		return cuda.Success
	})
}

//export simStreamQuery
func simStreamQuery(handle C.CUstream) C.CUresult {
	return onStream(handle, func(s *simulator, st *stream) cuda.Code { return s.query(st) })
}

//export simStreamSynchronize
func simStreamSynchronize(handle C.CUstream) C.CUresult {
	return onStream(handle, func(s *simulator, st *stream) cuda.Code { return s.synchronize(st) })
}

//export simStreamWaitEvent
func simStreamWaitEvent(handle C.CUstream, ev C.CUevent, _ C.uint) C.CUresult {
	return onStream(handle, func(s *simulator, st *stream) cuda.Code {
		e, ok := find[*event](s, unsafe.Pointer(ev))
		if !ok {
			return cuda.ErrInvalidHandle
		}
		return s.wait(st, e)
	})
}

//export simStreamBeginCapture
func simStreamBeginCapture(handle C.CUstream, mode C.CUstreamCaptureMode) C.CUresult {
	return onStream(handle, func(s *simulator, st *stream) cuda.Code { return s.begin(st, int(mode)) })
}

//export simStreamEndCapture
func simStreamEndCapture(handle C.CUstream, out *C.CUgraph) C.CUresult {
	return onStream(handle, func(s *simulator, st *stream) cuda.Code {
		put(out, 0)
		g, code := s.end(st)
		if g != nil {
			put(out, g.handle)
		}
		return code
	})
}

//export simStreamIsCapturing
func simStreamIsCapturing(handle C.CUstream, status *C.CUstreamCaptureStatus) C.CUresult {
	return onStream(handle, func(_ *simulator, st *stream) cuda.Code {
		switch {
		case st.capture == nil:
			*status = C.CU_STREAM_CAPTURE_STATUS_NONE
		case st.capture.invalid:
			*status = C.CU_STREAM_CAPTURE_STATUS_INVALIDATED
		default:
			*status = C.CU_STREAM_CAPTURE_STATUS_ACTIVE
		}
		return cuda.Success
	})
}

//export simEventCreate
func simEventCreate(out *C.CUevent, flags C.uint) C.CUresult {
	const known = C.CU_EVENT_BLOCKING_SYNC | C.CU_EVENT_DISABLE_TIMING | C.CU_EVENT_INTERPROCESS
	return inContext(func(s *simulator, c *context) cuda.Code {
		if flags&^known != 0 {
			return cuda.ErrInvalidValue
		}
		put(out, s.own(c, &event{context: c, flags: uint(flags)}))
		return cuda.Success
	})
}

//export simEventDestroy
func simEventDestroy(handle C.CUevent) C.CUresult {
	return withEvent(handle, func(s *simulator, e *event) cuda.Code {
		s.drop(e.context, uintptr(unsafe.Pointer(handle)))
		return cuda.Success
	})
}

//export simEventRecord
func simEventRecord(ev C.CUevent, handle C.CUstream) C.CUresult {
	return onStream(handle, func(s *simulator, st *stream) cuda.Code {
		e, ok := find[*event](s, unsafe.Pointer(ev))
		if !ok || e.context != st.context {
			return cuda.ErrInvalidHandle
		}
		return s.record(e, st)
	})
}

//export simEventQuery
func simEventQuery(handle C.CUevent) C.CUresult {
	return withEvent(handle, func(s *simulator, e *event) cuda.Code { return s.queryEvent(e) })
}

//export simEventSynchronize
func simEventSynchronize(handle C.CUevent) C.CUresult {
	return withEvent(handle, func(s *simulator, e *event) cuda.Code { return s.synchronizeEvent(e) })
}

//export simEventElapsedTime
func simEventElapsedTime(milliseconds *C.float, start, end C.CUevent) C.CUresult {
	return withEvent(start, func(s *simulator, from *event) cuda.Code {
		to, ok := find[*event](s, unsafe.Pointer(end))
		if !ok {
			return cuda.ErrInvalidHandle
		}
		ms, code := elapsed(from, to)
		*milliseconds = C.float(ms)
		return code
	})
}
