package isa_test

import (
	"fmt"

	"github.com/tandem-compute/tandem/cpu/internal/isa"
)

func Example() {
	level, err := isa.Parse("generic") // every machine has it
	fmt.Println(level, err, isa.Available()[0])
	// Output: generic <nil> generic
}
