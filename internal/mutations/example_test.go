package mutations_test

import (
	"fmt"

	"github.com/tandem-compute/tandem/internal/mutations"
)

// The same seed, such as a commit, draws the same mutations.
func Example() {
	drawn := mutations.Draw(mutations.All(), 5, "a seed")
	again := mutations.Draw(mutations.All(), 5, "a seed")
	fmt.Println(len(drawn), drawn[0] == again[0])
	// Output: 5 true
}
