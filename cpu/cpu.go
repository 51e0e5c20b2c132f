package cpu

import (
	"context"
	"fmt"
	"os"

	"github.com/tandem-compute/tandem/cpu/internal/gemm"
	"github.com/tandem-compute/tandem/cpu/internal/isa"
	"github.com/tandem-compute/tandem/cpu/internal/pool"
	"github.com/tandem-compute/tandem/cpu/internal/vec"
	"github.com/tandem-compute/tandem/internal/op"
)

// Options are what Open may be told.
type Options struct {
	Variant string // generic, avx2 or avx512; by default TANDEM_CPU, else the best that the machine has
	Threads int    // by default what the process may use
}

// Backend is the CPU as a device.
type Backend struct {
	level   isa.Level
	threads int
	pool    *pool.Pool
	vec     *vec.Funcs
	far     *vec.Funcs // the same functions for outputs far larger than the cache
	engine  *gemm.Engine
}

// Open makes a backend and says why it has the variant it has.
func Open(o Options) (*Backend, string, error) {
	best, features := isa.Detect()
	level, why := best, "the best of this machine"
	name, source := o.Variant, "option"
	if name == "" {
		name, source = os.Getenv("TANDEM_CPU"), "TANDEM_CPU"
	}
	if name != "" {
		l, err := isa.Parse(name)
		if err != nil {
			return nil, "", op.Errorf(op.ErrDevice, "%v", err)
		}
		level, why = l, "asked for by "+source
	}
	if level < isa.AVX512 {
		features = isa.Features{}
	}
	b := &Backend{level: level, threads: o.Threads, pool: pool.Acquire(), vec: vec.For(level), far: vec.Streaming(level), engine: gemm.New(level, features)}
	if b.threads == 0 {
		b.threads = pool.DefaultThreads()
	}
	b.threads = min(b.threads, pool.MaxThreads)
	return b, fmt.Sprintf("cpu: chosen, variant %v (%s), %d threads", level, why, b.threads), nil
}

// Variants lists the names that this machine can run, slowest first.
func Variants() []string {
	var names []string
	for _, l := range isa.Available() {
		names = append(names, l.String())
	}
	return names
}

// Variant is the name of the kernels in use.
func (b *Backend) Variant() string { return b.level.String() }

// Threads is the most that a call uses.
func (b *Backend) Threads() int { return b.threads }

func (b *Backend) Name() string { return "cpu" }
func (b *Backend) Host() bool   { return true }

// Close lets the workers go when this was the process's last CPU backend.
func (b *Backend) Close() error {
	b.pool.Release()
	return nil
}

func (b *Backend) Stream() (op.Stream, error) {
	s := &stream{Backend: b, ctx: context.Background(), workers: make([]worker, b.threads)}
	for i := range s.workers {
		s.workers[i].stream = s
	}
	return s, nil
}
