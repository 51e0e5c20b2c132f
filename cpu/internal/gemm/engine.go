package gemm

import (
	"math"

	"github.com/tandem-compute/tandem/cpu/internal/isa"
	"github.com/tandem-compute/tandem/cpu/internal/pool"
	"github.com/tandem-compute/tandem/cpu/internal/vec"
)

//go:generate sh -c "cd _asm && go run . -isa avx2 && go run . -isa avx512"

// Engine multiplies with the kernels of one level. It has no state: any number of goroutines may use it.
type Engine struct {
	level    isa.Level
	f32, f64 kernels
	pairs    kernels // of bf16 by bf16; without size where there are none
	vec      *vec.Funcs
	act32    [numActivations]func(dst, x []float32)
	act64    [numActivations]func(dst, x []float64)
}

// New returns the engine of a level that this machine runs.
func New(level isa.Level, features isa.Features) *Engine {
	e := &Engine{level: level, vec: vec.For(level)}
	e.f32, e.f64, e.pairs = tables(level, features)
	e.act32, e.act64 = activations(&e.vec.F32), activations(&e.vec.F64)
	return e
}

func activations[T vec.Real](v *vec.Float[T]) [numActivations]func(dst, x []T) {
	return [numActivations]func(dst, x []T){
		Relu: v.Relu, Gelu: v.Gelu, GeluTanh: v.GeluTanh, Silu: v.Silu, Sigmoid: v.Sigmoid, Tanh: v.Tanh,
	}
}

// kernels returns the table that a type is computed with.
func (e *Engine) kernels(t Type) *kernels {
	if t == F64 {
		return &e.f64
	}
	return &e.f32
}

// bits is x in the element type.
func (ks *kernels) bits(x float64) uint64 {
	if ks.size == 4 {
		return uint64(math.Float32bits(float32(x)))
	}
	return math.Float64bits(x)
}

// Multiply computes one call with up to threads goroutines. Results do not depend on threads.
func (e *Engine) Multiply(ws *Workspace, p *pool.Pool, threads int, c *Call) {
	ws.begin(e, threads)
	ws.add(c)
	ws.run(p)
}

// MultiplyGroup computes calls that do not depend on each other. Those too small to occupy all threads share one
// fork-join.
func (e *Engine) MultiplyGroup(ws *Workspace, p *pool.Pool, threads int, calls []Call) {
	ws.begin(e, threads)
	for i := range calls {
		ws.add(&calls[i])
	}
	ws.run(p)
}

// own is the type of the computation.
func (ks *kernels) own() Type {
	if ks.size == 8 {
		return F64
	}
	return F32
}
