//go:build amd64 && !purego

package gemm

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"
)

// TANDEM_AVX512_PROCESSOR names a command that executes AVX-512 kernels in place of our interpreter, so that the two can
// be held against each other (.ci/avx512-emulated). It is started with the number of this process, whose memory it
// works on, reads lines of a function's address and its argument's, and answers ok.

// processor is that command.
type processor struct {
	mu      sync.Mutex
	in      io.Writer
	answers *bufio.Reader
}

// otherProcessor starts the command; there is none if the variable is not set.
var otherProcessor = sync.OnceValues(func() (*processor, error) {
	name := os.Getenv("TANDEM_AVX512_PROCESSOR")
	if name == "" {
		return nil, nil
	}
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
})

func (p *processor) run(function uintptr, argument unsafe.Pointer) {
	p.mu.Lock()
	defer p.mu.Unlock()
	fmt.Fprintf(p.in, "%x %x\n", function, uintptr(argument))
	if answer, err := p.answers.ReadString('\n'); strings.TrimSpace(answer) != "ok" {
		panic(fmt.Sprintf("the other processor: %q, %v", answer, err))
	}
}

// onOtherProcessor replaces a kernel by the command's execution of it, if there is a command.
func onOtherProcessor[T any](t *testing.T, kernel *func(*T)) bool {
	p, err := otherProcessor()
	require.NoError(t, err)
	if p == nil {
		return false
	}
	function := reflect.ValueOf(*kernel).Pointer()
	*kernel = func(x *T) { p.run(function, unsafe.Pointer(x)) }
	return true
}
