package radix_test

import (
	"fmt"

	"github.com/tandem-compute/tandem/cpu/internal/radix"
)

// Equal numbers keep their order, as the indices show.
func Example() {
	x := []float32{2, -1, 2, 0.5}
	items, tmp := make([]radix.Item[uint32], len(x)), make([]radix.Item[uint32], len(x))
	radix.Items(items, x, 0, false)
	for _, it := range radix.Sort(items, tmp) {
		fmt.Print(it.Index, " ")
	}
	// Output: 1 3 0 2
}
