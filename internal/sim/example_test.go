//go:build cuda && cgo && linux

package sim_test

import (
	"fmt"

	"gorgonia.org/cu"

	"github.com/tandem-compute/tandem/internal/sim"
)

// Two imaginary Hopper devices: code that uses the driver cannot tell.
func Example() {
	if err := sim.Install(sim.Config{Devices: 2, Capability: [2]int{9, 0}}); err != nil {
		fmt.Println(err)
		return
	}
	defer sim.Uninstall()
	n, err := cu.NumDevices()
	fmt.Println(n, err)
	name, err := cu.Device(1).Name()
	fmt.Println(name, err)
	// Output:
	// 2 <nil>
	// Tandem simulator sm_90 <nil>
}
