//go:build amd64 && !purego

package gemm

import (
	"reflect"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"

	"github.com/tandem-compute/tandem/cpu/internal/isa"
)

// emulatedEngine is the AVX-512 engine with its own kernels interpreted. What it shares with AVX2 runs as it is.
func emulatedEngine(t *testing.T, features isa.Features) *Engine {
	if best, _ := isa.Detect(); best < isa.AVX2 {
		t.Skip("needs AVX2")
	}
	functions, err := assemblyFile("avx512_amd64.s")
	require.NoError(t, err)
	e := New(isa.AVX2, isa.Features{})
	e.f32, e.f64, e.pairs = tables(isa.AVX512, features)
	for _, ks := range []*kernels{&e.f32, &e.f64, &e.pairs} {
		for half := range 2 {
			for _, form := range [][]func(*tile){ks.packed[half], ks.strided[half]} {
				for rows := range form {
					emulate(t, functions, &form[rows])
				}
			}
		}
		for i := range ks.streams {
			emulate(t, functions, &ks.streams[i])
		}
		for ty := range ks.weights {
			for rows := range ks.weights[ty] {
				emulate(t, functions, &ks.weights[ty][rows])
			}
		}
	}
	return e
}

// emulate replaces a kernel by the interpretation of its code, or by its execution on another processor.
func emulate[T any](t *testing.T, functions map[string][]instruction, kernel *func(*T)) {
	if *kernel == nil || onOtherProcessor(t, kernel) {
		return
	}
	name := runtime.FuncForPC(reflect.ValueOf(*kernel).Pointer()).Name()
	name = name[strings.LastIndex(name, ".")+1:]
	code, ok := functions[name]
	require.True(t, ok, "%s is not in the file", name)
	flag, _ := executed.LoadOrStore(name, new(atomic.Bool))
	*kernel = func(x *T) {
		flag.(*atomic.Bool).Store(true)
		run(code, unsafe.Pointer(x))
	}
}

// executed says of each kernel, by name, whether the interpreter ran it.
var executed sync.Map

func init() { emulated = emulatedEngine }
