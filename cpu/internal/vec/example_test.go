package vec_test

import (
	"fmt"

	"github.com/tandem-compute/tandem/cpu/internal/isa"
	"github.com/tandem-compute/tandem/cpu/internal/vec"
)

// A backend asks once for the table of its level and calls the functions of a type on slices.
func Example() {
	best, _ := isa.Detect()
	f := vec.For(best)

	x, y := []float32{1, 2, 3, 4}, make([]float32, 4)
	r := f.F32.RMSNorm(y, x, nil, 0, 0)
	fmt.Printf("%.4f %.4f\n", r, y)

	u := make([]float32, 4)
	f.Uniform(u, vec.Address{Seed: 1, Stream: 2, Step: 3}, 100)
	plain := make([]float32, 4)
	vec.For(isa.Generic).Uniform(plain, vec.Address{Seed: 1, Stream: 2, Step: 3}, 100)
	fmt.Println(u[0] == plain[0] && u[3] == plain[3])
	// Output:
	// 0.3651 [0.3651 0.7303 1.0954 1.4606]
	// true
}
