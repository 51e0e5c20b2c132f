package tandem

import (
	"encoding/json"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/tandem-compute/tandem/internal/op"
)

// tracer writes Chrome trace events, one JSON object a line in an array that Device.Close ends; viewers accept one that
// was never ended.
type tracer struct {
	mu    sync.Mutex
	w     io.Writer
	begun time.Time
	first bool
	err   error
}

func newTracer(w io.Writer) *tracer { return &tracer{w: w, begun: time.Now(), first: true} }

type event struct {
	Name string         `json:"name"`
	Ph   string         `json:"ph"`
	Ts   float64        `json:"ts"`  // microseconds
	Dur  float64        `json:"dur"` // microseconds
	Pid  int            `json:"pid"`
	Tid  string         `json:"tid"`
	Args map[string]any `json:"args"`
}

// exec runs n on c's stream, waits, and writes how long it took. A trace that cannot be written fails the op: it
// would otherwise be cut short without a word.
func (t *tracer) exec(c *core, n *op.Node) error {
	start := time.Now()
	if err := c.stream.Exec(n); err != nil {
		return err
	}
	if err := c.stream.Sync(); err != nil {
		return err
	}
	took := time.Since(start)
	in, out := make([]op.Type, len(n.In)), make([]op.Type, len(n.Out))
	for i := range n.In {
		in[i] = n.In[i].Type
	}
	for i := range n.Out {
		out[i] = n.Out[i].Type
	}
	cost := n.Op.Cost(in, out)
	return t.write(event{
		Name: n.Op.Name(), Ph: "X", Pid: 1, Tid: fmt.Sprintf("%s %p", c.dev.Name(), c),
		Ts: micros(start.Sub(t.begun)), Dur: micros(took),
		Args: map[string]any{"operands": describe(n.Op, in), "flops": cost.Flops, "bytes": cost.Bytes},
	})
}

func micros(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1e3 }

func (t *tracer) write(e event) error {
	b, err := json.Marshal(e)
	if err != nil {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.err != nil {
		return t.err
	}
	lead := ",\n"
	if t.first {
		lead, t.first = "[\n", false
	}
	_, t.err = t.w.Write(append([]byte(lead), b...))
	return t.err
}

// close ends the array.
func (t *tracer) close() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.err != nil {
		return t.err
	}
	end := "\n]\n"
	if t.first {
		end = "[]\n"
	}
	_, err := io.WriteString(t.w, end)
	t.err = io.ErrClosedPipe
	return err
}
