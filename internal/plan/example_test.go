package plan_test

import (
	"fmt"

	"github.com/tandem-compute/tandem/internal/plan"
)

// Of three buffers in a row, the third may lie where the first was.
func Example() {
	items := []plan.Item{{Size: 256, First: 0, Last: 1}, {Size: 64, First: 1, Last: 2}, {Size: 128, First: 2, Last: 3}}
	offsets, peak := plan.Offsets(items)
	fmt.Println(offsets, peak, "of at least", plan.Bound(items))
	// Output: [0 256 0] 320 of at least 320
}
