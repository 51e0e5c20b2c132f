package pool_test

import (
	"fmt"

	"github.com/tandem-compute/tandem/cpu/internal/pool"
)

type square struct{ x []int }

func (s *square) Do(_, lo, hi int) {
	for i := lo; i < hi; i++ {
		s.x[i] *= s.x[i]
	}
}

func ExamplePool_Run() {
	p := pool.Acquire()
	defer p.Release()
	s := &square{x: []int{1, 2, 3, 4, 5}}
	p.Run(2, len(s.x), 1, s)
	fmt.Println(s.x)
	// Output: [1 4 9 16 25]
}
