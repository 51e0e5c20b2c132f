package golden_test

import (
	"fmt"

	"github.com/tandem-compute/tandem/internal/ref/golden"
)

func Example() {
	cases, err := golden.Load()
	fmt.Println(len(cases) > 100, err)
	// Output: true <nil>
}
