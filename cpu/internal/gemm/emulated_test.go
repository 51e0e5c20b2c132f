//go:build amd64 && !purego

package gemm

import (
	"reflect"
	"runtime"
	"strings"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"

	"github.com/tandem-compute/tandem/cpu/internal/isa"
)

// emulatedEngine is the AVX-512 engine with its own kernels interpreted. What it shares with AVX2 runs as it is.
func emulatedEngine(t *testing.T) *Engine {
	if best, _ := isa.Detect(); best < isa.AVX2 {
		t.Skip("needs AVX2")
	}
	functions, err := assemblyFile("avx512_amd64.s")
	require.NoError(t, err)
	e := New(isa.AVX2, isa.Features{})
	e.f32, e.f64 = avx512F32(), avx512F64()
	for _, ks := range []*kernels{&e.f32, &e.f64} {
		for half := range 2 {
			for rows := range ks.packed[half] {
				emulate(t, functions, &ks.packed[half][rows])
				emulate(t, functions, &ks.strided[half][rows])
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

// emulate replaces a kernel by the interpretation of its code.
func emulate[T any](t *testing.T, functions map[string][]instruction, kernel *func(*T)) {
	if *kernel == nil {
		return
	}
	name := runtime.FuncForPC(reflect.ValueOf(*kernel).Pointer()).Name()
	name = name[strings.LastIndex(name, ".")+1:]
	code, ok := functions[name]
	require.True(t, ok, "%s is not in the file", name)
	*kernel = func(x *T) { run(code, unsafe.Pointer(x)) }
}

func init() { emulated = emulatedEngine }
