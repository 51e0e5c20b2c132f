package bench

import (
	"errors"
	"hash/fnv"
	"math/rand/v2"
	"time"
)

// ErrUnsupported is what Prepare returns, wrapped or plain, for a case that an implementation does not have. Run
// leaves the implementation out of that case and goes on.
var ErrUnsupported = errors.New("unsupported")

// Impl is one way to do the suite's work: Tandem, a peer, or the caller's own.
type Impl interface {
	// Name is the impl's name in every report; "tandem" is ours.
	Name() string
	// Prepare makes operands, output and workspace for a case, to run on the given number of threads. Several
	// runners may be prepared at once, but never run at once.
	Prepare(c Case, threads int) (Runner, error)
	// Close gives back what the implementation holds. Run does not call it.
	Close()
}

// Runner is a prepared case.
type Runner interface {
	// Run does the case's work n times and reports how long the n took together. What is outside the work itself
	// (making operands, talking to another process) stays outside of the time.
	Run(n int) (time.Duration, error)
	Close()
}

// Uniform makes n operands in [-1, 1), the same for the same name and index. Implementations fill the operands of a
// case with it, so that all of them work on numbers alike.
func Uniform[T float32 | float64](name string, index, n int) []T {
	r := rand.New(rand.NewPCG(hash(name), uint64(index)))
	x := make([]T, n)
	for i := range x {
		x[i] = T(2*r.Float64() - 1)
	}
	return x
}

func hash(s string) uint64 {
	h := fnv.New64a()
	h.Write([]byte(s)) // a hash's Write never fails
	return h.Sum64()
}
