package peers

import (
	"bufio"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/tandem-compute/tandem/bench"
)

//go:embed pytorch.py
var pytorchScript string

// pytorchPeer talks to a Python process that runs pytorch.py; the script's head describes the protocol.
type pytorchPeer struct {
	mu      sync.Mutex
	process *exec.Cmd
	in      io.WriteCloser
	out     *bufio.Scanner
}

const pythonVariable = "TANDEM_PEER_PYTHON"

// openPyTorch waits until the process has imported torch.
func openPyTorch() (bench.Impl, error) {
	python := os.Getenv(pythonVariable)
	if python == "" {
		python = "python3"
	}
	p := &pytorchPeer{process: exec.Command(python, "-c", pytorchScript)}
	p.process.Env = pythonEnv(os.Environ())
	var out io.Reader
	var err error
	if p.in, err = p.process.StdinPipe(); err != nil {
		return nil, err
	}
	if out, err = p.process.StdoutPipe(); err != nil {
		return nil, err
	}
	p.out = bufio.NewScanner(out)
	if err := p.process.Start(); err != nil {
		return nil, fmt.Errorf("%w: %w (%s names another interpreter)", ErrNotFound, err, pythonVariable)
	}
	if _, err := p.answer(); err != nil {
		p.Close()
		return nil, fmt.Errorf("%w: %s: %w (%s names another interpreter)", ErrNotFound, python, err, pythonVariable)
	}
	return p, nil
}

// pythonEnv lets the process keep what it has once allocated: ops that return a new tensor would otherwise fault its
// pages in at every call. Threads are set case by case, so what could bound them is taken out.
func pythonEnv(env []string) []string {
	env = slices.DeleteFunc(slices.Clone(env), func(kv string) bool {
		name, _, _ := strings.Cut(kv, "=")
		return name == "OMP_NUM_THREADS" || name == "MKL_NUM_THREADS"
	})
	return append(env, "MALLOC_MMAP_MAX_=0", "MALLOC_TRIM_THRESHOLD_=1099511627776", "CUDA_VISIBLE_DEVICES=")
}

func (p *pytorchPeer) Name() string { return "pytorch" }

func (p *pytorchPeer) Close() {
	p.in.Close()         // at the end of its input the script ends
	_ = p.process.Wait() // its exit status says nothing that an answer has not
}

// pytorchRequest is a line to the script; pytorchAnswer is one from it.
type pytorchRequest struct {
	Do string `json:"do"`

	Family  string         `json:"family,omitempty"` // prepare
	DType   bench.DType    `json:"dtype,omitempty"`
	Shape   map[string]any `json:"shape,omitempty"`
	Threads int            `json:"threads,omitempty"`

	ID int `json:"id,omitempty"` // run, close
	N  int `json:"n,omitempty"`  // run
}

type pytorchAnswer struct {
	ID          int     `json:"id"`
	Seconds     float64 `json:"seconds"`
	Unsupported bool    `json:"unsupported"`
	Error       string  `json:"error"`
}

// pytorchShape spells a spec for the script, nil if the script has no such family.
func pytorchShape(s bench.Spec) map[string]any {
	switch s := s.(type) {
	case bench.GEMM:
		return map[string]any{"m": s.M, "n": s.N, "k": s.K, "layout": s.Layout}
	case bench.Attention:
		return map[string]any{"batch": s.Batch, "heads": s.Heads, "seq": s.Seq, "dim": s.Dim, "causal": s.Causal}
	case bench.Rowwise:
		return map[string]any{"rows": s.Rows, "cols": s.Cols}
	case bench.TopK:
		return map[string]any{"n": s.N, "k": s.K}
	case bench.Sort:
		return map[string]any{"n": s.N}
	}
	return nil
}

func (p *pytorchPeer) Prepare(c bench.Case, threads int) (bench.Runner, error) {
	shape := pytorchShape(c.Spec)
	if shape == nil {
		return nil, unsupported(c)
	}
	a, err := p.ask(pytorchRequest{Do: "prepare", Family: c.Family, DType: c.DType, Shape: shape, Threads: threads})
	switch {
	case err != nil:
		return nil, err
	case a.Unsupported:
		return nil, unsupported(c)
	}
	return &pytorchRunner{peer: p, id: a.ID}, nil
}

// ask sends a request and waits for its answer.
func (p *pytorchPeer) ask(r pytorchRequest) (pytorchAnswer, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := json.NewEncoder(p.in).Encode(r); err != nil {
		return pytorchAnswer{}, fmt.Errorf("pytorch: %s: %w", r.Do, err)
	}
	a, err := p.answer()
	if err != nil {
		return a, fmt.Errorf("pytorch: %s: %w", r.Do, err)
	}
	return a, nil
}

func (p *pytorchPeer) answer() (a pytorchAnswer, err error) {
	if !p.out.Scan() {
		if err := p.out.Err(); err != nil {
			return a, err
		}
		return a, errors.New("the process ended")
	}
	if err := json.Unmarshal(p.out.Bytes(), &a); err != nil {
		return a, fmt.Errorf("answer %q: %w", p.out.Text(), err)
	}
	if a.Error != "" {
		return a, errors.New(a.Error)
	}
	return a, nil
}

type pytorchRunner struct {
	peer *pytorchPeer
	id   int
}

func (r *pytorchRunner) Run(n int) (time.Duration, error) {
	a, err := r.peer.ask(pytorchRequest{Do: "run", ID: r.id, N: n})
	return time.Duration(a.Seconds * float64(n) * float64(time.Second)), err
}

// Close frees the case's tensors. A process that no longer answers has none.
func (r *pytorchRunner) Close() { _, _ = r.peer.ask(pytorchRequest{Do: "close", ID: r.id}) }
