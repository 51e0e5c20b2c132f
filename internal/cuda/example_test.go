package cuda_test

import (
	"errors"
	"fmt"

	"github.com/tandem-compute/tandem/internal/cuda"
)

// A failed call names itself and carries the driver's code.
func ExampleError() {
	err := fmt.Errorf("loading weights: %w", &cuda.Error{Call: "cuMemAlloc", Code: cuda.ErrOutOfMemory})
	fmt.Println(err)
	fmt.Println(errors.Is(err, cuda.ErrOutOfMemory), errors.Is(err, cuda.ErrNoDevice))
	// Output:
	// loading weights: cuda: cuMemAlloc: out of memory (CUDA_ERROR_OUT_OF_MEMORY)
	// true false
}
