//go:build cuda && cgo && linux

package sim

// #include <cuda.h>
import "C"

import (
	"os"
	"unsafe"

	"github.com/tandem-compute/tandem/internal/cuda"
)

// withFunction runs a call about a kernel.
func withFunction(handle C.CUfunction, call func(s *simulator, f *function) cuda.Code) C.CUresult {
	return inContext(func(s *simulator, _ *context) cuda.Code {
		f, ok := find[*function](s, unsafe.Pointer(handle))
		if !ok {
			return cuda.ErrInvalidHandle
		}
		return call(s, f)
	})
}

//export simModuleLoad
func simModuleLoad(out *C.CUmodule, path *C.char) C.CUresult {
	image, err := os.ReadFile(C.GoString(path))
	if err != nil {
		return C.CUDA_ERROR_FILE_NOT_FOUND
	}
	return load(out, string(image), nil)
}

//export simModuleLoadData
func simModuleLoadData(out *C.CUmodule, image unsafe.Pointer) C.CUresult {
	return load(out, C.GoString((*C.char)(image)), nil)
}

//export simModuleLoadDataEx
func simModuleLoadDataEx(out *C.CUmodule, image unsafe.Pointer, count C.uint, options *C.CUjit_option, values *unsafe.Pointer) C.CUresult {
	var log []byte
	chosen := unsafe.Slice(options, count)
	for i, option := range chosen {
		if option != C.CU_JIT_ERROR_LOG_BUFFER {
			continue
		}
		for j, other := range chosen {
			if other == C.CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES {
				log = unsafe.Slice((*byte)(unsafe.Slice(values, count)[i]), uintptr(unsafe.Slice(values, count)[j]))
			}
		}
	}
	return load(out, C.GoString((*C.char)(image)), log)
}

// load loads PTX; what is wrong with it goes into the caller's log, if there is one.
func load(out *C.CUmodule, image string, log []byte) C.CUresult {
	return inContext(func(s *simulator, c *context) cuda.Code {
		m, code, err := s.loadModule(c, image)
		if err != nil && len(log) > 0 {
			log[copy(log[:len(log)-1], err.Error())] = 0
		}
		if m != nil {
			put(out, m.handle)
		}
		return code
	})
}

//export simModuleUnload
func simModuleUnload(handle C.CUmodule) C.CUresult {
	return inContext(func(s *simulator, c *context) cuda.Code {
		m, ok := find[*module](s, unsafe.Pointer(handle))
		if !ok {
			return cuda.ErrInvalidHandle
		}
		code := s.drainContext(c)
		s.unload(m)
		return code
	})
}

//export simModuleGetFunction
func simModuleGetFunction(out *C.CUfunction, handle C.CUmodule, name *C.char) C.CUresult {
	return inContext(func(s *simulator, _ *context) cuda.Code {
		m, ok := find[*module](s, unsafe.Pointer(handle))
		if !ok {
			return cuda.ErrInvalidHandle
		}
		f, code := s.function(m, C.GoString(name))
		if f != nil {
			put(out, f.handle)
		}
		return code
	})
}

//export simModuleGetGlobal
func simModuleGetGlobal(at *C.CUdeviceptr, size *C.size_t, handle C.CUmodule, name *C.char) C.CUresult {
	return inContext(func(s *simulator, _ *context) cuda.Code {
		m, ok := find[*module](s, unsafe.Pointer(handle))
		if !ok {
			return cuda.ErrInvalidHandle
		}
		addr, n, code := m.variable(C.GoString(name))
		if code != cuda.Success {
			return code
		}
		if at != nil {
			*at = C.CUdeviceptr(addr)
		}
		if size != nil {
			*size = C.size_t(n)
		}
		return cuda.Success
	})
}

//export simFuncGetAttribute
func simFuncGetAttribute(value *C.int, attribute C.CUfunction_attribute, handle C.CUfunction) C.CUresult {
	return withFunction(handle, func(s *simulator, f *function) cuda.Code {
		v, code := s.functionAttribute(f, int(attribute))
		*value = C.int(v)
		return code
	})
}

//export simFuncSetAttribute
func simFuncSetAttribute(handle C.CUfunction, attribute C.CUfunction_attribute, value C.int) C.CUresult {
	return withFunction(handle, func(s *simulator, f *function) cuda.Code {
		return s.setFunctionAttribute(f, int(attribute), int(value))
	})
}

//export simFuncSetCacheConfig
func simFuncSetCacheConfig(handle C.CUfunction, config C.CUfunc_cache) C.CUresult {
	return withFunction(handle, func(*simulator, *function) cuda.Code {
		if config > C.CU_FUNC_CACHE_PREFER_EQUAL {
			return cuda.ErrInvalidValue
		}
		return cuda.Success
	})
}

//export simOccupancy
func simOccupancy(blocks *C.int, handle C.CUfunction, threads C.int, dynamic C.size_t) C.CUresult {
	return withFunction(handle, func(s *simulator, f *function) cuda.Code {
		n, code := s.occupancy(f, int(threads), int(dynamic))
		*blocks = C.int(n)
		return code
	})
}

//export simOccupancyWithFlags
func simOccupancyWithFlags(blocks *C.int, handle C.CUfunction, threads C.int, dynamic C.size_t, flags C.uint) C.CUresult {
	if flags&^C.CU_OCCUPANCY_DISABLE_CACHING_OVERRIDE != 0 {
		return C.CUDA_ERROR_INVALID_VALUE
	}
	return simOccupancy(blocks, handle, threads, dynamic)
}

//export simLaunchKernel
func simLaunchKernel(handle C.CUfunction, gx, gy, gz, bx, by, bz, shared C.uint, on C.CUstream, params, extra *unsafe.Pointer) C.CUresult {
	sh := shape{[3]int{int(gx), int(gy), int(gz)}, [3]int{int(bx), int(by), int(bz)}, int(shared)}
	return onStream(on, func(s *simulator, st *stream) cuda.Code {
		f, ok := find[*function](s, unsafe.Pointer(handle))
		switch {
		case !ok:
			return cuda.ErrInvalidHandle
		case extra != nil:
			return cuda.ErrNotSupported
		case f.module.context != st.context:
			return cuda.ErrInvalidContext
		}
		w, code := s.kernel(f, sh, params)
		if code != cuda.Success {
			return code
		}
		return s.enqueue(st, w)
	})
}
