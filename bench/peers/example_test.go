package peers_test

import (
	"fmt"

	"github.com/tandem-compute/tandem/bench"
	"github.com/tandem-compute/tandem/bench/peers"
)

// gonum is always there; the others answer [peers.ErrNotFound] where they are not installed.
func Example() {
	gonum, err := peers.Open("gonum")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer gonum.Close()
	c, err := bench.ParseCase("gemm/f64/16x16x16")
	if err != nil {
		fmt.Println(err)
		return
	}
	r, err := gonum.Prepare(c, 1)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer r.Close()
	spent, err := r.Run(10)
	fmt.Println(gonum.Name(), spent > 0, err)
	// Output: gonum true <nil>
}
