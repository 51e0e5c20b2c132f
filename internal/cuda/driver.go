//go:build cuda && cgo && linux

package cuda

/*
#cgo LDFLAGS: -Wl,--as-needed -L${SRCDIR} -ldl
#include "driver.h"
*/
import "C"

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"unsafe"
)

// Status reports which driver answers: the provider if one is installed, else the library, which the first call looks
// for. It never fails; Info.Err says what is wrong.
func Status() Info {
	info := Info{}
	if provided := C.tandem_cuda_provided(); provided != nil {
		info.Driver = C.GoString(&provided.name[0])
	} else if info = librarySearch(); info.Err != nil {
		return info
	}
	var version C.int
	info.Err = check("cuDriverGetVersion", C.cuDriverGetVersion(&version))
	info.Version = int(version)
	return info
}

// librarySearch reports how the search for the driver library went.
func librarySearch() Info {
	search := C.tandem_cuda_search()
	var info Info
	var problems []string
	for i := range int(search.count) {
		info.Tried = append(info.Tried, C.GoString(search.tried[i]))
		problem := C.GoString(&search.problem[i][0])
		if problem != "" && !strings.HasSuffix(problem, "No such file or directory") {
			problems = append(problems, problem)
		}
	}
	if search.found != 0 {
		info.Driver = C.GoString(&C.tandem_cuda_current().name[0])
		info.Err = check("cuInit", search.init)
		return info
	}
	if len(problems) == 0 {
		problems = []string{"not found"}
	}
	info.Err = fmt.Errorf("cuda: %w: tried %s (%s)", ErrNoDriver, strings.Join(info.Tried, ", "), strings.Join(problems, "; "))
	return info
}

// symbols is made once, so that a call that Inject watches allocates nothing.
var symbols = sync.OnceValue(func() []string {
	names := make([]string, C.SYMBOL_COUNT)
	for i := range names {
		names[i] = C.GoString(C.tandem_cuda_symbol(C.int(i)))
	}
	return names
})

// Symbols lists the driver calls that have a trampoline, by their exported names.
func Symbols() []string { return slices.Clone(symbols()) }

// Provide puts a driver made of C functions in front of the driver library, under a name that Status reports. Calls for
// which it has no function answer ErrNotSupported. The functions must have the signatures of cuda.h, be callable from
// any thread, and stay valid for the life of the process, because a call may be on its way when the provider leaves.
//
// Restore puts back what was there before. Handles do not carry over: whoever switches drivers must hold none.
func Provide(name string, functions map[string]unsafe.Pointer) (restore func(), err error) {
	// Calls read the table without a lock, so it is never freed; it is 2 kB, once for every provider.
	driver := (*C.struct_tandem_cuda_driver)(C.calloc(1, C.sizeof_struct_tandem_cuda_driver))
	if driver == nil {
		return nil, errors.New("cuda: out of host memory")
	}
	if len(name) >= len(driver.name) {
		name = name[:len(driver.name)-1]
	}
	for i := range len(name) {
		driver.name[i] = C.char(name[i])
	}
	driver.missing = C.CUDA_ERROR_NOT_SUPPORTED
	left := len(functions)
	for i := range driver.function {
		if f, ok := functions[symbols()[i]]; ok {
			driver.function[i] = f
			left--
		}
	}
	if left > 0 {
		C.free(unsafe.Pointer(driver))
		return nil, fmt.Errorf("cuda: provider %s: %d of its functions are no driver calls that have a trampoline", name, left)
	}
	before := C.tandem_cuda_provide(driver)
	return func() { C.tandem_cuda_provide(before) }, nil
}

// injected is the function that Inject installed.
var injected atomic.Pointer[func(symbol string) (code int, fire bool)]

// Inject has f asked before every driver call, by the exported name of the call; where it says fire, the call answers
// code and does not reach the driver. f may be called from several goroutines at once. A nil f ends it; while there is
// none, a call pays one relaxed load.
func Inject(f func(symbol string) (code int, fire bool)) {
	if f == nil {
		C.tandem_cuda_inject(0)
		injected.Store(nil)
		return
	}
	injected.Store(&f)
	C.tandem_cuda_inject(1)
}

//export tandemCudaInject
func tandemCudaInject(symbol C.int) C.int {
	if f := injected.Load(); f != nil {
		if code, fire := (*f)(symbols()[symbol]); fire {
			return C.int(code)
		}
	}
	return -1
}

// check turns the result of a driver call into an error.
func check(call string, r C.CUresult) error {
	if r == C.CUDA_SUCCESS {
		return nil
	}
	return &Error{Call: call, Code: Code(r)}
}
