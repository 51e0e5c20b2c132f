package ceiling_test

import (
	"fmt"

	"github.com/tandem-compute/tandem/bench/internal/ceiling"
)

func Example() {
	fmt.Println(ceiling.FlopsF32(1) > ceiling.FlopsF64(1)/2)
	// Output: true
}
