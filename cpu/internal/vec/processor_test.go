//go:build amd64 && !purego

package vec

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"reflect"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"
)

// TANDEM_AVX512_PROCESSOR names a command that executes AVX-512 kernels on machines without AVX-512 (.ci/avx512-emulated). It is started
// with the number of this process, whose memory it works on, reads lines of a function's address and its argument's, and answers ok.

// TestEveryKernelIsInTheTable: the generator writes no kernel for AVX-512 that nobody would call, nor that no test would.
func TestEveryKernelIsInTheTable(t *testing.T) {
	var f Funcs
	f.avx512Kernels()
	used := map[string]bool{}
	note := func(kernel any) {
		name := runtime.FuncForPC(reflect.ValueOf(kernel).Pointer()).Name()
		used[name[strings.LastIndex(name, ".")+1:]] = true
	}
	note(f.F32.peak)
	note(f.F32.trough)
	for _, table := range []reflect.Value{reflect.ValueOf(f), reflect.ValueOf(f.F32)} {
		for i := range table.NumField() {
			if x := table.Field(i); x.Kind() == reflect.Func && !x.IsNil() && x.CanInterface() {
				note(x.Interface())
			}
		}
	}
	declarations, err := os.ReadFile("avx512_decl_amd64.go")
	require.NoError(t, err)
	kernels := 0
	for line := range strings.Lines(string(declarations)) {
		if rest, ok := strings.CutPrefix(line, "func "); ok {
			name, _, _ := strings.Cut(rest, "(")
			require.True(t, used[name], name)
			kernels++
		}
	}
	require.Len(t, used, kernels)
}

// processor is that command.
type processor struct {
	mu      sync.Mutex
	in      io.Writer
	answers *bufio.Reader
	call    call // on the heap, where it stays
}

// call is a kernel with its arguments and its result.
type call struct {
	kernel  any
	slices  [5][]byte // of any type
	scalars [4]float32
	result  float32
	done    bool
}

func init() { emulated = sync.OnceValue(emulatedTables) }

// emulatedTables are the AVX-512 table, its kernels executed by the command, and its streaming twin.
func emulatedTables() map[string]*Funcs {
	name := os.Getenv("TANDEM_AVX512_PROCESSOR")
	if name == "" {
		return nil
	}
	p, err := start(name)
	if err != nil {
		panic(err)
	}
	f, ordinary := *newAVX2(), newAVX2()
	f.avx512Kernels()
	p.takeKernels(reflect.ValueOf(&f).Elem(), reflect.ValueOf(ordinary).Elem())
	p.takeKernels(reflect.ValueOf(&f.F32).Elem(), reflect.ValueOf(&ordinary.F32).Elem())
	f.F32.peak = p.emulate(reflect.ValueOf(f.F32.peak)).Interface().(func([]float32) float32)
	f.F32.trough = p.emulate(reflect.ValueOf(f.F32.trough)).Interface().(func([]float32) float32)
	f.composeAVX512()
	return map[string]*Funcs{"avx512 emulated": &f, "avx512 emulated streaming": newStreaming(f)}
}

func start(name string) (*processor, error) {
	command := exec.Command(name, strconv.Itoa(os.Getpid()))
	command.Stderr = os.Stderr
	in, err := command.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	return &processor{in: in, answers: bufio.NewReader(out)}, command.Start()
}

// takeKernels lets the command execute those functions of a table that are not those of another.
func (p *processor) takeKernels(table, other reflect.Value) {
	for i := range table.NumField() {
		f := table.Field(i)
		if f.Kind() == reflect.Func && f.CanSet() && !f.IsNil() && f.Pointer() != other.Field(i).Pointer() {
			f.Set(p.emulate(f))
		}
	}
}

// emulate returns a function that has the command execute a kernel.
func (p *processor) emulate(kernel reflect.Value) reflect.Value {
	typ, function := kernel.Type(), reflect.ValueOf(execute).Pointer()
	kernel = reflect.ValueOf(kernel.Interface())
	return reflect.MakeFunc(typ, func(args []reflect.Value) []reflect.Value {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.call = call{kernel: kernel.Interface()}
		slices, scalars := 0, 0
		for _, a := range args {
			switch x := a.Interface().(type) {
			case []float32:
				p.call.slices[slices] = *(*[]byte)(unsafe.Pointer(&x))
				slices++
			case []uint16:
				p.call.slices[slices] = *(*[]byte)(unsafe.Pointer(&x))
				slices++
			case float32:
				p.call.scalars[scalars] = x
				scalars++
			}
		}
		p.run(function)
		if !p.call.done {
			panic("no case for " + typ.String())
		}
		if typ.NumOut() == 0 {
			return nil
		}
		return []reflect.Value{reflect.ValueOf(p.call.result)}
	})
}

func (p *processor) run(function uintptr) {
	fmt.Fprintf(p.in, "%x %x\n", function, uintptr(unsafe.Pointer(&p.call)))
	if answer, err := p.answers.ReadString('\n'); strings.TrimSpace(answer) != "ok" {
		panic(fmt.Sprintf("the other processor: %q, %v", answer, err))
	}
}

// execute runs on the other processor.
func execute(c *call) {
	a, b, x, y, z := floats(c, 0), floats(c, 1), floats(c, 2), floats(c, 3), floats(c, 4)
	s := &c.scalars
	switch f := c.kernel.(type) {
	case func(a, b []float32):
		f(a, b)
	case func(a, b []float32, s float32):
		f(a, b, s[0])
	case func(a, b []float32, s, t float32):
		f(a, b, s[0], s[1])
	case func(a, b, x []float32):
		f(a, b, x)
	case func(a, b, x []float32, s float32):
		f(a, b, x, s[0])
	case func(a, b, x []float32, s, t float32):
		f(a, b, x, s[0], s[1])
	case func(a, b, x []float32, s, t, u, v float32):
		f(a, b, x, s[0], s[1], s[2], s[3])
	case func(a, b, x, y []float32):
		f(a, b, x, y)
	case func(a, b, x, y []float32, s, t float32):
		f(a, b, x, y, s[0], s[1])
	case func(a, b, x, y, z []float32):
		f(a, b, x, y, z)
	case func(a []float32) float32:
		c.result = f(a)
	case func(a []float32, s float32) float32:
		c.result = f(a, s[0])
	case func(a []float32, s, t float32) float32:
		c.result = f(a, s[0], s[1])
	case func(a, b []float32) float32:
		c.result = f(a, b)
	case func(a, b []float32, s float32) float32:
		c.result = f(a, b, s[0])
	case func(a, b, x []float32) float32:
		c.result = f(a, b, x)
	case func(a []float32, b []uint16):
		f(a, *(*[]uint16)(unsafe.Pointer(&c.slices[1])))
	case func(a []uint16, b []float32):
		f(*(*[]uint16)(unsafe.Pointer(&c.slices[0])), b)
	default:
		return
	}
	c.done = true
}

func floats(c *call, i int) []float32 { return *(*[]float32)(unsafe.Pointer(&c.slices[i])) }
